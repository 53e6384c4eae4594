package web

import (
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestDashboardOfANewCustomerSaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	b.get("/").want(200).says("Good afternoon, Ada", "You have no desktop yet", "Order your first desktop", "Credit $20.00").hides("Add credits")

	d.exec(`update users set email_verified_at = null where id = $1`, ada.ID)
	page := b.get("/").want(200).says("Verify your e-mail address")
	page.find("form", "action", "/verify", "method", "post")

	w.person(w.a, "poor@example.com", accounts.Customer)
	w.at(w.a).signIn("", "poor@example.com").get("/").want(200).says("Add credits or a payment method first.", "at least $5.00")
}

// The two sentences are those of the money rules: 11 blocks of 0.20 an hour, and
// 94 of them in the month.
func TestDashboardShowsTheRunningCostAndTheMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	d.price("developer_basic", "0.20")
	desk := d.order(ada, "developer_basic")
	// 83 blocks before today, then 11 blocks of which the last one is not charged yet.
	d.ran(desk, time.Date(2026, time.November, 10, 0, 0, 0, 0, time.UTC), 83*15*time.Minute)
	d.runs(desk, at(9, 23), at(11, 40))

	page := b.get("/").want(200).says(
		"Running for 2 hours 37 minutes - $0.55", "This month: $4.70 (23.5 hours)", "One desktop is running. It costs $0.20 an hour.",
		"Next $0.05 at 12:08", "Rate $0.20 an hour", "Started 09:23", "Latest sessions", "today 09:23, running")
	timer := page.find("cost-timer", "data-cost", "$0.55", "data-next-cost", "$0.60")
	if next, _ := attrOf(timer, "data-next-at"); next != "2026-11-20T12:08:00Z" {
		t.Errorf("the next block is at %s", next)
	}
	open := page.find("a", "href", "/workspaces/"+desk.ID.String()+"/launch", "target", "_blank")
	if !strings.Contains(textOf(open), "Open desktop") {
		t.Errorf("the button says %q", textOf(open))
	}
	page.find("form", "action", "/workspaces/"+desk.ID.String()+"/stop?next=%2F", "method", "post")
}

func TestDashboardAddsRunningCostsOnTheirOwnDaysOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	d.price("developer_basic", "0.20")
	desk := d.order(ada, "developer_basic")
	// Since the evening of October 31: 8 blocks there, the rest in November; only
	// the first one is charged yet.
	since := time.Date(2026, time.October, 31, 22, 0, 0, 0, time.UTC)
	d.runs(desk, since, since.Add(time.Minute))
	november := int(noon.Sub(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)) / (15 * time.Minute)) // on the edge, so no further one
	if november != 1872 {
		t.Fatalf("%d blocks", november)
	}
	b.get("/").want(200).says("This month: $93.60 (468.0 hours)")
	b.get("/usage?month=2026-10").want(200).says("2.0 hours", "$0.40", "8 blocks")
}

func TestDashboardFragmentsFollowTheMeter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.runs(desk, at(11, 50), at(11, 51))
	month := b.htmx("GET", "/usage/total", nil).want(200).says("This month: $0.04 (0.3 hours)")
	if len(month.all("html")) > 1 || strings.Contains(month.body, "<body") {
		t.Error("a whole page was sent instead of the month")
	}
	month.find("section", "id", "month", "hx-get", "/usage/total")
	b.htmx("GET", "/usage/total?show=summary", nil).want(200).says("One desktop is running.")
	b.htmx("GET", "/usage/total?show=latest", nil).want(200).says("today 11:50, running")
	b.get("/usage/total?show=nothing").want(404)
}

func TestSignedOutPeopleNeverSeeADesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, ada, b := w.ada(t)
	b.get("/sessions").want(200)
	if _, err := w.deps.Accounts.SetStatus(t.Context(), w.a, "test", ada.ID, accounts.Suspended); err != nil {
		t.Fatal(err)
	}
	b.get("/sessions").goesTo("/sign-in?next=%2Fsessions")
	if got := b.htmx("GET", "/usage/total", nil).want(401).header.Get("HX-Redirect"); !strings.HasPrefix(got, "/sign-in") {
		t.Errorf("htmx is sent to %q", got)
	}
	w.at(w.a).get("/usage?month=2026-10").goesTo("/sign-in?next=%2Fusage%3Fmonth%3D2026-10")
}
