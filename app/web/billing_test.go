package web

import (
	"net/url"
	"testing"
)

func TestBillingShowsTheBalanceAndSavesLimitsR15(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, b := w.ada(t)
	page := b.get("/billing").want(200).says("You can use $20.00", "Nothing is running, so nothing is taken from it.", "No monthly cap is set.")
	page.find("a", "href", "/billing/ledger")

	limits := url.Values{"monthly_cap": {"10"}, "low_credit": {"2.50"}, "warn_percent": {"50", "90"}}
	b.post("/billing/limits", limits).goesTo("/billing#limits")
	page = b.get("/billing").want(200).says("It counts from the next block on.", "$0.00 of your $10.00 cap")
	if page.value("monthly_cap") != "10.00" || page.value("low_credit") != "2.50" {
		t.Error("the limits are not as they were set")
	}
	part := b.htmx("POST", "/billing/limits", limits).want(200).says("Saved.")
	if part.header.Get("HX-Trigger") == "" || len(part.all("html")) > 1 {
		t.Error("the part does not make the balance draw itself anew")
	}
	for field, value := range map[string]string{"monthly_cap": "ten", "low_credit": "-1"} {
		for _, got := range []*answer{b.post("/billing/limits", url.Values{field: {value}}).want(422), b.htmx("POST", "/billing/limits", url.Values{field: {value}}).want(422)} {
			if got.value(field) != value || got.fieldError(field) == "" {
				t.Errorf("%s: %q is lost, or nothing is said about it", field, value)
			}
			got.find("div", "class", "form-errors", "autofocus", "")
		}
	}
}
