package web

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/tenants"
)

// owed makes an open invoice over 10.00 with one line.
func (w *world) owed(user uuid.UUID, number string) {
	w.t.Helper()
	w.in(w.a, func(ctx context.Context, tx tenants.Tx) error {
		id := uuid.New()
		if _, err := tx.Exec(ctx, `insert into invoices (id, user_id, status, period_start, period_end, currency, subtotal, total, amount_due, description, due_date, created_at)
			values ($1, $2, 'draft', $3::timestamptz, $3, 'USD', 10, 10, 10, 'Usage', ($3::timestamptz)::date, $3)`, id, user, noon); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into invoice_items (invoice_id, position, description, workspace_type, cost_per_hour, block_seconds, blocks, quantity, exact, amount, currency, period_start, period_end)
			values ($1, 1, 'Business Basic', 'business_basic', 0.2, 900, 200, 50, 10, 10, 'USD', $2, $2)`, id, noon); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update invoices set status = 'open', number = $2, finalised_at = $3 where id = $1`, id, number, noon)
		return err
	})
}

func TestResellersSetTheirTerms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.a, "ada@example.com", accounts.Customer)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	for _, path := range []string{"/reseller/billing", "/reseller/plans", "/reseller/coupons", "/reseller/taxes", "/reseller/invoices"} {
		owner.get(path).want(200)
		w.at(w.a).signIn("", "ada@example.com").get(path).want(404)
	}

	page := owner.get("/reseller/billing").want(200)
	form := url.Values{"minimum_credit": {"0"}, "free_restart": {"on"}, "invoice_number_format": {"R-{year}"}, "term_days": {"30"}, "retry": {"2, 4"}, "suspend": {"9"}, "terminate": {"20"}, "blocks_per_day": {"500"}}
	wrong := owner.post("/reseller/billing", form).want(422).says("A number format has {number} in it once")
	if wrong.value("retry") != "2, 4" || wrong.value("term_days") != "30" {
		t.Error("input is lost")
	}
	form.Set("invoice_number_format", "R-{number:3}")
	owner.post("/reseller/billing", form).goesTo("/reseller/billing")
	terms, err := w.deps.Billing.Terms(t.Context(), w.a)
	if err != nil || !terms.MinimumCredit.IsZero() || terms.Postpaid || !terms.FreeRestart || terms.TermDays != 30 || terms.NumberFormat != "R-{number:3}" {
		t.Errorf("got %+v, %v", terms, err)
	}
	if page.value("term_days") != "7" || owner.get("/reseller/billing").value("suspend") != "9" {
		t.Error("the page does not show what holds")
	}

	owner.post("/reseller/plans", url.Values{"type": {"business_basic"}, "price_per_hour": {"x"}, "trial_days": {"9"}}).want(422).says("Enter a number such as")
	owner.post("/reseller/plans", url.Values{"type": {"business_basic"}, "price_per_hour": {"0.25"}, "price": {"30"}, "included_hours": {"10"}, "trial_days": {"7"}, "block_seconds": {"600"}}).goesTo("/reseller/plans")
	owner.get("/reseller/plans").want(200).says("$0.25", "$0.12", "$0.13")

	owner.post("/reseller/taxes", url.Values{"name": {"MwSt"}, "country": {"Germany"}, "percent": {"19"}}).want(422).says("two letters")
	owner.post("/reseller/taxes", url.Values{"name": {"MwSt"}, "country": {"de"}, "percent": {"19"}, "inclusive": {"on"}}).goesTo("/reseller/taxes")
	owner.get("/reseller/taxes").want(200).says("MwSt", "19 %", "with tax inside")
	owner.post("/reseller/taxes/retire", url.Values{"country": {"DE"}, "tax_class": {"standard"}}).goesTo("/reseller/taxes")
	owner.get("/reseller/taxes").want(200).hides("MwSt")
}

