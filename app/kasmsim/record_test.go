package kasmsim_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

func TestStatesOnTheWayToRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	at := r.now()
	id := r.request()
	for _, step := range []struct {
		pass time.Duration
		want string
	}{{0, "requested"}, {999 * time.Millisecond, "requested"}, {time.Millisecond, "starting"}, {1999 * time.Millisecond, "starting"}, {time.Millisecond, "running"}} {
		r.wall.pass(step.pass)
		if got := r.states()[id]; got != step.want {
			t.Errorf("after %v: %s, want %s", step.pass, got, step.want)
		}
		wantRuns := 0
		if step.want == "running" {
			wantRuns = 1
		}
		if got := r.record(""); len(got) != wantRuns {
			t.Errorf("%s: %d runs", step.want, len(got))
		}
	}
	got := r.record("")[0]
	if got.KasmID != id || got.UserID != r.user.ID || got.Username != r.user.Username || got.ImageID != r.image ||
		!got.RequestedAt.Equal(at) || !got.RunningFrom.Equal(at.Add(3*time.Second)) || got.RunningTo != nil || got.EndedBy != "" {
		t.Errorf("%+v, requested at %v", got, at)
	}
}

func TestNoDelayIsRunningAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1, StopDelay: -1}).withUser()
	got, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image})
	r.must(err)
	if got.Status != "running" || r.states()[got.KasmID] != "running" {
		t.Error(got.Status, r.states())
	}
	runs := r.record("")
	if len(runs) != 1 || !runs[0].RunningFrom.Equal(runs[0].RequestedAt) {
		t.Errorf("%+v", runs)
	}
	r.must(r.client.Destroy(t.Context(), r.user.ID, got.KasmID))
	if len(r.states()) != 0 {
		t.Error(r.states())
	}
}

func TestEachEndIsRecorded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		by  string
		end func(*rig, string)
	}{
		{"destroy", func(r *rig, id string) { r.must(r.client.Destroy(t.Context(), r.user.ID, id)) }},
		{"destroy", func(r *rig, _ string) { r.must(r.client.DeleteUser(t.Context(), r.user.ID, true)) }},
		{"stop", func(r *rig, id string) { r.must(r.client.Stop(t.Context(), r.user.ID, id)) }},
		{"pause", func(r *rig, id string) { r.must(r.client.Pause(t.Context(), r.user.ID, id)) }},
		{"kill", func(r *rig, id string) {
			if code, _ := r.post("/sim/kill", map[string]any{"kasm_id": id}); code != http.StatusOK {
				t.Error(code)
			}
		}},
	} {
		r := newRig(t, kasmsim.Options{}).withUser()
		r.clock(map[string]any{"rate": 1})
		id := r.started()
		r.advance(37 * time.Minute)
		at := r.now()
		tc.end(r, id)
		runs := r.record("")
		if len(runs) != 1 || runs[0].RunningTo == nil || !runs[0].RunningTo.Equal(at) || runs[0].EndedBy != tc.by {
			t.Errorf("%s: %+v, ended at %v", tc.by, runs, at)
		}
		r.advance(5 * time.Hour)
		if again := r.record(""); len(again) != 1 || !again[0].RunningTo.Equal(at) {
			t.Errorf("%s: the record changed afterwards: %+v", tc.by, again)
		}
	}
}

func TestWhatNeverRanIsNotInTheRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.request()
	r.wall.pass(2 * time.Second)
	r.must(r.client.Destroy(t.Context(), r.user.ID, id))
	if r.states()[id] != "deleting" {
		t.Error(r.states())
	}
	r.wall.pass(time.Hour)
	if len(r.states()) != 0 || len(r.record("")) != 0 {
		t.Error(r.states(), r.record(""))
	}
}

func TestAJumpAppliesEverythingAtItsOwnTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	start := r.clock(map[string]any{"now": "2026-01-31T23:00:00Z", "rate": 0})
	first := r.request()
	r.advance(time.Second)
	second := r.request()
	r.advance(10 * time.Second)
	if _, err := r.client.Keepalive(t.Context(), second); err != nil {
		t.Error(err)
	}
	r.advance(24 * time.Hour)
	runs := r.record("")
	if len(runs) != 2 || len(r.states()) != 0 {
		t.Fatalf("%+v %v", runs, r.states())
	}
	for i, want := range []struct {
		id       string
		from, to time.Duration
	}{{first, 3 * time.Second, time.Hour}, {second, 4 * time.Second, time.Hour + 11*time.Second}} {
		got := runs[i]
		if got.KasmID != want.id || !got.RunningFrom.Equal(start.Add(want.from)) || !got.RunningTo.Equal(start.Add(want.to)) || got.EndedBy != "expire" {
			t.Errorf("run %d: %+v", i, got)
		}
	}
}

func TestOneJumpOverAWholeLife(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	start := r.clock(map[string]any{"now": "2026-06-01T00:00:00Z", "rate": 0})
	r.request()
	r.advance(48 * time.Hour)
	runs := r.record("")
	if len(runs) != 1 || !runs[0].RunningFrom.Equal(start.Add(3*time.Second)) || runs[0].RunningTo == nil || !runs[0].RunningTo.Equal(start.Add(time.Hour)) || runs[0].EndedBy != "expire" {
		t.Errorf("%+v", runs)
	}
	r.request()
	r.wall.pass(3 * time.Second)
	if again := r.record(""); len(again) != 2 || again[1].RunningTo != nil {
		t.Errorf("%+v", again)
	}
}

