package billing_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

func (b bundle) balance(t testing.TB, user uuid.UUID) decimal.Decimal {
	t.Helper()
	var got ledger.Balance
	if err := b.db.Read(context.Background(), b.shop, ledger.BalanceQ(&got, user, b.shop.Currency)); err != nil {
		t.Fatal(err)
	}
	return got.Credit
}

func (b bundle) grant(user uuid.UUID, amount, cause string) error {
	return b.books.Grant(context.Background(), b.shop, "staff@example.test", user, dec(amount), "welcome", cause)
}

// proved checks that the ledger holds together (R13).
func (b bundle) proved(t testing.TB) {
	t.Helper()
	off, err := b.books.Audit(context.Background(), b.shop)
	if err != nil || len(off) > 0 {
		t.Errorf("the ledger does not hold together: %v, %v", off, err)
	}
}

func TestGrantOnceForACauseR13(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	for range 2 {
		if err := b.grant(user, "20.00", "form-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.grant(user, "30.00", "form-1"); !fail.Is(err, fail.Conflict) {
		t.Errorf("the cause with another amount: want a conflict, got %v", err)
	}
	for range 2 {
		if err := b.grant(user, "1.50", ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.balance(t, user); !got.Equal(dec("23.00")) {
		t.Errorf("want 23.00, got %s", got)
	}
	for _, c := range []struct {
		user   uuid.UUID
		amount string
		kind   fail.Kind
	}{{user, "0", fail.Invalid}, {user, "-5", fail.Invalid}, {user, "0.001", fail.Invalid}, {user, "1000000.01", fail.Invalid}, {uuid.New(), "5", fail.NotFound}} {
		if err := b.grant(c.user, c.amount, ""); !fail.Is(err, c.kind) {
			t.Errorf("%s: want kind %d, got %v", c.amount, c.kind, err)
		}
	}
	var entries []ledger.Movement
	if err := b.db.Read(context.Background(), b.shop, ledger.EntriesQ(&entries, user, "USD", 2)); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || !entries[0].Balance.Equal(dec("23.00")) || !entries[1].Balance.Equal(dec("21.50")) || entries[0].Description != "welcome" {
		t.Errorf("want the newest movements with their balances, got %+v", entries)
	}
	if n := get[int](t, b, `select count(*) from audit_log where action = 'credit.granted' and subject = $1`, user.String()); n != 3 {
		t.Errorf("want three grants in the audit log, got %d", n)
	}
	b.proved(t)
}

func TestMayStartR16(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	may := func() error {
		ctx := context.Background()
		return b.db.In(ctx, b.shop, func(tx tenants.Tx) error { return b.books.MayStart(ctx, tx, user) })
	}
	refused := func(when string) {
		t.Helper()
		err := may()
		if !fail.Is(err, fail.PaymentRequired) || err.Error() != "Add credits or a payment method first." {
			t.Errorf("%s: want a payment first, got %v", when, err)
		}
	}
	refused("without an account")
	if err := b.grant(user, "4.99", ""); err != nil {
		t.Fatal(err)
	}
	refused("a cent short")
	if err := b.grant(user, "0.01", ""); err != nil {
		t.Fatal(err)
	}
	if err := may(); err != nil {
		t.Errorf("with 5.00: %v", err)
	}
	b.exec(t, `insert into settings (key, value) values ('minimum_credit', '"7.50"')`)
	refused("under the shop's own minimum")
	b.exec(t, `update settings set value = '0' where key = 'minimum_credit'`)
	if err := may(); err != nil {
		t.Errorf("with a minimum of nothing: %v", err)
	}
}

func TestCreditPaysAfterRoundingR11(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	some, none, much := b.customer(t, "some@example.test"), b.customer(t, "none@example.test"), b.customer(t, "much@example.test")
	for _, user := range []uuid.UUID{some, none, much} {
		b.session(t, session{user: user, start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T11:05:00Z"), charged: -1}) // 0.25
	}
	for user, amount := range map[uuid.UUID]string{some: "0.10", much: "20.00"} {
		if err := b.grant(user, amount, ""); err != nil {
			t.Fatal(err)
		}
	}
	want := map[uuid.UUID]struct {
		applied, due, left string
		status             billing.Status
	}{some: {"0.10", "0.15", "0", billing.Open}, none: {"0", "0.25", "0", billing.Open}, much: {"0.25", "0", "19.75", billing.Paid}}
	for _, inv := range b.close(t, "2026-10-01T00:00:00Z") {
		w := want[inv.UserID]
		stored := b.detail(t, inv.UserID, inv.Number).Invoice
		if !stored.CreditApplied.Equal(dec(w.applied)) || !stored.AmountDue.Equal(dec(w.due)) || stored.Status != w.status || (stored.PaidAt != nil) != (w.status == billing.Paid) {
			t.Errorf("want %+v, got %+v", w, stored)
		}
		if got := b.balance(t, inv.UserID); !got.Equal(dec(w.left)) {
			t.Errorf("want %s left, got %s", w.left, got)
		}
	}
	b.proved(t)
}

func TestLedgerHoldsTogetherUnderAnyMovementsR13(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-01-01T00:01:00Z")
	month := at(t, "2026-01-01T00:00:00Z")
	rapid.Check(t, func(r *rapid.T) {
		user := b.customer(t, uuid.NewString()+"@example.test")
		given, spent := decimal.Zero, decimal.Zero
		for i := range rapid.IntRange(1, 4).Draw(r, "steps") {
			cents := rapid.IntRange(1, 300).Draw(r, "grant")
			if err := b.grant(user, decimal.New(int64(cents), -2).String(), fmt.Sprintf("%s-%d", user, i)); err != nil {
				r.Fatal(err)
			}
			given = given.Add(decimal.New(int64(cents), -2))
			if !rapid.Bool().Draw(r, "invoice") {
				continue
			}
			b.session(t, session{user: user, rate: rapid.SampledFrom([]string{"0.15", "0.67", "8"}).Draw(r, "rate"), start: month, stop: month.Add(10 * 60e9), charged: -1})
			month = month.AddDate(0, 1, 0)
			b.set(month.Add(1e9))
			for _, inv := range b.close(t, month.Format("2006-01-02T15:04:05Z07:00")) {
				spent = spent.Add(inv.CreditApplied)
				if inv.CreditApplied.GreaterThan(inv.Total) || inv.AmountDue.IsNegative() {
					r.Fatalf("credit above the invoice: %+v", inv)
				}
			}
		}
		if got := b.balance(t, user); !got.Equal(given.Sub(spent)) || got.IsNegative() {
			r.Fatalf("given %s, spent %s, left %s", given, spent, got)
		}
		b.proved(t)
	})
}

func TestFiftyGrantsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	b.session(t, session{user: user, rate: "40", start: at(t, "2026-09-03T10:00:00Z"), stop: at(t, "2026-09-03T10:10:00Z"), charged: -1})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if i == 25 {
				if _, err := b.CloseCycle(context.Background(), b.shop, at(t, "2026-10-01T00:00:00Z")); err != nil {
					t.Error(err)
				}
			}
			if err := b.grant(user, "0.50", fmt.Sprintf("cause-%d", i/2)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	spent := get[decimal.Decimal](t, b, `select sum(credit_applied) from invoices`)
	if got := b.balance(t, user); !got.Equal(dec("12.50").Sub(spent)) {
		t.Errorf("25 causes of 0.50 less %s: got %s", spent, got)
	}
	b.proved(t)
}

func TestWalletFloorInTheSchema(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-10-01T00:01:00Z")
	user := b.customer(t, "a@example.test")
	if err := b.grant(user, "1.00", ""); err != nil {
		t.Fatal(err)
	}
	err := b.db.In(context.Background(), b.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(context.Background(), `update ledger_accounts set balance = balance - 1.01 where user_id = $1`, user)
		return err
	})
	if !tenants.IsCheck(err, "wallet_floor") {
		t.Errorf("want the floor to hold, got %v", err)
	}
}
