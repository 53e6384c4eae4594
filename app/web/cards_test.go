package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// till is a world whose shops can take cards.
type till struct {
	*world
	fake *stripefake.Fake
	base string
	link *func(t tenants.Tenant, path string) string // where the processor's page leads back to
}

func newTill(t *testing.T) till {
	t.Helper()
	fake := stripefake.New(time.Now)
	s := httptest.NewServer(fake)
	t.Cleanup(s.Close)
	fake.At(s.URL)
	link := func(t tenants.Tenant, path string) string { return "https://" + t.Host() + path }
	w := newWorld(t, func(d *Deps) {
		c := d.Payments.Config
		key, err := seal.New(strings.Repeat("k", seal.MinSecret))
		if err != nil {
			t.Fatal(err)
		}
		c.Sealer, c.APIBase, c.Links = key, s.URL, func(t tenants.Tenant, path string) string { return link(t, path) }
		d.Payments = payments.New(c)
	})
	return till{w, fake, s.URL, &link}
}

func (w till) connect(t tenants.Tenant) (secret string) {
	w.t.Helper()
	owner := t.Slug + "-owner@a.test"
	w.person(t, owner, accounts.Owner)
	secret = "sk_test_" + t.Slug
	w.at(t).signIn("", owner).post("/reseller/payments/keys", url.Values{"secret": {secret}, "webhook": {"whsec_" + t.Slug}}).goesTo("/reseller/payments")
	return secret
}

// announced posts to the shop's webhook as the processor does.
func (w till) announced(t tenants.Tenant, body []byte, signature string) *answer {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://placeholder.test/webhooks/stripe", strings.NewReader(string(body)))
	r.Host, r.RemoteAddr = w.host(t), w.ip
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Stripe-Signature", signature)
	return w.at(t).do(r)
}

func checkoutOf(a *answer) (address, session string) {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	address = a.header.Get("Location")
	if href, _ := attrOf(a.find("a", "id", "checkout"), "href"); href != address {
		a.t.Errorf("the link beside leads to %s, not to %s", href, address)
	}
	return address, address[strings.LastIndex(address, "/")+1:]
}

func TestCardIsSavedOnTheProcessorsPage(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	w.connect(w.a)
	w.person(w.a, "ada@a.test", accounts.Customer)
	w.person(w.a, "bob@a.test", accounts.Customer)
	ada, bob := w.at(w.a).signIn("", "ada@a.test"), w.at(w.a).signIn("", "bob@a.test")
	page := ada.get("/settings/cards").want(200)
	form := url.Values{"cause": {page.value("cause")}}
	address, session := checkoutOf(ada.post("/settings/cards", form))
	if again, _ := checkoutOf(ada.post("/settings/cards", form)); again != address {
		t.Error("sent twice, the form opens two pages")
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://checkout.stripe.com "+w.base+";") {
		t.Errorf("the policy lets no form go there: %s", csp)
	}
	w.fake.Visit(session, stripefake.CardOK, true)
	for _, id := range []string{session, "cs_test_unknown", ""} {
		bob.get("/settings/cards/done?session_id=" + id).want(404)
	}
	ada.get("/settings/cards/done?session_id=" + session).goesTo("/settings/cards")
	ada.get("/settings/cards").want(200).says("Visa ···· 4242", "Is charged", "The card is saved.")
	bob.get("/settings/cards").want(200).says("You have saved no card yet.").hides("4242")
	remove, _ := attrOf(formTo(ada.get("/settings/cards"), "/remove"), "action")
	bob.post(remove, nil).want(404)
	ada.post(remove, nil).goesTo("/settings/cards")
	ada.get("/settings/cards").says("You have saved no card yet.")
}

func formTo(a *answer, ending string) *html.Node {
	a.t.Helper()
	for _, f := range a.all("form") {
		if action, _ := attrOf(f, "action"); strings.HasSuffix(action, ending) {
			return f
		}
	}
	a.t.Fatalf("no form leads to %s", ending)
	return nil
}