func TestDelaysPassOnAClockThatStandsStill(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	frozen := r.clock(map[string]any{"now": "2026-06-01T12:00:00.250Z", "rate": 0})
	id := r.request()
	r.wall.pass(2 * time.Second)
	if got := r.states()[id]; got != "starting" {
		t.Error(got)
	}
	r.wall.pass(time.Second)
	// Nobody looks before the clock moves on: the start still belongs to the old time.
	r.advance(15 * time.Minute)
	runs := r.record("")
	if len(runs) != 1 || !runs[0].RunningFrom.Equal(frozen) {
		t.Fatalf("%+v", runs)
	}
	r.must(r.client.Destroy(t.Context(), r.user.ID, id))
	r.wall.pass(time.Second)
	if len(r.states()) != 0 {
		t.Error(r.states())
	}
	r.wall.pass(100 * time.Hour)
	if !r.now().Equal(frozen.Add(15 * time.Minute)) {
		t.Error("the clock moved by itself", r.now())
	}
}

func TestListAndRecordAgreeToTheDigit(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: 1234567 * time.Microsecond}).withUser()
	r.request()
	r.wall.pass(1234999 * time.Microsecond)
	l, err := r.client.List(t.Context())
	r.must(err)
	if !l.CurrentTime.Equal(r.now()) || l.CurrentTime.Truncate(time.Millisecond) != l.CurrentTime {
		t.Error(l.CurrentTime, r.now())
	}
	got := r.record("")[0]
	if got.RunningFrom.Sub(got.RequestedAt) != 1234*time.Millisecond {
		t.Error(got.RunningFrom.Sub(got.RequestedAt))
	}
	r.must(r.client.Stop(t.Context(), r.user.ID, got.KasmID))
	if end := r.record("")[0].RunningTo; !end.Equal(l.CurrentTime) {
		t.Error(end, l.CurrentTime)
	}
}

func TestResumeIsANewRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.started()
	for _, halt := range []func() error{
		func() error { return r.client.Stop(t.Context(), r.user.ID, id) },
		func() error { return r.client.Pause(t.Context(), r.user.ID, id) },
	} {
		r.must(halt())
		// Nobody keeps a stopped desktop alive, and it stays.
		r.advance(30 * time.Hour)
		if s := r.states()[id]; s != "stopped" && s != "paused" {
			t.Error(s)
		}
		r.must(r.client.Resume(t.Context(), r.user.ID, id))
		if s := r.states()[id]; s != "starting" {
			t.Error(s)
		}
		r.advance(3 * time.Second)
		if s := r.states()[id]; s != "running" {
			t.Error(s)
		}
	}
	runs := r.record("")
	if len(runs) != 3 || runs[0].EndedBy != "stop" || runs[1].EndedBy != "pause" || runs[2].RunningTo != nil {
		t.Fatalf("%+v", runs)
	}
	for i := 1; i < 3; i++ {
		if runs[i].KasmID != id || runs[i].RunningFrom.Sub(runs[i].RequestedAt) != 3*time.Second || runs[i].RequestedAt.Before(*runs[i-1].RunningTo) {
			t.Errorf("%+v", runs[i])
		}
	}
	if err := r.client.Resume(t.Context(), r.user.ID, id); err == nil {
		t.Error("a running desktop was resumed")
	}
}

func TestTheClockDoesNotGoBackUnderADesktop(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	back := r.clock(map[string]any{"now": "2020-01-01T00:00:00.999Z"})
	if !back.Equal(time.Date(2020, 1, 1, 0, 0, 0, 999e6, time.UTC)) {
		t.Error(back)
	}
	r.started()
	now := r.now()
	if code, body := r.post("/sim/clock", map[string]any{"now": now.Add(-time.Second)}); code != 422 || body["field"] != "now" {
		t.Error(code, body)
	}
	if got := r.clock(map[string]any{"now": now.Add(-999 * time.Millisecond), "rate": 0}); !got.Equal(now) {
		t.Error("less than a second behind must leave the clock where it is", got, now)
	}
	for _, bad := range []map[string]any{{"now": "today"}, {"now": nil}, {"rate": 2}, {"rate": "1"}, {"speed": 3}, {"now": "9999-01-01T00:00:00Z"}} {
		if code, body := r.post("/sim/clock", bad); code != 422 || body["field"] == nil {
			t.Error(bad, code, body)
		}
	}
}

func TestSinceLeavesOutWhatEndedBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.started()
	r.must(r.client.Destroy(t.Context(), r.user.ID, id))
	r.advance(time.Hour)
	since := r.now()
	second := r.started()
	query := "?since=" + url.QueryEscape(since.Format(time.RFC3339Nano))
	if got := r.record(query); len(got) != 1 || got[0].KasmID != second {
		t.Errorf("%+v", got)
	}
	if code, body := r.get("/sim/record?since=x"); code != 422 || body["field"] != "since" {
		t.Error(code, body)
	}
}
