package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/console"
)

// path is the part of an address that a browser at the host asks for.
func pathOf(t testing.TB, to string) string {
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

// operatorActs begins a stay of an operator's in the name of somebody of a shop.
func (w *world) operatorActs(desk *browser, email string) (ticket string) {
	w.t.Helper()
	over := desk.post("/admin/resellers/"+w.a.Slug+"/act", url.Values{"email": {email}, "reason": {"Ticket 4711"}}).want(303)
	return pathOf(w.t, over.header.Get("Location"))
}

// T46: an operator acts as somebody of shop A; what they get is good there only, short,
// and seen in A's own log.
func TestAnOperatorActsInOneShopOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.b, "boss@example.com", accounts.Owner)
	o := w.operator()
	desk := w.central().signIn("/admin", o.Email)
	desk.post("/admin/resellers/"+w.a.Slug+"/act", url.Values{"email": {boss.Email}}).want(422)
	desk.post("/admin/resellers/"+w.a.Slug+"/act", url.Values{"email": {"nobody@example.com"}, "reason": {"x"}}).want(404)
	w.at(w.a).signIn("/reseller", boss.Email).post("/admin/resellers/"+w.a.Slug+"/act", url.Values{"email": {boss.Email}, "reason": {"x"}}).want(404)

	ticket := w.operatorActs(desk, boss.Email)
	w.at(w.b).get(ticket).want(404)
	there := w.at(w.a)
	there.get(ticket).goesTo("/reseller")
	w.at(w.a).get(ticket).want(404)
	there.get("/reseller").want(200).says("You see what", boss.Name, o.Name, "Ticket 4711")
	there.get("/reseller/staff").want(200).says("You see what")

	// Neither the other shop, nor the provider's host, nor the other shop's console takes it.
	for _, elsewhere := range []*browser{w.at(w.b), w.central()} {
		elsewhere.cookies = there.cookies
		if got := elsewhere.get("/reseller"); got.status != 303 || strings.Contains(got.body, "Ticket 4711") {
			t.Errorf("another host answers %d", got.status)
		}
	}

	// Money, people, keys, names and a way back in stay closed.
	for _, refused := range []string{"/reseller/staff", "/reseller/payments/keys", "/reseller/pricing", "/reseller/billing", "/reseller/domains", "/reseller/customers", "/reseller/customers/" + boss.ID.String() + "/credit",
		"/reseller/customers/" + boss.ID.String() + "/act", "/reseller/customers/" + boss.ID.String() + "/suspend", "/reseller/coupons", "/reseller/taxes", "/settings/keys", "/billing/top-up", "/settings/cards", "/reseller/keys", "/reseller/webhooks"} {
		there.post(refused, url.Values{"reason": {"x"}, "amount": {"5"}, "email": {"x@example.com"}, "name": {"x"}}).want(403)
	}

	// Shop A sees it, in its own log; the provider in the provider's.
	log := w.at(w.a).signIn("/reseller", boss.Email)
	log.get("/reseller/audit?q=Ticket").want(200).says("Ticket 4711", o.Name)
	desk.get("/admin/audit?shop="+w.a.Slug+"&action=acting").want(200).says("acting.began", "Ticket 4711")

	there.post("/acting/end", nil).goesTo("/")
	there.get("/reseller").want(303)
	log.get("/reseller/audit?q=acting").want(200).says("Ended working in another name")
	there.get(ticket).want(404)

	// Signing out, a new password and being removed end it, too.
	again := w.at(w.a)
	again.get(w.operatorActs(desk, boss.Email)).goesTo("/reseller")
	desk.post("/admin/sign-out", nil).want(303)
	again.get("/reseller").want(303)
	desk = w.central().signIn("/admin", o.Email)
	again.get(w.operatorActs(desk, boss.Email)).goesTo("/reseller")
	again.get("/reseller").want(200)
	w.centrally(`update central.operators set session_epoch = session_epoch + 1 where id = $1`, o.ID)
	again.get("/reseller").want(303)
}

// Whoever works in a customer's name sees their pages and neither their desktop's
// inside nor its password, starts nothing that costs them, and what is done is
// written down as the staff's.
func TestWorkingInACustomersName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, _ := w.ada(t)
	stan := w.person(w.a, "stan@example.com", accounts.Staff)
	desktop := d.order(ada, "developer_basic")
	d.runs(desktop, at(9, 0), at(11, 50))
	desk := w.at(w.a).signIn("/reseller", stan.Email)
	begin := func() *browser {
		t.Helper()
		there := w.at(w.a)
		there.get(pathOf(t, desk.post("/reseller/customers/"+ada.ID.String()+"/act", url.Values{"reason": {"Cannot stop it"}}).want(303).header.Get("Location"))).goesTo("/")
		return there
	}
	there := begin()
	path := "/workspaces/" + desktop.ID.String()
	there.get(path).want(200).says("You see what", ada.Name, stan.Name, "Cannot stop it").hides("Show user name and password")
	there.get(path + "/launch").want(403)
	there.post(path+"/start", nil).want(403)
	there.post(path+"/destroy", nil).want(403)
	there.get("/reseller").want(303) // not the console of whom they are
	there.post(path+"/stop", nil).goesTo(path)
	desk.get("/reseller/audit?q=acting").want(200).says("Changed in another name", "POST /workspaces/:id/stop", "Began to work in another name", "Cannot stop it")
	desk.post("/reseller/customers/"+stan.ID.String()+"/act", url.Values{"reason": {"x"}}).want(409)

	// It ends with the customer's suspension, and with whatever ends the staff's own sign-in.
	desk.post("/reseller/customers/"+ada.ID.String()+"/suspend", url.Values{"reason": {"chargeback"}}).want(303)
	there.get("/usage").goesTo("/sign-in?next=%2Fusage")
	desk.post("/reseller/customers/"+ada.ID.String()+"/resume", url.Values{"reason": {"settled"}}).want(303)
	for name, end := range map[string]func(){
		"suspended":   func() { d.exec(`update users set status = 'suspended' where id = $1`, stan.ID) },
		"no staff":    func() { d.exec(`update users set status = 'active', role = 'customer' where id = $1`, stan.ID) },
		"new sign-in": func() { d.exec(`update users set session_epoch = session_epoch + 1 where id = $1`, stan.ID) },
	} {
		d.exec(`update users set status = 'active', role = 'staff' where id = $1`, stan.ID)
		desk = w.at(w.a).signIn("/reseller", stan.Email)
		there = begin()
		there.get("/usage").want(200)
		end()
		if got := there.get("/usage"); got.status != 303 {
			t.Errorf("%s: still in another person's name", name)
		}
	}
}

// A stay ends by itself after half an hour, its ticket after a minute.
func TestAStayIsShort(t *testing.T) {
	t.Parallel()
	wall := time.Now()
	w := newWorld(t, func(d *Deps) {
		d.Console = console.New(console.Config{DB: d.DB, Desktops: d.Workspaces, Wall: func() time.Time { return wall }})
	})
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	desk := w.central().signIn("/admin", w.operator().Email)
	late := w.operatorActs(desk, boss.Email)
	wall = wall.Add(console.TicketLasts)
	w.at(w.a).get(late).want(404)
	there := w.at(w.a)
	there.get(w.operatorActs(desk, boss.Email)).goesTo("/reseller")
	wall = wall.Add(console.ActingLasts - time.Second)
	there.get("/reseller").want(200).says("You see what")
	wall = wall.Add(time.Second)
	there.get("/reseller").want(303)
}
