package payments

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/tenants"
)

func (w *world) rule(user uuid.UUID, threshold, step, ceiling string) {
	w.t.Helper()
	err := w.SetAutoTopUp(w.t.Context(), w.shop, user, AutoTopUp{Enabled: true, Threshold: dec(threshold), Step: dec(step), DailyCeiling: dec(ceiling)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// low says, several times, that the credit is low.
func (w *world) low(user uuid.UUID) {
	w.t.Helper()
	w.in(w.shop, func(ctx context.Context, tx tenants.Tx) error {
		for range 4 {
			if err := appendEvent(ctx, tx, "balance.low", map[string]any{"user_id": user, "reason": "threshold"}); err != nil {
				return err
			}
		}
		return nil
	})
	w.settle()
}

func TestOneChargeFillsTheGapP17R17(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	if err := w.Ledger.Grant(t.Context(), w.shop, "test", user, dec("3"), "a gift", "x"); err != nil {
		t.Fatal(err)
	}
	w.rule(user, "42", "10", "100")
	w.low(user)
	if got := w.credit(user); got != "43" {
		t.Errorf("credit %s, want 43: one charge over four steps", got)
	}
	if n := len(w.fake.Books(secret).Payments); n != 1 {
		t.Errorf("%d charges", n)
	}
	w.sound()
}

func TestDailyCeilingIsSaidOnceP18R17(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	w.rule(user, "10", "10", "20")
	spend := func(amount string) {
		w.exec(`update ledger_accounts set floor = -1000 where user_id = $1`, user)
		w.in(w.shop, func(ctx context.Context, tx tenants.Tx) error {
			return w.Ledger.GrantIn(ctx, tx, "test", user, dec("0.01"), "x", uuid.NewString())
		})
		w.exec(`update ledger_accounts set held = held + $2::text::numeric where user_id = $1 and kind = 'credit'`, user, amount)
		w.low(user)
	}
	spend("10")
	spend("10")
	spend("10")
	spend("1")
	if n := len(w.fake.Books(secret).Paid()); n != 2 {
		t.Errorf("%d charges on one day, want 2", n)
	}
	if n := w.events("topup.refused"); n != 1 {
		t.Errorf("%d words about the ceiling, want 1", n)
	}
	w.pass(24 * time.Hour)
	if n := len(w.fake.Books(secret).Paid()); n != 3 {
		t.Errorf("%d charges after a day, want 3", n)
	}
}

func TestDeclinedTopUpsPauseR17(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardChargeFails)
	w.rule(user, "10", "10", "50")
	charges := func() int { return len(w.fake.Books(secret).Payments) }
	w.low(user)
	if n := charges(); n != 1 {
		t.Fatalf("%d charges at first", n)
	}
	for i, pause := range []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour} {
		w.pass(pause - time.Minute)
		w.low(user)
		if n := charges(); n != i+1 {
			t.Errorf("%d charges within the pause of %s", n, pause)
		}
		w.pass(time.Minute)
		if n := charges(); n != i+2 {
			t.Errorf("%d charges after the pause of %s", n, pause)
		}
	}
	if n := w.events("payment.failed"); n != charges() {
		t.Errorf("%d words about %d declines", n, charges())
	}
	w.card(user, stripefake.CardOK)
	w.rule(user, "10", "10", "50")
	if got := w.credit(user); got != "10" {
		t.Errorf("with a good card: credit %s", got)
	}
	w.sound()
}

func TestTopUpRulesAreCheckedWhenSavedP18(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	var rule AutoTopUp
	set := func(threshold, step, ceiling string) map[string]string {
		rule = AutoTopUp{Enabled: true, Threshold: dec(threshold), Step: dec(step), DailyCeiling: dec(ceiling)}
		err := w.SetAutoTopUp(t.Context(), w.shop, user, rule)
		if err == nil {
			return nil
		}
		refused, is := err.(*fail.Error)
		if !is {
			t.Fatal(err)
		}
		return refused.Fields
	}
	if set("10", "10", "20")["enabled"] == "" {
		t.Error("without a card")
	}
	w.card(user, stripefake.CardOK)
	for _, c := range []struct{ threshold, step, ceiling, field string }{
		{"-1", "10", "20", "threshold"}, {"1.001", "10", "20", "threshold"}, {"10", "0.10", "20", "step"}, {"10", "0", "20", "step"},
		{"10", "10", "9", "daily_ceiling"}, {"50", "10", "40", "daily_ceiling"}, {"10", "10", "501", "daily_ceiling"}, {"10", "10", "10.001", "daily_ceiling"},
	} {
		if set(c.threshold, c.step, c.ceiling)[c.field] == "" {
			t.Errorf("%v was taken", c)
		}
	}
	if wrong := set("10", "10", "20"); wrong != nil {
		t.Errorf("a good rule: %v", wrong)
	}
	if err := w.SetAutoTopUp(t.Context(), w.shop, user, AutoTopUp{}); err != nil {
		t.Fatal(err)
	}
	found := false
	if err := w.db.Read(t.Context(), w.shop, AutoTopUpQ(&rule, &found, user)); err != nil || !found || rule.Enabled {
		t.Errorf("ended: %+v, %v", rule, err)
	}
}
