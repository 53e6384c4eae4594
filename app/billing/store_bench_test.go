package billing_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// load is how much a bill run has to do.
type load struct {
	shops     int
	customers int // of each shop
	sessions  int // of each customer
	blocks    int // of each session
}

// loadFromEnv is small enough for a minute. BILL_RUN=full is the run that the product
// promises a speed for: 500 shops, 10,000 customers, 1,000,000 sessions. BILL_BLOCKS
// sets the blocks of a session.
func loadFromEnv(b *testing.B) load {
	l := load{shops: 20, customers: 20, sessions: 100, blocks: 5}
	switch size := os.Getenv("BILL_RUN"); size {
	case "":
	case "full":
		l.shops = 500
	default:
		n, err := strconv.Atoi(size)
		if err != nil {
			b.Fatalf("BILL_RUN=%s is neither full nor a number of shops", size)
		}
		l.shops = n
	}
	if n, err := strconv.Atoi(os.Getenv("BILL_BLOCKS")); err == nil && n > 0 {
		l.blocks = n
	}
	return l
}

func (l load) all() int { return l.shops * l.customers * l.sessions }

// fill makes a shop with a month of usage. Half of the sessions' customers have another
// price and another plan, so that invoices have several lines.
func (l load) fill(b *testing.B, s bundle) {
	s.exec(b, `insert into users (email, password_hash, created_at) select n || '@example.test', '', now() from generate_series(1, $1::integer) n`, l.customers)
	s.exec(b, `insert into services (user_id, plan_id, service_type, created_at)
		select u.id, p.id, p.service_type, now() from users u, (select id, service_type from plans order by sort_order limit 4) p`)
	s.exec(b, `insert into kasm_workspaces (user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
		select user_id, id, plan_id, (select id from kasm_workspace_templates limit 1), service_type, 't', 2, 4096, 'stopped', 'stopped', now(), now() from services`)
	s.exec(b, `insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency,
			started_at, last_proof_at, stopped_at, created_at)
		select w.id, w.user_id, k, 'd', w.plan_id, 1, p.name, p.service_type, p.price_per_hour + 0.01 * (k % 2), 0.1, 900, 'USD', x.s, x.e, x.e, x.s
		from generate_series(1, $1::integer / 4) k cross join kasm_workspaces w join plans p on p.id = w.plan_id,
			lateral (select timestamptz '2026-09-01 00:05Z' + k * interval '1050 minutes' as s, timestamptz '2026-09-01 00:05Z' + k * interval '1050 minutes' + $2::integer * interval '14 minutes' as e) x
		order by x.s`, l.sessions, l.blocks)
	s.exec(b, `insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
		select id, k, user_id, started_at + k * interval '15 minutes', 900, cost_per_hour, wholesale_cost_per_hour, currency, last_proof_at, stopped_at
		from kasm_usage_sessions, generate_series(0, $1::integer - 1) k order by started_at, id, k`, l.blocks)
}

// oneStatement computes the sums of all shops by hand: what each customer pays for each
// plan and rate, rounded.
func oneStatement(ctx context.Context, b *testing.B, shops []bundle) (time.Duration, decimal.Decimal) {
	parts := make([]string, len(shops))
	for i, s := range shops {
		parts[i] = strings.ReplaceAll(`select b.user_id, s.service_type, b.rate, round(sum(b.rate * b.seconds) / 3600, 2) as amount, count(*) as blocks
			from SHOP.usage_blocks b join SHOP.kasm_usage_sessions s on s.id = b.session_id
			where b.starts_at < '2026-10-01Z' group by b.user_id, s.service_type, b.rate`, "SHOP", s.shop.Schema())
	}
	conn, err := pgx.Connect(ctx, tenanttest.Config(b).AdminURL)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	began := time.Now()
	var sum string
	if err := conn.QueryRow(ctx, `select sum(amount)::text from (`+strings.Join(parts, " union all ")+`) all_shops`).Scan(&sum); err != nil {
		b.Fatal(err)
	}
	return time.Since(began), dec(sum)
}

// BenchmarkBillRun bills a month of many shops, two at a time as `ezscale bill` does,
// and holds the time against one hand-written statement that computes the same sums and
// writes nothing. See loadFromEnv for its size.
func BenchmarkBillRun(b *testing.B) {
	l, ctx := loadFromEnv(b), context.Background()
	for b.Loop() {
		b.StopTimer()
		began := time.Now()
		shops := make([]bundle, l.shops)
		first := setup(b, "UTC", "USD", "2026-10-01T00:11:00Z")
		for i := range shops {
			shops[i] = first
			if i > 0 {
				shops[i].shop = another(b, first, i)
			}
			l.fill(b, shops[i])
		}
		settleDown(ctx, b)
		b.Logf("%d shops, %d sessions, %d blocks made in %s", l.shops, l.all(), l.all()*l.blocks, time.Since(began).Round(time.Second))
		byHand, want := oneStatement(ctx, b, shops)
		again, _ := oneStatement(ctx, b, shops)
		byHand = min(byHand, again)
		b.StartTimer()
		began = time.Now()
		total := runBills(ctx, b, first.Service, shops)
		took := time.Since(began)
		b.StopTimer()
		if !total.Equal(want) {
			b.Fatalf("the invoices come to %s, the statement to %s", total, want)
		}
		first.right(b, get[string](b, first, `select number from invoices order by number limit 1`))
		b.ReportMetric(float64(l.all())/took.Seconds(), "sessions/s")
		b.ReportMetric(took.Seconds()/byHand.Seconds(), "x-of-one-statement")
		b.ReportMetric(byHand.Seconds(), "statement-s")
		b.ReportMetric(took.Seconds(), "run-s")
		b.StartTimer()
	}
}

func another(b *testing.B, first bundle, i int) tenants.Tenant {
	slug := fmt.Sprintf("%s-%d", first.shop.Slug, i)
	t, _, err := first.db.Create(context.Background(), tenants.NewTenant{Name: "Shop", Email: "owner@" + slug + ".test", Slug: slug, Currency: "USD"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// settleDown lets the database write out what the preparation left, so that neither
// side of the comparison pays for it.
func settleDown(ctx context.Context, b *testing.B) {
	conn, err := pgx.Connect(ctx, tenanttest.Config(b).AdminURL)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, sql := range []string{"vacuum (analyze)", "checkpoint"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			b.Fatal(err)
		}
	}
}

func runBills(ctx context.Context, b *testing.B, s *billing.Service, shops []bundle) decimal.Decimal {
	next := make(chan bundle)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total decimal.Decimal
	)
	for range 2 {
		wg.Go(func() {
			for shop := range next {
				made, err := s.Bill(ctx, shop.shop, time.Time{}, false)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				for _, m := range made {
					total = total.Add(dec(m.Total))
				}
				mu.Unlock()
			}
		})
	}
	for _, shop := range shops {
		next <- shop
	}
	close(next)
	wg.Wait()
	return total
}
