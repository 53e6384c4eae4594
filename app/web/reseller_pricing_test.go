package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

func TestResellersSetPricesAgainstWholesale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.a, "ada@example.com", accounts.Customer)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	w.at(w.a).signIn("", "ada@example.com").get("/reseller/pricing").want(404)
	w.at(w.b).get("/reseller/pricing").goesTo("/sign-in?next=%2Freseller%2Fpricing")

	owner.get("/reseller/pricing").want(200).says("Business Basic", "$0.12", "$0.08", "40 %", "66.7 %", "These are the suggested prices")
	owner.post("/reseller/pricing/keep", nil).goesTo("/reseller/pricing")
	owner.get("/reseller/pricing").want(200).hides("These are the suggested prices")

	wrong := owner.post("/reseller/pricing", url.Values{"type": {"business_basic"}, "price_per_hour": {"cheap"}, "price": {"12"}}).want(422).says("Enter a number such as")
	if wrong.value("price") == "12" { // it is the first plan's field; business_basic is not the first
		t.Error("what was typed stands at another plan")
	}
	if n := wrong.find("input", "id", "price-business_basic"); n != nil {
		if value, _ := attrOf(n, "value"); value != "12" {
			t.Errorf("input is lost: %q", value)
		}
	}
	owner.post("/reseller/pricing", url.Values{"type": {"business_basic"}, "price_per_hour": {"0.10"}, "price": {"30"}, "name": {"Office"}, "description": {"Mail."}}).goesTo("/reseller/pricing")
	owner.get("/reseller/pricing").want(200).says("Office", "This is below wholesale: every hour costs you $0.02.", "$30.00 (100 %)")
	owner.post("/reseller/pricing", url.Values{"type": {"business_basic"}, "price_per_hour": {"0.25"}, "price": {""}}).goesTo("/reseller/pricing")
	owner.get("/reseller/pricing").want(200).says("$0.13").hides("This is below wholesale", "Margin of a month")

	part := owner.htmx(http.MethodGet, "/reseller/pricing/margin?type=business_basic&price_per_hour=0.30", nil).want(200).says("$0.18", "60 %")
	if len(part.all("div", "id", "margin-business_basic")) != 1 || strings.Contains(part.body, "<html") {
		t.Errorf("the part is not itself:\n%s", part.body)
	}
	owner.get("/reseller/pricing/margin?type=business_basic&price_per_hour=0.").want(200)
	owner.get("/reseller/pricing/margin?type=business_basic&price_per_hour=x").want(200).says("$0.13")
	owner.get("/reseller/pricing/margin?type=nothing").want(404)
}

func TestResellersMakeRetireAndRestorePlans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.a, "ada@example.com", accounts.Customer)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	form := url.Values{"catalog_plan_id": {"developer_pro"}, "name": {"Night shift"}, "price_per_hour": {"0.22"}, "block_seconds": {"3600"}, "trial_days": {"x"}}
	again := owner.post("/reseller/pricing/plans", form).want(422).says("Enter a whole number.")
	if again.value("trial_days") != "x" {
		t.Error("input is lost")
	}
	form.Set("trial_days", "")
	owner.post("/reseller/pricing/plans", form).goesTo("/reseller/pricing")
	owner.get("/reseller/pricing").want(200).says("Night shift", "night_shift", "$0.04")
	ada := w.at(w.a).signIn("", "ada@example.com")
	ada.get("/kasm/order").want(200).says("Night shift", "$0.22")

	owner.post("/reseller/pricing/retire", url.Values{"type": {"night_shift"}}).goesTo("/reseller/pricing")
	ada.get("/kasm/order").want(200).hides("Night shift")
	owner.get("/reseller/pricing").want(200).says("Not sold any more")
	owner.post("/reseller/pricing/restore", url.Values{"type": {"night_shift"}}).goesTo("/reseller/pricing")
	ada.get("/kasm/order").want(200).says("Night shift")
	owner.post("/reseller/pricing/retire", url.Values{"type": {"nothing"}}).want(404)
}

func TestMarkupsArePreviewedThenApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	rule := func(target, kind, value, step string) *answer {
		return owner.post("/reseller/pricing/rules", url.Values{"target": {target}, "price_of": {"hour"}, "kind": {kind}, "value": {value}, "round_to": {step}})
	}
	again := rule("all", "percent", "much", "0").want(422).says("Enter a number such as")
	if again.value("value") != "much" {
		t.Error("input is lost")
	}
	rule("all", "percent", "50", "0").goesTo("/reseller/pricing#rules")
	rule("type:business", "percent", "100", "0").goesTo("/reseller/pricing#rules")
	rule("plan:business_pro", "amount", "0.30", "0").goesTo("/reseller/pricing#rules")
	owner.get("/reseller/pricing").want(200).says("All plans", "Business desktops", "Business Pro", "50 %", "Preview 6 new prices", "$0.20")

	preview := owner.get("/reseller/pricing/preview").want(200).says("$0.135", "$0.24", "$0.54", "by the mark-up for business_pro", "Apply 6 prices")
	owner.post("/reseller/pricing/apply", url.Values{"seen": {"x"}}).want(409).says("Look at the preview again")
	seen, _ := attrOf(preview.find("button", "name", "seen"), "value")
	for range 2 {
		owner.post("/reseller/pricing/apply", url.Values{"seen": {seen}}).goesTo("/reseller/pricing")
	}
	page := owner.get("/reseller/pricing").want(200).says("Your prices are those that the mark-ups make.", "$0.30", "55.6 %")
	owner.get("/reseller/pricing/preview").want(200).says("The mark-ups change no price.")
	remove := ""
	for _, form := range page.all("form", "method", "post") {
		if action, _ := attrOf(form, "action"); strings.HasSuffix(action, "/remove") {
			remove = action
			break
		}
	}
	owner.post(remove, nil).goesTo("/reseller/pricing#rules")
	owner.post(remove, nil).want(404)
	owner.get("/reseller/pricing").want(200).hides("All plans")
	w.person(w.b, "far@example.com", accounts.Owner)
	w.at(w.b).signIn("/reseller", "far@example.com").get("/reseller/pricing").want(200).hides("Business desktops")
}

func TestTheFirstStepsOfAShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	w.person(w.a, "stan@example.com", accounts.Staff)
	page := owner.get("/reseller").want(200).says("First steps", "Point your own domain", "0 of 6 done", "Set your prices")
	if len(page.all("a", "href", "/reseller/domains")) != 2 { // beside the page, and in the list
		t.Error("the list does not lead to the domains")
	}
	w.at(w.a).signIn("/reseller", "stan@example.com").get("/reseller").want(200).says("An owner of the shop does this.")
	owner.post("/reseller/pricing/keep", nil).goesTo("/reseller/pricing")
	w.person(w.a, "ada@example.com", accounts.Customer)
	if err := w.deps.DB.SetBranding(t.Context(), w.a.ID, tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#64748B"}); err != nil {
		t.Fatal(err)
	}
	owner.get("/reseller").want(200).says("3 of 6 done")
	owner.post("/reseller/first-steps/hide", nil).goesTo("/reseller")
	owner.get("/reseller").want(200).hides("First steps")
	owner.post("/reseller/first-steps/hide", nil).goesTo("/reseller")
}
