package web

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
)

// path is the part of an address that a browser at the host asks for.
func pathOf(t *testing.T, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(u.Path, "/acting/") {
		t.Fatalf("log in as leads to %q", to)
	}
	return u.Path
}

func TestLogInAsACustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	w.person(w.a, "staff@example.com", accounts.Staff)
	owner := w.person(w.a, "owner@example.com", accounts.Owner)
	desk := w.central().signIn("/reseller", "staff@example.com")
	path := "/reseller/customers/" + ada.ID.String()

	desk.post(path+"/act", url.Values{}).want(422)
	desk.post("/reseller/customers/"+owner.ID.String()+"/act", url.Values{"reason": {"curious"}}).want(409)
	over := desk.post(path+"/act", url.Values{"reason": {"Cannot see the desktop"}}).want(303)
	ticket := pathOf(t, over.header.Get("Location"))

	w.at(w.b).get(ticket).want(404) // of another shop
	there := w.at(w.a)
	there.get(ticket).goesTo("/")
	w.at(w.a).get(ticket).want(404) // used
	there.get("/").want(200).says("You see what", "Ada Lovelace", "Cannot see the desktop")
	for _, refused := range []string{"/billing/top-up", "/settings/keys", "/billing/limits", "/kasm/order"} {
		there.post(refused, url.Values{"name": {"x"}, "amount": {"5"}}).want(403)
	}
	if elsewhere := w.at(w.b); true {
		elsewhere.cookies = there.cookies
		elsewhere.get("/usage").goesTo("/sign-in?next=%2Fusage")
	}
	there.get("/reseller").want(303)
	desk.post("/reseller/sign-out", nil).want(303)
	there.get("/usage").goesTo("/sign-in?next=%2Fusage")
}

func TestSuspendingACustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	w.person(w.a, "owner@example.com", accounts.Owner)
	owner, her := w.at(w.a).signIn("/reseller", "owner@example.com"), w.at(w.a).signIn("", "ada@example.com")
	path := "/reseller/customers/" + ada.ID.String()
	owner.post(path+"/suspend", url.Values{}).want(422)
	owner.post(path+"/suspend", url.Values{"reason": {"chargeback"}}).goesTo(path)
	her.get("/usage").goesTo("/sign-in?next=%2Fusage")
	her.post("/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}}).want(403)
	owner.get("/reseller/customers?state=suspended").want(200).says("ada@example.com")
	owner.get("/reseller/customers.csv").want(200).says("ada@example.com")
	owner.post(path+"/resume", url.Values{"reason": {"settled"}}).goesTo(path)
	w.at(w.a).signIn("", "ada@example.com")
	for _, page := range []string{"/reseller", "/reseller/workspaces", "/reseller/workspaces.csv", "/reseller/usage", "/reseller/usage.csv", "/reseller/usage.csv?by=plan", "/reseller/usage.csv?by=customer"} {
		owner.get(page).want(200)
	}
	owner.post("/reseller/customers", url.Values{"email": {"nobody"}}).want(422)
	owner.post("/reseller/customers", url.Values{"email": {"new@example.com"}}).want(303)
}
