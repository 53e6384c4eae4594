package payments

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/tenants"
)

// TestWholesaleInvoicesAreCollectedR24 pays one on the processor's page, and the next
// from the card that was saved there.
func TestWholesaleInvoicesAreCollectedR24(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	house, _, err := w.db.Create(t.Context(), tenants.NewTenant{Name: "House", Slug: "house", Email: "house@ezscale.test", House: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.keys(house, "sk_test_house", "whsec_house")
	booked := map[uuid.UUID]int{}
	w.Collected = func(ctx context.Context, invoice uuid.UUID, reference string) error {
		return w.db.Central(ctx, func(tx tenants.CentralTx) error {
			n, err := tx.Exec(ctx, `update central.wholesale_invoices set status = 'paid', paid_at = $2, reference = $3 where id = $1 and status = 'open'`, invoice, noon, reference)
			booked[invoice] += int(n)
			return err
		})
	}
	first, second, third := w.owes(1, "30"), w.owes(2, "40"), w.owes(3, "50")
	collect := func(invoice uuid.UUID) Outcome {
		out, err := w.CollectWholesale(t.Context(), invoice)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := collect(first); !out.NoMethod {
		t.Errorf("without a card: %+v", out)
	}
	if _, err := w.PayWholesale(t.Context(), house, first, "https://back.test/"); !fail.Is(err, fail.NotFound) {
		t.Errorf("another reseller's: %v", err)
	}
	v, err := w.PayWholesale(t.Context(), w.shop, first, "https://back.test/")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.PayWholesale(t.Context(), w.shop, first, "https://back.test/"); err != nil || again != v {
		t.Errorf("pressed twice: %v, %v", again, err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardNoFunds, true)
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	for range 2 {
		if err := w.LookWholesale(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	w.fake.Lose(10)
	if out := collect(second); !out.Pending {
		t.Errorf("with a lost answer: %+v", out)
	}
	w.fake.Lose(0)
	for range 2 {
		if out := collect(second); !out.Paid {
			t.Errorf("from the saved card: %+v", out)
		}
	}
	w.breakCard()
	if out := collect(third); out.Paid || out.Failure == "" {
		t.Errorf("a declined one: %+v", out)
	}
	if booked[first] != 1 || booked[second] != 1 || booked[third] != 0 {
		t.Errorf("booked %v", booked)
	}
	if got := w.fake.Books("sk_test_house").Charged["usd"]; got != 7000 {
		t.Errorf("charged %d cents", got)
	}
}

func (w *world) owes(month int, amount string) uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	err := w.db.Central(context.Background(), func(tx tenants.CentralTx) error {
		_, err := tx.Exec(context.Background(), `insert into central.wholesale_invoices (id, tenant_id, number, status, cycle_start, cycle_end, mode, tier, currency, platform_fee, usage_charges,
				subscription_charges, commission, total, amount_due, due_date, description, created_at)
			values ($1, $2, $3, 'open', $4::timestamptz + $5::integer * interval '1 month', $4::timestamptz + ($5::integer + 1) * interval '1 month', 'wholesale', 'basic', 'USD', 0, $6::text::numeric, 0, 0,
				$6::text::numeric, $6::text::numeric, ($4::timestamptz)::date, '', $4)`, id, w.shop.ID, "W-"+id.String()[:8], noon, month, amount)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// breakCard has the bank decline the saved card of the reseller from now on.
func (w *world) breakCard() {
	w.t.Helper()
	err := w.db.Central(context.Background(), func(tx tenants.CentralTx) error {
		customer, err := tenants.Get[string](context.Background(), tx, "card", `select customer_id from central.reseller_cards`)
		if err != nil {
			return err
		}
		_, err = tx.Exec(context.Background(), `update central.reseller_cards set method_id = $1`, w.fake.AddCard("sk_test_house", customer, stripefake.CardChargeFails))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
