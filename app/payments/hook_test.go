package payments

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments/stripefake"
)

// TestAnnouncementsInAnyOrderP13P45 delivers what the processor announced twice,
// backwards and late.
func TestAnnouncementsInAnyOrderP13P45(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("30"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardNoFunds, true)
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	events := w.fake.Events(secret)
	slices.Reverse(events)
	w.send(events...)
	w.send(events...)
	late := w.customer()
	w.card(late, stripefake.CardOK)
	invoice := w.invoice(late, "4")
	w.fake.Slow(1)
	w.charge(invoice)
	w.fake.Decide(secret, value[string](w, `select processor_id from payments where invoice_id = $1`, invoice), true)
	events = w.fake.Events(secret)
	slices.Reverse(events) // "succeeded" comes before "processing"
	w.send(events...)
	if got := w.credit(user); got != "30" {
		t.Errorf("credit %s", got)
	}
	if got := value[string](w, `select status from invoices where id = $1`, invoice); got != "paid" {
		t.Errorf("the invoice is %s", got)
	}
	if n := w.events("payment.succeeded"); n != 2 {
		t.Errorf("%d payments were told of, want 2", n)
	}
	if n := value[int](w, `select count(*) from processor_events where applied_at is null and type like 'payment_intent.%'`); n != 0 {
		t.Errorf("%d announcements were not applied", n)
	}
	w.sound()
}

func TestOlderAnswersChangeNothingR22(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	w.card(user, stripefake.CardOK)
	invoice := w.invoice(user, "4")
	w.fake.Slow(1)
	w.charge(invoice)
	p := value[uuid.UUID](w, `select id from payments`)
	at := newProcessor(secret, w.APIBase, "", w.transport, time.Now)
	old, err := at.intent(t.Context(), value[string](w, `select processor_id from payments`))
	if err != nil {
		t.Fatal(err)
	}
	w.charge(invoice) // looks again
	old.Status = "requires_payment_method"
	if got, err := w.applied(t.Context(), w.shop, p, old); err != nil || got.Status != Processing {
		t.Errorf("an older answer made it %s, %v", got.Status, err)
	}
}

