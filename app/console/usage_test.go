package console

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// shop is a shop of the test's own, with customers, a desktop each and a clock.
type shop struct {
	t    testing.TB
	db   *tenants.DB
	shop tenants.Tenant
	now  *time.Time
	serv *Service
}

func newShop(t testing.TB, zone string) *shop {
	t.Helper()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := &shop{t: t, now: &now}
	s.db = tenanttest.DB(t, tenanttest.WithClock(func() time.Time { return *s.now }))
	s.shop = tenanttest.Shop(t, s.db)
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s.shop.TimeZone, s.shop.Zone = zone, place
	s.serv = New(Config{DB: s.db, Wall: time.Now})
	s.exec(`insert into users (id, email, name, password_hash, created_at) select md5('u' || n)::uuid, 'u' || n || '@example.com', 'Person ' || n, '', $1 from generate_series(0, 3) n`, now)
	s.exec(`insert into services (id, user_id, plan_id, service_type, status, created_at) select md5('s' || n)::uuid, md5('u' || n)::uuid, p.id, p.service_type, 'active', $1
from generate_series(0, 3) n join (select id, service_type, row_number() over (order by service_type) - 1 as k from plans) p on p.k = n % 2`, now)
	s.exec(`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
select md5('w' || s.id::text)::uuid, s.user_id, s.id, s.plan_id, t.id, s.service_type, t.name, 2, 4096, 'stopped', 'stopped', $1, $1
from services s, (select id, name from kasm_workspace_templates order by name limit 1) t`, now)
	return s
}

func (s *shop) exec(sql string, args ...any) {
	s.t.Helper()
	ctx := context.Background()
	if err := s.db.In(ctx, s.shop, func(tx tenants.Tx) error { _, err := tx.Exec(ctx, "-- test\n"+sql, args...); return err }); err != nil {
		s.t.Fatal(err)
	}
}

// block charges one block of somebody, in a session of its own.
func (s *shop) block(n int, user int, currency string, cents int, starts, charged time.Time) {
	s.t.Helper()
	session := uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, s.shop.ID, n))
	s.exec(`insert into kasm_usage_sessions (id, kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
select $1, w.id, w.user_id, $2, '', w.plan_id, 1, w.workspace_type, w.workspace_type, $4::numeric, $4::numeric / 2, 900, $5, $6, $6, $6, $6 from kasm_workspaces w where w.user_id = md5('u' || $3::text)::uuid`,
		session, n, fmt.Sprint(user), fmt.Sprintf("0.%02d", cents), currency, starts)
	s.exec(`insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
select id, 0, user_id, $2, 900, cost_per_hour, wholesale_cost_per_hour, currency, $2, $3 from kasm_usage_sessions where id = $1`, session, starts, charged)
}

// told is all that the console says of a span.
func (s *shop) told(from, to time.Time) string {
	s.t.Helper()
	var days []Day
	var plans, buyers []Part
	var crowd Crowd
	z := s.shop.Zone
	if err := s.db.Read(context.Background(), s.shop, DaysQ(&days, from, to, z, "USD"), PlansQ(&plans, from, to, z, "USD"), BuyersQ(&buyers, from, to, z, "USD", 0), CrowdQ(&crowd, from, to, z, "USD")); err != nil {
		s.t.Fatal(err)
	}
	text := fmt.Sprintln(crowd.Buyers)
	figures := func(f Figures) string {
		return fmt.Sprintln(f.Retail.Round(8), f.Wholesale.Round(8), f.Seconds)
	}
	for _, d := range days {
		text += d.Date.Format(time.DateOnly) + " " + figures(d.Figures)
	}
	for _, p := range append(plans, buyers...) {
		text += p.Name + " " + figures(p.Figures)
	}
	return text
}

func (s *shop) roll() {
	s.t.Helper()
	if err := s.serv.Roll(context.Background(), s.shop); err != nil {
		s.t.Fatal(err)
	}
}

// What is summed up by the day says the same as the blocks, whenever it is done and
// however late a block is charged.
func TestSumsSayWhatTheBlocksSay(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"America/New_York", "Pacific/Auckland"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			s, n := newShop(t, zone), 0
			rapid.Check(t, func(rt *rapid.T) {
				s.exec(`delete from usage_rolled`)
				s.exec(`delete from usage_days`)
				s.exec(`delete from usage_buyers`)
				for range rapid.IntRange(1, 3).Draw(rt, "steps") {
					for range rapid.IntRange(0, 3).Draw(rt, "blocks") {
						n++
						charged := s.now.Add(-time.Duration(rapid.IntRange(0, 120).Draw(rt, "minutes ago")) * time.Minute)
						starts := charged.Add(-time.Duration(rapid.IntRange(0, 24*40).Draw(rt, "late by hours")) * time.Hour)
						currency := rapid.SampledFrom([]string{"USD", "USD", "EUR"}).Draw(rt, "currency")
						s.block(n, rapid.IntRange(0, 3).Draw(rt, "user"), currency, rapid.IntRange(1, 99).Draw(rt, "cents"), starts, charged)
					}
					*s.now = s.now.Add(time.Duration(rapid.IntRange(1, 24*50).Draw(rt, "hours pass")) * time.Hour)
					if rapid.Bool().Draw(rt, "roll") {
						s.roll()
					}
				}
				local := s.now.In(s.shop.Zone)
				day := func(back int) time.Time {
					return time.Date(local.Year(), local.Month(), local.Day()-back, 0, 0, 0, 0, s.shop.Zone)
				}
				from := rapid.IntRange(1, 90).Draw(rt, "from")
				to := rapid.IntRange(0, from-1).Draw(rt, "to")
				got := s.told(day(from), day(to)) + s.told(day(400), s.now.AddDate(0, 0, 1))
				s.exec(`update usage_rolled set time_zone = 'nowhere'`)
				if want := s.told(day(from), day(to)) + s.told(day(400), s.now.AddDate(0, 0, 1)); got != want {
					rt.Fatalf("the sums say\n%s\nthe blocks say\n%s", got, want)
				}
			})
		})
	}
}

func TestSumsFollowTheShopsTimeZone(t *testing.T) {
	t.Parallel()
	s := newShop(t, "UTC")
	s.block(1, 0, "USD", 40, time.Date(2026, 11, 2, 2, 0, 0, 0, time.UTC), time.Date(2026, 11, 2, 2, 0, 0, 0, time.UTC))
	from, to := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	s.roll()
	if got, want := s.told(from, to), "1\n2026-11-02 0.1 0.05 900\nbusiness_basic 0.1 0.05 900\nPerson 0 0.1 0.05 900\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.shop.TimeZone = "America/New_York"
	s.shop.Zone, _ = time.LoadLocation(s.shop.TimeZone)
	from, to = time.Date(2026, 11, 1, 0, 0, 0, 0, s.shop.Zone), time.Date(2026, 12, 1, 0, 0, 0, 0, s.shop.Zone)
	want := "1\n2026-11-01 0.1 0.05 900\nbusiness_basic 0.1 0.05 900\nPerson 0 0.1 0.05 900\n"
	for range 2 { // as blocks, and summed up anew
		if got := s.told(from, to); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s.roll()
	}
	var rolled Rolled
	var found bool
	if err := s.db.Read(context.Background(), s.shop, RolledQ(&rolled, &found)); err != nil || rolled.Behind(found, *s.now, s.shop.Zone) {
		t.Errorf("%+v %v %v", rolled, found, err)
	}
}
