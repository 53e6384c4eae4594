package workspaces_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
)

// One workspace whose books cannot be opened does not keep the others from being proved.
func TestOneThatFailsDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.exec(`update plans set catalog_plan_id = 'nothing_such' where service_type = 'developer_basic'`)
	bad, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "developer_basic"})
	if err != nil {
		t.Fatal(err)
	}
	bustest.Until(w, "both are up", w.bus.Handled(), func() bool { return w.live() == 2 })
	w.settle()
	w.clock.Set(w.clock.Now().Add(16*time.Minute), 0)
	w.setSimClock()
	_ = w.rounds.Round(w.ctx)
	if s := w.sessions(c.ID)[0]; s.Charged != 2 {
		t.Errorf("the good one has %d blocks, want 2", s.Charged)
	}
	if n := len(w.sessions(bad.ID)); n != 0 || w.card(bad.ID).Status == workspaces.Running {
		t.Errorf("R4: the bad one runs with %d sessions", n)
	}
}

// Calls while a round runs share the one that begins after them.
func TestRoundsAreShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.running()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := w.rounds.Round(w.ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if err := w.rounds.Round(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// From the order to running on a host that is ready, with everything in motion.
func TestFromOrderToRunningInAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.running() // the account and the images are known
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.rounds.Run(ctx) }()
	began := time.Now()
	ws := w.order()
	bustest.Until(w, "it runs", w.bus.Handled(), func() bool { return w.card(ws.ID).Status == workspaces.Running })
	took := time.Since(began)
	t.Logf("from the order to running: %s", took)
	if took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A flaky host, starts and stops, a killed desktop: the books still agree with
// the host's own record.
func TestTheBooksAgreeWithAFlakyHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(map[string]any{"error_rate": 0.2, "error_style": "ok_error"})
	ids := []uuid.UUID{w.order().ID, w.order().ID, w.order().ID}
	for _, id := range ids {
		w.reach(id, workspaces.Running)
	}
	w.advance(20 * time.Minute)
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), ids[0], "customer"); err != nil {
		t.Fatal(err)
	}
	w.post("/sim/kill", map[string]any{"kasm_id": *w.card(ids[1]).DesktopID})
	w.advance(20 * time.Minute)
	w.set(map[string]any{"error_rate": 0})
	w.advance(2 * time.Minute)
	w.checkBooks()
	if w.live() != 1 {
		t.Errorf("%d desktops run, want one", w.live())
	}
	var open []metering.Session
	if err := w.db.Read(w.ctx, w.shop, metering.OpenSessionsQ(&open, w.user)); err != nil || len(open) != 1 || open[0].WorkspaceID != ids[2] {
		t.Errorf("open sessions %+v, %v", open, err)
	}
}
