package web

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestBillingShowsTheBalanceAndSavesLimitsR15(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, b := w.ada(t)
	page := b.get("/billing").want(200).says("You can use $20.00", "Nothing is running, so nothing is taken from it.", "No monthly cap is set.")
	page.find("a", "href", "/billing/ledger")

	limits := url.Values{"monthly_cap": {"10"}, "low_credit": {"2.50"}, "warn_percent": {"50", "90"}}
	b.post("/billing/limits", limits).goesTo("/billing#limits")
	page = b.get("/billing").want(200).says("It counts from the next block on.", "$0.00 of your $10.00 cap")
	if page.value("monthly_cap") != "10.00" || page.value("low_credit") != "2.50" {
		t.Error("the limits are not as they were set")
	}
	part := b.htmx("POST", "/billing/limits", limits).want(200).says("Saved.")
	if part.header.Get("HX-Trigger") == "" || len(part.all("html")) > 1 {
		t.Error("the part does not make the balance draw itself anew")
	}
	for field, value := range map[string]string{"monthly_cap": "ten", "low_credit": "-1"} {
		for _, got := range []*answer{b.post("/billing/limits", url.Values{field: {value}}).want(422), b.htmx("POST", "/billing/limits", url.Values{field: {value}}).want(422)} {
			if got.value(field) != value || got.fieldError(field) == "" {
				t.Errorf("%s: %q is lost, or nothing is said about it", field, value)
			}
			got.find("div", "class", "form-errors", "autofocus", "")
		}
	}
}

func TestTheBalanceForPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	d.exec(`update plans set price_per_hour = 0.20 where service_type = 'developer_basic'`)
	desk := d.order(ada, "developer_basic")
	d.exec(`delete from block_holds`)
	d.exec(`update ledger_accounts set held = 0 where held is not null`)
	d.runs(desk, noon.Add(-20*time.Minute), noon.Add(-4*time.Minute))
	b.post("/billing/limits", url.Values{"monthly_cap": {"0.35"}}).goesTo("/billing#limits")
	key, secret, err := w.deps.Accounts.CreateKey(t.Context(), w.a, ada.ID, "test")
	if err != nil {
		t.Fatal(err)
	}
	api := w.at(w.a)
	api.header.Set("X-API-Key", key.Key)
	api.header.Set("X-API-Secret", secret)
	got := api.get("/api/public/balance").want(200)
	// Two blocks of 0.05 are begun; five more fit the cap, so the last ends at 11:40 + 7 × 15 minutes.
	for _, want := range []string{`"credit":"20.00"`, `"free":"20.00"`, `"pay_mode":"prepaid"`, `"monthly_cap":"0.35"`, `"cap_used":"0.10"`, `"runs_until":"2026-11-20T13:25:00Z"`, `"held":"0.00"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s in %s", want, got.body)
		}
	}
	b.get("/").want(200).says("Within your monthly cap it can run until 13:25.", "$0.10 of your $0.35 cap")
	b.get("/workspaces/" + desk.ID.String()).want(200).says("Within your monthly cap it can run until 13:25.")
	b.htmx("GET", "/billing/balance", nil).want(200).says("Your monthly cap lets Developer Basic run until 13:25.")

	// One block is left: it says so wherever the desktop is shown.
	b.post("/billing/limits", url.Values{"monthly_cap": {"0.15"}}).goesTo("/billing#limits")
	b.get("/").want(200).says("Stops at 12:25 unless you raise your cap").find("a", "href", "/billing#limits")
	b.get("/billing").want(200).says("Developer Basic stops at 12:25")
}

func TestTheLedgerPageAndItsFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	for range movementsPerPage {
		w.grant("ada@example.com", "0.01")
	}
	desk := d.order(ada, "developer_basic")
	d.exec(`insert into block_holds (workspace_id, run, block_no, user_id, price, credit, currency, created_at) values ($1, 1, 0, $2, 0.0375, 0.0375, 'USD', $3) on conflict do nothing`, desk.ID, ada.ID, noon)
	page := b.get("/billing/ledger").want(200).says("Credit from the shop", "Welcome", "+$0.01", "$20.50", "the first block, once it runs")
	older, _ := attrOf(page.find("a", "class", "btn btn-small"), "href")
	b.get(older).want(200).says("+$20.00", "← Newest")
	b.get("/billing/ledger?before=x").want(400)
	file := b.get("/billing/ledger.csv").want(200)
	if got := strings.Count(file.body, "\n"); got != movementsPerPage+2 || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the file has %d lines:\n%s", got, file.body)
	}
}
