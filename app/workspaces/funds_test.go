package workspaces_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// newTill is a world in which blocks are paid from credit, at 0.20 an hour and with
// no least credit, as V38 and V39 want it.
func newTill(t *testing.T, credit string) *world {
	t.Helper()
	w := makeWorld(t, true)
	w.exec(`insert into settings (key, value) values ('minimum_credit', '0') on conflict (key) do update set value = excluded.value`)
	w.exec(`update plans set price_per_hour = 0.20`)
	if credit != "" {
		w.give(credit)
	}
	return w
}

func (w *world) give(amount string) {
	w.Helper()
	if err := w.books.Grant(w.ctx, w.shop, "staff", w.user, decimal.RequireFromString(amount), "welcome", ""); err != nil {
		w.Fatal(err)
	}
	w.settle()
}

func (w *world) funds() ledger.Funds {
	w.Helper()
	var f ledger.Funds
	if err := w.db.Read(w.ctx, w.shop, ledger.FundsQ(&f, w.shop, w.user, w.clock.Now())); err != nil {
		w.Fatal(err)
	}
	return f
}

func (w *world) balance(want, held string) {
	w.Helper()
	f := w.funds()
	if !f.Credit.Add(f.Bonus).Equal(decimal.RequireFromString(want)) || !f.Held.Equal(decimal.RequireFromString(held)) {
		w.Errorf("credit %s and bonus %s with %s held, want %s with %s held", f.Credit, f.Bonus, f.Held, want, held)
	}
}

// proved checks that the books hold together: every cause comes to nothing, each
// account to its entries, what is held to the holds, what is deferred to the blocks.
func (w *world) proved() {
	w.Helper()
	off, err := w.books.Audit(w.ctx, w.shop)
	if err != nil || len(off) > 0 {
		w.Errorf("the ledger does not hold together: %v, %v", off, err)
	}
}

func (w *world) number(sql string, args ...any) (n int) {
	w.Helper()
	if err := w.db.Read(w.ctx, w.shop, tenants.GetQ(&n, "count", sql, args...)); err != nil {
		w.Fatal(err)
	}
	return n
}

// ended waits for a workspace that is stopped and gives its last session's end.
func (w *world) ended(id uuid.UUID, by string, after time.Duration, blocks int) {
	w.Helper()
	w.reach(id, workspaces.Stopped)
	s := w.sessions(id)[0]
	switch {
	case s.StoppedAt == nil:
		w.Fatal("the session is still open")
	case *s.EndedBy != by || s.StoppedAt.Sub(s.StartedAt) != after || s.Charged != blocks:
		w.Errorf("ended by %s after %s with %d blocks, want %s, %s, %d", *s.EndedBy, s.StoppedAt.Sub(s.StartedAt), s.Charged, by, after, blocks)
	}
}

func TestPrepaidHardStopV38R14(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.12")
	ws := w.running()
	w.balance("0.07", "0")
	w.advance(14 * time.Minute)
	w.balance("0.07", "0.05")
	w.advance(15 * time.Minute)
	c := w.card(ws.ID)
	if at, why := c.StopsAt(0); why != "credit" || at.Sub(*c.LastStartedAt) != 30*time.Minute {
		t.Errorf("stops at %s because of %q, want after half an hour because of credit", at, why)
	}
	w.advance(31 * time.Minute)
	w.ended(ws.ID, "credit", 30*time.Minute, 2)
	w.balance("0.02", "0")
	w.proved()
	if n := w.number(`select count(*)::int from write_offs`); n != 0 {
		t.Errorf("%d blocks were written off, though nothing was lost", n)
	}
	if low := w.announced("balance.low"); len(low) != 1 {
		t.Errorf("warned %d times that one block is left, want once", len(low))
	}
}

func TestTwoStartsOnCreditForOneV39R14(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.05")
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken, refused := 0, 0
	for range 2 {
		wg.Go(func() {
			_, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic", StartedBy: "customer"})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				taken++
			case fail.Is(err, fail.PaymentRequired):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if taken != 1 || refused != 1 {
		t.Errorf("%d started and %d refused, want one each", taken, refused)
	}
	w.reach(uuidOf(w, `select id from kasm_workspaces where user_id = $1`), workspaces.Running)
	w.balance("0", "0")
	w.proved()
}

func uuidOf(w *world, sql string) (id uuid.UUID) {
	w.Helper()
	if err := w.db.Read(w.ctx, w.shop, tenants.GetQ(&id, "row", sql, w.user)); err != nil {
		w.Fatal(err)
	}
	return id
}

func TestAStartThatNeverRanGivesItsHoldBackR14(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.05")
	w.set(map[string]any{"start_delay_ms": 3_600_000})
	ws := w.order()
	w.balance("0.05", "0.05")
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), ws.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.balance("0.05", "0")
	w.settle()
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), ws.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.balance("0.05", "0.05")
	w.advance(10 * time.Minute) // its deadline passes
	w.reach(ws.ID, workspaces.Failed)
	w.balance("0.05", "0")
	w.proved()
}

func TestCreditThatComesBeforeTheEdgeTakesTheStopBackR14(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.05")
	ws := w.running()
	w.advance(14*time.Minute + 30*time.Second)
	if c := w.card(ws.ID); c.FundsStopBy != "credit" || w.dues("limit") != 1 {
		t.Fatalf("no stop is stored: %v %q", c.FundsStopAt, c.FundsStopBy)
	}
	w.give("0.05")
	if c := w.card(ws.ID); c.FundsStopAt != nil || w.dues("limit") != 0 {
		t.Errorf("the stop stands: %v", c.FundsStopAt)
	}
	w.advance(20 * time.Minute)
	w.ended(ws.ID, "credit", 30*time.Minute, 2)
	w.balance("0", "0")
	w.proved()
}

func TestCapStopsBothModesR15(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"prepaid", "postpaid"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newTill(t, "5.00")
			w.exec(`update users set pay_mode = $2, monthly_cap = 0.17, warn_percent = '{50,80}' where id = $1`, w.user, mode)
			ws := w.running()
			w.advance(46 * time.Minute)
			w.ended(ws.ID, "cap", 45*time.Minute, 3)
			if f := w.funds(); !f.CapUsed.Equal(decimal.RequireFromString("0.15")) {
				t.Errorf("%s of the cap used", f.CapUsed)
			}
			if _, err := w.service.Start(w.ctx, w.shop, w.who(), ws.ID, "customer"); !fail.Is(err, fail.PaymentRequired) {
				t.Errorf("a start over the cap: %v", err)
			}
			if n := w.number(`select count(*)::int from funds_warnings where key like 'cap:%'`); n != 2 {
				t.Errorf("warned %d times of the cap's thresholds, want twice", n)
			}
			want := map[string]string{"prepaid": "4.85", "postpaid": "5"}[mode]
			w.balance(want, "0")
			w.proved()
		})
	}
}

