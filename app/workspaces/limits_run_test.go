package workspaces_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
)

func budget(text string) workspaces.RunLimit {
	return workspaces.RunLimit{Budget: decimal.RequireFromString(text)}
}

func wrongField(err error, name string) bool {
	var e *fail.Error
	return errors.As(err, &e) && e.Kind == fail.Invalid && e.Fields[name] != ""
}

func (w *world) orderFor(l workspaces.RunLimit) workspaces.Card {
	w.Helper()
	ws, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic", Limit: l, StartedBy: "customer"})
	if err != nil {
		w.Fatal(err)
	}
	return w.reach(ws.ID, workspaces.Running)
}

func (w *world) stopNow(id workspaces.Card) {
	w.Helper()
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), id.ID, "customer"); err != nil {
		w.Fatal(err)
	}
	w.settle()
	w.round()
}

// endedAs checks the latest session: how long it ran, its blocks and cost, and who
// ended it.
func (w *world) endedAs(c workspaces.Card, ran time.Duration, blocks int, cost, by string) {
	w.Helper()
	s := w.sessions(c.ID)[0]
	if s.Running() {
		w.Fatalf("it still runs: %+v", s)
	}
	if got := s.StoppedAt.Sub(s.StartedAt); got != ran || s.Charged != blocks || s.TotalCost.String() != cost || *s.EndedBy != by {
		w.Errorf("ran %s, %d blocks, %s, ended by %s; want %s, %d, %s, %s", got, s.Charged, s.TotalCost, *s.EndedBy, ran, blocks, cost, by)
	}
	if w.live() != 0 {
		w.Error("the desktop runs on")
	}
	w.checkBooks()
}

func TestARunForFortyFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.orderFor(workspaces.RunLimit{Minutes: 45})
	w.advance(44*time.Minute + 59*time.Second)
	if got := w.card(c.ID); got.Status != workspaces.Running {
		t.Fatalf("%s before its time", got.Status)
	}
	w.advance(time.Hour)
	w.endedAs(c, 45*time.Minute, 3, "0.15", "limit")

	// The limit was of that run alone.
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	again := w.reach(c.ID, workspaces.Running)
	if at, limited := again.LimitAt(); limited {
		t.Errorf("the next run ends at %s", at)
	}
}

func TestARunUntilFifteenCentsAreSpent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.orderFor(budget("0.15"))
	w.advance(3 * time.Hour)
	w.endedAs(c, 45*time.Minute, 3, "0.15", "limit")

	ws, err := w.service.StartFor(w.ctx, w.shop, w.who(), c.ID, "customer", budget("0.14"))
	if err != nil || ws.RunBudget == nil || *ws.RunLimit != 1800 {
		t.Fatalf("start: %v %+v", err, ws)
	}
	w.reach(c.ID, workspaces.Running)
	w.advance(3 * time.Hour)
	w.endedAs(c, 30*time.Minute, 2, "0.1", "limit")
}

func TestLimitsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := func(l workspaces.RunLimit) error {
		_, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic", Limit: l})
		return err
	}
	if err := order(workspaces.RunLimit{Minutes: -5}); !wrongField(err, "run_for") {
		t.Errorf("negative: %v", err)
	}
	if err := order(budget("0.04")); !wrongField(err, "run_budget") {
		t.Errorf("too little: %v", err)
	}
	c := w.running()
	w.advance(20 * time.Minute)
	set := func(l workspaces.RunLimit) error {
		_, err := w.service.SetRunLimit(w.ctx, w.shop, w.who(), c.ID, l)
		return err
	}
	if err := set(workspaces.RunLimit{Minutes: 20}); !wrongField(err, "run_for") {
		t.Errorf("a time that has passed: %v", err)
	}
	if err := set(budget("0.10")); err != nil {
		t.Errorf("two blocks: %v", err)
	}
	w.stopNow(c)
	if err := set(workspaces.RunLimit{Minutes: 20}); !fail.Is(err, fail.Conflict) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := w.service.StartFor(w.ctx, w.shop, w.who(), c.ID, "customer", budget("0.01")); !wrongField(err, "run_budget") {
		t.Errorf("start for too little: %v", err)
	}
	if got := w.card(c.ID); got.Status != workspaces.Stopped || got.Run != 1 {
		t.Errorf("a refused start changed it: %s, run %d", got.Status, got.Run)
	}
}

func TestALimitIsSetMovedAndTakenAwayWhileItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	started := *c.LastStartedAt
	set := func(l workspaces.RunLimit) {
		t.Helper()
		if _, err := w.service.SetRunLimit(w.ctx, w.shop, w.who(), c.ID, l); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(10 * time.Minute)
	set(workspaces.RunLimit{Minutes: 20})
	set(workspaces.RunLimit{})
	w.advance(20 * time.Minute)
	if got := w.card(c.ID); got.Status != workspaces.Running || w.dues("limit") != 0 {
		t.Fatalf("%s with %d limits, though it was taken away", got.Status, w.dues("limit"))
	}
	// R4: the price of the run counts, not what the plan costs since.
	w.exec(`update plans set price_per_hour = 2 where service_type = 'business_basic'`)
	set(budget("0.20"))
	if at, _ := ptr(w.card(c.ID).Workspace).LimitAt(); at.Sub(started) != time.Hour {
		t.Errorf("ends after %s", at.Sub(started))
	}
	w.advance(2 * time.Hour)
	w.endedAs(c, time.Hour, 4, "0.2", "limit")
	if n := len(w.announced("workspace.rules_changed")); n != 3 {
		t.Errorf("the page was told %d times", n)
	}
}

