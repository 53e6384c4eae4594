package workspaces_test

import (
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// idleAfter makes the plan stop desktops that nobody uses.
func (w *world) idleAfter(minutes int) {
	w.Helper()
	w.exec(`update plans set idle_stop_minutes = $1 where service_type = 'business_basic'`, minutes)
}

func (w *world) view(c workspaces.Card, viewers int) {
	w.Helper()
	w.post("/sim/view", map[string]any{"kasm_id": *c.DesktopID, "viewers": viewers})
}

// jump moves the clocks without anything being looked at on the way.
func (w *world) jump(d time.Duration) {
	w.Helper()
	w.clock.Set(w.clock.Now().Add(d), 0)
	w.setSimClock()
}

func (w *world) warnings() []workspaces.Happened { return w.announced("workspace.idle_warning") }

func TestAnUnusedDesktopIsWarnedOfAndStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	c := w.running()
	started := *c.LastStartedAt
	if at, by := c.StopsAt(c.PlanIdleStop); at.Sub(started) != 30*time.Minute || by != "idle" {
		t.Fatalf("stops after %s by %q", at.Sub(started), by)
	}
	w.advance(25*time.Minute - time.Second)
	if n := len(w.warnings()); n != 0 {
		t.Fatal("warned too early")
	}
	w.advance(time.Second)
	all := w.warnings()
	if len(all) != 1 || all[0].StopsAt == nil || all[0].StopsAt.Sub(started) != 30*time.Minute || all[0].WorkspaceID != c.ID {
		t.Fatalf("warned %+v", all)
	}
	w.advance(4 * time.Minute)
	w.round()
	w.advance(24 * time.Hour)
	w.endedAs(c, 30*time.Minute, 2, "0.1", "idle")
	if len(w.warnings()) != 1 || w.dues("idle") != 0 {
		t.Errorf("%d warnings, %d times left", len(w.warnings()), w.dues("idle"))
	}
	if got := w.card(c.ID); got.Status != workspaces.Stopped || got.Failure != "" || got.DesktopID == nil {
		t.Errorf("stopped: %+v", got.Workspace)
	}

	// The next run counts from its own start.
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	again := w.reach(c.ID, workspaces.Running)
	if at, _ := again.StopsAt(again.PlanIdleStop); at.Sub(*again.LastStartedAt) != 30*time.Minute || again.IdleWarnedAt != nil {
		t.Errorf("the next run stops at %s", at)
	}
}

func TestWithoutARuleNothingIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(3 * 24 * time.Hour)
	if got := w.card(c.ID); got.Status != workspaces.Running || w.dues("idle") != 0 || !got.LastUsedAt.Equal(*c.LastUsedAt) {
		t.Errorf("%s", got.Status)
	}
}

func TestSomebodyWhoConnectsKeepsADesktop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	c := w.running()
	w.advance(10 * time.Minute)
	w.view(c, 1)
	w.advance(5 * time.Hour)
	got := w.card(c.ID)
	if got.Status != workspaces.Running || len(w.warnings()) != 0 || got.Revision != c.Revision {
		t.Fatalf("in use, and %s with %d warnings", got.Status, len(w.warnings()))
	}
	w.round()
	left := w.clock.Now()
	w.view(c, 0)
	w.advance(24 * time.Hour)
	s := w.sessions(c.ID)[0]
	if s.Running() || !s.StoppedAt.Equal(left.Add(30*time.Minute)) || len(w.warnings()) != 1 {
		t.Errorf("left at %s, stopped at %v with %d warnings", left, s.StoppedAt, len(w.warnings()))
	}
	w.checkBooks()
}

func TestACountdownGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	c := w.running()
	w.advance(27 * time.Minute)
	if len(w.warnings()) != 1 {
		t.Fatal("not warned")
	}
	w.view(c, 1)
	w.round()
	if got := w.card(c.ID); got.IdleWarnedAt != nil || !got.LastUsedAt.Equal(w.clock.Now()) {
		t.Errorf("the countdown runs on: %v %v", got.IdleWarnedAt, got.LastUsedAt)
	}
	if told := w.announced("workspace.rules_changed"); len(told) != 1 || told[0].WorkspaceID != c.ID || told[0].UserID != w.user || told[0].By != "use" {
		t.Errorf("the page was told %+v", told)
	}
	w.view(c, 0)
	w.advance(24 * time.Minute)
	if len(w.warnings()) != 1 {
		t.Error("warned before the new idleness")
	}
	w.advance(24 * time.Hour)
	if len(w.warnings()) != 2 {
		t.Errorf("%d warnings, want one for each idleness", len(w.warnings()))
	}
	w.endedAs(c, 57*time.Minute, 4, "0.2", "idle")
}

// While the host does not answer, nobody knows whether a desktop is used.
func TestNobodyIsStoppedOnOldKnowledge(t *testing.T) {
	t.Parallel()
	for name, used := range map[string]bool{"unused": false, "used": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.idleAfter(20)
			c := w.running()
			w.advance(14 * time.Minute)
			w.set(map[string]any{"unreachable": true})
			w.advance(40 * time.Minute)
			if got := w.card(c.ID); got.Status != workspaces.Running || len(w.warnings()) != 0 {
				t.Fatalf("%s with %d warnings", got.Status, len(w.warnings()))
			}
			w.set(map[string]any{"unreachable": false})
			if used {
				w.view(c, 1)
			}
			w.round()
			if used {
				if s := w.sessions(c.ID)[0]; !s.Running() || s.Charged != 4 {
					t.Errorf("it ran all along: %+v", s)
				}
				return
			}
			// R6: it ended when the rule says, and what came after is not charged.
			w.endedAs(c, 20*time.Minute, 2, "0.1", "idle")
		})
	}
}

// The program itself was away over the idle end.
func TestAnIdleEndWhileTheProgramWasDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(20)
	c := w.running()
	w.advance(time.Minute)
	w.jump(50 * time.Minute)
	w.bus.WakeDue()
	w.settle()
	w.round()
	w.endedAs(c, 20*time.Minute, 2, "0.1", "idle")
}

func TestTheCustomersOwnIdleStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	c := w.running()
	choose := func(minutes *int) workspaces.Workspace {
		t.Helper()
		got, err := w.service.SetIdleStop(w.ctx, w.shop, w.who(), c.ID, minutes)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	stops := func() time.Duration {
		t.Helper()
		got := w.card(c.ID)
		at, inForce := got.IdleStopsAt(got.PlanIdleStop)
		if !inForce {
			return 0
		}
		return at.Sub(w.clock.Now())
	}
	never, hour, ten, bad := 0, 60, 10, 10_081
	w.advance(20 * time.Minute)
	choose(&hour)
	if got := stops(); got != 40*time.Minute {
		t.Errorf("an hour: stops in %s", got)
	}
	choose(&never)
	if stops() != 0 || w.dues("idle") != 0 {
		t.Errorf("never, and it stops in %s", stops())
	}
	w.advance(3 * time.Hour)
	choose(nil) // the plan's again: the idleness begins now
	if got := stops(); got != 30*time.Minute {
		t.Errorf("the plan's: stops in %s", got)
	}
	w.advance(20 * time.Minute)
	// Shortened below what has passed: it stops soon, after its warning.
	choose(&ten)
	if got := stops(); got != 200*time.Second {
		t.Errorf("shortened: stops in %s", got)
	}
	w.settle()
	if n := len(w.warnings()); n != 1 {
		t.Errorf("%d warnings", n)
	}
	w.advance(time.Hour)
	if s := w.sessions(c.ID)[0]; s.Running() || *s.EndedBy != "idle" || s.StoppedAt.Sub(s.StartedAt) != 3*time.Hour+40*time.Minute+200*time.Second {
		t.Errorf("the session: %+v", s)
	}
	if _, err := w.service.SetIdleStop(w.ctx, w.shop, w.who(), c.ID, &bad); !wrongField(err, "idle_stop_minutes") {
		t.Errorf("too long: %v", err)
	}
	if got := choose(&hour); *got.IdleStopMinutes != 60 || w.dues("idle") != 0 {
		t.Errorf("chosen while it is off: %+v", got)
	}
	if _, err := w.service.SetIdleStop(w.ctx, w.shop, workspaces.Who{UserID: w.newUser("active", true)}, c.ID, nil); !fail.Is(err, fail.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestAPlansNewIdleStopTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, own := w.running(), w.running()
	chosen := 600
	if _, err := w.service.SetIdleStop(w.ctx, w.shop, w.who(), own.ID, &chosen); err != nil {
		t.Fatal(err)
	}
	change := func(before, minutes int) {
		t.Helper()
		w.idleAfter(minutes)
		err := w.db.In(w.ctx, w.shop, func(tx tenants.Tx) error { return workspaces.PlanRerules(w.ctx, tx, c.PlanID, before) })
		if err != nil {
			t.Fatal(err)
		}
	}
	w.advance(2 * time.Hour)
	change(0, 60)
	begun := w.clock.Now()
	w.advance(30 * time.Minute)
	change(60, 20)
	got := w.card(c.ID)
	if at, _ := got.IdleStopsAt(got.PlanIdleStop); at.Sub(begun) != 35*time.Minute {
		t.Errorf("shortened: stops after %s", at.Sub(begun))
	}
	w.advance(time.Minute)
	change(20, 60)
	w.advance(25 * time.Minute)
	if got := w.card(c.ID); got.Status != workspaces.Running {
		t.Errorf("lengthened, and %s", got.Status)
	}
	w.advance(time.Hour)
	if s := w.sessions(c.ID)[0]; s.Running() || !s.StoppedAt.Equal(begun.Add(time.Hour)) {
		t.Errorf("the session: %+v", s)
	}
	if got := w.card(own.ID); got.Status != workspaces.Running {
		t.Errorf("whose customer chose: %s", got.Status)
	}
}

func TestExtendingAnIdleStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	c := w.running()
	started := *c.LastStartedAt
	w.advance(26 * time.Minute)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := w.service.Extend(w.ctx, w.shop, w.who(), c.ID); err != nil {
				t.Errorf("extend: %v", err)
			}
		})
	}
	wg.Wait()
	got := w.card(c.ID)
	if at, _ := got.IdleStopsAt(got.PlanIdleStop); at.Sub(started) != 45*time.Minute || got.IdleWarnedAt != nil {
		t.Errorf("stops after %s", at.Sub(started))
	}
	w.advance(13 * time.Minute)
	if len(w.warnings()) != 1 {
		t.Error("warned of an end that was put off")
	}
	if _, err := w.service.Extend(w.ctx, w.shop, w.who(), c.ID); err != nil {
		t.Fatal(err)
	}
	w.advance(24 * time.Hour)
	w.endedAs(c, 60*time.Minute, 4, "0.2", "idle")
	if len(w.warnings()) != 2 {
		t.Errorf("%d warnings", len(w.warnings()))
	}
}

// Two programs look at the same time: one warning, one stop.
func TestTwoProgramsAndOneIdleDesktop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	c := w.running()
	other := workspaces.NewReconciler(workspaces.New(w.service.Config))
	for _, at := range []time.Duration{25 * time.Minute, 5 * time.Minute} {
		w.jump(at)
		var wg sync.WaitGroup
		for _, r := range []*workspaces.Reconciler{w.rounds, other, w.rounds, other} {
			wg.Go(func() { _ = r.Round(w.ctx) })
		}
		w.bus.WakeDue()
		wg.Wait()
		w.settle()
	}
	w.round()
	w.endedAs(c, 30*time.Minute, 2, "0.1", "idle")
	if n := len(w.warnings()); n != 1 {
		t.Errorf("%d warnings", n)
	}
	if n := len(w.announced("workspace.stop_requested")); n != 1 {
		t.Errorf("%d stops", n)
	}
}
