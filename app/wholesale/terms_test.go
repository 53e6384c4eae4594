package wholesale

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func TestTiersAndOverridesR24(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	check := func(tier, discount, fee, commission string) {
		t.Helper()
		terms, err := w.Terms(context.Background(), w.shop)
		if err != nil || terms.Tier != tier || !terms.Discount.Equal(dec(discount)) || !terms.Fee.Equal(dec(fee)) || !terms.Commission.Equal(dec(commission)) {
			t.Errorf("want %s %s %s %s, got %+v, %v", tier, discount, fee, commission, terms, err)
		}
	}
	check("basic", "0", "0", "20")
	w.agree(t, Change{Tier: ptr("pro")})
	check("pro", "10", "49", "15")
	w.agree(t, Change{Discount: figure("12.5"), Fee: figure("0"), Commission: figure("7")})
	check("pro", "12.5", "0", "7")
	shop, _ := w.DB.Registry().ByID(w.shop.ID)
	if rate, _ := shop.WholesaleRate("business_basic"); !rate.Equal(dec("0.105")) {
		t.Errorf("want new sessions at 0.105, got %s", rate)
	}
	w.agree(t, Change{Discount: &Figure{Tier: true}, Fee: &Figure{Tier: true}})
	check("pro", "10", "49", "7")
	for name, c := range map[string]Change{"tier": {Tier: ptr("gold")}, "mode": {Mode: ptr("barter")}, "cycle_day": {CycleDay: ptr(29)}, "discount": {Discount: figure("101")}, "fee": {Fee: figure("-1")}} {
		if _, err := w.Agree(context.Background(), "x", w.shop, c); !fail.Is(err, fail.Invalid) {
			t.Errorf("%s: want it refused, got %v", name, err)
		}
	}
}

// TestFeeOfTheFirstAndLastMonthR24 tries every cycle day and every day of joining.
func TestFeeOfTheFirstAndLastMonthR24(t *testing.T) {
	t.Parallel()
	for day := 1; day <= 28; day++ {
		for shift := range 62 {
			came := at("2026-01-15T13:00:00Z").AddDate(0, 0, shift)
			terms := Terms{CycleDay: day, CreatedAt: came, Settings: Settings{TimeZone: "UTC"}}
			first := cycleFrom(time.UTC, begins(time.UTC, civil(time.UTC, came)), day)
			due, whole := terms.feeDays(first)
			if want := daysBetween(civil(time.UTC, came), civil(time.UTC, first.End)); due != want || due < 1 || due > whole || first.End.Day() != day {
				t.Fatalf("day %d, came %s: %d of %d days up to %s", day, came, due, whole, first.End)
			}
			if due == whole && civil(time.UTC, came).Day() != day {
				t.Fatalf("day %d, came %s: a part of a month costs all of it", day, came)
			}
			second := cycleFrom(time.UTC, first.End, day)
			if due, whole := terms.feeDays(second); due != whole {
				t.Fatalf("the second month has %d of %d days", due, whole)
			}
			gone := second.Start.AddDate(0, 0, 9).Add(5 * time.Hour)
			terms.ClosedAt = &gone
			if due, _ := terms.feeDays(second); due != 10 {
				t.Fatalf("closed on the tenth day: %d days", due)
			}
			if due, _ := terms.feeDays(cycleFrom(time.UTC, second.End, day)); due != 0 {
				t.Fatalf("after it was closed: %d days", due)
			}
		}
	}
}

func TestFeeOnTheInvoice(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ came, tier, fee, want string }{
		{"2026-09-16T10:00:00Z", "pro", "30", "15.00"},
		{"2026-09-01T10:00:00Z", "pro", "", "49.00"},
		{"2026-09-30T23:59:00Z", "enterprise", "", "6.63"}, // 199 ÷ 30
	} {
		t.Run(tc.came, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.came)
			c := Change{Tier: &tc.tier}
			if tc.fee != "" {
				c.Fee = figure(tc.fee)
			}
			w.agree(t, c)
			w.set("2026-10-01T00:00:05Z")
			made := w.bill(t)
			if len(made) != 1 || made[0].Total != tc.want {
				t.Fatalf("want %s, got %+v", tc.want, made)
			}
			if inv, items := w.invoice(t, made[0].Number); !inv.PlatformFee.Equal(inv.Total) || items[0].Kind != KindFee {
				t.Errorf("want it as the platform fee: %+v", inv)
			}
		})
	}
}

