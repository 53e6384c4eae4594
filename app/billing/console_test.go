package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
)

func TestAShopsMonthIsItsBlocksAtBothPrices(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-11-20T12:00:00Z")
	ada, bob := b.customer(t, "ada@example.com"), b.customer(t, "bob@example.com")
	b.session(t, session{user: ada, start: at(t, "2026-11-02T09:00:00Z"), stop: at(t, "2026-11-02T10:30:00Z"), charged: -1})
	b.session(t, session{user: bob, start: at(t, "2026-11-20T11:50:00Z"), charged: 1})
	b.session(t, session{user: bob, start: at(t, "2026-10-31T23:50:00Z"), stop: at(t, "2026-11-01T00:10:00Z"), charged: -1}) // one block in each month
	b.session(t, session{user: ada, start: at(t, "2026-11-03T09:00:00Z"), stop: at(t, "2026-11-03T09:05:00Z"), charged: -1, currency: "EUR"})

	var month, empty billing.ShopMonth
	c := billing.CycleOf(time.UTC, at(t, "2026-11-20T12:00:00Z"))
	err := b.db.Read(context.Background(), b.shop, billing.ShopMonthQ(&month, c.Start, c.End, "USD"), billing.ShopMonthQ(&empty, c.End, c.End, "USD"))
	if err != nil {
		t.Fatal(err)
	}
	if !month.Retail.Equal(dec("0.40")) || !month.Wholesale.Equal(dec("0.24")) || !month.Margin().Equal(dec("0.16")) || month.Percent() != 40 {
		t.Errorf("retail %s, wholesale %s, margin %s (%d %%)", month.Retail, month.Wholesale, month.Margin(), month.Percent())
	}
	if month.Seconds != 8*900 || month.Customers != 2 || month.Running != 1 || month.Money(month.Retail) != "$0.40" {
		t.Errorf("%+v", month)
	}
	if !empty.Retail.IsZero() || empty.Percent() != 0 || empty.Customers != 0 {
		t.Errorf("a month without usage: %+v", empty)
	}
}

func TestManyBalancesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-11-20T12:00:00Z")
	ada, bob, nobody := b.customer(t, "ada@example.com"), b.customer(t, "bob@example.com"), b.customer(t, "eve@example.com")
	for user, amount := range map[uuid.UUID]string{ada: "20.00", bob: "0.01"} {
		if err := b.grant(user, amount, "welcome:"+user.String()); err != nil {
			t.Fatal(err)
		}
	}
	var balances []ledger.CustomerBalance
	err := b.db.Read(context.Background(), b.shop, ledger.BalancesQ(&balances, []uuid.UUID{ada, bob, nobody}, "USD"))
	if err != nil {
		t.Fatal(err)
	}
	if len(balances) != 2 {
		t.Fatalf("%d balances, want 2", len(balances))
	}
	for _, got := range balances {
		if want := map[uuid.UUID]string{ada: "20", bob: "0.01"}[got.UserID]; !got.Credit.Equal(dec(want)) {
			t.Errorf("%s has %s, want %s", got.UserID, got.Credit, want)
		}
	}
}
