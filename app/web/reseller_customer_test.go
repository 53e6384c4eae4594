package web

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestTheShopsPageOfACustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	w.person(w.a, "owner@example.com", accounts.Owner)
	far := w.person(w.b, "far@example.com", accounts.Customer)
	owner := w.at(w.a).signIn("/reseller", "owner@example.com")
	path := "/reseller/customers/" + ada.ID.String()
	d.ran(d.order(ada, "developer_basic"), noon.Add(-48*time.Hour), 40*time.Minute)

	owner.get("/reseller").want(200).find("a", "href", path)
	page := owner.get(path).want(200).says("Ada Lovelace", "Free to use", "Paid credit", "Movements of the credit", "Credit from the shop", "Developer Basic", "Customer since")
	page.find("form", "action", path+"/credit", "method", "post")

	// Nobody else comes in, and nobody of another shop is there.
	b.get(path).want(404)
	w.at(w.a).get(path).goesTo("/sign-in?next=" + url.QueryEscape(path))
	for _, id := range []string{far.ID.String(), uuid.NewString(), "nobody"} {
		owner.get("/reseller/customers/" + id).want(404)
		owner.post("/reseller/customers/"+id+"/limits", url.Values{"monthly_cap": {"5"}}).want(404)
		owner.post("/reseller/customers/"+id+"/pay-mode", url.Values{"pay_mode": {"prepaid"}}).want(404)
		owner.post("/reseller/customers/"+id+"/release", url.Values{"reason": {"fine"}}).want(404)
	}

	owner.post(path+"/limits", url.Values{"monthly_cap": {"30"}, "warn_percent": {"80"}}).goesTo(path)
	owner.get(path).want(200).says("The cap and the warnings are saved.", "of your $30.00 cap")
	wrong := owner.post(path+"/limits", url.Values{"monthly_cap": {"much"}}).want(422)
	if wrong.value("monthly_cap") != "much" || wrong.fieldError("monthly_cap") == "" {
		t.Error("what was typed is lost, or nothing is said about it")
	}
	if owner.post(path+"/pay-mode", url.Values{"pay_mode": {"postpaid"}}).want(422).fieldError("pay_mode") == "" {
		t.Error("nothing is said about the missing card")
	}
	owner.post(path+"/release", url.Values{"reason": {"it is fine"}}).want(409)

	grant := owner.get(path).want(200)
	form := url.Values{"cause": {grant.value("cause")}, "back": {grant.value("back")}, "amount": {"5"}, "reason": {"Sorry"}}
	owner.post(path+"/credit", form).goesTo(path)
	owner.post(path+"/credit", form).goesTo(path)
	owner.get(path).want(200).says("$25.00", "Sorry")

	bonus := url.Values{"bonus_cause": {owner.get(path).want(200).value("bonus_cause")}, "bonus_amount": {"3"}, "bonus_expires": {"2099-12-31"}, "bonus_reason": {"Welcome back"}}
	for range 2 {
		owner.post(path+"/bonus", bonus).goesTo(path)
	}
	owner.get(path).want(200).says("Bonus from the shop", "Welcome back", "$28.00")
	owner.get("/reseller").want(200).says("Credit $28.00")
	owner.get("/reseller/customers").want(200).says("$28.00")
	b.get("/billing").want(200).says("Bonus $3.00, until December 31, 2099")
	bonus.Set("bonus_expires", "2001-01-01")
	bonus.Set("bonus_cause", uuid.NewString())
	if got := owner.post(path+"/bonus", bonus).want(422); got.fieldError("bonus_expires") == "" || got.value("bonus_amount") != "3" {
		t.Error("the day is not refused, or what was typed is lost")
	}
	owner.post("/reseller/customers/"+far.ID.String()+"/bonus", bonus).want(404)
}

func TestAParkedCustomerIsReleasedOnTheirPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	w.person(w.a, "owner@example.com", accounts.Owner)
	d.exec(`update users set parked_at = $2, parked_for = '{"bound": "blocks_per_day", "limit": "200", "value": "201"}' where id = $1`, ada.ID, noon)
	b.get("/").want(200).says("Your account is paused for a check")
	b.get("/billing").want(200).says("Your account is paused for a check")

	owner := w.at(w.a).signIn("/reseller", "owner@example.com")
	path := "/reseller/customers/" + ada.ID.String()
	owner.get(path).want(200).says("This account is paused", "201 blocks began in one day; the bound is 200.")
	owner.post(path+"/release", url.Values{"reason": {" "}}).want(422).says("Say why, in a few words.")
	owner.post(path+"/release", url.Values{"reason": {"A class of forty"}}).goesTo(path)
	owner.get(path).want(200).says("The account may go on.").hides("This account is paused")
	b.get("/").want(200).hides("paused for a check")
}
