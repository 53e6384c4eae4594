package web

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// edgeHost is what the names of a test's shops point at.
const edgeHost = "edge.provider.test"

// records is a name system of a test's own: CNAMEs alone.
type records struct {
	mu    sync.Mutex
	cname map[string]string
}

func (r *records) point(name, at string) { r.mu.Lock(); defer r.mu.Unlock(); r.cname[name] = at }

func (r *records) CNAME(_ context.Context, name string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cname[name], nil
}

func (r *records) TXT(context.Context, string) ([]string, error)       { return nil, nil }
func (r *records) Addrs(context.Context, string) ([]netip.Addr, error) { return nil, nil }
func (r *records) CAA(context.Context, string) ([]names.CAA, error)    { return nil, nil }

func domainsOf(t testing.TB, db *tenants.DB) *domains.Service {
	t.Helper()
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		t.Fatal(err)
	}
	return domains.New(domains.Config{DB: db, Names: &records{cname: map[string]string{}}, Signer: key, Clock: clock.NewMovable(noon, 0), Wall: time.Now,
		Log: slog.New(slog.DiscardHandler), EdgeHost: edgeHost, EdgeIPs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
}

func (w *world) zone() *records { return w.deps.Domains.Names.(*records) }

// domain finds a shop's name.
func (w *world) domain(t tenants.Tenant, name string) domains.Domain {
	w.t.Helper()
	d, err := w.deps.Domains.Find(context.Background(), t, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func TestAnOwnerBringsADomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "owner@example.com", accounts.Owner)
	w.person(w.a, "staff@example.com", accounts.Staff)
	w.at(w.a).signIn("/reseller", "staff@example.com").get("/reseller/domains").want(403)
	w.at(w.a).get("/reseller/domains").goesTo("/sign-in?next=%2Freseller%2Fdomains")
	desk := w.at(w.a).signIn("/reseller", "owner@example.com")
	desk.get("/reseller/domains").want(200).says("Add a domain", w.host(w.a))
	for _, wrong := range []string{"", "localhost", "https://x.example", w.host(w.b), tenanttest.Domain, "10.1.2.3", "co.uk", strings.Repeat("a", 300)} {
		desk.post("/reseller/domains", url.Values{"domain": {wrong}}).want(422).says("Add a domain")
	}
	name := "shop." + w.a.Slug + ".example"
	desk.post("/reseller/domains", url.Values{"domain": {strings.ToUpper(name)}}).goesTo("/reseller/domains")
	d := w.domain(w.a, name)
	base := "/reseller/domains/" + d.ID.String()
	page := desk.get("/reseller/domains").want(200).says(name, "is on the list", "Waiting for its proof", "It leads to us")
	for _, value := range []string{w.a.Slug + "." + edgeHost, "_ezscale." + name, d.Token, "192.0.2.1"} {
		if !strings.Contains(page.body, `value="`+value+`"`) {
			t.Errorf("the page does not show %s", value)
		}
	}
	w.atHost(name).get("/").want(404)
	desk.post(base+"/primary", nil).want(409).says("not proven yet")
	desk.post(base+"/check", nil).goesTo("/reseller/domains")
	desk.get("/reseller/domains").want(200).says("There is no CNAME record for " + name)
	desk.htmx("GET", base+"?was=pending", nil).want(200).says("Waiting for its proof").hides("Add a domain")
	desk.get(base).goesTo("/reseller/domains")

	w.zone().point(name, w.a.Slug+"."+edgeHost)
	desk.post(base+"/check", nil).goesTo("/reseller/domains")
	desk.get("/reseller/domains").want(200).says("is proven", "Live", "Primary")
	if got := desk.htmx("GET", base+"?was=pending", nil).want(204); got.header.Get("Hx-Refresh") != "true" {
		t.Error("the page is not fetched anew when a name is proven")
	}
	w.atHost(name).get("/").want(200).says("Northwind Desktops")
	desk.post(base+"/certificate", nil).want(409).says("HTTPS")

	far := w.at(w.b)
	w.person(w.b, "far@example.com", accounts.Owner)
	far.signIn("/reseller", "far@example.com")
	for _, step := range []string{"check", "primary", "certificate", "remove"} {
		far.post(base+"/"+step, nil).want(404)
		desk.post("/reseller/domains/"+uuid.NewString()+"/"+step, nil).want(404)
		desk.post("/reseller/domains/x/"+step, nil).want(404)
	}
	far.get("/reseller/domains").want(200).hides(name)
	for _, taken := range []string{name, w.a.Slug + ".example", "deep." + name} {
		far.post("/reseller/domains", url.Values{"domain": {taken}}).want(409).says("belongs to another shop")
	}
	desk.post(base+"/remove", nil).goesTo("/reseller/domains")
	desk.get("/reseller/domains").want(200).says(name + " is removed")
	w.atHost(name).get("/").want(404)
}

func TestAliasesLeadToThePrimaryName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	primary, alias := "shop."+w.a.Slug+".example", "www."+w.a.Slug+".example"
	for _, name := range []string{primary, alias} {
		if _, err := w.deps.Domains.Vouch(t.Context(), w.a, name, "test"); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{"/": "/", "/sign-in?next=%2Fusage&x=a+b": "/sign-in?next=%2Fusage&x=a+b", "//evil.test/a": "//evil.test/a", "/invoices/a%2Fb": "/invoices/a%2Fb", "/brand.css": "/brand.css"} {
		for _, method := range []string{"GET", "HEAD"} {
			got := w.atHost(strings.ToUpper(alias)+":8080").send(method, path, nil, nil)
			if at := got.header.Get("Location"); got.status != http.StatusPermanentRedirect || at != "http://"+primary+":8080"+want {
				t.Errorf("%s %s: %d to %q", method, path, got.status, at)
			}
		}
	}
	for _, path := range []string{"/api/public/workspaces", "/events", "/healthz", "/.well-known/acme-challenge/x", "/assets/x.css", "/.well-known/ezscale/00112233445566778899aabbccddeeff"} {
		if got := w.atHost(alias).get(path); strings.Contains(got.header.Get("Location"), primary) {
			t.Errorf("%s: %d to %s", path, got.status, got.header.Get("Location"))
		}
	}
	if got := w.atHost(alias).post("/sign-in", url.Values{"email": {"a@b.test"}, "password": {"x"}}); got.status == http.StatusPermanentRedirect {
		t.Error("a form is sent on")
	}
	for _, host := range []string{primary, w.host(w.a)} {
		w.atHost(host).get("/").want(200)
	}
}

func TestTheProbeAnswersOnAnyHostAndTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := "00112233445566778899aabbccddeeff"
	want, _ := w.deps.Domains.Answer("nobody.test", token)
	got := w.atHost("nobody.test:8080").get("/.well-known/ezscale/"+token).want(200).hides("Northwind", "EZSCALE")
	if raw, err := hex.DecodeString(got.body); err != nil || len(raw) != 32 || got.body != want {
		t.Errorf("it says %q", got.body)
	}
	for _, bad := range []string{"x", strings.Repeat("a", 31), strings.Repeat("a", 64), "%00"} {
		if status := w.atHost("nobody.test").get("/.well-known/ezscale/" + bad).status; status != 404 && status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
}

// refusing is an authority that says no.
type refusing struct{ asked []string }

func (r *refusing) Obtain(_ context.Context, domain string) error {
	r.asked = append(r.asked, domain)
	return fail.New(fail.Unavailable, "The certificate authority says: no such host.")
}

func TestOperatorsSeeAllDomains(t *testing.T) {
	t.Parallel()
	authority := &refusing{}
	w := newWorld(t, func(d *Deps) { d.Issuer = authority })
	w.deps.Domains.HTTPS = true
	admin := w.central().signIn("/admin", w.operator().Email)
	name, other := "shop."+w.a.Slug+".example", "shop."+w.b.Slug+".example"
	if _, err := w.deps.Domains.Add(t.Context(), w.a, name, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.deps.Domains.Vouch(t.Context(), w.b, other, "test"); err != nil {
		t.Fatal(err)
	}
	w.central().get("/admin/domains").goesTo("/admin/sign-in?next=%2Fadmin%2Fdomains")
	admin.get("/admin/domains?q="+w.a.Slug).want(200).says(name, "Northwind Desktops", "Vouch").hides(other)
	admin.get("/admin/domains?state=pending&q=.example").want(200).hides(other)
	admin.get("/admin/domains?state=lapsed&q=" + w.a.Slug).want(200).says("No domains")
	admin.get("/admin/domains?cursor=x").want(400)
	admin.get("/admin/domains?q=%00%ff").want(200)
	d, o := w.domain(w.a, name), w.domain(w.b, other)
	admin.post("/admin/domains/"+d.ID.String()+"/vouch", nil).goesTo("/admin/domains")
	w.atHost(name).get("/").want(200)
	admin.post("/admin/domains/"+o.ID.String()+"/certificate", nil).want(422).says("The certificate authority says: no such host.")
	if len(authority.asked) != 1 || authority.asked[0] != other {
		t.Errorf("asked for %v", authority.asked)
	}
	admin.post("/admin/domains/"+d.ID.String()+"/check", nil).goesTo("/admin/domains")
	for _, path := range []string{d.ID.String() + "/nothing", uuid.NewString() + "/check", "x/check"} {
		admin.post("/admin/domains/"+path, nil).want(404)
	}
	fresh := "fresh." + w.a.Slug + ".example"
	admin.post("/admin/domains", url.Values{"tenant": {"nobody"}, "domain": {fresh}}).want(422).says("There is no reseller with this short name.")
	admin.post("/admin/domains", url.Values{"tenant": {w.a.Slug}, "domain": {"localhost"}}).want(422).says("localhost")
	admin.post("/admin/domains", url.Values{"tenant": {w.a.Slug}, "domain": {other}}).want(409).says("belongs to another shop")
	admin.post("/admin/domains", url.Values{"tenant": {w.a.Slug}, "domain": {fresh}}).goesTo("/admin/domains")
	w.atHost(fresh).get("/").want(308)
	file := admin.get("/admin/domains.csv?q=" + w.a.Slug).want(200)
	lines, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
	if err != nil || len(lines) != 3 || lines[1][0] != fresh || lines[2][0] != name || lines[2][2] != w.a.Slug {
		t.Errorf("%v, %v", lines, err)
	}
	owner := w.at(w.a)
	w.person(w.a, "owner@example.com", accounts.Owner)
	owner.signIn("/reseller", "owner@example.com").get("/admin/domains").want(404)
}
