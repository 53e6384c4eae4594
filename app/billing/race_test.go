package billing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// TestChargesDuringAClosing charges blocks while their month is being closed:
// each must be on an invoice that counted it, now or next month.
func TestChargesDuringAClosing(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:11:00Z")
	user := b.customer(t, "a@example.test")
	var sessions []uuid.UUID
	for range 20 {
		sessions = append(sessions, b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T15:00:00Z"), charged: 1}))
	}
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(func() {
			for k := 1; k < 20; k++ {
				b.charge(t, s, k, k+1)
			}
		})
	}
	wg.Go(func() {
		if _, err := b.CloseCycle(context.Background(), b.shop, at(t, "2026-10-01T00:00:00Z")); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	b.set(at(t, "2026-11-01T00:11:00Z"))
	b.close(t, "2026-11-01T00:00:00Z")
	type row struct{ Lines, Marked, Blocks int64 }
	got := get[row](t, b, `select (select sum(blocks)::bigint from invoice_items) as lines, (select count(*) from usage_blocks where invoice_item_id is not null) as marked, (select count(*) from usage_blocks) as blocks`)
	if got != (row{400, 400, 400}) {
		t.Errorf("want 400 blocks charged, marked and billed, got %+v", got)
	}
	type item struct{ Said, Marked int64 }
	var items []item
	if err := b.db.Read(context.Background(), b.shop, tenants.ListQ(&items, `select i.blocks as said, count(*) as marked from invoice_items i join usage_blocks b on b.invoice_item_id = i.id group by i.id, i.blocks`)); err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Said != i.Marked {
			t.Errorf("a line says %d blocks and has %d", i.Said, i.Marked)
		}
	}
}

// BenchmarkClose closes a month of 10,000 sessions with five blocks each, of 500
// customers.
func BenchmarkClose(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		shop := setup(b, "UTC", "USD", "2026-10-01T00:11:00Z")
		shop.exec(b, `insert into users (email, password_hash, created_at) select n || '@example.test', '', now() from generate_series(1, 500) n`)
		shop.exec(b, `insert into services (user_id, plan_id, service_type, created_at) select u.id, p.id, p.service_type, now() from users u, plans p where p.sort_order <= 4`)
		shop.exec(b, `insert into kasm_workspaces (user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
			select user_id, id, plan_id, (select id from kasm_workspace_templates limit 1), service_type, 't', 2, 4096, 'stopped', 'stopped', now(), now() from services`)
		shop.exec(b, `insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency,
				started_at, last_proof_at, stopped_at, created_at)
			select w.id, w.user_id, k, 'd', w.plan_id, 1, p.name, p.service_type, p.price_per_hour, 0.1, 900, 'USD', s, s + interval '70 minutes', s + interval '70 minutes', s
			from kasm_workspaces w join plans p on p.id = w.plan_id, generate_series(1, 5) k, lateral (select timestamptz '2026-09-01 10:00Z' + k * interval '1 day' as s) x`)
		shop.exec(b, `insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
			select id, k, user_id, started_at + k * interval '15 minutes', 900, cost_per_hour, wholesale_cost_per_hour, currency, last_proof_at, stopped_at
			from kasm_usage_sessions, generate_series(0, 4) k`)
		if n := get[int](b, shop, `select count(*) from usage_blocks`); n != 50_000 {
			b.Fatalf("want 50,000 blocks, got %d", n)
		}
		b.StartTimer()
		began := time.Now()
		made := shop.close(b, "2026-10-01T00:00:00Z")
		b.StopTimer()
		if len(made) != 500 {
			b.Fatalf("want 500 invoices, got %d", len(made))
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/close")
		shop.right(b, made[0].Number)
		b.StartTimer()
	}
}
