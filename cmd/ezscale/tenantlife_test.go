package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// A reseller's whole life, in the running program: a trial that ends without a way
// to pay, suspended, resumed, closed, its names released, its data removed.
func TestTheLifeOfAReseller(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	p := newProgram(t, began)
	slug := p.cli("tenant", "create", "--name", "Leaf Desktops", "--slug", "leaf", "--email", "owner@leaf.test", "--trial-days", "14", "--json")["slug"].(string)
	p.cli("user", "create", "--tenant", slug, "--email", "boss@leaf.test", "--password", "correct-horse-leaf", "--role", "owner", "--json")
	p.cli("tenant", "domain", "add", "--tenant", slug, "--domain", "desk.leaf.test", "--verified", "--json")
	b := p.buyer(slug, "ann")
	life := &lifeOf{p, slug}

	life.wants("trial")
	b.order("business_basic")
	p.until(began.AddDate(0, 0, 13).Add(time.Hour))
	life.letters("ends in 7 days", "ends tomorrow")
	p.until(began.AddDate(0, 0, 14).Add(-20 * time.Minute))
	life.wants("trial")
	p.until(began.AddDate(0, 0, 14).Add(30 * time.Minute))
	life.wants("suspended")
	life.letters("has ended")
	life.answers("leaf.localhost", "/", http.StatusServiceUnavailable)
	life.answers("desk.leaf.test", "/sign-up", http.StatusServiceUnavailable)
	if a := b.send(http.MethodGet, "workspaces", nil); a.status != http.StatusServiceUnavailable || a.body["error"] == nil {
		t.Errorf("the API of a suspended shop: %d %s", a.status, a.text)
	}
	if open := life.count(`select count(*) from kasm_usage_sessions where stopped_at is null`); open != 0 {
		t.Errorf("%d desktops run on after the block that was paid", open)
	}
	desk := life.signsIn()
	desk.answers("/reseller", http.StatusOK, "suspended")
	desk.answers("/reseller/wholesale", http.StatusOK, "")
	desk.answers("/reseller/coupons", http.StatusForbidden, "suspended")

	p.cli("tenant", "resume", slug, "--reason", "They agreed to pay by bank transfer", "--json")
	life.wants("active")
	life.answers("leaf.localhost", "/", http.StatusOK)
	p.clock(object{"advance": "1s"})
	life.letters("is open again")
	b.order("business_basic")
	p.clock(object{"advance": "20m"})

	closed := p.clock(object{"advance": "1s"})
	p.cli("tenant", "close", slug, "--reason", "They moved on", "--json")
	life.wants("closed")
	p.clock(object{"advance": "1m"})
	life.letters("is closed")
	life.answers("leaf.localhost", "/", http.StatusNotFound)
	life.answers("desk.leaf.test", "/", http.StatusNotFound)
	if left := life.count(`select count(*) from kasm_usage_sessions where stopped_at is null`); left != 0 {
		t.Errorf("%d sessions are open in a closed shop", left)
	}
	desk = life.signsIn()
	desk.answers("/reseller/wholesale", http.StatusOK, "Your shop is closed")
	desk.answers("/reseller/coupons", http.StatusForbidden, "closed")

	p.until(closed.AddDate(0, 0, 29))
	if names := life.names(); !slices.Equal(names, []string{"desk.leaf.test"}) {
		t.Errorf("before 30 days the names are %q", names)
	}
	p.until(closed.AddDate(0, 0, 31))
	if names := life.names(); len(names) != 0 {
		t.Errorf("after 30 days it still has %q", names)
	}
	p.cli("tenant", "create", "--name", "Heir", "--slug", "heir", "--email", "o@heir.test", "--domain", "desk.leaf.test", "--json")
	p.until(closed.AddDate(0, 0, 84))
	life.letters("are released", "is removed on")
	if left := life.count(`select count(*) from usage_blocks where invoice_item_id is null and rate > 0`); left != 0 {
		t.Errorf("%d blocks are on no customer's invoice", left)
	}
	if invoices := life.count(`select count(*) from invoices where status <> 'draft'`); invoices == 0 {
		t.Error("the last months were not billed to the customers")
	}
	if invoices := life.central(`select count(*)::text from central.wholesale_invoices w join central.tenants t on t.id = w.tenant_id where t.slug = $1`); invoices[0] == "0" {
		t.Error("the last months were not billed to the reseller")
	}

	p.until(closed.AddDate(0, 0, 91))
	if left := life.central(`select nspname::text from pg_namespace where nspname = 'tenant_' || $1`); len(left) != 0 {
		t.Errorf("the data is still there: %q", left)
	}
	if left := life.central(`select kind || ' ' || key from central.due where schema_name = 'tenant_' || $1`); len(left) != 0 {
		t.Errorf("something is still to happen: %q", left)
	}
	life.wants("closed")
	life.answers("leaf.localhost", "/", http.StatusNotFound)
	if _, complaint, code := p.command("tenant", "create", "--name", "Leaf", "--slug", slug, "--email", "owner@leaf.test"); code == exitDone || !strings.Contains(complaint, "short name") {
		t.Errorf("the slug of a removed shop was given out again: %d %s", code, complaint)
	}
	p.clock(object{"advance": "48h"}) // and nothing is stuck
}

