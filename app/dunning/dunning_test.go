package dunning_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/dunning"
	"github.com/ezscale/ezscale/tenants"
)

// desks records what is done to customers' desktops.
type desks struct {
	mu   sync.Mutex
	done []string
}

func (d *desks) note(what, why string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, strings.TrimSpace(what+" "+why))
	return nil
}

func (d *desks) SuspendCustomer(_ context.Context, _ tenants.Tx, _ uuid.UUID, why string) error {
	return d.note("suspend", why)
}

func (d *desks) ResumeCustomer(context.Context, tenants.Tx, uuid.UUID) error {
	return d.note("resume", "")
}

func (d *desks) TerminateCustomer(_ context.Context, _ tenants.Tx, _ uuid.UUID, why string) error {
	return d.note("terminate", why)
}

// till answers tries to collect and counts them.
type till struct {
	mu     sync.Mutex
	tries  int
	answer dunning.Outcome
	during func() // while the processor is asked
}

func (c *till) ChargeInvoice(context.Context, tenants.Tenant, uuid.UUID) (dunning.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if c.during != nil {
		c.during()
	}
	return c.answer, nil
}

type world struct {
	t     *testing.T
	db    *tenants.DB
	shop  tenants.Tenant
	clock *clock.Movable
	bus   *bus.Bus
	svc   *dunning.Service
	desks *desks
	till  *till
	user  uuid.UUID

	mu   sync.Mutex
	said []string // "12-09 dunning.reminded remind:1 …"
}

func date(day string) time.Time {
	at, err := time.Parse("2006-01-02 15:04", day)
	if err != nil {
		panic(err)
	}
	return at
}

// newWorld is a shop in Berlin on the first of December 2026, with its bus running.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMovable(date("2026-12-01 00:05"), 0), desks: &desks{}, till: &till{answer: dunning.Outcome{NoMethod: true}}}
	db, _ := bustest.Fresh(t, w.clock.Now)
	shop, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "Spree", Email: "o@spree.test", Slug: "spree", TimeZone: "Europe/Berlin"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.db, w.shop = db, shop
	w.svc = dunning.New(dunning.Config{DB: db, Clock: w.clock, Desktops: w.desks, Charger: w.till, Log: slog.New(slog.DiscardHandler)})
	w.bus, _ = bustest.Start(t, bus.Options{DB: db, Clock: w.clock}, w.table()...)
	w.user = w.customer("ada@example.test")
	return w
}

func (w *world) table() []bus.Consumer {
	return []bus.Consumer{
		{Name: "dunning-begin", Names: []string{"invoice.finalised"}, Handle: w.svc.OnFinalised},
		{Name: "dunning-step", Names: []string{"dunning.due"}, Handle: w.svc.OnDue},
		{Name: "dunning-settled", Names: []string{"invoice.paid", "invoice.voided"}, Handle: w.svc.OnSettled},
		{Name: "dunning-failed", Names: []string{"payment.failed"}, Handle: w.svc.OnFailed},
		{Name: "dunning-released", Names: []string{"account.released"}, Handle: w.svc.OnReleased},
		{Name: "listener", Names: []string{dunning.EventReminded, dunning.EventWarned, dunning.EventSuspended, dunning.EventTerminated, dunning.EventResumed}, Handle: w.hear, Parallel: 1},
	}
}

func (w *world) hear(_ context.Context, m *bus.Message) error {
	var a dunning.Announced
	if err := m.Decode(&a); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", w.clock.Now().In(w.shop.Zone).Format("01-02 15h"), strings.TrimPrefix(m.Name, "dunning."), a.Step, a.On)))
	return nil
}

