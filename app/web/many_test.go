package web

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// What a page may cost, whatever the number of customers: so many statements, the
// sign-in's and all others included, and on the machine of a benchmark so many
// milliseconds. All that there is about one customer is more, still in three round trips.
const (
	mostStatements   = 12
	mostOfOne        = 17
	mostMilliseconds = 150
)

// asking opens the database once more, over connections that tell what is asked. What
// the registry of shops asks, whenever a test beside this one makes one, is no page's.
func asking(t testing.TB, tell func(sql string)) *tenants.DB {
	cfg := tenanttest.Config(t)
	cfg.Statement = func(sql string) {
		for _, registry := range []string{"-- tenants\n", "-- verified domains\n", "-- wholesale prices\n"} {
			if strings.HasPrefix(sql, registry) {
				return
			}
		}
		tell(sql)
	}
	db, err := tenants.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// many fills a shop with n customers who came over three years. Each fifth has a
// desktop, twelve sessions of an hour in the last year, and an invoice a month.
func (d desktops) many(n int) {
	d.t.Helper()
	for _, sql := range []string{
		`insert into users (id, email, name, password_hash, role, status, email_verified_at, created_at)
		 select md5('u' || n)::uuid, 'person' || n || '@example.org', 'Person ' || n, '', 'customer', case when n % 97 = 0 then 'suspended' else 'active' end, $2, $2::timestamptz - n * interval '1095 days' / $1
		 from generate_series(1, $1::int) n`,
		`insert into ledger_accounts (user_id, kind, currency, balance) select md5('u' || n)::uuid, 'credit', 'USD', n % 50 from generate_series(1, $1::int) n where $2::timestamptz is not null`,
		`insert into ledger_entries (cause, account_id, amount, description, actor, created_at)
		 select 'seed:' || a.user_id || m, a.id, 1, 'Credit', 'seed', $2::timestamptz - m * interval '30 days' from ledger_accounts a, generate_series(1, 4) m where a.user_id is not null and $1 > 0`,
		`insert into services (id, user_id, plan_id, service_type, status, created_at, provisioned_at)
		 select md5('s' || n)::uuid, md5('u' || n)::uuid, p.id, p.service_type, 'active', $2::timestamptz - n * interval '365 days' / $1, $2::timestamptz - n * interval '365 days' / $1
		 from generate_series(1, $1::int) n, plans p where n % 5 = 0 and p.service_type = 'developer_basic'`,
		`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, observed_state, status, changed_at, created_at, provisioned_at, last_started_at)
		 select md5('w' || s.id::text)::uuid, s.user_id, s.id, s.plan_id, t.id, s.service_type, t.name, 2, 4096, 'stopped', 'stopped', 'stopped', $2, s.created_at, s.created_at, s.created_at
		 from services s, (select id, name from kasm_workspace_templates order by name limit 1) t where $1 > 0`,
		`insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, ended_by, started_at, last_proof_at, stopped_at, duration_seconds, duration_billable_seconds, total_cost, created_at)
		 select md5(w.id::text || m)::uuid, w.id, w.user_id, m, 'd', w.plan_id, 1, 'Developer Basic', 'developer_basic', 0.15, 0.09, 900, 'USD', 'customer', at, at + interval '1 hour', at + interval '1 hour', 3600, 3600, 0.15, at
		 from kasm_workspaces w, generate_series(1, 12) m, lateral (select $2::timestamptz - m * interval '30 days' + (hashtext(w.id::text) % 1000) * interval '15 minutes' as at) b where $1 > 0`,
		`insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
		 select s.id, k, s.user_id, s.started_at + k * interval '15 minutes', 900, 0.15, 0.09, 'USD', s.started_at, s.started_at
		 from kasm_usage_sessions s, generate_series(0, 3) k where $1 > 0 and $2::timestamptz is not null order by s.started_at`,
		`insert into invoices (user_id, number, status, period_start, period_end, currency, subtotal, total, amount_due, due_date, created_at, finalised_at, paid_at)
		 select s.user_id, 'SEED-' || m || '-' || row_number() over (), case when m = 1 then 'open' else 'paid' end, at, at + interval '1 month', 'USD', 1, 1, case when m = 1 then 1 else 0 end, at::date, at, at, case when m > 1 then at end
		 from services s, generate_series(1, 12) m, lateral (select date_trunc('month', $2::timestamptz) - m * interval '1 month' as at) b where $1 > 0`,
		`insert into payments (user_id, kind, amount, currency, method, status, idempotency_key, created_at, updated_at) select user_id, 'topup', 1, 'USD', 'bank', 'succeeded', id::text, created_at, created_at from invoices where $1 > 0 and $2::timestamptz is not null`,
		`insert into audit_log (at, actor, action, subject, detail)
		 select $2::timestamptz - n * interval '30 seconds', 'user:' || md5('u' || n)::uuid, 'user.create', md5('u' || n)::uuid::text, '{"reason": "seed"}' from generate_series(1, $1::int * 2) n`,
	} {
		d.exec(sql, n, noon)
	}
	d.exec(`analyze users, ledger_accounts, ledger_entries, services, kasm_workspaces, kasm_usage_sessions, usage_blocks, invoices, payments, audit_log`)
}

type costly struct{ name, host, path string }

func (c costly) most() int64 {
	if strings.HasPrefix(c.path, "/reseller/customers/") {
		return mostOfOne
	}
	return mostStatements
}

// apart are pages that look into each shop that they list, so that what they ask grows
// with that, and those that work out a bill of every customer or shop before they show
// it: they end after some seconds and go on on the next page.
var apart = []string{"/reseller/rehearsal", "/admin/rehearsal", "/admin/wholesale/rehearsal", "/admin/settlement", "/admin", "/admin/attention", "/admin/resellers", "/admin/servers"}

// consolePages is every page of the consoles that lists something or sums it up: at
// its beginning, far from it, and searched.
func (w *world) consolePages() (pages []costly) {
	for _, r := range Routes() {
		desk := (r.guard == reseller || r.guard == owner) && strings.HasPrefix(r.Path, "/reseller")
		if slices.Contains(apart, r.Path) || r.Method != http.MethodGet || strings.Contains(r.Path, ":") || strings.HasSuffix(r.Path, ".csv") || !desk && r.guard != operator {
			continue
		}
		if slices.Contains([]string{"/reseller/branding/logo", "/reseller/branding/preview.css", "/reseller/pricing/margin"}, r.Path) { // parts of pages
			continue
		}
		host := w.host(w.a)
		if r.guard == operator {
			host = tenanttest.Domain
		}
		pages = append(pages, costly{r.Path, host, r.Path})
	}
	shop := w.host(w.a)
	old := noon.AddDate(-2, -11, 0)
	far := console.Cursor(old, uuid.Max)
	for path, cursor := range map[string]string{"/reseller": far, "/reseller/customers": far, "/reseller/workspaces": console.Cursor(noon.AddDate(0, -11, -20), uuid.Max)} {
		pages = append(pages, costly{path + " last", shop, path + "?cursor=" + cursor})
	}
	for _, search := range []string{"/reseller?q=person99998", "/reseller/customers?q=person99998", "/reseller/customers?q=nobody-at-all", "/reseller/customers?state=suspended", "/reseller/customers?state=parked",
		"/reseller/workspaces?q=person99995", "/reseller/workspaces?q=nobody-at-all", "/reseller/workspaces?state=failed", "/reseller/invoices?q=person99995", "/reseller/invoices?q=nobody-at-all", "/reseller/invoices?status=overdue", "/reseller/invoices?before=" + url.QueryEscape(noon.AddDate(0, -11, 0).Format(time.RFC3339)),
		"/reseller/usage?month=" + noon.AddDate(0, -3, 0).Format("2006-01"), "/reseller/audit?q=nobody-at-all", "/reseller/audit?who=customers", "/reseller/audit?about=prices", "/reseller/audit?to=" + noon.AddDate(0, -2, 0).Format(time.DateOnly)} {
		pages = append(pages, costly{search, shop, search})
	}
	slices.SortFunc(pages, func(a, b costly) int { return strings.Compare(a.name, b.name) })
	return pages
}

// crowdedWorld is a shop with many customers, its owner and an operator at their desks.
func crowdedWorld(t testing.TB, n int, tell func(string)) (w *world, as map[string]*browser, ofOne string) {
	t.Helper()
	w = newWorldOn(t, asking(t, tell), withBus(t))
	desksIn(w, w.a).many(n)
	w.person(w.a, "owner@example.com", accounts.Owner)
	as = map[string]*browser{w.host(w.a): w.at(w.a).signIn("/reseller", "owner@example.com"), tenanttest.Domain: w.central().signIn("/admin", w.operator().Email)}
	var one uuid.UUID
	err := w.deps.DB.In(context.Background(), w.a, func(tx tenants.Tx) (err error) {
		one, err = tenants.Get[uuid.UUID](context.Background(), tx, "customer", `-- test: somebody with a desktop
select user_id from services order by created_at limit 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, as, "/reseller/customers/" + one.String()
}

func TestNoPageOfTheConsolesAsksMuch(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	w, as, one := crowdedWorld(t, 400, func(string) { asked.Add(1) })
	if err := w.deps.Console.Roll(t.Context(), w.a); err != nil {
		t.Fatal(err)
	}
	pages := append(w.consolePages(), costly{"a customer", w.host(w.a), one})
	for _, p := range pages {
		for range 3 { // statements are prepared once
			as[p.host].get(p.path).want(200)
		}
		least := int64(math.MaxInt64)
		for range 4 {
			before := asked.Load()
			as[p.host].get(p.path)
			least = min(least, asked.Load()-before)
		}
		if testing.Verbose() {
			t.Logf("%3d  %s", least, p.name)
		}
		if most := p.most(); least > most {
			t.Errorf("%s asks %d statements, at most %d are allowed", p.name, least, most)
		}
	}
}

// BenchmarkAHundredThousandCustomers opens every page of the consoles.
func BenchmarkAHundredThousandCustomers(b *testing.B) {
	var asked atomic.Int64
	w, as, one := crowdedWorld(b, 100_000, func(string) { asked.Add(1) })
	b.Run("days are summed up for the first time", func(b *testing.B) {
		for b.Loop() {
			if err := w.deps.Console.Roll(b.Context(), w.a); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, p := range append(w.consolePages(), costly{"a customer", w.host(w.a), one}) {
		b.Run(p.name, func(b *testing.B) {
			ask := func() time.Duration {
				r := httptest.NewRequest("GET", "http://placeholder.test"+p.path, nil)
				r.Host, r.RemoteAddr = p.host, w.ip
				for _, c := range as[p.host].cookies {
					r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
				}
				rec, began := httptest.NewRecorder(), time.Now()
				w.handler.ServeHTTP(rec, r)
				if rec.Code != http.StatusOK {
					b.Fatalf("%s: status %d", p.path, rec.Code)
				}
				return time.Since(began)
			}
			first := ask()
			before := asked.Load()
			var total time.Duration
			for b.Loop() {
				total += ask()
			}
			b.ReportMetric(float64(first.Microseconds())/1000, "first-ms")
			b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), "ms/page")
			b.ReportMetric(float64(asked.Load()-before)/float64(b.N), "statements/page")
			if mean := total / time.Duration(b.N); mean > mostMilliseconds*time.Millisecond {
				b.Log(fmt.Sprintf("%s takes %v", p.name, mean))
			}
		})
	}
}
