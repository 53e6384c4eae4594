package web

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
)

// The pages that a shop's people work on, on a phone and on a large screen, in both
// schemes, and a customer's page with the bar of whoever looks in their name.
func TestTheConsoleIsCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, _ := w.ada(t)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.a, "a.member.of.staff.with.a.very.long.address.indeed@example.com", accounts.Staff)
	w.person(w.a, "a.customer.with.a.very.long.address.indeed@example.com", accounts.Customer)
	ran := d.order(ada, "developer_basic")
	d.ran(ran, noon.AddDate(0, 0, -20), 3*time.Hour)
	d.ran(ran, noon.AddDate(0, 0, -3), 90*time.Minute)
	d.runs(d.order(ada, "business_pro"), at(9, 0), at(11, 50))
	d.fails(d.order(ada, "developer_pro"), "There was no room for this desktop.")
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	of := "/reseller/customers/" + ada.ID.String()
	owner.post("/reseller/staff", url.Values{"email": {"ivy@example.com"}, "role": {"staff"}}).want(303)

	s := newScreen(t, w)
	s.wear(owner)
	shop := w.host(w.a)
	pages := []struct{ name, path, submit string }{
		{"overview", "/reseller", ""}, {"customers", "/reseller/customers", ""}, {"customers-none", "/reseller/customers?q=zebra&state=parked", ""},
		{"customers-wrong", "/reseller/customers", `form[action="/reseller/customers"][method="post"]`}, {"customer", of, ""}, {"suspend-wrong", of, `form[action$="/suspend"]`},
		{"desktops", "/reseller/workspaces", ""}, {"usage", "/reseller/usage", ""}, {"staff", "/reseller/staff", ""}, {"staff-wrong", "/reseller/staff", `form[action^="/reseller/staff"]:has([name=email])`},
		{"activity", "/reseller/audit", ""}, {"pricing", "/reseller/pricing", ""},
	}
	look := func(scheme string, width int64) {
		s.emulate(scheme, width)
		for _, p := range pages {
			s.Go(s.address(shop, p.path))
			if p.submit != "" {
				s.submit(p.submit)
			}
			s.check(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			look(scheme, width)
		}
	}
	there := w.at(w.a)
	there.get(pathOf(t, owner.post(of+"/act", url.Values{"reason": {"Cannot see the desktop that was ordered yesterday"}}).want(303).header.Get("Location"))).goesTo("/")
	s.wear(there)
	pages = []struct{ name, path, submit string }{{"in-her-name", "/", ""}, {"her-desktop", "/workspaces/" + ran.ID.String(), ""}}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			look(scheme, width)
		}
	}
}