func TestResellersMakeAndGiveCoupons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	again := owner.post("/reseller/coupons", url.Values{"code": {"TEN"}, "percent": {"ten"}, "months": {"3"}}).want(422).says("Enter a number such as")
	if again.value("months") != "3" {
		t.Error("input is lost")
	}
	owner.post("/reseller/coupons", url.Values{"code": {"ten"}, "percent": {"10"}, "months": {"3"}, "expires_at": {"2099-12-31"}}).goesTo("/reseller/coupons")
	owner.get("/reseller/coupons").want(200).says("TEN", "10 %", "3 invoices")
	owner.post("/reseller/coupons/assign", url.Values{"email": {"nobody@example.com"}, "code": {"TEN"}}).want(422).says("no customer with this address")
	owner.post("/reseller/coupons/assign", url.Values{"email": {"ada@example.com"}, "code": {"TEN"}}).goesTo("/reseller/coupons")
	var has billing.CustomerCoupon
	var found bool
	if err := w.deps.DB.Read(t.Context(), w.a, billing.CustomerCouponQ(&has, &found, ada.ID)); err != nil || !found || has.Code != "TEN" {
		t.Errorf("got %+v, %v", has, err)
	}
	owner.post("/reseller/coupons/retire", url.Values{"code": {"TEN"}}).goesTo("/reseller/coupons")
	owner.get("/reseller/coupons").want(200).says("retired")
}

func TestResellersCreditVoidAndMarkInvoices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.b, "far@example.com", accounts.Owner)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	for _, number := range []string{"INV-1", "INV-2"} {
		w.owed(ada.ID, number)
	}
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	owner.get("/reseller/invoices?status=open&q=ADA").want(200).says("INV-1", "INV-2", "$10.00")
	owner.get("/reseller/invoices?status=paid").want(200).hides("INV-1")
	w.at(w.b).signIn("/reseller", "far@example.com").get("/reseller/invoices/INV-1").want(404)

	cause := uuid.NewString()
	owner.post("/reseller/invoices/INV-1/credit", url.Values{"amount-1": {"11"}, "reason": {"Sorry."}}).want(422).says("At most $10.00 is left")
	for range 2 { // the same form twice is one credit note
		owner.post("/reseller/invoices/INV-1/credit", url.Values{"amount-1": {"4"}, "reason": {"Sorry."}, "cause": {cause}}).goesTo("/reseller/invoices/INV-1")
	}
	owner.get("/reseller/invoices/INV-1").want(200).says("CN-", "$6.00")
	owner.post("/reseller/invoices/INV-1/paid", url.Values{"amount": {"2.50"}, "method": {"bank"}}).want(422).says("reference")
	owner.post("/reseller/invoices/INV-1/paid", url.Values{"amount": {"2.50"}, "method": {"bank"}, "reference": {"TR 7"}}).goesTo("/reseller/invoices/INV-1")
	owner.post("/reseller/invoices/INV-1/paid", url.Values{"amount": {"5"}, "method": {"cash"}}).goesTo("/reseller/invoices/INV-1")
	owner.get("/reseller/invoices?status=paid").want(200).says("INV-1")

	owner.post("/reseller/invoices/INV-2/void", url.Values{"reason": {""}}).want(422)
	owner.post("/reseller/invoices/INV-2/void", url.Values{"reason": {"A test."}}).goesTo("/reseller/invoices/INV-2")
	owner.get("/reseller/invoices/INV-2").want(200).says("A test.")
	owner.post("/reseller/invoices/INV-1/void", url.Values{"reason": {"Too late."}}).want(409).says("give it back with a credit note")
	var audit []string
	if err := w.deps.DB.Read(t.Context(), w.a, tenants.ListQ(&audit, `select action from audit_log where actor like 'user:%' order by id`)); err != nil ||
		!strings.Contains(strings.Join(audit, " "), "credit_note.issued invoice.marked_paid invoice.marked_paid invoice.voided") {
		t.Errorf("the audit log has %v, %v", audit, err)
	}
}
