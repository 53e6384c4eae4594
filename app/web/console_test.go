package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestTheResellersDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := "boss-" + w.a.Slug + "@example.com" // the central door knows every shop's people
	w.person(w.a, boss, accounts.Owner)
	w.person(w.a, "ada@example.com", accounts.Customer)
	w.person(w.house, "house-"+w.a.Slug+"@example.com", accounts.Customer)

	w.central().get("/reseller/sign-in").want(200).says("Reseller sign-in")
	form := func(email, pass string) url.Values {
		return url.Values{"email": {email}, "password": {pass}, "next": {"/reseller?q=ada"}}
	}
	wrong := w.central().post("/reseller/sign-in", form(boss, "wrong password")).want(422).says("The e-mail address or the password is wrong.")
	if wrong.value("email") != boss || wrong.value("next") != "/reseller?q=ada" {
		t.Error("input is lost")
	}
	for _, customer := range []string{"ada@example.com", "house-" + w.a.Slug + "@example.com"} {
		w.central().post("/reseller/sign-in", form(customer, password)).want(422)
	}
	w.at(w.a).post("/reseller/sign-in", form("ada@example.com", password)).want(422)

	owner := w.central()
	owner.post("/reseller/sign-in", form(boss, password)).goesTo("/reseller?q=ada")
	owner.get("/reseller").want(200).says("Northwind Desktops", "ada@example.com")
	owner.get("/usage").goesTo("/sign-in?next=%2Fusage") // the desk's session opens no shop
	owner.post("/reseller/sign-out", nil).goesTo("/reseller/sign-in")
	owner.get("/reseller").goesTo("/reseller/sign-in?next=%2Freseller")

	// A customer who is signed in to the shop is told that there is nothing.
	w.at(w.a).signIn("", "ada@example.com").get("/reseller").want(404)
	w.at(w.a).signIn("", boss).get("/reseller").want(200)
}

func TestTheConsoleListsOwnCustomersPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "owner@example.com", accounts.Owner)
	w.person(w.b, "stranger@example.com", accounts.Customer)
	for i := range peoplePage + 2 {
		w.person(w.a, fmt.Sprintf("customer%02d@example.com", i), accounts.Customer)
	}
	w.grant("customer00@example.com", "12.50")
	owner := w.at(w.a).signIn("/reseller", "owner@example.com")
	first := owner.get("/reseller").want(200).says("customer26@example.com").hides("customer00@example.com", "stranger@example.com")
	links := first.all("a", "class", "btn btn-small")
	older, _ := attrOf(links[len(links)-1], "href")
	second := owner.get(older).want(200).says("customer00@example.com", "$12.50").hides("customer26@example.com")
	if len(second.all("details", "class", "grant")) != 2 {
		t.Errorf("the second page lists %d customers", len(second.all("details", "class", "grant")))
	}
	found := owner.get("/reseller?q=CUSTOMER07").want(200).says("customer07@example.com").hides("customer06@example.com")
	if value, _ := attrOf(found.find("input", "name", "q"), "value"); value != "CUSTOMER07" {
		t.Error("the search is lost")
	}
	owner.get("/reseller?q=nobody%25").want(200).says("Nobody found")
	owner.get("/reseller?cursor=garbage").want(400)
}

func TestGrantingCredit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "owner@example.com", accounts.Owner)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	stranger := w.person(w.b, "stranger@example.com", accounts.Customer)
	desk := w.at(w.a).signIn("/reseller", "owner@example.com")
	path := "/reseller/customers/" + ada.ID.String() + "/credit"
	form := url.Values{"amount": {"20.00"}, "reason": {"For the lost afternoon"}, "cause": {uuid.NewString()}, "back": {"/reseller?q=ada"}}

	desk.post(path, form).goesTo("/reseller?q=ada")
	desk.get("/reseller?q=ada").want(200).says("Ada Lovelace has $20.00 more credit.", "$20.00")
	desk.post(path, form).goesTo("/reseller?q=ada") // the same form again gives nothing
	desk.get("/reseller").want(200).says("Credit $20.00")

	for amount, reason := range map[string]string{"": "x", "-5": "x", "0": "x", "1.005": "x", "1e6": "x", "NaN": "x", "9999999999": "x", "5": "", "6": strings.Repeat("y", 201)} {
		got := desk.post(path, url.Values{"amount": {amount}, "reason": {reason}, "back": {"https://evil.test"}}).want(422).says("Grant credit to Ada Lovelace")
		if got.value("amount") != amount || got.value("reason") != reason || got.value("back") != "/reseller" {
			t.Errorf("input is lost: %q %q %q", got.value("amount"), got.value("reason"), got.value("back"))
		}
		if got.fieldError("amount") == "" && got.fieldError("reason") == "" {
			t.Errorf("nothing is said beside the fields of %q, %q", amount, reason)
		}
	}
	desk.get("/reseller").says("Credit $20.00")

	// Another shop's customer, nobody, and somebody who may not.
	for _, id := range []string{stranger.ID.String(), uuid.NewString(), "x"} {
		desk.post("/reseller/customers/"+id+"/credit", form).want(404)
	}
	customer := w.at(w.a).signIn("", "ada@example.com")
	customer.post(path, form).want(404)
	w.at(w.a).post(path, form).goesTo("/sign-in")
}