func ptr(w workspaces.Workspace) *workspaces.Workspace { return &w }

// A price that rose between the order and the first sight of the desktop: the budget
// holds, and when it buys nothing, nothing is charged.
func TestABudgetHoldsWhenThePriceRises(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(map[string]any{"start_delay_ms": 60_000})
	orderThen := func(price string, want workspaces.Status) workspaces.Card {
		w.exec(`update plans set price_per_hour = 0.20 where service_type = 'business_basic'`)
		before := w.host.count()
		ws, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic", Limit: budget("0.15")})
		if err != nil {
			t.Fatal(err)
		}
		bustest.Until(w, "the desktop is asked for", w.bus.Handled(), func() bool { return w.host.count() > before })
		w.exec(`update plans set price_per_hour = $1::text::numeric where service_type = 'business_basic'`, price)
		w.advance(61 * time.Second)
		return w.reach(ws.ID, want)
	}
	dear := orderThen("0.80", workspaces.Failed)
	if n := len(w.sessions(dear.ID)); n != 0 || dear.FailureCode != workspaces.CodeBudget {
		t.Errorf("%d sessions, %q", n, dear.FailureCode)
	}
	c := orderThen("0.30", workspaces.Running)
	w.advance(time.Hour)
	w.endedAs(c, 30*time.Minute, 2, "0.15", "limit")
}

func TestExtendingALimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.orderFor(budget("0.10"))
	w.advance(29 * time.Minute)
	got, err := w.service.Extend(w.ctx, w.shop, w.who(), c.ID)
	if err != nil || *got.RunLimit != 2700 || got.RunBudget.String() != "0.15" {
		t.Fatalf("extend: %v, %d s, %s", err, *got.RunLimit, got.RunBudget)
	}
	again, err := w.service.Extend(w.ctx, w.shop, w.who(), c.ID)
	if err != nil || *again.RunLimit != 2700 {
		t.Errorf("the second tap of the same finger: %v, %d s", err, *again.RunLimit)
	}
	w.advance(3 * time.Hour)
	w.endedAs(c, 45*time.Minute, 3, "0.15", "limit")
	if _, err := w.service.Extend(w.ctx, w.shop, w.who(), c.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("stopped: %v", err)
	}
}

// The program was down over the end of a run: it ends there, and no later block is
// charged, although the desktop is seen running.
func TestALimitThatPassedWhileNobodyLooked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.orderFor(workspaces.RunLimit{Minutes: 20})
	w.clock.Set(w.clock.Now().Add(50*time.Minute), 0)
	w.setSimClock()
	w.round()
	w.bus.WakeDue()
	w.settle()
	w.endedAs(c, 20*time.Minute, 2, "0.1", "limit")
}

// relabelled is a host whose running desktops are said to be in another state.
type relabelled struct {
	workspaces.Driver
	state atomic.Pointer[string]
}

func (r *relabelled) say(state string) { r.state.Store(&state) }

func (r *relabelled) List(ctx context.Context) (workspaces.Listing, error) {
	l, err := r.Driver.List(ctx)
	for i := range l.Desktops {
		if state := r.state.Load(); state != nil && *state != "" && l.Desktops[i].State == workspaces.HostRunning {
			l.Desktops[i].State = *state
		}
	}
	return l, err
}

// A desktop that its host restarts has two sessions in one run. The limit is of both.
func TestALimitCoversAnInterruptedRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit  workspaces.RunLimit
		second time.Duration
		cost   string
	}{
		"a budget":               {budget("0.25"), 45 * time.Minute, "0.15"},
		"a time":                 {workspaces.RunLimit{Minutes: 60}, 38 * time.Minute, "0.15"},
		"a budget that is spent": {budget("0.10"), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			host := &relabelled{Driver: w.host.Driver}
			w.host.Driver = host
			ws := w.orderFor(c.limit)
			w.advance(20 * time.Minute)
			host.say(workspaces.HostStarting)
			w.round()
			w.advance(2 * time.Minute)
			host.say("")
			w.round()
			list := w.sessions(ws.ID)
			if c.second == 0 {
				if got := w.card(ws.ID); len(list) != 1 || got.Status != workspaces.Stopped || got.FailureCode != workspaces.CodeBudget {
					t.Errorf("%d sessions, %s, %q", len(list), got.Status, got.FailureCode)
				}
				return
			}
			if len(list) != 2 || !list[0].Running() || list[1].TotalCost.String() != "0.1" || *list[1].EndedBy != "host" {
				t.Fatalf("sessions %+v", list)
			}
			w.advance(2 * time.Hour)
			if s := w.sessions(ws.ID)[0]; s.Running() || s.StoppedAt.Sub(s.StartedAt) != c.second || s.TotalCost.String() != c.cost || *s.EndedBy != "limit" {
				t.Errorf("the second session: %s, %s", s.StoppedAt.Sub(s.StartedAt), s.TotalCost)
			}
		})
	}
}
