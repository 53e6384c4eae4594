package payments

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/tenants"
)

func appendEvent(ctx context.Context, tx tenants.Tx, name string, payload any) error {
	return bus.Append(ctx, tx, name, payload)
}

func TestTopUpIsBookedOnceP15P16P19(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.invoice(user, "5") // deposits pay nothing by themselves
	token := uuid.NewString()
	var together sync.WaitGroup
	urls := make([]string, 6)
	for i := range urls {
		together.Go(func() { // a form that is sent six times
			v, err := w.BuyCredit(t.Context(), w.shop, user, dec("25"), token)
			if err != nil && !fail.Is(err, fail.Unavailable) {
				t.Error(err)
			}
			urls[i] = v.URL
		})
	}
	together.Wait()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("25"), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.BuyCredit(t.Context(), w.shop, user, dec("26"), token); !fail.Is(err, fail.Conflict) {
		t.Errorf("another amount on the same form: %v", err)
	}
	if _, ok := w.fake.Visit(sessionOf(v.URL), stripefake.CardNoFunds, true); ok {
		t.Error("paid without money")
	}
	if row, err := w.Look(t.Context(), w.shop, user, v.Payment); err != nil || row.Status != Pending {
		t.Errorf("after a declined card on the page: %s, %v", row.Status, err)
	}
	if _, ok := w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true); !ok {
		t.Fatal("not paid")
	}
	events := w.fake.Events(secret)
	for range 3 {
		together.Go(func() {
			if _, err := w.Returned(t.Context(), w.shop, user, sessionOf(v.URL)); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	w.send(events...)
	if got := w.credit(user); got != "25" {
		t.Errorf("credit %s", got)
	}
	if n := value[int](w, `select count(*) from invoices where status = 'open'`); n != 1 {
		t.Error("the deposit paid an invoice")
	}
	w.sound()
}

func TestReturnPagesOfOthersAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, other := w.customer(), w.customer()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("25"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	for _, session := range []string{sessionOf(v.URL), "cs_test_unknown", ""} {
		if _, err := w.Returned(t.Context(), w.shop, other, session); !fail.Is(err, fail.NotFound) {
			t.Errorf("%q: %v", session, err)
		}
		if _, err := w.CardSaved(t.Context(), w.shop, other, session); !fail.Is(err, fail.NotFound) {
			t.Errorf("%q: %v", session, err)
		}
	}
	if got := w.credit(user); got != "0" {
		t.Errorf("somebody else's look applied it: %s", got)
	}
}

func TestInvoicePaidOnThePageP11(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	invoice := w.invoice(user, "14")
	v, err := w.PayInvoice(t.Context(), w.shop, user, w.number(invoice))
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.PayInvoice(t.Context(), w.shop, user, w.number(invoice))
	if err != nil || again != v {
		t.Errorf("pressed twice: %v, %v", again, err)
	}
	w.exec(`update invoices set amount_due = 10 where id = $1`, invoice) // part of it was credited meanwhile
	less, err := w.PayInvoice(t.Context(), w.shop, user, w.number(invoice))
	if err != nil || less.URL == v.URL {
		t.Errorf("over another amount: %v, %v", less, err)
	}
	if _, ok := w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true); ok {
		t.Error("the page over the old amount is still open")
	}
	w.exec(`update invoices set amount_due = 4 where id = $1`, invoice) // and more while they are on the page
	if _, ok := w.fake.Visit(sessionOf(less.URL), stripefake.CardOK, true); !ok {
		t.Fatal("not paid")
	}
	w.send(w.fake.Events(secret)...)
	if got := w.credit(user); got != "6" {
		t.Errorf("what was paid over is %s of credit, want 6", got)
	}
	if _, err := w.PayInvoice(t.Context(), w.shop, user, w.number(invoice)); !fail.Is(err, fail.Conflict) {
		t.Errorf("a paid invoice: %v", err)
	}
	if _, err := w.PayInvoice(t.Context(), w.shop, w.customer(), w.number(invoice)); !fail.Is(err, fail.NotFound) {
		t.Errorf("somebody else's invoice: %v", err)
	}
	w.sound()
}

// TestAChargeClosesThePageFirstP11 collects an invoice whose customer left the
// processor's page open.
func TestAChargeClosesThePageFirstP11(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	left, paid := w.invoice(user, "5"), w.invoice(user, "6")
	open, err := w.PayInvoice(t.Context(), w.shop, user, w.number(left))
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.PayInvoice(t.Context(), w.shop, user, w.number(paid))
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(done.URL), stripefake.CardOK, true)
	for _, invoice := range []uuid.UUID{left, paid} {
		if out := w.charge(invoice); !out.Paid {
			t.Errorf("%+v", out)
		}
	}
	if _, ok := w.fake.Visit(sessionOf(open.URL), stripefake.CardOK, true); ok {
		t.Error("the invoice could be paid twice")
	}
	if n := len(w.fake.Books(secret).Paid()); n != 2 {
		t.Errorf("%d charges", n)
	}
	w.sound()
}

// TestLostAnswersOfPages pays on a page whose name we never learned.
func TestLostAnswersOfPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	if _, err := w.BuyCredit(t.Context(), w.shop, user, dec("5"), "warm"); err != nil {
		t.Fatal(err)
	}
	w.fake.Lose(10)
	if _, err := w.BuyCredit(t.Context(), w.shop, user, dec("25"), "a"); !fail.Is(err, fail.Unavailable) {
		t.Fatalf("%v", err)
	}
	w.fake.Lose(0)
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("25"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.exec(`update payments set checkout_id = null, checkout_url = null`)
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	w.send(w.fake.Events(secret)...)
	if got := w.credit(user); got != "25" {
		t.Errorf("credit %s", got)
	}
	w.sound()
}

func TestAmountsThatCannotBeBought(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	for _, text := range []string{"0", "-5", "0.99", "5.001", "100001"} {
		if _, err := w.BuyCredit(t.Context(), w.shop, user, dec(text), "x"); !fail.Is(err, fail.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCardsAreKeptRemovedAndChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, other := w.customer(), w.customer()
	first := w.card(user, stripefake.CardOK)
	second := w.card(user, stripefake.CardMaster)
	if err := w.MakeDefault(t.Context(), w.shop, user, first); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.MakeDefault(t.Context(), w.shop, other, second), w.RemoveCard(t.Context(), w.shop, other, second)} {
		if !fail.Is(err, fail.NotFound) {
			t.Errorf("somebody else's card: %v", err)
		}
	}
	if err := w.RemoveCard(t.Context(), w.shop, user, first); err != nil {
		t.Fatal(err)
	}
	if got := value[uuid.UUID](w, `select id from payment_methods where is_default and status = 'active'`); got != second {
		t.Error("the card that is left is not the default")
	}
	if err := w.RemoveCard(t.Context(), w.shop, user, second); err != nil {
		t.Fatal(err)
	}
	if mode := value[string](w, `select pay_mode from users where id = $1`, user); mode != "prepaid" {
		t.Errorf("without a card the customer is %s", mode)
	}
	w.send(w.fake.Events(secret)...)
	if n := value[int](w, `select count(*) from payment_methods where status = 'removed'`); n != 2 {
		t.Errorf("%d cards are removed", n)
	}
}
