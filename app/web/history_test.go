package web

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestSessionsTurnPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	b.get("/sessions").want(200).says("Nothing has run yet")
	desk, other := d.order(ada, "developer_basic"), d.order(ada, "business_pro")
	from := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	for n := range 30 {
		d.ran(desk, from.Add(time.Duration(n)*time.Hour), 22*time.Minute)
	}
	d.ran(other, from.Add(40*time.Hour), 8*time.Minute)
	first := b.get("/sessions").want(200).says("Nov 2, 16:00", "stopped by you", "$0.10", "$0.08", "exactly $0.075", "22 min", "not yet")
	if rows := len(first.all("tr")) - 1; rows != sessionsPerPage {
		t.Errorf("%d rows", rows)
	}
	older := ""
	for _, a := range first.all("a") {
		if strings.HasPrefix(textOf(a), "Older") {
			older, _ = attrOf(a, "href")
		}
	}
	second := b.get(older).want(200).says("Nov 1, 00:00", "Newest")
	if rows := len(second.all("tr")) - 1; rows != 6 {
		t.Errorf("%d rows on the second page", rows)
	}
	of := b.get("/sessions?workspace=" + other.ID.String()).want(200).says("Every run of Business Pro")
	if rows := len(of.all("tr")) - 1; rows != 1 {
		t.Errorf("%d sessions of the other desktop", rows)
	}
	b.get("/sessions?cursor=nonsense").want(422)
}

func TestUsageIsDrawnByTheMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk, pro := d.order(ada, "developer_basic"), d.order(ada, "business_pro")
	// Over the edge of the month: one block in September, one in October.
	d.ran(desk, time.Date(2026, time.September, 30, 23, 50, 0, 0, time.UTC), 30*time.Minute)
	d.ran(pro, time.Date(2026, time.October, 12, 9, 0, 0, 0, time.UTC), 65*time.Minute)
	d.runs(desk, at(11, 30), at(11, 31))

	now := b.get("/usage").want(200).says("Usage in November 2026", "$0.08", "0.5 hours", "2 blocks", "Developer Basic", "This month: $0.08 (0.5 hours)")
	now.find("a", "href", "/usage?month=2026-10")
	october := b.get("/usage?month=2026-10").want(200).says("Usage in October 2026", "$0.54", "$0.02 a day on average", "1.5 hours", "October 12", "Business Pro", "Cost a day in October 2026, highest $0.50 on October 12")
	october.find("a", "href", "/usage?month=2026-11")
	october.find("a", "href", "/usage?month=2026-09")
	b.get("/usage?month=2026-09").want(200).says("$0.04", "1 block")
	b.get("/usage?month=2026-13").want(422)
}

func TestAnInvoiceCanBeCheckedToTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	b.get("/invoices").want(200).says("No invoices yet")
	desk, pro := d.order(ada, "developer_basic"), d.order(ada, "business_pro")
	for day := 1; day <= 3; day++ {
		d.ran(desk, time.Date(2026, time.October, day, 9, 0, 0, 0, time.UTC), 15*time.Minute)
	}
	d.ran(pro, time.Date(2026, time.October, 9, 9, 0, 0, 0, time.UTC), 65*time.Minute)
	number := d.bill(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC))[0].Number

	b.get("/invoices").want(200).says(number, "October 1 to 31, 2026", "Paid", "$0.61").find("a", "href", "/invoices/"+number)
	page := b.get("/invoices/"+number).want(200).says("Invoice "+number, "Northwind Desktops", "Ada Lovelace", "ada@example.com",
		"Developer Basic at $0.15/hour, October 2026", "3 blocks of 15 minutes", "$0.11", "Business Pro - Oct 09, 2026 (75 minutes @ $0.40/hour)", "$0.50",
		"Developer Basic - Oct 02, 2026 (15 minutes @ $0.15/hour)", "$0.0375", "Paid from credit", "-$0.61", "To pay", "$0.00")
	if statements := page.all("details", "class", "proof"); len(statements) != 2 {
		t.Errorf("%d statements", len(statements))
	}
	b.get("/sessions").want(200).find("a", "href", "/invoices/"+number)
}

func TestAnInvoiceThatCreditDoesNotCoverIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "business_enterprise")
	d.ran(desk, time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC), 30*time.Hour)
	number := d.bill(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC))[0].Number
	b.get("/invoices").want(200).says("Due", "$24.00", "$4.00")
	b.get("/invoices/"+number).want(200).says("Total $24.00", "Paid from credit -$20.00", "To pay by", "$4.00")
}

func TestAKeyIsShownOnceAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, b := w.ada(t)
	b.get("/settings/keys").want(200).says("You have no key yet")
	wrong := b.post("/settings/keys", url.Values{"name": {" "}}).want(422)
	if wrong.fieldError("name") == "" {
		t.Error("nothing is said beside the name")
	}
	made := b.post("/settings/keys", url.Values{"name": {"nightly build"}}).want(201).says("Your new key, nightly build", "Copy the secret now")
	secret, _ := attrOf(made.find("input", "id", "made-secret", "readonly", ""), "value")
	if !strings.HasPrefix(secret, "ezs_") || made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("secret %q, headers %v", secret, made.header)
	}
	list := b.get("/settings/keys").want(200).says("nightly build", "never").hides(secret)
	revoke := ""
	for _, f := range list.all("form") {
		if action, _ := attrOf(f, "action"); strings.HasSuffix(action, "/revoke") {
			revoke = action
		}
	}
	b.post(revoke, nil).goesTo("/settings/keys")
	b.get("/settings/keys").want(200).says("The key was revoked.", "You have no key yet")
	b.post(revoke, nil).want(404)
	b.post("/settings/keys/"+uuid.NewString()+"/revoke", nil).want(404)
}

// The stream says names only, and ends with the visitor.
func TestEventsNameWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, ada, b := w.ada(t)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = b.host
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); res.StatusCode != 200 || kind != "text/event-stream" || res.Header.Get("X-Accel-Buffering") != "no" || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("status %d, headers %v", res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		return lines.Text()
	}
	if got := next(); got != ": open" {
		t.Fatalf("it begins with %q", got)
	}
	stranger, desk := uuid.New(), uuid.New()
	w.deps.Live.Event(w.a.ID, "block.charged", []byte(`{"user_id":"`+stranger.String()+`","workspace_id":"`+uuid.NewString()+`"}`))
	w.deps.Live.Event(w.b.ID, "block.charged", []byte(`{"user_id":"`+ada.ID.String()+`","workspace_id":"`+uuid.NewString()+`"}`))
	w.deps.Live.Event(w.a.ID, "block.charged", []byte(`{"user_id":"`+ada.ID.String()+`","workspace_id":"`+desk.String()+`"}`))
	var said []string
	for len(said) < 4 {
		if line := next(); strings.HasPrefix(line, "event: ") || strings.HasPrefix(line, "data: ") {
			said = append(said, line)
		}
	}
	if want := "event: workspace-" + desk.String() + "|data: x|event: cost|data: x"; strings.Join(said, "|") != want {
		t.Errorf("said %q, want %q", strings.Join(said, "|"), want)
	}
	_ = res.Body.Close()
	if _, err := w.deps.Accounts.SetStatus(t.Context(), w.a, "test", ada.ID, accounts.Suspended); err != nil {
		t.Fatal(err)
	}
	b.get("/events").goesTo("/sign-in?next=%2Fevents")
}