func (w *world) in(fn func(ctx context.Context, tx tenants.Tx) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.db.In(ctx, w.shop, func(tx tenants.Tx) error { return fn(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

func get[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	if err := w.db.Read(context.Background(), w.shop, tenants.GetQ(&v, "row", sql, args...)); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) customer(email string) uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	w.exec(`insert into users (id, email, name, password_hash, created_at) values ($1, $2, 'Ada', '', $3)`, id, email, w.clock.Now())
	return id
}

// invoice is one of 25.00, due on a day, announced.
func (w *world) invoice(number, due string) uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	w.in(func(ctx context.Context, tx tenants.Tx) error {
		if _, err := tx.Exec(ctx, `insert into invoices (id, user_id, number, status, kind, cycle_start, period_start, period_end, currency, total, amount_due, description, due_date, created_at, finalised_at)
			values ($1, $2, $3, 'open', 'manual', $5::text::date, $4, $4, 'USD', 25, 25, 'x', $5::text::date, $4, $4)`, id, w.user, number, tx.Now(), due); err != nil {
			return err
		}
		return bus.Append(ctx, tx, "invoice.finalised", map[string]any{"user_id": w.user, "invoice_id": id, "number": number, "amount_due": "25.00"})
	})
	w.settle()
	return id
}

func (w *world) settle() {
	w.t.Helper()
	bustest.Settle(w.t, w.bus, w.clock.Now())
}

// until lives through the days hour by hour of what is due, and settles.
func (w *world) until(at string) {
	w.t.Helper()
	end := date(at)
	for {
		next, more, err := w.bus.NextDue(w.t.Context(), w.clock.Now())
		if err != nil {
			w.t.Fatal(err)
		}
		if !more || next.After(end) {
			break
		}
		w.clock.Set(next, 0)
		w.bus.WakeDue()
		w.settle()
	}
	w.jump(at)
}

// jump is until for a program that was off meanwhile.
func (w *world) jump(at string) {
	w.t.Helper()
	w.clock.Set(date(at), 0)
	w.bus.WakeDue()
	w.settle()
}

func (w *world) paid(id uuid.UUID) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx tenants.Tx) error {
		if _, err := tx.Exec(ctx, `update invoices set status = 'paid', amount_due = 0, paid_at = $2 where id = $1`, id, tx.Now()); err != nil {
			return err
		}
		return bus.Append(ctx, tx, "invoice.paid", map[string]any{"user_id": w.user, "invoice_id": id})
	})
	w.settle()
}

func (w *world) heard(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.said) // what happens at one moment has no order
	slices.Sort(want)
	if !slices.Equal(w.said, want) {
		w.t.Errorf("announced\n  %s\nwant\n  %s", strings.Join(w.said, "\n  "), strings.Join(want, "\n  "))
	}
	w.said = nil
}

func (w *world) did(want ...string) {
	w.t.Helper()
	w.desks.mu.Lock()
	defer w.desks.mu.Unlock()
	if !slices.Equal(w.desks.done, want) {
		w.t.Errorf("did %v, want %v", w.desks.done, want)
	}
}

func TestFortyDaysWithoutMoneyR23(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.invoice("INV-1", "2026-12-08")
	w.until("2027-01-20 00:00")
	w.heard(
		"12-09 10h reminded remind:1 2026-12-18",
		"12-13 10h reminded remind:5 2026-12-18",
		"12-15 10h warned warn_suspend:3 2026-12-18",
		"12-18 10h suspended suspend:10 2027-01-07",
		"12-31 10h warned warn_terminate:7 2027-01-07",
		"01-05 10h warned warn_terminate:2 2027-01-07",
		"01-07 10h terminated terminate:30")
	w.did("suspend suspended", "terminate suspended")
	if w.till.tries != 3 {
		t.Errorf("tried %d times to collect, want 3", w.till.tries)
	}
	if got := get[int](w, `select dunning_step from invoices where id = $1`, id); got != 10 {
		t.Errorf("%d steps are counted, want 10", got)
	}
	if got := get[string](w, `select suspended_for from users where id = $1`, w.user); got != "unpaid" {
		t.Errorf("suspended for %q", got)
	}
	w.paid(id)
	w.heard("01-20 01h resumed resumed")
	w.did("suspend suspended", "terminate suspended", "resume")
	if got := get[int](w, `select count(*)::integer from central.due where kind = 'dunning'`); got != 0 {
		t.Errorf("%d due times are left", got)
	}
}

func TestPaidInBetweenEndsTheStepsR23(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.invoice("INV-1", "2026-12-08"), w.invoice("INV-2", "2026-12-10")
	w.until("2026-12-20 12:00")
	w.heard("12-09 10h reminded remind:1 2026-12-18", "12-11 10h reminded remind:1 2026-12-20", "12-13 10h reminded remind:5 2026-12-18",
		"12-15 10h warned warn_suspend:3 2026-12-18", "12-15 10h reminded remind:5 2026-12-20", "12-17 10h warned warn_suspend:3 2026-12-20", "12-18 10h suspended suspend:10 2027-01-07")
	w.did("suspend suspended")
	w.paid(first)
	w.did("suspend suspended") // the other one is overdue as well
	w.paid(second)
	w.did("suspend suspended", "resume")
	w.heard("12-20 13h resumed resumed")
	w.until("2027-02-01 00:00")
	w.heard()
	if got := get[string](w, `select suspended_for from users where id = $1`, w.user); got != "" {
		t.Errorf("still suspended for %q", got)
	}
}

