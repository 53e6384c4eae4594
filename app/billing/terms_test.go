package billing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// monthly gives a plan a monthly price and a trial.
func (b bundle) monthly(t testing.TB, price string, trial int) {
	t.Helper()
	b.exec(t, `update plans set price = $1::text::numeric, trial_days = $2 where service_type = 'business_basic'`, price, trial)
}

// order is what an order of the plan does for billing.
func (b bundle) order(user uuid.UUID) (service uuid.UUID, err error) {
	service = uuid.New()
	err = b.db.In(context.Background(), b.shop, func(tx tenants.Tx) error {
		plan, err := tenants.Get[uuid.UUID](context.Background(), tx, "plan", `insert into services (id, user_id, plan_id, service_type, created_at)
			select $1, $2, id, service_type, $3 from plans where service_type = 'business_basic' returning plan_id`, service, user, tx.Now())
		if err != nil {
			return err
		}
		return b.Ordered(context.Background(), tx, user, service, plan)
	})
	return service, err
}

func want(t testing.TB, what string, got decimal.Decimal, expected string) {
	t.Helper()
	if !got.Equal(dec(expected)) {
		t.Errorf("%s: want %s, got %s", what, expected, got)
	}
}

func subscription(t testing.TB, b bundle, user uuid.UUID) billing.Subscription {
	t.Helper()
	var all []billing.Subscription
	if err := b.db.Read(t.Context(), b.shop, billing.SubscriptionsQ(&all, user)); err != nil || len(all) != 1 {
		t.Fatalf("want one subscription, got %d, %v", len(all), err)
	}
	return all[0]
}

func TestSubscriptionFirstPartV53R25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-16T10:00:00Z")
	b.monthly(t, "30.00", 0)
	user := b.customer(t, "a@x.test")
	b.give(t, user, "20")
	if _, err := b.order(user); err != nil {
		t.Fatal(err)
	}
	want(t, "credit after the order", b.balance(t, user), "5")
	want(t, "first part", get[decimal.Decimal](t, b, `select total from invoices where user_id = $1 and status = 'paid' and kind = 'subscription'`, user), "15")

	// A change of price is for new orders; the month is billed in advance on the invoice
	// of the month that ends.
	b.monthly(t, "99.00", 0)
	b.set(at(t, "2026-10-01T00:00:01Z"))
	made := b.close(t, "2026-10-01T00:00:00Z")
	if len(made) != 1 {
		t.Fatalf("want one invoice, got %d", len(made))
	}
	want(t, "October", made[0].Total, "30")
	want(t, "left to pay", made[0].AmountDue, "25")
	if again := b.close(t, "2026-10-01T00:00:00Z"); len(again) != 0 {
		t.Errorf("October was billed again: %v", again)
	}
	b.right(t, made[0].Number)

	// Cancelled in October it runs to the end of it, and is not billed again (R25).
	sub := subscription(t, b, user)
	if _, err := b.Cancel(t.Context(), b.shop, uuid.New(), sub.ID, "x"); !fail.Is(err, fail.NotFound) {
		t.Errorf("a stranger cancelled: %v", err)
	}
	sub, err := b.Cancel(t.Context(), b.shop, user, sub.ID, "customer")
	if err != nil || sub.Status != billing.Cancelling || !sub.EndsAt.Equal(at(t, "2026-11-01T00:00:00Z")) {
		t.Fatalf("got %+v, %v", sub, err)
	}
	if sub, err = b.Keep(t.Context(), b.shop, user, sub.ID, "customer"); err != nil || sub.Status != billing.Subscribed || sub.EndsAt != nil {
		t.Fatalf("got %+v, %v", sub, err)
	}
	if _, err = b.Cancel(t.Context(), b.shop, user, sub.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	b.set(at(t, "2026-11-01T00:00:01Z"))
	if made := b.close(t, "2026-11-01T00:00:00Z"); len(made) != 0 {
		t.Errorf("a cancelled subscription was billed: %+v", made)
	}
	if sub = subscription(t, b, user); sub.Status != billing.Ended {
		t.Errorf("it is %s", sub.Status)
	}
	if _, err = b.Keep(t.Context(), b.shop, user, sub.ID, "customer"); !fail.Is(err, fail.Conflict) {
		t.Errorf("an ended one was kept: %v", err)
	}
	b.proved(t)
}