func TestTrialPaysUsageOnlyR24(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T12:00:00Z", func(n *tenants.NewTenant) { n.TrialDays = 45 })
	w.agree(t, Change{Tier: ptr("pro"), Fee: figure("31")})
	w.session(t, session{start: "2026-09-03T10:00:00Z", blocks: 5})
	w.set("2026-10-01T00:00:05Z")
	if made := w.bill(t); len(made) != 1 || made[0].Total != "0.15" {
		t.Errorf("in trial: want 0.15, got %+v", made)
	}
	w.set("2026-11-01T00:00:05Z") // the trial ends on 16 October at noon: 15 days of 31 are left
	if made := w.bill(t); len(made) != 1 || made[0].Total != "15.00" {
		t.Errorf("after it: want 15.00, got %+v", made)
	}
}

func TestNothingToBillMakesNoInvoiceR3(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-10T00:00:00Z")
	w.set("2026-12-01T00:00:05Z")
	if made := w.bill(t); len(made) != 0 {
		t.Errorf("want none, got %+v", made)
	}
	terms, err := w.Terms(context.Background(), w.shop)
	if err != nil || terms.NextBillingDate == nil || terms.NextBillingDate.Format(time.DateOnly) != "2027-01-01" {
		t.Errorf("want the next bill on 1 January, got %v, %v", terms.NextBillingDate, err)
	}
}

func TestCycleDayAndZoneOfTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.agree(t, Change{CycleDay: ptr(5)})
	w.session(t, session{start: "2026-10-04T23:30:00Z", blocks: 4}) // two blocks before midnight, two after
	w.set("2026-10-05T00:00:05Z")
	made := w.bill(t)
	if len(made) != 1 || made[0].Total != "0.06" {
		t.Fatalf("want the two blocks before the edge, got %+v", made)
	}
	inv, _ := w.invoice(t, made[0].Number)
	if !inv.CycleStart.Equal(at("2026-09-05")) || !inv.CycleEnd.Equal(at("2026-10-05")) || inv.DueDate.Format(time.DateOnly) != "2026-10-19" {
		t.Errorf("the edges: %s to %s, due %s", inv.CycleStart, inv.CycleEnd, inv.DueDate)
	}
}

func TestCyclesMeetWithoutGapsR5(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "America/New_York", "Europe/Berlin", "Asia/Beirut", "America/Havana", "Pacific/Apia", "America/Sao_Paulo"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		start := begins(zone, at("2010-01-01").AddDate(0, 0, rapid.IntRange(0, 6000).Draw(t, "day")))
		for range 14 {
			day := rapid.IntRange(1, 28).Draw(t, "cycle day")
			c := cycleFrom(zone, start, day)
			if !c.End.After(c.Start) || c.End.Sub(c.Start) > 32*24*time.Hour {
				t.Fatalf("a cycle from %s to %s", c.Start, c.End)
			}
			if before := c.End.Add(-time.Nanosecond).In(zone); before.Day() == c.End.In(zone).Day() && before.Month() == c.End.In(zone).Month() {
				t.Fatalf("%s is not the first moment of its day in %s", c.End, zone)
			}
			start = c.End
		}
	})
}

