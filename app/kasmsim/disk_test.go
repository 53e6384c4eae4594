package kasmsim_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

// again is a second simulator on the folder of one that was never closed, as
// after a kill.
func (r *rig) again(dir string) *rig {
	r.t.Helper()
	next := newRig(r.t, kasmsim.Options{Dir: dir, Clock: r.wall.Now})
	next.wall, next.user = r.wall, r.user
	return next
}

func TestAKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wall := newWall()
	r := newRig(t, kasmsim.Options{Dir: dir, Clock: wall.Now})
	r.wall = wall
	r.withUser()
	ran := r.started()
	link, err := r.client.Status(t.Context(), r.user.ID, ran)
	r.must(err)
	stopped := r.started()
	r.must(r.client.Stop(t.Context(), r.user.ID, stopped))
	starting := r.request()
	r.set(map[string]any{"latency_ms": 1, "capacity": 9})
	before := r.record("")
	wall.pass(10 * time.Minute)

	next := r.again(dir)
	if next.sim.Key() != r.sim.Key() || next.sim.Secret() != r.sim.Secret() {
		t.Error("the key changed")
	}
	states := next.states()
	if len(states) != 3 || states[ran] != "running" || states[stopped] != "stopped" || states[starting] != "running" {
		t.Error(states)
	}
	after := next.record("")
	if len(after) != 3 || !after[0].RunningFrom.Equal(before[0].RunningFrom) || after[0].RunningTo != nil || !after[1].RunningTo.Equal(*before[1].RunningTo) {
		t.Errorf("%+v", after)
	}
	if got := after[2]; got.KasmID != starting || got.RunningFrom.Sub(got.RequestedAt) != 3*time.Second {
		t.Errorf("the start while the simulator was away: %+v", got)
	}
	if set := next.sim.Settings(); set.Capacity != 9 || set.LatencyMS != 1 {
		t.Errorf("%+v", set)
	}
	if code, _ := next.open(link.Link); code != http.StatusOK {
		t.Error("the link no longer works", code)
	}
	r.must(next.client.Destroy(t.Context(), r.user.ID, ran))
	if u, err := next.client.UserByName(t.Context(), r.user.Username); err != nil || u.ID != r.user.ID {
		t.Error(u, err)
	}
	third := r.again(dir)
	if got := third.record("")[0]; got.RunningTo == nil || got.EndedBy != "destroy" {
		t.Errorf("%+v", got)
	}
}

func TestTheClockSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, kasmsim.Options{Dir: dir})
	r.clock(map[string]any{"now": "2026-06-01T00:00:00Z", "rate": 0})
	r.wall.pass(time.Hour)
	frozen := r.again(dir)
	if got := frozen.now(); got.Format(time.RFC3339) != "2026-06-01T00:00:00Z" {
		t.Error(got)
	}
	frozen.clock(map[string]any{"rate": 1})
	r.wall.pass(time.Hour)
	if got := r.again(dir).now(); got.Format(time.RFC3339) != "2026-06-01T01:00:00Z" {
		t.Error(got)
	}
}

func TestALineCutOffByACrashIsDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, kasmsim.Options{Dir: dir}).withUser()
	id := r.started()
	journal := filepath.Join(dir, "journal.jsonl")
	f, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
	r.must(err)
	_, err = f.WriteString(`{"desktops":{"` + id)
	r.must(err)
	r.must(f.Close())
	next := r.again(dir)
	if next.states()[id] != "running" {
		t.Error(next.states())
	}
	r.must(next.client.Destroy(t.Context(), r.user.ID, id))
	if got := r.again(dir).record(""); len(got) != 1 || got[0].EndedBy != "destroy" {
		t.Errorf("%+v", got)
	}
	r.must(os.WriteFile(journal, []byte("nonsense\n{}\n"), 0o600))
	if _, err := kasmsim.New(kasmsim.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Error("a journal that cannot be read must not be passed over", err)
	}
}

func TestAClosedSimulatorAnswersNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{Dir: t.TempDir()})
	r.must(r.sim.Close())
	r.must(r.sim.Close())
	if _, err := r.client.List(t.Context()); kasm.KindOf(err) != kasm.KindUnavailable {
		t.Error(err)
	}
}

// open follows a link as the page does: only what stands behind the # is sent.
func (r *rig) open(link kasm.Link) (int, map[string]any) {
	r.t.Helper()
	_, fragment, _ := strings.Cut(link.Reveal(), "#")
	parts := strings.Split(fragment, "/")
	if len(parts) != 6 || parts[1] != "connect" || parts[2] != "kasm" {
		r.t.Fatal("not a desktop's link")
	}
	return r.post("/sim/connect", map[string]any{"kasm_id": parts[3], "user_id": parts[4], "token": parts[5]})
}

func TestANewLinkEndsTheOldOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	made, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image})
	r.must(err)
	if code, body := r.open(made.Link); code != 200 || body["state"] != "requested" {
		t.Error(code, body)
	}
	r.wall.pass(3 * time.Second)
	first, err := r.client.Status(t.Context(), r.user.ID, made.KasmID)
	r.must(err)
	if code, body := r.open(first.Link); code != 200 || body["username"] != r.user.Username || body["state"] != "running" || body["memory_mb"] != 4096.0 {
		t.Error(code, body)
	}
	second, err := r.client.Status(t.Context(), r.user.ID, made.KasmID)
	r.must(err)
	for _, old := range []kasm.Link{made.Link, first.Link} {
		if code, body := r.open(old); code != 403 || !strings.HasPrefix(body["error_message"].(string), "Unauthorized Session Access") {
			t.Error(code, body)
		}
	}
	if code, _ := r.open(second.Link); code != 200 {
		t.Error(code)
	}
	r.must(r.client.LogoutUser(t.Context(), r.user.ID))
	if code, _ := r.open(second.Link); code != 403 {
		t.Error("a link outlived the sign-out", code)
	}
}

func TestAViewerIsSeenAndKeepsTheDesktopAlive(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.started()
	listed := func() kasm.Kasm {
		l, err := r.client.List(t.Context())
		r.must(err)
		return l.Kasms[0]
	}
	link, err := r.client.Status(t.Context(), r.user.ID, id)
	r.must(err)
	if k := listed(); k.InUse || !k.KeepaliveDate.IsZero() {
		t.Errorf("%+v", k)
	}
	r.advance(30 * time.Minute)
	r.open(link.Link)
	if k := listed(); !k.InUse || !k.ExpirationDate.Equal(r.now().Add(time.Hour)) {
		t.Errorf("%+v", k)
	}
	r.wall.pass(20 * time.Second)
	if k := listed(); k.InUse {
		t.Error("the tab is closed")
	}
}

func TestThePageIsStrict(t *testing.T) {
	t.Parallel()
	sim, err := kasmsim.New(kasmsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	for path, kind := range map[string]string{"/": "text/html", "/sim/desktop.js": "text/javascript", "/sim/desktop.css": "text/css", "/sim/desktop.svg": "image/svg+xml"} {
		resp, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		csp := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Error(path, resp.StatusCode, resp.Header)
		}
	}
	raw, err := os.ReadFile("page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, inline := range []string{"<style", "style=", "<script>", "onclick", "http://", "https://"} {
		if strings.Contains(string(raw), inline) {
			t.Error("the page holds", inline)
		}
	}
}