// TestOrderWithoutMoneyIsRefusedR14: nothing is written when nothing pays.
func TestOrderWithoutMoneyIsRefusedR14(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-16T10:00:00Z")
	b.monthly(t, "30.00", 0)
	user := b.customer(t, "a@x.test")
	b.give(t, user, "14.99")
	if _, err := b.order(user); !fail.Is(err, fail.PaymentRequired) {
		t.Fatalf("want 402, got %v", err)
	}
	want(t, "rows", get[decimal.Decimal](t, b, `select (select count(*) from subscriptions) + (select count(*) from invoices) + (select count(*) from services) + (select coalesce(sum(value), 0) from counters where name = 'invoice')`), "0")
	b.exec(t, `insert into payment_methods (user_id, processor_customer, processor_id, is_default, created_at) values ($1, 'c', 'pm', true, $2)`, user, *b.clock.Load())
	if _, err := b.order(user); err != nil {
		t.Fatal(err)
	}
	want(t, "left for the card", get[decimal.Decimal](t, b, `select amount_due from invoices where number = 'INV-2026-000001'`), "0.01")
}

func TestTrialR25(t *testing.T) {
	t.Parallel()
	b := setup(t, "America/New_York", "USD", "2026-10-20T15:00:00Z")
	b.monthly(t, "30.00", 14) // over a change of the clock
	user := b.customer(t, "a@x.test")
	if _, err := b.order(user); err != nil {
		t.Fatal(err)
	}
	sub := subscription(t, b, user)
	if sub.Status != billing.Trial || !sub.TrialEndsAt.Equal(at(t, "2026-11-03T16:00:00Z")) {
		t.Fatalf("got %+v", sub)
	}
	b.set(at(t, "2026-11-01T04:00:01Z"))
	if made := b.close(t, "2026-11-01T04:00:00Z"); len(made) != 0 {
		t.Fatalf("a trial was billed: %+v", made)
	}
	early := b.OnSubscriptionDue(t.Context(), &bus.Message{Tenant: b.shop, Name: "subscription.due", Key: sub.ID.String()})
	if early == nil {
		t.Error("the trial was ended early")
	}
	b.set(at(t, "2026-11-03T16:00:00Z"))
	if err := b.OnSubscriptionDue(t.Context(), &bus.Message{Tenant: b.shop, Name: "subscription.due", Key: sub.ID.String()}); err != nil {
		t.Fatal(err)
	}
	want(t, "28 of 30 days", get[decimal.Decimal](t, b, `select total from invoices where user_id = $1`, user), "28")
	if err := b.OnSubscriptionDue(t.Context(), &bus.Message{Tenant: b.shop, Name: "subscription.due", Key: sub.ID.String()}); !errors.Is(err, bus.ErrAlreadyDone) {
		t.Fatal(err)
	}
	want(t, "billed once", get[decimal.Decimal](t, b, `select count(*)::numeric from invoices where user_id = $1`, user), "1")
}

func TestDestroyCancelsR25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-16T10:00:00Z")
	b.monthly(t, "30.00", 0)
	user := b.customer(t, "a@x.test")
	b.give(t, user, "20")
	service, err := b.order(user)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `update services set status = 'terminated' where id = $1`, service)
	b.in(t, func(ctx context.Context, tx tenants.Tx) error { return b.Destroyed(ctx, tx, service) })
	sub := subscription(t, b, user)
	if sub.Status != billing.Cancelling || !sub.EndsAt.Equal(at(t, "2026-10-01T00:00:00Z")) {
		t.Errorf("got %+v", sub)
	}
	if _, err := b.Keep(t.Context(), b.shop, user, sub.ID, "customer"); !fail.Is(err, fail.Conflict) {
		t.Errorf("kept without a workspace: %v", err)
	}
	want(t, "nothing is given back", b.balance(t, user), "5")
}