func TestSignaturesOfAnnouncements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, err := w.BuyCredit(t.Context(), w.shop, w.customer(), dec("30"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	body := w.fake.Events(secret)[0].Body
	for name, signature := range map[string]string{
		"none": "", "nonsense": "t=1,v1=ff", "another secret": stripefake.Sign(body, "whsec_other", time.Now()),
		"old": stripefake.Sign(body, signing, time.Now().Add(-6*time.Minute)), "another body": stripefake.Sign(append(bytes.Clone(body), ' '), signing, time.Now()),
	} {
		if err := w.Announce(t.Context(), w.shop, body, signature); !fail.Is(err, fail.BadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := value[int](w, `select count(*) from processor_events`); n != 0 {
		t.Errorf("%d were kept", n)
	}
}

// TestShopsDoNotMix sends one shop's announcements to another: with the other's
// secret they are refused, and signed anew they are about nothing.
func TestShopsDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := bustest.Shop(t, w.db, "contoso")
	w.keys(other, "sk_test_contoso", "whsec_contoso")
	user := w.customer()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("30"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	for _, e := range w.fake.Events(secret) {
		if err := w.Announce(t.Context(), other, e.Body, stripefake.Sign(e.Body, signing, time.Now())); !fail.Is(err, fail.BadRequest) {
			t.Errorf("another shop's signature: %v", err)
		}
		if err := w.Announce(t.Context(), other, e.Body, stripefake.Sign(e.Body, "whsec_contoso", time.Now())); err != nil {
			t.Error(err)
		}
	}
	w.settle()
	if got := w.credit(user); got != "0" {
		t.Errorf("another shop's announcement gave %s", got)
	}
	// Both shops in one account: what was made for one is nothing to the other.
	w.keys(other, secret, "whsec_contoso")
	id := uuid.New()
	stranger := w.customerOf(other)
	if _, err := w.BuyCredit(t.Context(), other, stranger, dec("9"), id.String()); err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	if _, err := w.Returned(t.Context(), other, stranger, sessionOf(v.URL)); !fail.Is(err, fail.NotFound) {
		t.Errorf("another shop's session: %v", err)
	}
}

func TestDisputesAreNotedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("30"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardDisputed, true)
	events := w.fake.Events(secret)
	w.send(events...)
	w.fake.Dispute(secret, value[string](w, `select processor_id from payments`))
	w.send(append(w.fake.Events(secret), events...)...)
	if n := value[int](w, `select count(*) from payments where disputed_at is not null`); n != 1 {
		t.Errorf("%d payments are disputed", n)
	}
	if n := value[int](w, `select count(*) from central.attention where kind = 'dispute'`); n != 1 || w.events("payment.disputed") != 1 {
		t.Errorf("%d on the list, %d told", n, w.events("payment.disputed"))
	}
}

func TestRefundsOfTopUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("30"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardOK, true)
	w.send(w.fake.Events(secret)...)
	w.fake.Lose(10)
	for range 2 { // pressed twice
		if err := w.RefundTopUp(t.Context(), w.shop, v.Payment, dec("10"), "too much", "test", "token"); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	w.fake.Lose(0)
	w.pass(2 * time.Minute)
	w.send(w.fake.Events(secret)...)
	if got := w.credit(user); got != "20" {
		t.Errorf("credit %s", got)
	}
	if got := w.fake.Books(secret).Refunded["usd"]; got != 1000 {
		t.Errorf("%d cents went back", got)
	}
	if err := w.RefundTopUp(t.Context(), w.shop, v.Payment, dec("21"), "too much", "test", "other"); !fail.Is(err, fail.PaymentRequired) {
		t.Errorf("more than there is: %v", err)
	}
	if n := w.events("refund.succeeded"); n != 1 {
		t.Errorf("%d told", n)
	}
	w.sound()
}

func TestRefundsThatFailBecomeCredit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer()
	v, err := w.BuyCredit(t.Context(), w.shop, user, dec("30"), "a")
	if err != nil {
		t.Fatal(err)
	}
	w.fake.Visit(sessionOf(v.URL), stripefake.CardRefundFails, true)
	w.send(w.fake.Events(secret)...)
	if err := w.RefundTopUp(t.Context(), w.shop, v.Payment, dec("30"), "too much", "test", "token"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.credit(user); got != "0" {
		t.Errorf("credit %s", got)
	}
	w.fake.FailRefunds(secret)
	w.pass(time.Hour + time.Minute)
	if got := w.credit(user); got != "30" {
		t.Errorf("afterwards credit %s", got)
	}
	if n := value[int](w, `select count(*) from central.attention where kind = 'refund'`); n != 1 {
		t.Errorf("%d on the list", n)
	}
	w.sound()
}

func FuzzAnnounce(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(`{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1"}}}`), true)
	f.Add([]byte(`{"id":"evt_2","type":"charge.dispute.created","data":{"object":{"id":7}}}`), true)
	f.Add([]byte(`{"id":"evt_3","type":"refund.created","data":{}}`), true)
	f.Add([]byte(`{"id":"","type":"","data":null}`), true)
	f.Add([]byte("{\"id\":\"evt_\\u0000\",\"type\":\"a\"}"), true)
	f.Add([]byte(`[]`), true)
	f.Add([]byte(``), false)
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		signature := "t=1,v1=00"
		if signed {
			signature = stripefake.Sign(body, signing, time.Now())
		}
		err := w.Announce(t.Context(), w.shop, body, signature)
		if err != nil && !fail.Is(err, fail.BadRequest) {
			t.Errorf("%q: %v", body, err)
		}
		if err == nil && !signed {
			t.Errorf("%q was taken without a signature", body)
		}
	})
}