func TestCreditIsBoughtOnceP15(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	secret := w.connect(w.a)
	w.connect(w.b)
	w.person(w.a, "ada@a.test", accounts.Customer)
	ada := w.at(w.a).signIn("", "ada@a.test")
	ada.post("/billing/top-up", url.Values{"amount": {"25"}}).want(400)
	form := url.Values{"amount": {"0.10"}, "cause": {uuid.NewString()}}
	ada.post("/billing/top-up", form).want(422).says("Enter at least")
	form.Set("amount", "25")
	address, session := checkoutOf(ada.post("/billing/top-up", form))
	if again, _ := checkoutOf(ada.post("/billing/top-up", form)); again != address {
		t.Error("sent twice, the form opens two pages")
	}
	w.fake.Visit(session, stripefake.CardOK, true)
	for range 2 {
		ada.get("/billing/top-up/done?session_id=" + session).goesTo("/billing")
	}
	ada.get("/").says("$25.00")
	for _, e := range w.fake.Events(secret) {
		if e.Type != "payment_intent.succeeded" {
			continue
		}
		w.announced(w.a, e.Body, stripefake.Sign(e.Body, "whsec_"+w.a.Slug, time.Now())).want(200)
		w.announced(w.a, e.Body, stripefake.Sign(e.Body, "whsec_"+w.a.Slug, time.Now())).want(200)
		w.announced(w.a, e.Body, stripefake.Sign(e.Body, "whsec_"+w.a.Slug, time.Now().Add(-time.Hour))).want(400)
		w.announced(w.b, e.Body, stripefake.Sign(e.Body, "whsec_"+w.a.Slug, time.Now())).want(400)
		w.announced(w.b, e.Body, "").want(400)
	}
	w.announced(w.a, []byte(strings.Repeat(" ", payments.MaxAnnouncement+1)), "t=1,v1=00").want(413)
	// The shop's people give it back, once however often the form is sent.
	owner := w.at(w.a).signIn("", w.a.Slug+"-owner@a.test")
	list := owner.get("/reseller/payments").want(200).says("ada@a.test", "$25.00", "Paid")
	refund, _ := attrOf(formTo(list, "/refund"), "action")
	back := url.Values{"amount": {"10"}, "currency": {"USD"}, "reason": {"asked"}, "cause": {list.value("cause")}}
	owner.post(refund, back).goesTo("/reseller/payments")
	owner.post(refund, back).goesTo("/reseller/payments")
	ada.get("/").says("$15.00")
	ada.post(refund, back).want(404)
	back.Set("cause", uuid.NewString())
	back.Set("amount", "20")
	owner.post(refund, back).goesTo("/reseller/payments")
	owner.get("/reseller/payments").says("has used some of this credit")
}

func TestInvoiceIsPaidOnTheProcessorsPage(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	w.connect(w.a)
	me := w.person(w.a, "ada@a.test", accounts.Customer)
	w.person(w.a, "bob@a.test", accounts.Customer)
	err := w.deps.DB.In(t.Context(), w.a, func(tx tenants.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into invoices (user_id, number, status, cycle_start, period_start, period_end, currency, subtotal, total, amount_due, due_date, created_at, finalised_at)
			values ($1, 'INV-1', 'open', $2::timestamptz, $2, $2, 'USD', 9, 9, 9, ($2::timestamptz)::date, $2, $2)`, me.ID, noon)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ada, bob := w.at(w.a).signIn("", "ada@a.test"), w.at(w.a).signIn("", "bob@a.test")
	bob.post("/invoices/INV-1/pay", nil).want(404)
	_, session := checkoutOf(ada.post("/invoices/INV-1/pay", nil))
	back, _ := w.fake.Visit(session, stripefake.CardConfirmAll, true)
	page := back[strings.Index(back, "/payments/"):]
	bob.get(page).want(404)
	bob.post(page, nil).want(404)
	ada.get(page).want(200).says("Payment of $9.00", "It was paid. Thank you.")
	ada.post("/invoices/INV-1/pay", nil).goesTo("/invoices/INV-1")
}

func TestShopsWithoutKeysSayWhatToDoInstead(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	w.person(w.a, "ada@a.test", accounts.Customer)
	ada := w.at(w.a).signIn("", "ada@a.test")
	ada.get("/settings/cards").want(200).says("This shop takes no cards.", "bank transfer")
	form := url.Values{"amount": {"25"}, "cause": {uuid.NewString()}}
	for _, path := range []string{"/settings/cards", "/billing/top-up"} {
		ada.post(path, form).want(409).says("This shop takes no cards", "bank transfer")
	}
	ada.get("/billing/top-up/done?session_id=x").want(404)
	ada.get("/billing").want(200)
	w.announced(w.a, []byte("{}"), "").want(404)
}

func TestKeysAreCheckedAndNeverShown(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	w.person(w.a, "ada@a.test", accounts.Customer)
	w.at(w.a).signIn("", "ada@a.test").get("/reseller/payments").want(404)
	w.person(w.a, "owner@a.test", accounts.Owner)
	owner := w.at(w.a).signIn("", "owner@a.test")
	owner.get("/reseller/payments").want(200).says("Without keys your shop takes no cards")
	for secret, says := range map[string]string{"pk_test_1": "begins with sk_ or rk_", "sk_test_revoked_1": "Stripe does not know this key"} {
		owner.post("/reseller/payments/keys", url.Values{"secret": {secret}, "webhook": {"whsec_1"}}).want(422).says(says).hides(secret)
	}
	owner.post("/reseller/payments/keys", url.Values{"secret": {"sk_test_goodkey9876"}, "webhook": {"whsec_hidden"}}).goesTo("/reseller/payments")
	owner.get("/reseller/payments").want(200).says("ending in 9876", "test keys").hides("goodkey9876", "whsec_hidden")
	owner.post("/reseller/payments/keys", url.Values{"secret": {""}, "webhook": {"whsec_rolled"}}).goesTo("/reseller/payments")
	var raw string
	if err := w.deps.DB.Read(t.Context(), w.a, tenants.GetQ(&raw, "setting", `select value::text from settings where key = 'stripe'`)); err != nil || strings.Contains(raw, "sk_test_") || strings.Contains(raw, "whsec") {
		t.Errorf("the setting is not sealed: %s, %v", raw, err)
	}
}
