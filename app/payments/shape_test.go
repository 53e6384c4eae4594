package payments

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

// mock is Stripe's own stand-in, which knows every parameter of every call and
// remembers nothing: it proves the shape of what we ask. It counts what it refused.
func mock(t *testing.T) (base string, refused func() []string) {
	t.Helper()
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		t.Fatal(err)
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		t.Fatal(err)
	}
	stub, err := server.NewStubServer(fixtures, spec, false, false)
	if err != nil {
		t.Fatal(err)
	}
	var bad []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == "" {
			bad = append(bad, r.URL.Path+" has no key")
		}
		stub.HandleRequest(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string { return bad }
}

func TestShapeOfEveryCall(t *testing.T) {
	t.Parallel()
	base, refused := mock(t)
	at := newProcessor("sk_test_123", base, "", http.DefaultTransport, time.Now)
	ctx := t.Context()
	id := uuid.New()
	pay := payment{ID: id, InvoiceID: &id, Amount: dec("12.34"), Currency: "USD", Customer: "cus_1", Description: "Invoice INV-1", IdempotencyKey: "invoice:1:1", shop: id}
	meta := map[string]string{"setup_id": id.String(), "shop_id": id.String()}
	for name, call := range map[string]func() error{
		"account":  func() error { _, _, err := at.who(ctx); return err },
		"customer": func() error { _, err := at.makeCustomer(ctx, "k1", "a@b.test", "Ada", meta); return err },
		"charge":   func() error { _, err := at.charge(ctx, pay, "pm_1"); return err },
		"intent":   func() error { _, err := at.intent(ctx, "pi_1"); return err },
		"intents":  func() error { _, _, err := at.findIntent(ctx, pay); return err },
		"detach":   func() error { return at.detach(ctx, "pm_1") },
		"save": func() error {
			_, err := at.saveCard(ctx, "k2", "cus_1", meta, "https://a.test/done", "https://a.test/back")
			return err
		},
		"pay":     func() error { _, err := at.pay(ctx, pay, "https://a.test/done", "https://a.test/back"); return err },
		"session": func() error { _, err := at.session(ctx, "cs_1"); return err },
		"expire":  func() error { return at.expire(ctx, "cs_1") },
		"refund": func() error {
			_, err := at.refund(ctx, refund{ID: id, Intent: "pi_1", Amount: dec("1"), Currency: "USD", IdempotencyKey: "refund:1"}, id)
			return err
		},
		"a refund": func() error { _, err := at.refundByID(ctx, "re_1"); return err },
		"dispute":  func() error { _, err := at.dispute(ctx, "du_1"); return err },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The library gives a key of its own to calls that bring none.
	if bad := refused(); len(bad) > 0 {
		t.Errorf("without a key: %v", bad)
	}
}

func TestAmountsAsStripeCountsP23(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount, currency, charged string
		minor                     int64
	}{
		{"12.34", "USD", "12.34", 1234}, {"500", "JPY", "500", 500}, {"5", "ISK", "5", 500}, {"5", "UGX", "5", 500}, {"5.124", "KWD", "5.13", 5130}, {"5.12", "KWD", "5.12", 5120},
		{"1000", "KRW", "1000", 1000}, {"7", "MGA", "7", 7}, {"175", "HUF", "175", 17500}, {"1.005", "USD", "1.01", 101},
	} {
		charged := chargeable(dec(c.amount), c.currency)
		if !charged.Equal(dec(c.charged)) || minor(charged, c.currency) != c.minor || !major(c.minor, c.currency).Equal(charged) {
			t.Errorf("%s %s: charged %s, %d", c.amount, c.currency, charged, minor(charged, c.currency))
		}
	}
	for currency, least := range map[string]string{"USD": "0.50", "JPY": "50", "GBP": "0.30", "KWD": "0.01", "XOF": "1"} {
		if !minimum(currency).Equal(dec(least)) {
			t.Errorf("%s: at least %s", currency, minimum(currency))
		}
	}
}