func TestCommissionCountsPaymentsNetOfTaxAndRefundsR24(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	w.agree(t, Change{Mode: ptr(ModeCommission), Commission: figure("15"), Fee: figure("5")})
	user := w.customer(t)
	w.session(t, session{user: user, start: "2026-09-03T10:00:00Z", blocks: 5})
	w.exec(t, `insert into tax_rates (name, tax_class, percent) values ('VAT', 'standard', 20)`)
	invoice := uuid.New()
	w.exec(t, `insert into invoices (id, user_id, status, cycle_start, period_start, period_end, currency, subtotal, tax, total, amount_due, due_date, created_at)
		values ($1, $2, 'draft', $3, $3, $4, 'USD', 100, 20, 120, 0, '2026-09-10', $3)`, invoice, user, at("2026-08-01"), at("2026-09-01"))
	pay := func(kind string, of *uuid.UUID, amount, when string) uuid.UUID {
		id := uuid.New()
		w.exec(t, `insert into payments (id, user_id, kind, invoice_id, amount, currency, method, status, idempotency_key, created_at, updated_at, succeeded_at)
			values ($1::uuid, $2, $3, $4, $5::text::numeric, 'USD', 'card', 'succeeded', $1::uuid::text, $6, $6, $6)`, id, user, kind, of, amount, at(when))
		return id
	}
	first := pay("invoice", &invoice, "120", "2026-09-10T10:00:00Z")                                                                                                                             // 100 net
	pay("topup", nil, "60", "2026-09-11T10:00:00Z")                                                                                                                                              // 50 net
	pay("topup", nil, "600", "2026-08-31T10:00:00Z")                                                                                                                                             // before the reseller's time
	w.exec(t, `insert into refunds (payment_id, amount, currency, status, idempotency_key, created_at, succeeded_at) values ($1, 30, 'USD', 'succeeded', 'r', $2, $2)`, first, at("2026-09-20")) // 25 net
	w.set("2026-10-01T00:00:05Z")
	made := w.bill(t)
	if len(made) != 1 || made[0].Total != "23.75" { // 15 % of 125 = 18.75, and 5
		t.Fatalf("want 23.75, got %+v", made)
	}
	inv, items := w.invoice(t, made[0].Number)
	if !inv.Commission.Equal(dec("18.75")) || !inv.PlatformFee.Equal(dec("5")) || !inv.UsageCharges.IsZero() || len(items) != 2 {
		t.Errorf("the invoice: %+v, %+v", inv, items)
	}
	if n := get[int](t, w, `select count(*)::int from wholesale_items where kind = 'covered' and blocks = 5 and amount = 0`); n != 1 {
		t.Errorf("want the blocks covered by the commission, got %d lines", n)
	}
	// More goes back than comes in: it waits until the sum is above zero again.
	w.agree(t, Change{Fee: figure("0")})
	w.exec(t, `insert into refunds (payment_id, amount, currency, status, idempotency_key, created_at, succeeded_at) values ($1, 60, 'USD', 'succeeded', 'r2', $2, $2)`, first, at("2026-10-20")) // 50 net
	w.set("2026-11-01T00:00:05Z")
	if made := w.bill(t); len(made) != 0 {
		t.Errorf("want nothing for October, got %+v", made)
	}
	pay("topup", nil, "120", "2026-11-11T10:00:00Z")
	w.set("2026-12-01T00:00:05Z")
	if made := w.bill(t); len(made) != 1 || made[0].Total != "7.50" {
		t.Errorf("want 15 %% of 50 for November, got %+v", made)
	}
	// Back to prices for blocks: what the commission covered is not charged again.
	w.agree(t, Change{Mode: ptr(ModeWholesale)})
	w.session(t, session{user: user, start: "2026-12-03T10:00:00Z", blocks: 2})
	w.set("2027-01-01T00:00:05Z")
	if made := w.bill(t); len(made) != 1 || made[0].Total != "0.06" {
		t.Errorf("want the two blocks of December, got %+v", made)
	}
}

func TestMonthlyPricesFollowTheCustomersDaysR25(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-09-01T00:00:00Z")
	user := w.customer(t)
	w.session(t, session{user: user, start: "2026-09-03T10:00:00Z", blocks: 0})
	invoice, sub, item := uuid.New(), uuid.New(), uuid.New()
	w.exec(t, `insert into subscriptions (id, user_id, plan_id, service_id, service_type, plan_name, status, price, wholesale_price, currency, started_at)
		select $1, $2, v.plan_id, v.id, v.service_type, 'Business Basic', 'active', 30, 18, 'USD', $3 from services v limit 1`, sub, user, at("2026-09-16T08:00:00Z"))
	w.exec(t, `insert into invoices (id, user_id, status, cycle_start, period_start, period_end, currency, subtotal, total, due_date, created_at, kind)
		values ($1, $2, 'draft', $3, $3, $4, 'USD', 15, 15, '2026-09-23', $3, 'subscription')`, invoice, user, at("2026-09-16T08:00:00Z"), at("2026-10-01"))
	w.exec(t, `insert into invoice_items (id, invoice_id, position, kind, description, workspace_type, cost_per_hour, block_seconds, blocks, quantity, exact, amount, currency, period_start, period_end, subscription_id)
		values ($1, $2, 1, 'subscription', 'x', 'business_basic', 0, 900, 0, 0.5, 15, 15, 'USD', $3, $4, $5)`, item, invoice, at("2026-09-16"), at("2026-10-01"), sub)
	w.exec(t, `update invoices set status = 'open', number = $2, finalised_at = $3 where id = $1`, invoice, fmt.Sprint("INV-", invoice), at("2026-09-16T08:00:00Z"))
	w.set("2026-10-01T00:00:05Z")
	made := w.bill(t)
	if len(made) != 1 || made[0].Total != "9.00" {
		t.Fatalf("want 15 of 30 days of 18.00, got %+v", made)
	}
	if inv, _ := w.invoice(t, made[0].Number); !inv.SubscriptionCharges.Equal(dec("9")) {
		t.Errorf("want it under subscriptions: %+v", inv)
	}
	w.set("2026-11-01T00:00:05Z")
	if made := w.bill(t); len(made) != 0 {
		t.Errorf("the same days again: %+v", made)
	}
}
