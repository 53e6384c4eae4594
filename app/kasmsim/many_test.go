package kasmsim_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

func TestTenThousandDesktops(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	const desktops = 10_000
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range desktops / 8 {
				if _, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	r.wall.pass(3 * time.Second)
	began := time.Now()
	l, err := r.client.List(t.Context())
	r.must(err)
	if len(l.Kasms) != desktops {
		t.Error(len(l.Kasms))
	}
	t.Logf("the list of %d desktops took %v", desktops, time.Since(began))
	for _, k := range l.Kasms {
		if !k.Running() {
			t.Fatal(k.Operational)
		}
	}
	if runs := r.record(""); len(runs) != desktops {
		t.Error(len(runs))
	}
}

// TestManyAtOnce has people, faults and the clock work on one simulator together;
// the record must hold together afterwards.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, kasmsim.Options{Dir: dir, StartDelay: 5 * time.Second})
	var work sync.WaitGroup
	for person := range 6 {
		work.Go(func() {
			u, err := r.client.CreateUser(t.Context(), kasm.NewUser{Username: fmt.Sprint("u", person)})
			if err != nil {
				t.Error(err)
				return
			}
			for range 15 {
				got, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: u.ID, ImageID: r.image})
				if err != nil {
					t.Error(err)
					return
				}
				r.wall.pass(time.Duration(rand.IntN(4000)) * time.Millisecond)
				_, _ = r.client.Status(t.Context(), u.ID, got.KasmID)
				_, _ = r.client.Keepalive(t.Context(), got.KasmID)
				_ = r.client.Stop(t.Context(), u.ID, got.KasmID)
				_ = r.client.Resume(t.Context(), u.ID, got.KasmID)
				r.post("/sim/kill", map[string]any{"kasm_id": got.KasmID})
			}
		})
	}
	work.Go(func() {
		for range 20 {
			_, now := r.get("/sim/clock")
			r.post("/sim/clock", map[string]any{"now": now["now"]})
			_, _ = r.client.List(t.Context())
			r.record("")
		}
	})
	work.Wait()
	runs := r.record("")
	checkRuns(t, runs)
	if again := r.again(dir).record(""); len(again) != len(runs) {
		t.Error(len(again), len(runs))
	}
}

type failer interface {
	Helper()
	Errorf(string, ...any)
}

// checkRuns: in order, never backwards, never two of one desktop at a time.
func checkRuns(t failer, runs []run) {
	t.Helper()
	open := map[string]time.Time{}
	for i, r := range runs {
		if r.RunningFrom.Before(r.RequestedAt) || i > 0 && r.RunningFrom.Before(runs[i-1].RunningFrom) {
			t.Errorf("run %d is out of order: %+v", i, r)
		}
		if (r.RunningTo == nil) != (r.EndedBy == "") || r.RunningTo != nil && r.RunningTo.Before(r.RunningFrom) {
			t.Errorf("run %d has no proper end: %+v", i, r)
		}
		if until, seen := open[r.KasmID]; seen && r.RunningFrom.Before(until) {
			t.Errorf("run %d overlaps an earlier one: %+v", i, r)
		}
		open[r.KasmID] = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		if r.RunningTo != nil {
			open[r.KasmID] = *r.RunningTo
		}
	}
}

// TestRecordOfAnyHistory: whatever happens in whatever order, the list and the
// record tell the same story, also after a kill.
func TestRecordOfAnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"":        h.agree,
			"request": func(*rapid.T) { h.ids = append(h.ids, h.rig.request()) },
			"pass": func(rt *rapid.T) {
				h.rig.wall.pass(time.Duration(rapid.IntRange(1, 5000).Draw(rt, "ms")) * time.Millisecond)
			},
			"jump":    func(rt *rapid.T) { h.rig.advance(time.Duration(rapid.IntRange(1, 5400).Draw(rt, "s")) * time.Second) },
			"rate":    func(rt *rapid.T) { h.rig.clock(map[string]any{"rate": rapid.IntRange(0, 1).Draw(rt, "rate")}) },
			"destroy": h.each(func(id string) { _ = h.rig.client.Destroy(t.Context(), h.rig.user.ID, id) }),
			"stop":    h.each(func(id string) { _ = h.rig.client.Stop(t.Context(), h.rig.user.ID, id) }),
			"pause":   h.each(func(id string) { _ = h.rig.client.Pause(t.Context(), h.rig.user.ID, id) }),
			"resume":  h.each(func(id string) { _ = h.rig.client.Resume(t.Context(), h.rig.user.ID, id) }),
			"keep":    h.each(func(id string) { _, _ = h.rig.client.Keepalive(t.Context(), id) }),
			"kill":    h.each(func(id string) { h.rig.post("/sim/kill", map[string]any{"kasm_id": id}) }),
			"restart": func(*rapid.T) { h.restart() },
			"rules": func(rt *rapid.T) {
				h.rig.set(map[string]any{
					"keepalive_action":   rapid.SampledFrom([]string{"delete", "stop", "pause"}).Draw(rt, "action"),
					"keepalive_s":        rapid.IntRange(1, 7200).Draw(rt, "keepalive"),
					"time_limit_s":       rapid.SampledFrom([]int{-1, -1, 600, 7200}).Draw(rt, "limit"),
					"deleting_sticks":    rapid.Bool().Draw(rt, "sticks"),
					"start_failure_rate": rapid.SampledFrom([]float64{0, 0, 0.5}).Draw(rt, "failures"),
					"requested_delay_ms": rapid.IntRange(-1, 5000).Draw(rt, "requested"),
				})
			},
		})
	})
}

type history struct {
	t   *testing.T
	rig *rig
	dir string
	ids []string
}

func newHistory(t *testing.T, rt *rapid.T) *history {
	h := &history{t: t, dir: t.TempDir()}
	h.rig = newRig(t, kasmsim.Options{Dir: h.dir}).withUser()
	rt.Cleanup(func() { h.rig.server.Close() })
	return h
}

func (h *history) each(do func(id string)) func(*rapid.T) {
	return func(rt *rapid.T) {
		if len(h.ids) > 0 {
			do(rapid.SampledFrom(h.ids).Draw(rt, "desktop"))
		}
	}
}

func (h *history) restart() {
	old := h.rig
	h.rig = old.again(h.dir)
	old.server.Close()
}

func (h *history) agree(rt *rapid.T) {
	states := h.rig.states()
	runs := h.rig.record("")
	checkRuns(rt, runs)
	open := map[string]bool{}
	for _, r := range runs {
		if r.RunningTo == nil {
			open[r.KasmID] = true
		}
	}
	for _, id := range h.ids {
		if (states[id] == "running") != open[id] {
			rt.Errorf("%s is %q in the list, open in the record: %v", id, states[id], open[id])
		}
	}
}