func TestCouponMonthsR11(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	months, uses := 2, 1
	ten, five := dec("10"), dec("5")
	if _, err := b.CreateCoupon(t.Context(), b.shop, billing.NewCoupon{Code: "ten", Percent: &ten, Months: &months, MaxUses: &uses, Actor: "owner"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateCoupon(t.Context(), b.shop, billing.NewCoupon{Code: "TEN", Percent: &ten, Actor: "owner"}); !fail.Is(err, fail.Invalid) {
		t.Errorf("a code was given twice: %v", err)
	}
	if _, err := b.CreateCoupon(t.Context(), b.shop, billing.NewCoupon{Code: "BOTH", Percent: &ten, Amount: &five, Actor: "owner"}); !fail.Is(err, fail.Invalid) {
		t.Errorf("a coupon of both kinds: %v", err)
	}
	user, other := b.customer(t, "a@x.test"), b.customer(t, "b@x.test")
	if err := b.Redeem(t.Context(), b.shop, user, " Ten "); err != nil {
		t.Fatal(err)
	}
	for _, u := range []uuid.UUID{user, other} {
		if err := b.Redeem(t.Context(), b.shop, u, "TEN"); !fail.Is(err, fail.Invalid) {
			t.Errorf("redeemed again: %v", err)
		}
	}
	// 33 hours of one plan and 17 blocks of another: the parts of the discount add up.
	for i, expected := range []string{"0.69", "0.69", "0"} {
		start := time.Date(2026, time.Month(9+i), 3, 0, 0, 0, 0, time.UTC)
		b.session(t, session{user: user, start: start, stop: start.Add(33 * time.Hour), charged: -1})
		b.session(t, session{user: user, plan: "developer_basic", rate: "0.07", start: start, stop: start.Add(255 * time.Minute), charged: -1})
		edge := time.Date(2026, time.Month(10+i), 1, 0, 0, 0, 0, time.UTC)
		b.set(edge)
		made := b.close(t, edge.Format(time.RFC3339))
		if len(made) != 1 {
			t.Fatalf("want one invoice, got %d", len(made))
		}
		want(t, "discount", made[0].Discount, expected)
		parts := get[decimal.Decimal](t, b, `select sum(discount) from invoice_items where invoice_id = $1`, made[0].ID)
		want(t, "its parts", parts, expected)
		b.right(t, made[0].Number)
	}
	if err := b.Redeem(t.Context(), b.shop, user, "TEN"); !fail.Is(err, fail.Invalid) {
		t.Errorf("a coupon was used twice: %v", err)
	}
}

// billed makes a customer with an invoice over 5 blocks and more, which are not paid.
func (b bundle) billed(t testing.TB, hours int, before func(user uuid.UUID)) (uuid.UUID, billing.Invoice, uuid.UUID) {
	t.Helper()
	user := b.customer(t, uuid.NewString()[:8]+"@x.test")
	start := at(t, "2026-09-03T00:00:00Z")
	id := b.session(t, session{user: user, start: start, stop: start.Add(time.Duration(hours) * time.Hour), charged: -1})
	if before != nil {
		before(user)
	}
	b.set(at(t, "2026-10-01T00:00:01Z"))
	made := b.close(t, "2026-10-01T00:00:00Z")
	if len(made) != 1 {
		t.Fatalf("want one invoice, got %d", len(made))
	}
	return user, made[0], id
}

func TestTaxByCountryAndExemptR10(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ country, exempt, inclusive, subtotal, tax, total string }{
		{"DE", "false", "false", "10", "1.90", "11.90"},
		{"FR", "false", "false", "10", "2", "12"},
		{"DE", "true", "false", "10", "0", "10"},
		{"DE", "false", "true", "10", "1.60", "10"},
	} {
		b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
		for _, r := range []billing.TaxRate{{Name: "VAT", Percent: dec("20")}, {Name: "Old", Country: "de", Percent: dec("16")}, {Name: "MwSt", Country: "DE", Percent: dec("19"), Inclusive: c.inclusive == "true"}} {
			if err := b.SetTax(t.Context(), b.shop, r, "owner"); err != nil {
				t.Fatal(err)
			}
		}
		_, inv, _ := b.billed(t, 50, func(user uuid.UUID) {
			b.exec(t, `update users set country = $2, vat_number = 'DE136695976', tax_exempt = $3::text::boolean where id = $1`, user, c.country, c.exempt)
		})
		want(t, "subtotal", inv.Subtotal, c.subtotal)
		want(t, "tax", inv.Tax, c.tax)
		want(t, "total", inv.Total, c.total)
		if inv.BillTo.VATNumber != "DE136695976" || inv.BillTo.Country != c.country {
			t.Errorf("made out to %+v", inv.BillTo)
		}
	}
}

// TestNumbersWithoutGapsR18 issues documents from many sides at once, with refused
// ones among them.
func TestNumbersWithoutGapsR18(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-16T10:00:00Z")
	b.monthly(t, "30.00", 0)
	b.exec(t, `insert into settings (key, value) values ('invoice_number_format', '"R{year}{month}-{number:4}"')`)
	var users []uuid.UUID
	for i := range 24 {
		user := b.customer(t, fmt.Sprintf("c%d@x.test", i))
		if i%3 != 0 {
			b.give(t, user, "15")
		}
		users = append(users, user)
	}
	var wait sync.WaitGroup
	for _, user := range users {
		wait.Go(func() {
			if _, err := b.order(user); err != nil && !fail.Is(err, fail.PaymentRequired) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	numbers := strings.Split(get[string](t, b, `select string_agg(number, ',' order by number) from invoices`), ",")
	for i, n := range numbers {
		if expected := fmt.Sprintf("R202609-%04d", i+1); n != expected {
			t.Errorf("want %s, got %s", expected, n)
		}
	}
	if len(numbers) != 16 {
		t.Errorf("want 16 invoices, got %d", len(numbers))
	}
}
