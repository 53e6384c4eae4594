package parking_test

import (
	"context"
	"encoding/json"
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
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/tenants"
)

type desks struct {
	mu   sync.Mutex
	done []string
}

func (d *desks) note(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, what)
	return nil
}

func (d *desks) SuspendCustomer(_ context.Context, _ tenants.Tx, _ uuid.UUID, why string) error {
	return d.note("suspend " + why)
}

func (d *desks) ResumeCustomer(context.Context, tenants.Tx, uuid.UUID) error { return d.note("resume") }

type world struct {
	t     *testing.T
	db    *tenants.DB
	shop  tenants.Tenant
	clock *clock.Movable
	bus   *bus.Bus
	svc   *parking.Service
	desks *desks
	user  uuid.UUID
	mu    sync.Mutex
	said  []string
}

func newWorld(t *testing.T, bounds string) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMovable(time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC), 0), desks: &desks{}}
	w.db, w.shop = bustest.Fresh(t, w.clock.Now)
	w.svc = parking.New(parking.Config{DB: w.db, Clock: w.clock, Desktops: w.desks, Log: slog.New(slog.DiscardHandler)})
	w.bus, _ = bustest.Start(t, bus.Options{DB: w.db, Clock: w.clock},
		bus.Consumer{Name: "parking-running", Names: []string{"workspace.running"}, Handle: w.svc.OnRunning},
		bus.Consumer{Name: "parking-bounds", Names: []string{"bounds.due"}, Handle: w.svc.OnDue},
		bus.Consumer{Name: "parking-invoice", Names: []string{"invoice.finalised"}, Handle: w.svc.OnFinalised},
		bus.Consumer{Name: "parking-topup", Names: []string{"payment.succeeded"}, Handle: w.svc.OnTopUp},
		bus.Consumer{Name: "listener", Names: []string{parking.EventParked, parking.EventNotice, parking.EventReleased}, Handle: w.hear, Parallel: 1})
	w.user = uuid.New()
	w.exec(`insert into users (id, email, name, password_hash, created_at) values ($1, 'ada@example.test', 'Ada', '', $2)`, w.user, w.clock.Now())
	w.exec(`insert into users (email, name, role, password_hash, created_at) values ('boss@example.test', 'Bo', 'owner', '', $1)`, w.clock.Now())
	if bounds != "" {
		w.exec(`insert into settings (key, value) values ('bounds', $1::text::jsonb)`, bounds)
	}
	return w
}

func (w *world) hear(_ context.Context, m *bus.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, strings.TrimPrefix(m.Name, "account."))
	slices.Sort(w.said)
	return nil
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	err := w.db.In(context.Background(), w.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(context.Background(), sql, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func get[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	if err := w.db.Read(context.Background(), w.shop, tenants.GetQ(&v, "row", sql, args...)); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) tell(event string, payload map[string]any) {
	w.t.Helper()
	err := w.db.In(context.Background(), w.shop, func(tx tenants.Tx) error { return bus.Append(context.Background(), tx, event, payload) })
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

func (w *world) settle() {
	w.t.Helper()
	w.bus.WakeDue()
	bustest.Settle(w.t, w.bus, w.clock.Now())
}

// runs opens a session of a desktop with blocks of 15 minutes.
func (w *world) runs() uuid.UUID {
	w.t.Helper()
	id, workspace, service, now := uuid.New(), uuid.New(), uuid.New(), w.clock.Now()
	w.exec(`insert into services (id, user_id, plan_id, service_type, created_at)
		select $1, $2, id, service_type, $3 from plans where service_type = 'business_basic'`, service, w.user, now)
	w.exec(`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
		select $1, $2, $3, p.id, (select id from kasm_workspace_templates limit 1), p.service_type, 't', 2, 4096, 'running', 'running', $4, $4
		from plans p where p.service_type = 'business_basic'`, workspace, w.user, service, now)
	w.exec(`insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour,
			wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, created_at)
		select $1, $2, $3, 1, 'd', p.id, 1, p.name, p.service_type, 0.2, 0.1, 900, 'USD', $4, $4, $4 from plans p where p.service_type = 'business_basic'`, id, workspace, w.user, now)
	w.blocks(id, 0, 1)
	return id
}

func (w *world) blocks(session uuid.UUID, from, to int) {
	w.t.Helper()
	w.exec(`insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
		select s.id, k, s.user_id, s.started_at + k * interval '15 minutes', 900, 0.2, 0.1, 'USD', s.started_at, s.started_at
		from kasm_usage_sessions s, generate_series($2::integer, $3::integer - 1) k where s.id = $1`, session, from, to)
}

func (w *world) dues() string {
	w.t.Helper()
	return get[string](w, `select coalesce(string_agg(to_char(due_at at time zone 'UTC', 'DD HH24:MI'), ','), '') from central.due where kind = 'bounds'`)
}

func (w *world) numbers() (n parking.Numbers) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(get[string](w, `select coalesce(parked_for::text, '{}') from users where id = $1`, w.user)), &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) heard(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.said, want) {
		w.t.Errorf("announced %v, want %v", w.said, want)
	}
}

func TestUsualCustomersAreNeverCountedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.runs()
	w.tell("workspace.running", map[string]any{"user_id": w.user})
	if got := w.dues(); got != "" {
		t.Errorf("somebody who cannot pass the bound is counted again at %s", got)
	}
}

