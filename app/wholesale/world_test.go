package wholesale

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func at(text string) time.Time {
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		v, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		return time.Time{}
	}
	return v.UTC()
}

// clockOf is business time that a test sets.
type clockOf struct {
	mu sync.Mutex
	at time.Time
}

func (c *clockOf) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// world is a reseller with a clock of its own.
type world struct {
	*Service
	retail *billing.Service
	shop   tenants.Tenant
	clock  *clockOf
}

func (w *world) set(now string) {
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	w.clock.at = at(now)
}

func newWorld(t testing.TB, now string, change ...func(*tenants.NewTenant)) *world {
	t.Helper()
	clock := &clockOf{at: at(now)}
	db := tenanttest.DB(t, tenanttest.WithClock(clock.Now))
	slug := "w" + uuid.NewString()[:8]
	n := tenants.NewTenant{Name: "Acme Desktops", Email: "owner@" + slug + ".test", Slug: slug}
	for _, fn := range change {
		fn(&n)
	}
	shop, _, err := db.Create(context.Background(), n, func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
		id := uuid.New()
		_, err := tx.Exec(ctx, `insert into users (id, email, name, password_hash, role, created_at) values ($1, $2, 'Olga Owner', '', 'owner', $3)`, id, n.Email, tx.Now())
		return id, err
	})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	w := &world{New(Config{DB: db, Shops: lifecycle.New(lifecycle.Config{DB: db, Clock: clock, Log: quiet}), Clock: clock, Log: quiet}), billing.New(db), shop, clock}
	// Two weeks of patience, so that a test sees all that comes of an unpaid invoice.
	w.central(t, `insert into central.settings (key, value) values ('wholesale_suspend_days', '14') on conflict (key) do nothing`)
	return w
}

func (w *world) in(t testing.TB, fn func(ctx context.Context, tx tenants.Tx) error) {
	t.Helper()
	ctx := context.Background()
	if err := w.DB.In(ctx, w.shop, func(tx tenants.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

func (w *world) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	w.in(t, func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

func (w *world) central(t testing.TB, sql string, args ...any) {
	t.Helper()
	ctx := context.Background()
	if err := w.DB.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t testing.TB, w *world, sql string, args ...any) (v T) {
	t.Helper()
	if err := w.DB.Read(context.Background(), w.shop, tenants.GetQ(&v, "row", sql, args...)); err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) customer(t testing.TB) uuid.UUID {
	t.Helper()
	id := uuid.New()
	w.exec(t, `insert into users (id, email, name, password_hash, created_at) values ($1, $2, 'A customer', '', $3)`, id, id.String()+"@example.test", w.clock.Now())
	return id
}

// session is one run of a desktop of its own.
type session struct {
	user      uuid.UUID
	plan      string // business_basic when empty
	rate      string // 0.20 when empty
	wholesale string // 0.12 when empty
	currency  string // the shop's when empty
	start     string
	blocks    int // of 15 minutes, all charged
}

func (w *world) session(t testing.TB, s session) uuid.UUID {
	t.Helper()
	or := func(v *string, otherwise string) {
		if *v == "" {
			*v = otherwise
		}
	}
	or(&s.plan, "business_basic")
	or(&s.rate, "0.20")
	or(&s.wholesale, "0.12")
	or(&s.currency, w.shop.Currency)
	if s.user == uuid.Nil {
		s.user = w.customer(t)
	}
	start := at(s.start)
	stop := start.Add(time.Duration(s.blocks) * 15 * time.Minute)
	id, workspace, service := uuid.New(), uuid.New(), uuid.New()
	w.in(t, func(ctx context.Context, tx tenants.Tx) error {
		if _, err := tx.Exec(ctx, `insert into services (id, user_id, plan_id, service_type, created_at)
			select $1, $2, id, service_type, $3 from plans where service_type = $4`, service, s.user, start, s.plan); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
			select $1, $2, $3, p.id, (select id from kasm_workspace_templates limit 1), p.service_type, 't', 2, 4096, 'stopped', 'stopped', $4, $4
			from plans p where p.service_type = $5`, workspace, s.user, service, start, s.plan); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour,
				wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
			select $1, $2, $3, 1, 'd', p.id, 1, p.name, p.service_type, $4::text::numeric, $5::text::numeric, 900, $6, $7, $8, $8, $7
			from plans p where p.service_type = $9`, id, workspace, s.user, s.rate, s.wholesale, s.currency, start, stop, s.plan)
		return err
	})
	w.charge(t, id, 0, s.blocks)
	return id
}

// charge inserts the blocks [from, to) of a session.
func (w *world) charge(t testing.TB, id uuid.UUID, from, to int) {
	t.Helper()
	w.exec(t, `insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
		select s.id, k, s.user_id, s.started_at + k * s.block_seconds * interval '1 second', s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.last_proof_at, s.started_at
		from kasm_usage_sessions s, generate_series($2::integer, $3::integer - 1) k where s.id = $1`, id, from, to)
}

func (w *world) agree(t testing.TB, c Change) {
	t.Helper()
	if _, err := w.Agree(context.Background(), "an operator", w.shop, c); err != nil {
		t.Fatal(err)
	}
}

// bill runs the bill and answers with what it made.
func (w *world) bill(t testing.TB) (made []billing.Billed) {
	t.Helper()
	all, err := w.Bill(context.Background(), w.shop, time.Time{}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Created {
			made = append(made, b)
		}
	}
	return made
}

func (w *world) invoice(t testing.TB, number string) (inv Invoice, items []Item) {
	t.Helper()
	if err := w.DB.CentralRead(context.Background(), InvoiceQ(&inv, w.shop.ID, number), ItemsQ(&items, number)); err != nil {
		t.Fatal(err)
	}
	return inv, items
}

func figure(text string) *Figure { return &Figure{Value: dec(text)} }

func ptr[T any](v T) *T { return &v }
