package workspaces_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// A worker dies after the host took the request and before that was written down:
// the next one finds the desktop and takes it, instead of asking for another.
func TestACrashBetweenTheCallAndTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(map[string]any{"start_delay_ms": 2000})
	lost := false
	w.host.afterRequest(func(id string, err error) (string, error) {
		if !lost {
			lost = true
			return "", &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "the answer was lost"}
		}
		return id, err
	})
	c := w.reach(w.order().ID, workspaces.Running)
	if w.host.count() != 1 || w.live() != 1 {
		t.Errorf("%d requests, %d desktops; want one of each", w.host.count(), w.live())
	}
	if n := len(w.sessions(c.ID)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// The same, with the lease of the dead worker still standing and nobody who
// retries: a round alone gives the desktop to its start, once the lease is over.
func TestARoundAdoptsWhatADeadWorkerAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.running() // makes the account
	gate := make(chan struct{})
	w.host.afterRequest(func(id string, err error) (string, error) {
		<-gate
		return "", &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "the answer was lost"}
	})
	ws := w.order()
	bustest.Until(w, "the host has a second desktop", w.bus.Handled(), func() bool { return w.live() == 2 })
	if err := w.rounds.Round(w.ctx); err != nil {
		t.Fatal(err)
	}
	if c := w.card(ws.ID); c.DesktopID != nil {
		t.Error("the desktop was taken from a worker that holds the lease")
	}
	w.exec(`update kasm_workspaces set lease_until = null where id = $1`, ws.ID)
	bustest.Until(w, "the start has its desktop", w.bus.Handled(), func() bool {
		_ = w.rounds.Round(w.ctx)
		return w.card(ws.ID).Status == workspaces.Running
	})
	close(gate)
	w.settle()
	if w.live() != 2 || *w.card(ws.ID).DesktopID == *first.DesktopID {
		t.Errorf("%d desktops", w.live())
	}
	w.checkBooks()
}

func TestADesktopThatIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(20 * time.Minute)
	w.post("/sim/kill", map[string]any{"kasm_id": *c.DesktopID})
	w.clock.Set(w.clock.Now().Add(3*time.Minute), 0)
	w.setSimClock()
	w.round()
	got := w.card(c.ID)
	if got.Status != workspaces.Stopped || got.DesktopID != nil || got.Failure == "" {
		t.Errorf("killed: %+v", got.Workspace)
	}
	s := w.sessions(c.ID)[0]
	if s.Running() || *s.EndedBy != "gone" || s.StoppedAt.Sub(s.StartedAt) != 20*time.Minute || s.Charged != 2 {
		t.Errorf("the session: %+v", s)
	}
	if all := w.announced("workspace.stopped"); len(all) != 1 || all[0].By != "host" {
		t.Errorf("announced %+v", all)
	}
	w.checkBooks()
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	if again := w.reach(c.ID, workspaces.Running); again.Failure != "" || len(w.sessions(c.ID)) != 2 {
		t.Errorf("started again: %+v", again.Workspace)
	}
}

func TestV36TheHostCannotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(14 * time.Minute)
	// Kasm ends what nobody keeps alive for an hour, so the gap is shorter.
	w.set(map[string]any{"unreachable": true})
	w.advance(40 * time.Minute)
	s := w.sessions(c.ID)[0]
	if !s.Running() || s.Charged != 1 {
		t.Fatalf("R6: unreachable, and %d blocks are charged", s.Charged)
	}
	all, err := w.service.Attention(w.ctx)
	if err != nil || len(all) != 1 || all[0].What != "unreachable" {
		t.Errorf("attention: %+v, %v", all, err)
	}
	w.set(map[string]any{"unreachable": false})
	w.advance(time.Minute)
	if s = w.sessions(c.ID)[0]; !s.Running() || s.Charged != 4 {
		t.Errorf("back after 55 minutes with %d blocks, want 4", s.Charged)
	}
	if all, err := w.service.Attention(w.ctx); err != nil || len(all) != 0 {
		t.Errorf("attention: %+v, %v", all, err)
	}
	w.checkBooks()
}

// A stop that is taken while the host cannot be reached does not charge what was
// not proven beyond the block in progress.
func TestAStopWhileTheHostCannotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(14 * time.Minute)
	w.set(map[string]any{"unreachable": true})
	w.advance(40 * time.Minute)
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	if s := w.sessions(c.ID)[0]; s.Running() || s.Charged != 1 {
		t.Errorf("the session: %+v", s)
	}
	w.settle()
	w.set(map[string]any{"unreachable": false})
	w.advance(2 * time.Minute)
	if w.live() != 0 {
		t.Error("the desktop runs on after the host came back")
	}
	w.checkBooks()
}

func TestNoCapacity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// There was room when the order was taken, and none when the host was asked.
	if rooms := w.service.Rooms(w.ctx); !rooms.Fits("kasm", 2, 4096) {
		t.Fatalf("rooms %+v", rooms)
	}
	w.set(map[string]any{"capacity": 0})
	c := w.reach(w.order().ID, workspaces.Failed)
	if c.FailureCode != workspaces.CodeNoCapacity || c.ServiceStatus != "failed" || len(w.sessions(c.ID)) != 0 {
		t.Errorf("V10: %+v", c)
	}
	if all := w.announced("workspace.failed"); len(all) != 1 || all[0].ServiceID != c.ServiceID || all[0].Error == "" {
		t.Errorf("announced %+v", all)
	}
	if w.dues("deadline") != 0 || w.host.count() < 1 {
		t.Errorf("%d deadlines, %d requests", w.dues("deadline"), w.host.count())
	}
	w.set(map[string]any{"capacity": -1})
	bustest.Until(w, "the host's room is known again", w.bus.Handled(), func() bool {
		_, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer")
		return err == nil
	})
	if c := w.reach(c.ID, workspaces.Running); c.ServiceStatus != "active" || c.Failure != "" {
		t.Errorf("with room again: %+v", c)
	}
}

func TestAStartThatNeverComesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(map[string]any{"start_delay_ms": 3_600_000})
	ws := w.order()
	w.settle()
	w.advance(4 * time.Minute)
	c := w.card(ws.ID)
	if c.Status != workspaces.Failed || c.FailureCode != workspaces.CodeDeadline || len(w.sessions(ws.ID)) != 0 {
		t.Errorf("after the deadline: %+v", c.Workspace)
	}
	w.settle()
	if w.live() != 0 {
		t.Error("the desktop was left behind")
	}
}

func TestAHostWithoutStopLosesTheDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.host.insteadOfStop(func() error {
		return &workspaces.HostError{Kind: workspaces.HostRefused, Message: "this host has no such call"}
	})
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.round()
	if got := w.card(c.ID); got.DesktopID != nil || got.Observed != workspaces.SeenGone || w.live() != 0 {
		t.Errorf("after the stop: %+v", got.Workspace)
	}
}

// A start is taken, and the desktop still seen running, while the host is busy with
// the stop before it: that run is not charged twice.
func TestStartedWhileTheStopIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(time.Minute)
	w.host.insteadOfStop(func() error {
		w.host.insteadOfStop(nil)
		if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
			t.Error(err)
		}
		if err := w.rounds.Round(w.ctx); err != nil {
			t.Error(err)
		}
		if n := len(w.sessions(c.ID)); n != 1 {
			t.Errorf("%d sessions while the first run still ends", n)
		}
		return w.host.Driver.Stop(w.ctx, *c.HostUserID, *c.DesktopID)
	})
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.reach(c.ID, workspaces.Running)
	w.advance(time.Minute)
	got := w.reach(c.ID, workspaces.Running)
	if w.live() != 1 || *got.DesktopID != *c.DesktopID {
		t.Errorf("%d desktops", w.live())
	}
	list := w.sessions(c.ID)
	if len(list) != 2 || !list[0].Running() || list[1].Running() {
		t.Errorf("sessions %+v", list)
	}
	w.checkBooks()
	if err := w.service.DestroyAll(w.ctx, w.shop, "system"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if w.live() != 0 {
		t.Error("a desktop is left after the shop was closed")
	}
}

func TestAStopThatTheHostForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.host.insteadOfStop(func() error { return nil })
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if w.live() != 1 {
		t.Fatal("the stop was not lost")
	}
	w.host.insteadOfStop(nil)
	w.advance(2 * time.Minute)
	if got := w.card(c.ID); got.Observed != workspaces.SeenStopped || w.live() != 0 {
		t.Errorf("asked again: %s, %d live", got.Observed, w.live())
	}
	if s := w.sessions(c.ID)[0]; s.Charged != 1 {
		t.Errorf("tearing down was billed: %d blocks", s.Charged)
	}
}

func TestAStrayDesktopIsDestroyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	l, err := w.host.List(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.host.Driver.Request(w.ctx, workspaces.Wish{UserID: *c.HostUserID, ImageID: l.Desktops[0].ImageID}); err != nil {
		t.Fatal(err)
	}
	w.round()
	if w.live() != 2 {
		t.Error("a young desktop was destroyed")
	}
	w.advance(3 * time.Minute)
	w.round()
	if w.live() != 1 || w.card(c.ID).Status != workspaces.Running {
		t.Errorf("%d desktops", w.live())
	}
	var n int
	if err := w.db.CentralRead(w.ctx, tenants.GetQ(&n, "count", `select count(*) from central.audit_log where action = 'desktop.stray_destroyed'`)); err != nil || n != 1 {
		t.Errorf("recorded %d times, %v", n, err)
	}
	w.checkBooks()
}

func TestForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(time.Minute)
	got, err := w.service.Force(w.ctx, w.shop, c.ID)
	if err != nil || got.Status != workspaces.Stopped || got.DesktopID != nil {
		t.Fatalf("force: %v %+v", err, got)
	}
	if s := w.sessions(c.ID)[0]; s.Running() {
		t.Error("the session is open")
	}
	w.settle()
	w.clock.Set(w.clock.Now().Add(5*time.Minute), 0)
	w.setSimClock()
	w.round()
	if w.live() != 0 {
		t.Error("the desktop is left")
	}
}

// The host loses the customer's account, and is given it again.
func TestAnAccountThatTheHostLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.exec(`update kasm_users set kasm_user_id = $1`, uuid.New().String())
	d := w.reach(w.order().ID, workspaces.Running)
	if d.HostUserID == nil || *d.HostUserID != *c.HostUserID {
		t.Errorf("the account is %v, want %s", d.HostUserID, *c.HostUserID)
	}
}

func TestLongBlocksAreKeptAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`update plans set block_seconds = 3600`)
	c := w.running()
	w.advance(150 * time.Minute)
	if s := w.sessions(c.ID)[0]; !s.Running() || s.Charged != 3 {
		t.Errorf("after two and a half hours: %+v", s)
	}
	w.checkBooks()
}