func TestTooManyBlocksInADayPark(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `{"blocks_per_day": 8}`)
	id := w.runs()
	w.exec(`insert into invoices (user_id, number, status, cycle_start, period_start, period_end, currency, total, amount_due, description, due_date, created_at, finalised_at)
		values ($1, 'INV-1', 'open', $2, $2, $2, 'USD', 5, 5, 'x', ($2::timestamptz)::date, $2, $2)`, w.user, w.clock.Now())
	w.tell("workspace.running", map[string]any{"user_id": w.user})
	if got := w.dues(); got != "01 12:00" { // eight more blocks, four an hour
		t.Fatalf("counted again at %q, want two hours later", got)
	}
	w.clock.Set(w.clock.Now().Add(2*time.Hour), 0)
	w.blocks(id, 1, 9)
	w.settle()
	n := w.numbers()
	if n.Bound != parking.BlocksPerDay || n.Limit != "8" || n.Value != "9" {
		t.Fatalf("parked for %+v", n)
	}
	if held := get[string](w, `select held_for from invoices where number = 'INV-1'`); held != "parked" {
		t.Errorf("the open invoice is held for %q", held)
	}
	w.heard("parked", "parked_notice")
	if got := get[string](w, `select summary from central.attention where kind = 'parked' and settled_at is null`); !strings.Contains(got, "9 blocks began in one day; the bound is 8.") {
		t.Errorf("the provider reads %q", got)
	}
	if got := fmt.Sprint(w.desks.done); got != "[suspend parked]" {
		t.Errorf("did %s", got)
	}
	w.tell("workspace.running", map[string]any{"user_id": w.user}) // nothing happens twice
	w.heard("parked", "parked_notice")
}

func TestReleaseCountsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `{"blocks_per_day": 8}`)
	ctx := context.Background()
	id := w.runs()
	w.blocks(id, 1, 20)
	w.tell("workspace.running", map[string]any{"user_id": w.user})
	if w.numbers().Value != "20" {
		t.Fatalf("parked for %+v", w.numbers())
	}
	if err := w.svc.Release(ctx, w.shop, w.user, "user:x", "  "); !fail.Is(err, fail.Invalid) {
		t.Errorf("released without a reason: %v", err)
	}
	if err := w.svc.Release(ctx, w.shop, uuid.New(), "user:x", "looked"); !fail.Is(err, fail.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
	w.clock.Set(w.clock.Now().Add(6*time.Hour), 0)
	if err := w.svc.Release(ctx, w.shop, w.user, "user:x", "A render farm, agreed by phone"); err != nil {
		t.Fatal(err)
	}
	if err := w.svc.Release(ctx, w.shop, w.user, "user:x", "again"); !fail.Is(err, fail.Conflict) {
		t.Errorf("released twice: %v", err)
	}
	w.tell("workspace.running", map[string]any{"user_id": w.user})
	if w.numbers().Bound != "" {
		t.Errorf("parked again for what was looked at: %+v", w.numbers())
	}
	if got := get[string](w, `select actor || ' ' || (detail ->> 'reason') from audit_log where action = 'customer.released'`); got != "user:x A render farm, agreed by phone" {
		t.Errorf("the audit log says %q", got)
	}
	if got := get[int](w, `select count(*)::integer from central.attention where kind = 'parked' and settled_at is null`); got != 0 {
		t.Errorf("%d are still on the list", got)
	}
	if got := fmt.Sprint(w.desks.done); got != "[suspend parked resume]" {
		t.Errorf("did %s", got)
	}
	w.heard("parked", "parked_notice", "released")
}