// lifeOf looks at one reseller from outside.
type lifeOf struct {
	*program
	slug string
}

func (l *lifeOf) wants(status string) {
	l.t.Helper()
	if got := l.cli("tenant", "show", l.slug, "--json")["status"]; got != status {
		l.t.Fatalf("the reseller is %v, want %s", got, status)
	}
}

func (l *lifeOf) answers(host, path string, want int) {
	l.t.Helper()
	if a := l.send(http.MethodGet, host, path, nil, nil); a.status != want {
		l.t.Errorf("%s%s answers %d, want %d: %.200s", host, path, a.status, want, a.text)
	}
}

// letters looks for words in the subjects of what the owner was sent.
func (l *lifeOf) letters(want ...string) {
	l.t.Helper()
	files, err := filepath.Glob(filepath.Join(l.dir, "mail", "*"))
	if err != nil {
		l.t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), "@leaf.test") {
			all.Write(text)
		}
	}
	for _, words := range want {
		if !strings.Contains(strings.Join(strings.Fields(all.String()), " "), words) {
			l.t.Errorf("the owner has no letter that says %q", words)
		}
	}
}

func (l *lifeOf) count(sql string) (n int) {
	l.t.Helper()
	l.reading(func(ctx context.Context, in *installation) error { return readOne(ctx, in, l.slug, &n, sql) })
	return n
}

func (l *lifeOf) central(sql string) (rows []string) {
	l.t.Helper()
	l.reading(func(ctx context.Context, in *installation) error {
		return in.db.CentralRead(ctx, tenants.ListQ(&rows, "-- life\n"+sql, l.slug))
	})
	return rows
}

func (l *lifeOf) names() []string {
	l.t.Helper()
	return l.central(`select d.domain from central.tenant_domains d join central.tenants t on t.id = d.tenant_id where t.slug = $1`)
}

// deskOf is the reseller's console with somebody signed in.
type deskOf struct {
	*lifeOf
	cookie string
}

func (l *lifeOf) signsIn() deskOf {
	l.t.Helper()
	form := url.Values{"email": {"boss@leaf.test"}, "password": {"correct-horse-leaf"}}
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, "http://"+l.address+"/reseller/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Host = "localhost"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := http.DefaultTransport.RoundTrip(req) // the cookie comes with the redirect
	if err != nil {
		l.t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusSeeOther {
		l.t.Fatalf("sign in: %d", a.StatusCode)
	}
	var cookies []string
	for _, set := range a.Header.Values("Set-Cookie") {
		cookies = append(cookies, strings.SplitN(set, ";", 2)[0])
	}
	return deskOf{l, strings.Join(cookies, "; ")}
}

func (d deskOf) answers(path string, want int, words string) {
	d.t.Helper()
	a := d.do(http.MethodGet, "http://"+d.address+path, "localhost", http.Header{"Cookie": {d.cookie}}, nil)
	if a.status != want || !strings.Contains(a.text, words) {
		d.t.Errorf("%s answers %d, want %d with %q: %.300s", path, a.status, want, words, a.text)
	}
}
