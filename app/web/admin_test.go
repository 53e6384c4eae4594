package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestTheOperatorsDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	o := w.operator()
	w.central().get("/admin/sign-in?next=/admin/resellers").want(200).says("Operator sign-in")
	got := w.central().post("/admin/sign-in", url.Values{"email": {o.Email}, "password": {"wrong password"}}).want(422).says("The e-mail address or the password is wrong.")
	if got.value("email") != o.Email {
		t.Error("input is lost")
	}
	desk := w.central()
	desk.post("/admin/sign-in", url.Values{"email": {o.Email}, "password": {password}, "next": {"/admin/resellers"}}).goesTo("/admin/resellers")
	desk.get("/admin").want(200).says("Overview", "Active", "Olga Operator")
	if _, _, err := w.deps.Accounts.SetOperatorPassword(t.Context(), o.Email, "another password"); err != nil {
		t.Fatal(err)
	}
	desk.get("/admin").goesTo("/admin/sign-in?next=%2Fadmin") // a new password ends the sign-in
	desk = w.central()
	desk.post("/admin/sign-in", url.Values{"email": {o.Email}, "password": {"another password"}}).goesTo("/admin")
	desk.post("/admin/sign-out", nil).goesTo("/admin/sign-in")
	desk.get("/admin").goesTo("/admin/sign-in?next=%2Fadmin")
}

func TestCreatingAReseller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	desk := w.central().signIn("/admin", w.operator().Email)
	name := "Fabrikam " + w.a.Slug
	slug := "fabrikam-" + w.a.Slug
	form := url.Values{"name": {name}, "email": {"boss@fabrikam.example"}, "owner_name": {"Fay"}, "trial_days": {"14"}, "currency": {"eur"}, "time_zone": {"Europe/Berlin"}, "domain": {"desks-" + w.a.Slug + ".example.org"}}
	desk.get("/admin/resellers").want(200).says("Northwind Desktops", "Create reseller")
	desk.post("/admin/resellers", form).goesTo("/admin/resellers")
	desk.get("/admin/resellers").want(200).says(name+" is open at http://"+slug+"."+tenanttest.Domain, "boss@fabrikam.example gets a letter", "Trial", "until")
	w.atHost(slug+"."+tenanttest.Domain).get("/").want(200).says(name, "€")
	shop, ok := w.deps.Registry.BySlug(slug)
	if !ok || shop.Currency != "EUR" || shop.TimeZone != "Europe/Berlin" {
		t.Fatalf("the shop is %+v", shop)
	}
	if _, err := w.deps.Accounts.ByEmail(t.Context(), shop, "boss@fabrikam.example"); err != nil {
		t.Errorf("the owner: %v", err)
	}

	again := desk.post("/admin/resellers", form).want(422)
	if !strings.Contains(again.fieldError("name"), "already") || again.value("email") != "boss@fabrikam.example" || again.value("currency") != "eur" {
		t.Errorf("a repetition says %q and keeps %q", again.fieldError("name"), again.value("email"))
	}
	form.Set("email", "other@fabrikam.example")
	if got := desk.post("/admin/resellers", form).want(422); got.fieldError("slug") == "" {
		t.Error("a taken short name is not told")
	}
	form.Set("name", "Adatum "+w.a.Slug)
	if got := desk.post("/admin/resellers", form).want(422); !strings.Contains(got.fieldError("domain"), "Another shop has asked for this domain") {
		t.Errorf("a taken domain says %q", got.fieldError("domain"))
	}
}

func TestAResellersFormSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	desk := w.central().signIn("/admin", w.operator().Email)
	base := url.Values{"name": {"A shop"}, "email": {"o@example.com"}}
	cases := []struct{ field, value string }{
		{"name", ""}, {"email", "nowhere"}, {"email", ""}, {"domain", "not a domain"}, {"domain", tenanttest.Domain}, {"domain", "x." + tenanttest.Domain},
		{"domain", "localhost"}, {"domain", "10.0.0.1"}, {"domain", "co.uk"}, {"domain", "[::1]"}, {"time_zone", "Mars/Phobos"}, {"currency", "XXQ"}, {"trial_days", "many"}, {"trial_days", "-1"}, {"trial_days", "9999"},
		{"owner_name", strings.Repeat("x", 81)},
		{"slug", "public"}, {"slug", "central"}, {"slug", "pg_x"}, {"slug", `a"b`}, {"slug", "a;b"}, {"slug", strings.Repeat("a", 64)}, {"slug", "ünïcode"}, {"slug", "Upper"}, {"slug", "a--b"}, {"slug", w.a.Slug},
	}
	before := len(w.deps.Registry.All())
	for _, c := range cases {
		form := url.Values{}
		for k, v := range base {
			form[k] = v
		}
		form.Set(c.field, c.value)
		got := desk.post("/admin/resellers", form)
		if got.status != 422 || got.fieldError(c.field) == "" {
			t.Errorf("%s %q: status %d, %q beside the field", c.field, c.value, got.status, got.fieldError(c.field))
			continue
		}
		if kept := got.value(c.field); kept != c.value {
			t.Errorf("%s %q became %q", c.field, c.value, kept)
		}
	}
	if _, made := w.deps.Registry.BySlug("a-shop"); made || before == 0 {
		t.Error("a shop was made of a wrong form")
	}
}

func TestDeadLettersAreTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	desk := w.central().signIn("/admin", w.operator().Email)
	id := w.deadLetter(w.a, "the host answered nonsense to "+w.a.Slug)
	desk.get("/admin").want(200).says("the host answered nonsense to " + w.a.Slug)
	path := fmt.Sprintf("/admin/dead-letters/%d/retry", id)
	w.central().post(path, nil).goesTo("/admin/sign-in")
	desk.post(path, nil).goesTo("/admin")
	desk.get("/admin").want(200).says("It is being tried again.").hides("the host answered nonsense to " + w.a.Slug)
	desk.post(path, nil).goesTo("/admin")
	desk.get("/admin").want(200).says("tried again already")
	desk.post("/admin/dead-letters/999999999/retry", nil).want(404)
	desk.post("/admin/dead-letters/x/retry", nil).want(404)
	hx := desk.htmx("POST", path, nil).want(204)
	if hx.header.Get("HX-Redirect") != "/admin" {
		t.Errorf("htmx goes to %q", hx.header.Get("HX-Redirect"))
	}
}

func TestTheOverviewSaysWhenSomethingIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t), func(d *Deps) {
		d.Ready = func(context.Context) error { return fail.New(fail.Unavailable, "The event stream does not answer.") }
	})
	w.central().signIn("/admin", w.operator().Email).get("/admin").want(200).says("Something does not answer", "The event stream does not answer.")
}
