package payments

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/tenants"
)

func TestSavedCardPaysAnInvoiceOnceP13R22(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	if mode := value[string](w, `select pay_mode from users where id = $1`, user); mode != "postpaid" {
		t.Errorf("after the first card the customer is %s", mode)
	}
	invoice := w.invoice(user, "12.40")
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			if out, err := w.ChargeInvoice(t.Context(), w.shop, invoice); err != nil || !out.Paid && !out.Pending {
				t.Errorf("%+v, %v", out, err)
			}
		})
	}
	together.Wait()
	w.send(w.fake.Events(secret)...)
	if out := w.charge(invoice); !out.Paid {
		t.Errorf("afterwards: %+v", out)
	}
	if n := len(w.fake.Books(secret).Paid()); n != 1 {
		t.Errorf("%d charges", n)
	}
	if got := value[string](w, `select status from invoices where id = $1`, invoice); got != "paid" || w.credit(user) != "0" {
		t.Errorf("the invoice is %s, credit %s", got, w.credit(user))
	}
	if n := w.events("payment.succeeded"); n != 1 {
		t.Errorf("%d announcements", n)
	}
	w.sound()
}

func TestDeclinesByReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ card, code, says string }{
		{stripefake.CardChargeFails, "generic_decline", "The bank declined the card."},
		{stripefake.CardNoFundsLater, "insufficient_funds", "The bank says that there is not enough money for this."},
		{stripefake.CardConfirmAll, "authentication_required", "Your bank wants you to confirm this payment."},
	} {
		user := w.customer()
		w.card(user, c.card)
		invoice := w.invoice(user, "5")
		out := w.charge(invoice)
		if out.Paid || out.Failure != c.says || out.NeedsCustomer != (c.card == stripefake.CardConfirmAll) {
			t.Errorf("%s: %+v", c.card, out)
		}
		if code := value[string](w, `select failure_code from payments where invoice_id = $1`, invoice); code != c.code {
			t.Errorf("%s: code %s", c.card, code)
		}
		if out := w.charge(invoice); out.Paid { // another attempt is another epoch
			t.Errorf("%s: %+v", c.card, out)
		}
		if n := value[int](w, `select max(epoch) from payments where invoice_id = $1`, invoice); n != 2 {
			t.Errorf("%s: epoch %d", c.card, n)
		}
	}
	for _, number := range []string{stripefake.CardDeclined, stripefake.CardExpired, stripefake.CardWrongCVC, stripefake.CardLost, stripefake.CardProcessing} {
		v, err := w.SaveCard(t.Context(), w.shop, w.customer(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := w.fake.Visit(sessionOf(v.URL), number, true); ok {
			t.Errorf("%s was saved", number)
		}
	}
	if n := w.events("payment.failed"); n != 6 {
		t.Errorf("%d words about failures, want 6", n)
	}
	w.sound()
}

// TestBankWantsTheCustomerP46 confirms a charge that the bank allows only with the
// customer present, by another payment in its place.
func TestBankWantsTheCustomerP46(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardConfirmAll)
	invoice := w.invoice(user, "7.50")
	if out := w.charge(invoice); !out.NeedsCustomer {
		t.Fatalf("%+v", out)
	}
	id := value[uuid.UUID](w, `select id from payments where invoice_id = $1`, invoice)
	if _, err := w.ConfirmAgain(t.Context(), w.shop, w.customer(), id); err == nil {
		t.Error("somebody else may confirm it")
	}
	first, err := w.ConfirmAgain(t.Context(), w.shop, user, id)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.ConfirmAgain(t.Context(), w.shop, user, id)
	if err != nil || second != first {
		t.Errorf("pressed twice: %v and %v, %v", first, second, err)
	}
	if _, ok := w.fake.Visit(sessionOf(first.URL), stripefake.CardConfirmAll, false); ok {
		t.Error("it went well without the bank")
	}
	if _, ok := w.fake.Visit(sessionOf(first.URL), stripefake.CardConfirmAll, true); !ok {
		t.Error("the bank was asked, and it did not go well")
	}
	if row, err := w.Look(t.Context(), w.shop, user, first.Payment); err != nil || row.Status != Succeeded {
		t.Errorf("%s, %v", row.Status, err)
	}
	if out := w.charge(invoice); !out.Paid {
		t.Errorf("afterwards: %+v", out)
	}
	w.sound()
}

