package web

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

// rich gives a customer something in every part of the pages about money.
func (d desktops) rich(ada accounts.User) {
	d.t.Helper()
	ids := d.busy(ada)
	d.exec(`insert into settings (key, value) values ('stripe', '{"sealed": "x"}') on conflict (key) do update set value = excluded.value`)
	d.exec(`insert into payment_methods (user_id, processor_customer, processor_id, brand, last4, status, is_default, created_at) values ($1, 'cus_1', $2, 'visa', '4242', 'active', true, now())`,
		ada.ID, "pm_"+uuid.NewString())
	d.exec(`insert into auto_topups (user_id, threshold, step, daily_ceiling, updated_at) values ($1, 5, 20, 60, now())`, ada.ID)
	d.exec(`insert into subscriptions (user_id, plan_id, service_id, service_type, plan_name, status, price, currency, included_hours, started_at, billed_until)
		select $1, plan_id, service_id, workspace_type, 'Business Pro', 'active', 30, 'USD', 20, $3, $4 from kasm_workspaces where id = $2`, ada.ID, uuid.MustParse(ids["stopped"]), noon.AddDate(0, -1, 0), noon.AddDate(0, 0, 10))
	d.exec(`update users set monthly_cap = 60, company = 'Analytical Engines Ltd', country = 'IE', vat_number = 'IE1234567X', address = E'12 Harbour Road\nDublin' where id = $1`, ada.ID)
}

// The pages about money, on a phone and on a large screen, in both schemes.
func TestMoneyPagesAreCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	brand := tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#F59E0B", SupportEmail: "help@northwind.example"}
	for _, shop := range []tenants.Tenant{w.a, w.b} {
		if err := w.deps.DB.SetBranding(t.Context(), shop.ID, brand); err != nil {
			t.Fatal(err)
		}
	}
	d, ada, b := w.ada(t)
	d.rich(ada)
	w.person(w.b, "owner@example.com", accounts.Owner)
	other := w.at(w.b).signIn("", "owner@example.com")
	owner := w.person(w.a, "owner@northwind.example", accounts.Owner)
	console := w.at(w.a).signIn("/reseller", owner.Email)

	s := newScreen(t, w)
	look := func(who *browser, pages [][3]string) {
		t.Helper()
		s.wear(who)
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{390, 1280} {
				s.emulate(scheme, width)
				for _, p := range pages {
					s.Go(s.address(who.host, p[1]))
					if p[2] != "" {
						s.Eval(`document.querySelector("[name=monthly_cap]").value = "ten"`)
						s.submit(p[2])
					}
					s.check(fmt.Sprintf("%s-%d-%s", p[0], width, scheme))
				}
			}
		}
	}
	look(b, [][3]string{{"billing", "/billing", ""}, {"billing-wrong", "/billing", `form[action="/billing/limits"]`}, {"ledger", "/billing/ledger", ""}, {"rich-dashboard", "/", ""}})
	look(other, [][3]string{{"billing-empty", "/billing", ""}, {"ledger-empty", "/billing/ledger", ""}})
	d.exec(`update users set parked_at = $2, parked_for = '{"bound": "blocks_per_day", "limit": "200", "value": "201"}' where id = $1`, ada.ID, noon)
	look(console, [][3]string{{"customer", "/reseller/customers/" + ada.ID.String(), ""}})
}
