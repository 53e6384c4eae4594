package web

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestOwnersKeepTheStaff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mail := func(who string) string { return who + "-" + w.a.Slug + "@example.com" } // the central door knows every shop's people
	w.person(w.a, mail("boss"), accounts.Owner)
	w.person(w.a, mail("stan"), accounts.Staff)
	w.person(w.a, mail("ada"), accounts.Customer)
	far := w.person(w.b, mail("far"), accounts.Staff)
	owner, stan := w.at(w.a).signIn("/reseller", mail("boss")), w.at(w.a).signIn("/reseller", mail("stan"))
	stan.get("/reseller/staff").want(403)
	stan.post("/reseller/staff", url.Values{"email": {"x@example.com"}, "role": {"owner"}}).want(403)
	w.at(w.a).signIn("", mail("ada")).get("/reseller/staff").want(404)

	if owner.post("/reseller/staff", url.Values{"role": {"staff"}}).want(422).fieldError("name") != "" || owner.post("/reseller/customers", nil).want(422).fieldError("name") != "" {
		t.Error("a name is asked for, which need not be given")
	}
	again := owner.post("/reseller/staff", url.Values{"email": {"nobody"}, "name": {"Ivy"}, "role": {"staff"}}).want(422)
	if again.value("name") != "Ivy" || again.fieldError("email") == "" {
		t.Error("input is lost")
	}
	owner.post("/reseller/staff", url.Values{"email": {mail("boss")}, "role": {"staff"}}).want(422).says("helps to run the shop already")
	owner.post("/reseller/staff", url.Values{"email": {mail("ivy")}, "name": {"Ivy"}, "role": {"staff"}}).goesTo("/reseller/staff")
	page := owner.get("/reseller/staff").want(200).says("gets a letter with a link to choose a password", "Ivy", "Invited", mail("stan"), "(you)").hides(mail("ada"), mail("far"))
	action := func(page *answer, about, what string) string {
		for _, b := range page.all("button") {
			if label, _ := attrOf(b, "aria-label"); strings.Contains(label, about) && b.Parent.Data == "form" {
				if path, _ := attrOf(b.Parent, "action"); strings.HasSuffix(path, what) {
					return path
				}
			}
		}
		t.Fatalf("nothing to %s %s", what, about)
		return ""
	}
	owner.post(action(page, mail("ivy"), "/invite"), nil).goesTo("/reseller/staff")
	ofStan := action(page, mail("stan"), "/role")
	owner.post(ofStan, url.Values{"role": {"customer"}}).want(422).says("Choose owner or staff.")
	owner.post(ofStan, url.Values{"role": {"owner"}}).goesTo("/reseller/staff")
	stan.get("/reseller").want(303) // a new role, a new sign-in
	stan = w.at(w.a).signIn("/reseller", mail("stan"))
	stan.get("/reseller/staff").want(200)
	owner.post("/reseller/staff/"+far.ID.String()+"/role", url.Values{"role": {"owner"}}).want(404)
	owner.post("/reseller/staff/x/remove", nil).want(404)

	// One owner removes the other; the last one cannot go.
	boss := action(stan.get("/reseller/staff"), mail("boss"), "/role")
	stan.post(strings.TrimSuffix(boss, "role")+"remove", nil).goesTo("/reseller/staff")
	owner.get("/reseller").goesTo("/sign-in?next=%2Freseller")
	w.central().post("/reseller/sign-in", url.Values{"email": {mail("boss")}, "password": {password}}).want(422)
	stan.post(ofStan, url.Values{"role": {"staff"}}).want(409).says("This is the shop")
	w.central().signIn("/reseller", mail("stan")).get("/reseller/staff").want(200)

	// A customer who is made staff keeps the password.
	stan.post("/reseller/staff", url.Values{"email": {mail("ada")}, "role": {"staff"}}).goesTo("/reseller/staff")
	w.central().signIn("/reseller", mail("ada")).get("/reseller").want(200)
}