func TestLateStepsComeOneByOneR23P50(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invoice("INV-1", "2026-12-08")
	w.jump("2027-01-15 15:00") // nothing ran for six weeks
	w.heard("01-15 16h warned warn_suspend:3 2027-01-18")
	w.did()
	if w.till.tries != 1 {
		t.Errorf("tried %d times at once, want 1", w.till.tries)
	}
	w.until("2027-02-10 00:00")
	w.heard("01-18 10h suspended suspend:10 2027-01-25", "01-18 10h warned warn_terminate:7 2027-01-25", "01-23 10h warned warn_terminate:2 2027-01-25", "01-25 10h terminated terminate:30")
}

func TestLateRemindersMeltIntoOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invoice("INV-1", "2026-12-08")
	w.jump("2026-12-14 12:00")
	w.heard("12-14 13h reminded remind:5 2026-12-18")
	if got := get[int](w, `select count(*)::integer from dunning_steps where outcome = 'skipped'`); got != 3 {
		t.Errorf("%d steps were skipped, want a reminder and two tries", got)
	}
}

func TestTheBankWantsTheCustomerR23P46(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`insert into settings (key, value) values ('dunning', '{"retry":[1],"remind":[],"suspend":2,"terminate":0,"grace_hours":72}')`)
	w.till.answer = dunning.Outcome{NeedsCustomer: true, Failure: "Your bank wants you to confirm."}
	w.invoice("INV-1", "2026-12-08")
	w.until("2026-12-12 08:00")
	w.did() // by the plan it was the tenth, the bank's grace ends on the twelfth at ten
	w.until("2026-12-12 12:00")
	w.did("suspend suspended")
	w.heard("12-09 10h warned warn_suspend:1 2026-12-10", "12-12 10h suspended suspend:2")
}

func TestAFailedChargeElsewhereGivesGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`insert into settings (key, value) values ('dunning', '{"retry":[],"remind":[],"suspend":2,"terminate":0,"grace_hours":100}')`)
	id := w.invoice("INV-1", "2026-12-08")
	w.until("2026-12-09 12:00")
	w.in(func(ctx context.Context, tx tenants.Tx) error {
		return bus.Append(ctx, tx, "payment.failed", map[string]any{"user_id": w.user, "invoice_id": id, "needs_customer": true})
	})
	w.settle()
	w.until("2026-12-13 15:59")
	w.did()
	w.until("2026-12-13 16:01")
	w.did("suspend suspended")
}

func TestParkedAndHeldInvoicesWaitR23(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.invoice("INV-1", "2026-12-08")
	w.exec(`update users set parked_at = $1 where id = $2`, w.clock.Now(), w.user)
	w.exec(`update invoices set held_for = 'parked' where id = $1`, id)
	w.until("2027-01-20 00:00")
	w.heard()
	w.did()
	if w.till.tries != 0 {
		t.Errorf("a parked customer was charged %d times", w.till.tries)
	}
	w.exec(`update users set parked_at = null where id = $1`, w.user)
	w.exec(`update invoices set held_for = '' where id = $1`, id)
	w.in(func(ctx context.Context, tx tenants.Tx) error {
		return bus.Append(ctx, tx, "account.released", map[string]any{"user_id": w.user})
	})
	w.settle()
	if w.till.tries != 1 {
		t.Errorf("collected %d times after the release, want once", w.till.tries)
	}
	w.until("2027-01-20 10:00")
	w.heard("01-20 10h warned warn_suspend:3 2027-01-23")
}

func TestMoneyOnItsWayWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.invoice("INV-1", "2026-12-08")
	w.till.answer = dunning.Outcome{Paid: true}
	w.till.during = func() { w.exec(`update invoices set status = 'paid', amount_due = 0 where id = $1`, id) }
	w.until("2027-01-20 00:00")
	w.heard()
	w.did()
	if w.till.tries != 1 {
		t.Errorf("collected %d times", w.till.tries)
	}
}

func TestTwoWorkersAndTwoDeliveriesTakeAStepOnceP11P12(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.invoice("INV-1", "2026-12-08")
	w.clock.Set(date("2026-12-18 09:00"), 0) // the warning comes now
	var both sync.WaitGroup
	for range 8 {
		both.Go(func() {
			// A message that the bus never sent ends as one that was done.
			_ = w.svc.OnDue(context.Background(), &bus.Message{Tenant: w.shop, Name: "dunning.due", Key: id.String(), Payload: []byte("{}")})
		})
	}
	both.Wait()
	w.bus.WakeDue()
	w.settle()
	w.heard("12-18 10h warned warn_suspend:3 2026-12-21")
	if got := get[int](w, `select count(*)::integer from dunning_steps where outcome = 'sent'`); got != 1 {
		t.Errorf("%d letters", got)
	}
}
