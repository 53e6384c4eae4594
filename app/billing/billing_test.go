package billing_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return v.UTC()
}

// bundle is a shop with a clock of its own.
type bundle struct {
	*billing.Service
	books *ledger.Service
	db    *tenants.DB
	shop  tenants.Tenant
	clock *atomic.Pointer[time.Time]
}

func (b bundle) set(t time.Time) { b.clock.Store(&t) }

func setup(t testing.TB, zone, currency, now string) bundle {
	t.Helper()
	var clock atomic.Pointer[time.Time]
	start := at(t, now)
	clock.Store(&start)
	db := tenanttest.DB(t, tenanttest.WithClock(func() time.Time { return *clock.Load() }))
	slug := "b" + uuid.NewString()[:8]
	shop, _, err := db.Create(context.Background(), tenants.NewTenant{
		Name: "Acme Desktops", Email: "owner@" + slug + ".test", Slug: slug, TimeZone: zone, Currency: currency}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bundle{billing.New(db), ledger.New(db), db, shop, &clock}
}

func (b bundle) in(t testing.TB, fn func(ctx context.Context, tx tenants.Tx) error) {
	t.Helper()
	ctx := context.Background()
	if err := b.db.In(ctx, b.shop, func(tx tenants.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	b.in(t, func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

func get[T any](t testing.TB, b bundle, sql string, args ...any) (v T) {
	t.Helper()
	if err := b.db.Read(context.Background(), b.shop, tenants.GetQ(&v, "row", sql, args...)); err != nil {
		t.Fatal(err)
	}
	return v
}

func (b bundle) customer(t testing.TB, email string) uuid.UUID {
	t.Helper()
	id := uuid.New()
	b.exec(t, `insert into users (id, email, name, password_hash, created_at) values ($1, $2, 'A customer', '', $3)`, id, email, *b.clock.Load())
	return id
}

// session is one run of a desktop of its own; a stop of zero leaves it open.
type session struct {
	user        uuid.UUID
	plan        string // business_basic when empty
	rate        string // 0.20 when empty
	wholesale   string // 0.12 when empty
	currency    string // the shop's when empty
	seconds     int    // 900 when zero
	start, stop time.Time
	charged     int // blocks that have a row; -1: as many as it should
}

func (b bundle) session(t testing.TB, s session) uuid.UUID {
	t.Helper()
	or := func(v *string, otherwise string) {
		if *v == "" {
			*v = otherwise
		}
	}
	or(&s.plan, "business_basic")
	or(&s.rate, "0.20")
	or(&s.wholesale, "0.12")
	or(&s.currency, b.shop.Currency)
	if s.seconds == 0 {
		s.seconds = 900
	}
	var stop *time.Time
	proof := s.start.Add(time.Duration(s.charged*s.seconds) * time.Second)
	if !s.stop.IsZero() {
		stop, proof = &s.stop, s.stop
	}
	if s.charged < 0 {
		block := time.Duration(s.seconds) * time.Second
		s.charged = int((s.stop.Sub(s.start) + block - 1) / block)
	}
	id, workspace, service := uuid.New(), uuid.New(), uuid.New()
	b.in(t, func(ctx context.Context, tx tenants.Tx) error {
		if _, err := tx.Exec(ctx, `insert into services (id, user_id, plan_id, service_type, created_at)
			select $1, $2, id, service_type, $3 from plans where service_type = $4`, service, s.user, s.start, s.plan); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
			select $1, $2, $3, p.id, (select id from kasm_workspace_templates limit 1), p.service_type, 't', 2, 4096, 'stopped', 'stopped', $4, $4
			from plans p where p.service_type = $5`, workspace, s.user, service, s.start, s.plan); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour,
				wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
			select $1, $2, $3, 1, 'd', p.id, 1, p.name, p.service_type, $4::text::numeric, $5::text::numeric, $6, $7, $8, $9, $10, $8
			from plans p where p.service_type = $11`, id, workspace, s.user, s.rate, s.wholesale, s.seconds, s.currency, s.start, proof, stop, s.plan); err != nil {
			return err
		}
		return nil
	})
	b.charge(t, id, 0, s.charged)
	return id
}

// charge inserts the blocks [from, to) of a session.
func (b bundle) charge(t testing.TB, id uuid.UUID, from, to int) {
	t.Helper()
	b.exec(t, `insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
		select s.id, k, s.user_id, s.started_at + k * s.block_seconds * interval '1 second', s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.last_proof_at, s.started_at
		from kasm_usage_sessions s, generate_series($2::integer, $3::integer - 1) k where s.id = $1`, id, from, to)
}

func (b bundle) detail(t testing.TB, user uuid.UUID, number string) billing.Detail {
	t.Helper()
	var d billing.Detail
	if err := b.db.Read(context.Background(), b.shop, billing.DetailQs(&d, user, number)...); err != nil {
		t.Fatal(err)
	}
	return d
}

func (b bundle) close(t testing.TB, edge string) []billing.Invoice {
	t.Helper()
	made, err := b.CloseCycle(context.Background(), b.shop, at(t, edge))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// right checks an invoice against its customer's sessions (R21).
func (b bundle) right(t testing.TB, number string) {
	t.Helper()
	check, err := b.Recompute(context.Background(), b.shop, number)
	if err != nil || !check.Right() {
		t.Errorf("%s works out otherwise: %v, %v", number, check.Differences, err)
	}
}