// TestCrashBetweenChargeAndCommitR22 loses the answers to charges: the row that was
// written first asks again with its key.
func TestCrashBetweenChargeAndCommitR22(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	invoice := w.invoice(user, "20")
	w.fake.Lose(10)
	if out := w.charge(invoice); !out.Pending {
		t.Fatalf("%+v", out)
	}
	w.fake.Lose(0)
	if n := len(w.fake.Books(secret).Paid()); n != 1 {
		t.Fatalf("%d charges", n)
	}
	w.pass(2 * time.Minute)
	if got := value[string](w, `select status from payments where invoice_id = $1`, invoice); got != Succeeded {
		t.Errorf("after the sweep the payment is %s", got)
	}
	if n := len(w.fake.Books(secret).Payments); n != 1 {
		t.Errorf("%d charges", n)
	}
	w.sound()
}

// TestKeysThatWereForgottenR22 finds a charge by what it is for, once its key is too
// old to be used again.
func TestKeysThatWereForgottenR22(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	lost, never := w.invoice(user, "20"), w.invoice(user, "30")
	w.fake.Lose(10)
	w.charge(lost)
	w.fake.Lose(0)
	w.fake.Refuse(1)
	w.charge(never)
	w.wall = 26 * time.Hour
	w.pass(2 * time.Minute)
	if got := value[string](w, `select status from payments where invoice_id = $1`, lost); got != Succeeded {
		t.Errorf("the charge whose answer was lost is %s", got)
	}
	if got := value[string](w, `select status from payments where invoice_id = $1`, never); got != Cancelled {
		t.Errorf("the charge that never was is %s", got)
	}
	if out := w.charge(never); !out.Paid {
		t.Errorf("tried anew: %+v", out)
	}
	w.sound()
}

func TestProcessorInTroubleIsAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	invoice := w.invoice(user, "9")
	w.fake.Refuse(1)
	if out := w.charge(invoice); !out.Pending {
		t.Fatalf("%+v", out)
	}
	if out := w.charge(invoice); !out.Paid {
		t.Errorf("asked again: %+v", out)
	}
	if n := value[int](w, `select count(*) from payments where invoice_id = $1`, invoice); n != 1 {
		t.Errorf("%d payments", n)
	}
	w.sound()
}

// TestSmallInvoicesAreCarriedOverR22 leaves an invoice open that no card can pay, and
// collects it with the next.
func TestSmallInvoicesAreCarriedOverR22(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	small := w.invoice(user, "0.20")
	if out := w.charge(small); !out.Pending || out.Paid || out.Failure == "" {
		t.Errorf("%+v", out)
	}
	also := w.invoice(user, "0.31")
	if out := w.charge(also); !out.Paid {
		t.Errorf("%+v", out)
	}
	if n := value[int](w, `select count(*) from invoices where status = 'paid'`); n != 2 {
		t.Errorf("%d are paid", n)
	}
	if got := w.fake.Books(secret).Charged["usd"]; got != 51 {
		t.Errorf("charged %d cents", got)
	}
	w.sound()
}

func TestUndecidedChargesAreSweptHourlyP45R22(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	invoice := w.invoice(user, "11")
	w.fake.Slow(1)
	if out := w.charge(invoice); !out.Pending {
		t.Fatalf("%+v", out)
	}
	w.pass(time.Hour + time.Minute)
	w.fake.Decide(secret, value[string](w, `select processor_id from payments`), true)
	w.pass(time.Hour + time.Minute) // its announcement never came
	if got := value[string](w, `select status from invoices where id = $1`, invoice); got != "paid" {
		t.Errorf("the invoice is %s", got)
	}
	if n := value[int](w, `select count(*) from central.due where kind = 'payment_sweep'`); n != 0 {
		t.Errorf("%d payments are still watched", n)
	}
	w.sound()
}

func TestNobodyIsChargedThatWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, bare := w.customer(), w.customer()
	w.card(user, stripefake.CardOK)
	held := w.invoice(user, "5")
	w.exec(`update invoices set held_for = 'odd' where id = $1`, held)
	if out := w.charge(held); !out.Pending || out.Paid {
		t.Errorf("a held invoice: %+v", out)
	}
	if out := w.charge(w.invoice(bare, "5")); !out.NoMethod {
		t.Errorf("without a card: %+v", out)
	}
	w.exec(`update users set parked_at = $2 where id = $1`, user, noon)
	if out := w.charge(w.invoice(user, "5")); !out.Pending || out.Paid {
		t.Errorf("a parked customer: %+v", out)
	}
	if n := len(w.fake.Books(secret).Payments); n != 0 {
		t.Errorf("%d charges", n)
	}
}

func TestFinalisedInvoicesAreCollected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	invoice := w.invoice(user, "5")
	w.in(w.shop, func(ctx context.Context, tx tenants.Tx) error {
		return appendEvent(ctx, tx, "invoice.finalised", map[string]any{"user_id": user, "invoice_id": invoice})
	})
	w.settle()
	if got := value[string](w, `select status from invoices where id = $1`, invoice); got != "paid" {
		t.Errorf("the invoice is %s", got)
	}
	w.sound()
}
