package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"golang.org/x/net/html"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/activity"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/erasure"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/live"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/onboarding"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/pricing"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// password is everybody's in these tests.
const password = "correct horse battery"

// noon is the business time of tests that show times.
var noon = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

// world is a whole installation behind one handler: the house and two shops of
// the test's own.
type world struct {
	t       testing.TB
	deps    Deps
	handler http.Handler
	house   tenants.Tenant
	a, b    tenants.Tenant
	ip      string
}

// visitors gives each test a machine of its own, so that limits do not meet.
var visitors atomic.Int64

func newWorld(t testing.TB, change ...func(*Deps)) *world {
	t.Helper()
	return newWorldOn(t, tenanttest.DB(t), change...)
}

// newWorldOn is a world behind a database that the test has opened itself.
func newWorldOn(t testing.TB, db *tenants.DB, change ...func(*Deps)) *world {
	t.Helper()
	a := tenanttest.Shop(t, db, tenanttest.WithName("Northwind Desktops"))
	b := tenanttest.Shop(t, db, tenanttest.WithName("Contoso Cloud"))
	w := &world{t: t, house: houseOf(t, db), a: a, b: b}
	n := visitors.Add(1)
	w.ip = fmt.Sprintf("10.%d.%d.7:4321", n/250, n%250)
	people, err := accounts.New(db, clock.Wall{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	money := billing.New(db)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	w.deps = Deps{
		DB: db, Registry: db.Registry(), Accounts: people, Ledger: ledger.New(db), Billing: money, Live: live.NewHub(), Clock: clock.NewMovable(noon, 0), Log: quiet,
		Workspaces: workspaces.New(workspaces.Config{DB: db, Clock: clock.NewMovable(noon, 0), Wall: time.Now, Credit: ledger.New(db), Meter: metering.NewService(quiet), Log: quiet,
			Fleet: workspaces.Hosts{{ID: uuid.New(), Name: "kasm", Kind: "kasm", Active: true, Driver: &linkHost{}}}}),
	}
	w.deps.Hosts = machinesOf(t, db)
	w.deps.Pricing, w.deps.Onboarding, w.deps.Activity = pricing.New(db), onboarding.New(db), activity.New(db)
	w.deps.Domains = domainsOf(t, db)
	w.deps.Lifecycle = lifecycle.New(lifecycle.Config{DB: db, Clock: clock.NewMovable(noon, 0), Desktops: w.deps.Workspaces, Log: quiet})
	w.deps.Wholesale = wholesale.New(wholesale.Config{DB: db, Shops: w.deps.Lifecycle, Clock: clock.NewMovable(noon, 0), Log: quiet})
	w.deps.Parking = parking.New(parking.Config{DB: db, Clock: clock.NewMovable(noon, 0), Desktops: w.deps.Workspaces, Log: quiet})
	w.deps.Payments = payments.New(payments.Config{DB: db, Clock: clock.NewMovable(noon, 0), Wall: time.Now, Ledger: w.deps.Ledger, Billing: money, Log: quiet})
	w.deps.Console = console.New(console.Config{DB: db, Desktops: w.deps.Workspaces, Wall: time.Now})
	w.deps.Webhooks = hooksOf(t, db)
	w.deps.Erasure = erasure.New(erasure.Config{DB: db, Desktops: w.deps.Workspaces, Cards: w.deps.Payments})
	withBrands(t, nil)(&w.deps)
	for _, fn := range change {
		fn(&w.deps)
	}
	if w.handler, err = New(w.deps); err != nil {
		t.Fatal(err)
	}
	return w
}

// withBus gives the world an event stream; only some pages ask it.
func withBus(t testing.TB) func(*Deps) {
	return func(d *Deps) {
		b, err := bus.Open(context.Background(), bus.Options{DB: d.DB, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		d.Bus = b
	}
}

var houseOnce sync.Mutex

// houseOf makes the provider's own shop, of which a database has one.
func houseOf(t testing.TB, db *tenants.DB) tenants.Tenant {
	t.Helper()
	houseOnce.Lock()
	defer houseOnce.Unlock()
	if house, ok := db.Registry().House(); ok {
		return house
	}
	house, _, err := db.Create(context.Background(), tenants.NewTenant{Name: "EZSCALE", Email: "house@ezscale.test", Slug: "house", House: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return house
}

func (w *world) host(t tenants.Tenant) string { return t.Slug + "." + tenanttest.Domain }

// person adds somebody to a shop, with a confirmed address.
func (w *world) person(t tenants.Tenant, email string, role accounts.Role) accounts.User {
	w.t.Helper()
	user, _, err := w.deps.Accounts.Create(context.Background(), t, accounts.NewUser{Email: email, Name: "Ada Lovelace", Role: role, Password: password, Actor: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	return user
}

// operator adds somebody of the provider, whose address nobody else has.
func (w *world) operator() accounts.Operator {
	w.t.Helper()
	o, _, err := w.deps.Accounts.CreateOperator(context.Background(), "op"+uuid.NewString()[:8]+"@ezscale.test", "Olga Operator", password)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// link makes the secret of a mailed link, as the letter's writer does.
func (w *world) link(t tenants.Tenant, user uuid.UUID, purpose string) (raw string) {
	w.t.Helper()
	err := w.deps.DB.In(context.Background(), t, func(tx tenants.Tx) (err error) {
		raw, err = w.deps.Accounts.NewToken(context.Background(), tx, user, purpose)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// browser is one visitor at one host, who keeps cookies.
type browser struct {
	w       *world
	host    string
	cookies map[string]*http.Cookie
	header  http.Header // sent with every request
}

func (w *world) at(t tenants.Tenant) *browser { return w.atHost(w.host(t)) }

func (w *world) central() *browser { return w.atHost(tenanttest.Domain) }

func (w *world) atHost(host string) *browser {
	return &browser{w: w, host: host, cookies: map[string]*http.Cookie{}, header: http.Header{}}
}

// signIn brings a visitor through a door of the host: "", "/reseller" or "/admin".
func (b *browser) signIn(door, email string) *browser {
	b.w.t.Helper()
	got := b.post(door+"/sign-in", url.Values{"email": {email}, "password": {password}})
	if got.status != http.StatusSeeOther {
		b.w.t.Fatalf("sign in %s at %s%s: status %d\n%s", email, b.host, door, got.status, got.text())
	}
	return b
}

func (b *browser) get(path string) *answer { b.w.t.Helper(); return b.send("GET", path, nil, nil) }

// htmx is get as htmx asks.
func (b *browser) htmx(method, path string, form url.Values) *answer {
	b.w.t.Helper()
	return b.send(method, path, form, http.Header{"Hx-Request": {"true"}})
}

func (b *browser) post(path string, form url.Values) *answer {
	b.w.t.Helper()
	return b.send("POST", path, form, nil)
}

func (b *browser) send(method, path string, form url.Values, extra http.Header) *answer {
	b.w.t.Helper()
	r := httptest.NewRequest(method, "http://placeholder.test"+path, strings.NewReader(form.Encode()))
	r.Host, r.RemoteAddr = b.host, b.w.ip
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+b.host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, h := range []http.Header{b.header, extra} {
		for name, values := range h {
			r.Header[name] = values
		}
	}
	for _, c := range b.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return b.do(r)
}

func (b *browser) do(r *http.Request) *answer {
	b.w.t.Helper()
	rec := httptest.NewRecorder()
	b.w.handler.ServeHTTP(rec, r)
	res := rec.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	return &answer{t: b.w.t, status: res.StatusCode, header: res.Header, body: rec.Body.String(), cookies: res.Cookies()}
}

// answer is a response, with its document once somebody looks for something.
type answer struct {
	t       testing.TB
	status  int
	header  http.Header
	body    string
	cookies []*http.Cookie
	doc     *html.Node
}

// want fails the test on another status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d\n%s", a.status, status, a.text())
	}
	return a
}

// goesTo fails the test unless it is a redirect to exactly this place.
func (a *answer) goesTo(path string) *answer {
	a.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != path {
		a.t.Fatalf("status %d to %q, want 303 to %q\n%s", a.status, got, path, a.text())
	}
	return a
}

// says fails the test unless every text stands on the page, as people read it.
func (a *answer) says(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text(), text) {
			a.t.Errorf("the page does not say %q:\n%s", text, a.text())
		}
	}
	return a
}

// hides fails the test when one of the texts stands anywhere in the answer.
func (a *answer) hides(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("the page gives away %q:\n%s", text, a.text())
		}
	}
	return a
}

// find gives the first element that has all of the attributes, given in pairs;
// an empty value stands for any.
func (a *answer) find(tag string, attrs ...string) *html.Node {
	a.t.Helper()
	if all := a.all(tag, attrs...); len(all) > 0 {
		return all[0]
	}
	a.t.Fatalf("there is no <%s> with %q:\n%s", tag, attrs, a.body)
	return nil
}

func (a *answer) all(tag string, attrs ...string) (found []*html.Node) {
	for n := range a.parsed().Descendants() {
		if n.Type == html.ElementNode && n.Data == tag && hasAll(n, attrs) {
			found = append(found, n)
		}
	}
	return found
}

func hasAll(n *html.Node, attrs []string) bool {
	for i := 0; i+1 < len(attrs); i += 2 {
		value, there := attrOf(n, attrs[i])
		if !there || attrs[i+1] != "" && value != attrs[i+1] {
			return false
		}
	}
	return true
}

func attrOf(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// value is what a field of a form holds.
func (a *answer) value(name string) string {
	a.t.Helper()
	value, _ := attrOf(a.find("input", "name", name), "value")
	return value
}

// fieldError is the sentence beside a field.
func (a *answer) fieldError(name string) string {
	a.t.Helper()
	for _, n := range a.all("p", "id", "field-"+name+"-error") {
		return textOf(n)
	}
	return ""
}

func (a *answer) parsed() *html.Node {
	if a.doc == nil {
		doc, err := html.Parse(strings.NewReader(a.body))
		if err != nil {
			a.t.Fatal(err)
		}
		a.doc = doc
	}
	return a.doc
}

// text is the page as people read it.
func (a *answer) text() string { return textOf(a.parsed()) }

func textOf(n *html.Node) string {
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// grant gives a customer of shop a credit.
func (w *world) grant(email, amount string) {
	w.t.Helper()
	user, err := w.deps.Accounts.ByEmail(context.Background(), w.a, email)
	if err == nil {
		err = w.deps.Ledger.Grant(context.Background(), w.a, "test", user.ID, decimal.RequireFromString(amount), "Welcome", uuid.NewString())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// deadLetter leaves a message of a shop that was given up, and gives its id.
func (w *world) deadLetter(t tenants.Tenant, reason string) (id int64) {
	w.t.Helper()
	err := w.deps.DB.In(context.Background(), t, func(tx tenants.Tx) (err error) {
		id, err = tenants.Get[int64](context.Background(), tx, "message", `-- test dead letter
			insert into central.dead_letters (schema_name, tenant_id, consumer, subject, outbox_id, reason)
			values ($1, $2, 'provisioning', 'workspace.ordered', 4711, $3) returning id`, t.Schema(), t.ID, reason)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}