func (w *world) finalised(month int, total string) uuid.UUID {
	w.t.Helper()
	id, start := uuid.New(), time.Date(2026, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	w.exec(`insert into invoices (id, user_id, number, status, cycle_start, period_start, period_end, currency, total, amount_due, description, due_date, created_at, finalised_at)
		values ($1, $2, $3, 'open', $4, $4, $4, 'USD', $5::text::numeric, $5::text::numeric, 'x', ($4::timestamptz)::date, $4, $4)`, id, w.user, fmt.Sprintf("INV-%d", month), start, total)
	w.tell("invoice.finalised", map[string]any{"user_id": w.user, "invoice_id": id, "total": total, "amount_due": total, "currency": "USD"})
	return id
}

func TestAnInvoiceFarOverTheUsualParks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `{"invoice_times": 3, "invoice_floor": "50"}`)
	w.finalised(8, "20.00")
	w.finalised(9, "40.00")
	w.finalised(10, "49.00") // more than usual, but below the floor
	w.heard()
	w.finalised(11, "109.01") // the mean is 36.33
	if n := w.numbers(); n.Bound != parking.InvoiceTimes || n.Value != "109.01" || n.Invoice != "INV-11" {
		t.Fatalf("parked for %+v", n)
	}
	w.heard("parked", "parked_notice")
	if s := w.numbers().Sentence(); !strings.Contains(s, "Invoice INV-11 comes to $109.01; the usual is $36.33, the bound is $109.00.") {
		t.Errorf("it is worded %q", s)
	}
}

func TestAFirstInvoiceHasAFloorOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.finalised(10, "9999.00")
	w.heard()
	w.exec(`update invoices set status = 'void'`)
	w.finalised(11, "10000.01")
	w.heard("parked", "parked_notice")
}

func TestTooManyTopUpsInAnHourPark(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `{"topups_per_hour": 2}`)
	for i := range 5 {
		w.clock.Set(w.clock.Now().Add(25*time.Minute), 0)
		w.exec(`insert into payments (user_id, kind, amount, currency, method, status, idempotency_key, created_at, updated_at, succeeded_at)
			values ($1, 'topup', 20, 'USD', 'card', 'succeeded', $2, $3, $3, $3)`, w.user, fmt.Sprint("k", i), w.clock.Now())
		w.tell("payment.succeeded", map[string]any{"user_id": w.user, "payment_id": uuid.New(), "invoice_id": nil})
		if i == 1 {
			w.heard()
		}
	}
	if n := w.numbers(); n.Bound != parking.TopUpsPerHour || n.Value != "3" || n.Limit != "2" {
		t.Errorf("parked for %+v", n)
	}
	w.heard("parked", "parked_notice")
}

func TestBoundsOfSettings(t *testing.T) {
	t.Parallel()
	if b, err := parking.BoundsOf(`{"blocks_per_day": 0, "invoice_floor": 7}`, "JPY"); err != nil || b.BlocksPerDay != 0 || b.Floor.String() != "7" || b.TopUpsPerHour != 10 {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err := parking.BoundsOf(`{"blocks_per_day": "many"}`, "JPY"); err == nil || b.BlocksPerDay != 10_000 || b.Floor.String() != "100000" {
		t.Errorf("%+v, %v", b, err)
	}
}
