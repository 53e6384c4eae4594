package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

// busy gives a customer a desktop in every state and two months of history.
func (d desktops) busy(ada accounts.User) (ids map[string]string) {
	d.t.Helper()
	d.price("developer_basic", "0.20")
	basic, pro, enterprise, failed := d.order(ada, "developer_basic"), d.order(ada, "business_pro"), d.order(ada, "developer_enterprise"), d.order(ada, "developer_pro")
	for month := time.October; month <= time.November; month++ {
		for day := 1; day <= 19; day += 1 + day%3 {
			from := time.Date(2026, month, day, 8+day%5, day*3, 0, 0, time.UTC)
			d.ran(basic, from, time.Duration(40+day*7)*time.Minute)
			if day%2 == 0 {
				d.ran(pro, from.Add(5*time.Hour), time.Duration(20+day*4)*time.Minute)
			}
		}
	}
	d.ran(pro, at(16, 40).AddDate(0, 0, -1), 82*time.Minute)
	d.bill(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC))
	d.runs(basic, at(9, 23), at(11, 53))
	d.fails(failed, "No desktop is free right now. Nothing was charged; please try again in a few minutes.")
	d.exec(`update kasm_workspaces set created_at = '2026-09-30 08:00Z', last_stopped_at = case when status = 'stopped' then last_stopped_at end`)
	d.exec(`update kasm_workspaces set provisioned_at = null, observed_state = 'requested', created_at = $2 where id = $1`, enterprise.ID, noon.Add(-20*time.Second))
	return map[string]string{"running": basic.ID.String(), "stopped": pro.ID.String(), "waiting": enterprise.ID.String(), "failed": failed.ID.String()}
}

// Every page of a customer, on a phone and on a large screen, in both schemes.
func TestCustomerPagesAreCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	brand := tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#F59E0B", SupportEmail: "help@northwind.example"}
	for _, shop := range []tenants.Tenant{w.a, w.b} {
		if err := w.deps.DB.SetBranding(t.Context(), shop.ID, brand); err != nil {
			t.Fatal(err)
		}
	}
	d, ada, b := w.ada(t)
	ids := d.busy(ada)
	// The other shop's customers: one with nothing yet, one with nothing running.
	poor := desksIn(w, w.b)
	user := w.person(w.b, "grace@example.com", accounts.Customer)
	second := w.at(w.b).signIn("", "grace@example.com")
	poor.exec(`update users set email_verified_at = null where id = $1`, user.ID)

	s := newScreen(t, w)
	s.wear(b)
	s.wear(second)
	type look struct{ name, host, path, submit string }
	pages := []look{
		{"dashboard", b.host, "/", ""}, {"order", b.host, "/kasm/order", ""}, {"sessions", b.host, "/sessions", ""},
		{"order-wrong", b.host, "/kasm/order?workspace_type=business_pro&template=Multi-IDE+with+Docker", "form.order"},
		{"usage", b.host, "/usage", ""}, {"usage-october", b.host, "/usage?month=2026-10", ""}, {"invoices", b.host, "/invoices", ""},
		{"invoice", b.host, "/invoices/INV-2026-0001", ""}, {"keys", b.host, "/settings/keys", ""}, {"launch-stopped", b.host, "/workspaces/" + ids["stopped"] + "/launch", ""},
		{"empty", second.host, "/", ""}, {"empty-order", second.host, "/kasm/order", ""}, {"empty-sessions", second.host, "/sessions", ""},
		{"empty-usage", second.host, "/usage", ""}, {"empty-invoices", second.host, "/invoices", ""}, {"empty-keys", second.host, "/settings/keys", ""},
	}
	for name, id := range ids {
		pages = append(pages, look{"desk-" + name, b.host, "/workspaces/" + id, ""})
	}
	numbers := b.get("/invoices").want(200).all("a")
	for _, a := range numbers {
		if href, _ := attrOf(a, "href"); len(href) > len("/invoices/") && href[:10] == "/invoices/" {
			pages[7].path = href
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			s.emulate(scheme, width)
			for _, p := range pages {
				s.Go(s.address(p.host, p.path))
				if p.submit != "" {
					s.submit(p.submit)
				}
				s.check(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
			}
		}
	}
}

// A desktop is started, comes up and is stopped without the page being loaded
// again: cards, sentence and month follow the names on the stream.
func TestTheDashboardFollowsWhatHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	d.price("developer_basic", "0.20")
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), 20*time.Minute)
	card := "#workspace-" + desk.ID.String()
	s := newScreen(t, w)
	s.wear(b)
	s.emulate("light", 1280)
	s.Go(s.address(b.host, "/"))
	until := s.See
	says := func(where, text string) string {
		return fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", where, text)
	}
	press := func(name string) {
		t.Helper()
		s.Eval(fmt.Sprintf("document.querySelector(%q).click(), ''", card+"-"+name))
	}
	happens := func(event string) {
		w.deps.Live.Event(w.a.ID, event, []byte(`{"user_id":"`+ada.ID.String()+`","workspace_id":"`+desk.ID.String()+`"}`))
	}
	until("nothing runs", says("#summary", "Nothing is running"))
	s.Eval("document.body.dataset.same = 'yes'")
	press("start")
	until("it is on its way", says(card, "Workspace is starting…"))

	d.exec(`update kasm_workspaces set run = run + 1 where id = $1`, desk.ID)
	d.runs(desk, at(11, 23), at(11, 40))
	happens("session.opened")
	until("it runs", says(card+" cost-timer strong", "$0.15"))
	until("the month counts it", says("#month", "This month: $0.25 (1.3 hours)"))
	until("the sentence counts it", says("#summary", "One desktop is running. It costs $0.20 an hour."))
	until("the sessions list it", says("#latest", "today 11:23, running"))

	press("stop")
	until("it stops", says(card, "Stopping"))
	happens("session.closed")
	until("nothing runs again", says("#summary", "Nothing is running"))
	until("the page is the same one", "document.body.dataset.same === 'yes'")
}