func TestRestartInsideAPaidBlockIsFree(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.10")
	w.exec(`insert into settings (key, value) values ('free_restart', 'true')`)
	ws := w.running()
	w.advance(5 * time.Minute)
	stop := func() {
		t.Helper()
		if _, err := w.service.Stop(w.ctx, w.shop, w.who(), ws.ID, "customer"); err != nil {
			t.Fatal(err)
		}
		w.reach(ws.ID, workspaces.Stopped)
	}
	start := func() {
		t.Helper()
		if _, err := w.service.Start(w.ctx, w.shop, w.who(), ws.ID, "customer"); err != nil {
			t.Fatal(err)
		}
		w.reach(ws.ID, workspaces.Running)
	}
	stop()
	w.balance("0.05", "0")
	start()
	w.balance("0.05", "0")
	w.advance(time.Minute)
	stop()
	start() // the one before was free itself
	w.balance("0", "0")
	if n := w.number(`select count(*)::int from usage_blocks where rate = 0 and wholesale_rate > 0 and prepaid = 0`); n != 1 {
		t.Errorf("%d free blocks, want one whose wholesale stays", n)
	}
	if s := w.sessions(ws.ID)[1]; !s.TotalCost.IsZero() {
		t.Errorf("the free session costs %s", s.TotalCost)
	}
	w.proved()
}

func TestSuspendedAtTheEndOfThePaidBlockAndResumed(t *testing.T) {
	t.Parallel()
	w := newTill(t, "5.00")
	ws := w.running()
	w.advance(14*time.Minute + 30*time.Second)
	w.balance("4.95", "0.05")
	in := func(fn func(tenants.Tx) error) {
		t.Helper()
		if err := w.db.In(w.ctx, w.shop, fn); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
	in(func(tx tenants.Tx) error { return w.service.SuspendCustomer(w.ctx, tx, w.user, "suspended") })
	w.balance("4.95", "0")
	in(func(tx tenants.Tx) error { return w.service.ResumeCustomer(w.ctx, tx, w.user) })
	w.balance("4.95", "0.05")
	w.advance(2 * time.Minute)
	in(func(tx tenants.Tx) error { return w.service.SuspendCustomer(w.ctx, tx, w.user, "parked") })
	w.advance(20 * time.Minute)
	w.ended(ws.ID, "parked", 30*time.Minute, 2)
	w.exec(`update users set parked_at = created_at where id = $1`, w.user)
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), ws.ID, "customer"); !fail.Is(err, fail.Forbidden) {
		t.Errorf("a parked customer starts: %v", err)
	}
	w.balance("4.90", "0")
	w.proved()
}

// Nobody was there for an hour: no holds were made. What credit still allows is paid,
// the rest is nobody's.
func TestDowntimeIsChargedAsFarAsCreditGoesR6(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.12")
	ws := w.running()
	w.exec(`update settings set value = value`) // the clock jumps without any due time between
	w.clock.Set(w.clock.Now().Add(70*time.Minute), 0)
	w.setSimClock()
	_ = w.rounds.Round(w.ctx)
	w.bus.WakeDue()
	bustest.Until(t, "the desktop is stopped", w.bus.Handled(), func() bool { return w.card(ws.ID).Desired == workspaces.WantStopped })
	w.settle()
	w.ended(ws.ID, "credit", 30*time.Minute, 2)
	w.balance("0.02", "0")
	if n := w.number(`select count(*)::int from write_offs where cause = 'downtime'`); n != 3 {
		t.Errorf("%d blocks written off, want 3", n)
	}
	var noted int
	if err := w.db.CentralRead(w.ctx, tenants.GetQ(&noted, "count", `select count(*)::int from central.attention where kind = 'write_off'`)); err != nil || noted != 1 {
		t.Errorf("the provider was told %d times, %v", noted, err)
	}
	w.proved()
}

func TestRunsBegunBeforeThereWereHoldsGoOn(t *testing.T) {
	t.Parallel()
	w := newTill(t, "0.12")
	w.exec(`update users set pay_mode = 'postpaid' where id = $1`, w.user)
	ws := w.running()
	w.advance(10 * time.Minute)
	w.balance("0.12", "0")
	w.exec(`update users set pay_mode = 'prepaid' where id = $1`, w.user)
	w.advance(50 * time.Minute)
	w.ended(ws.ID, "credit", 45*time.Minute, 3)
	w.balance("0.02", "0")
	w.proved()
}
