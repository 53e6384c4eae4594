package web

import (
	"net/url"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

func TestAnOperatorLeadsAResellerThroughItsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.person(w.a, "boss@"+w.a.Slug+".test", accounts.Owner)
	desk := w.central().signIn("/reseller", boss.Email)
	op, at := w.central().signIn("/admin", w.operator().Email), "/admin/resellers/"+w.a.Slug

	op.get(at).want(200).says("Suspend this reseller", "Close this reseller for good").hides("Resume this reseller")
	empty := op.post(at+"/suspend", url.Values{"reason": {" "}}).want(422).says("Say why, in a sentence")
	for _, id := range []string{"field-reason", "field-reason-close"} {
		if n := len(empty.all("input", "id", id)); n != 1 {
			t.Errorf("%d fields are #%s", n, id)
		}
	}
	op.post(at+"/suspend", url.Values{"reason": {"They send spam"}}).want(303).goesTo(at)
	op.get(at).want(200).says("Northwind Desktops is suspended.", "They send spam", "Resume this reseller").hides("Suspend this reseller")
	w.at(w.a).get("/").want(503)
	desk.get("/reseller").want(200).says("Your shop is suspended", "They send spam")
	desk.get("/reseller/wholesale").want(200)
	desk.get("/reseller/invoices").want(403).says("This shop is suspended")
	desk.post("/reseller/coupons", url.Values{"code": {"X"}}).want(403)
	w.at(w.a).get("/reseller/sign-in").want(200)
	op.post(at+"/resume", url.Values{"reason": {"They stopped"}}).want(303).goesTo(at)
	desk.get("/reseller/invoices").want(200)

	op.post(at+"/trial", url.Values{"trial_ends": {"soon"}}).want(422).says("Write the day as")
	op.post(at+"/trial", url.Values{"trial_ends": {noon.AddDate(0, 0, -3).Format(time.DateOnly)}}).want(422).says("between tomorrow and a year")
	op.post(at+"/trial", url.Values{"trial_ends": {noon.AddDate(0, 0, 20).Format(time.DateOnly)}, "pays_by_invoice": {"yes"}}).want(303)
	if now, _ := w.deps.Registry.ByID(w.a.ID); now.Status != tenants.Trial {
		t.Errorf("the shop is %s, want it on trial", now.Status)
	}

	wrong := op.post(at+"/close", url.Values{"reason": {"They moved on"}, "confirm": {"another"}}).want(422)
	wrong.says("Type " + w.a.Slug)
	if kept := wrong.value("confirm"); kept != "another" {
		t.Errorf("what was typed is not kept: %q", kept)
	}
	op.post(at+"/close", url.Values{"reason": {"They moved on"}, "confirm": {w.a.Slug}}).want(303).goesTo(at)
	op.get(at).want(200).says("Northwind Desktops is closed.", "Domains released", "Data removed").hides("Suspend this reseller", "Close this reseller for good")
	op.post(at+"/resume", url.Values{"reason": {"Come back"}}).want(409)
	w.at(w.a).get("/").want(404)
	w.at(w.a).get("/reseller/sign-in").want(404)
	again := w.central().signIn("/reseller", boss.Email)
	again.get("/reseller").want(200).says("Your shop is closed")
	again.get("/reseller/invoices").want(403).says("This shop is closed")

	if err := w.deps.DB.Drop(t.Context(), w.a.ID, "test"); err != nil {
		t.Fatal(err)
	}
	again.get("/reseller").goesTo("/reseller/sign-in?next=%2Freseller")
	op.get("/admin/resellers").want(200)
	op.get(at).want(200).says("Data removed")
}

func TestOnlyOperatorsChangeTheLifeOfAReseller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.person(w.a, "boss@"+w.a.Slug+".test", accounts.Owner)
	desk := w.central().signIn("/reseller", boss.Email)
	for _, step := range []string{"suspend", "resume", "trial", "close"} {
		path := "/admin/resellers/" + w.a.Slug + "/" + step
		form := url.Values{"reason": {"x"}, "confirm": {w.a.Slug}}
		if a := desk.post(path, form); a.status != 303 {
			t.Errorf("an owner may %s: %d", step, a.status)
		}
		w.at(w.a).post(path, form).want(404)
	}
	op := w.central().signIn("/admin", w.operator().Email)
	op.post("/admin/resellers/nobody/suspend", url.Values{"reason": {"x"}}).want(404)
	op.post("/admin/resellers/"+w.house.Slug+"/suspend", url.Values{"reason": {"x"}}).want(409)
	if now, _ := w.deps.Registry.ByID(w.a.ID); now.Status != tenants.Active {
		t.Errorf("the shop is %s", now.Status)
	}
}
