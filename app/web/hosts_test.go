package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestEveryShopHasItsOwnFace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(w.a).get("/").want(200).says("Northwind Desktops").hides("Contoso Cloud", "Reseller sign-in")
	w.at(w.b).get("/").want(200).says("Contoso Cloud").hides("Northwind Desktops")
	w.central().get("/").want(200).says("EZSCALE", "For resellers").hides("Northwind Desktops")
	w.atHost(strings.ToUpper(w.host(w.a)) + ".:8443").get("/").want(200).says("Northwind Desktops")
	domain := "desktops-" + w.a.Slug + ".example.com"
	w.atHost(domain).get("/").want(404)
	if _, err := w.deps.DB.AddDomain(t.Context(), w.a, domain, true); err != nil {
		t.Fatal(err)
	}
	w.atHost(domain).get("/").want(200).says("Northwind Desktops")
}

func TestUnknownHostsNameNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.host(w.a)
	for _, host := range []string{
		"unknown.test", "", "127.0.0.1", "[::1]", "[::1]:8080", a + ":evil", a + "@" + w.host(w.b), a + ", " + w.host(w.b), strings.Repeat("a", 300) + ".test",
		a + "%00", a + " ", " " + a, a + "/..", "a." + a, "x" + a, "www." + a, a + ".evil.test", a + "..", a + ":0", a + ":99999", "_" + a,
	} {
		for _, path := range []string{"/", "/sign-in", "/brand.css", "/admin", "/reseller", "/demo/mail"} {
			got := w.atHost(host).get(path)
			if got.status != 404 && got.status != 400 {
				t.Errorf("host %q, %s: status %d", host, path, got.status)
			}
			got.hides("Northwind", "Contoso", "EZSCALE")
		}
	}
}

func TestForwardingHeadersFromOutsideCountForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Tenant", "X-Original-Host", "X-Host", "X-Original-Url", "X-Rewrite-Url"} {
		value := w.host(w.b)
		if name == "Forwarded" {
			value = "host=" + value
		}
		visitor := w.at(w.a)
		visitor.header.Set(name, value)
		visitor.get("/").want(200).says("Northwind Desktops").hides("Contoso Cloud")
	}
	behind := newWorld(t, func(d *Deps) { d.TrustedProxies = []string{"10.0.0.0/8"} })
	visitor := behind.atHost("edge.internal")
	visitor.header.Set("X-Forwarded-Host", behind.host(behind.b))
	visitor.get("/").want(200).says("Contoso Cloud")
}

func TestProvidersPagesAreOnTheProvidersHostOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	operator := w.operator()
	for _, path := range []string{"/admin", "/admin/sign-in", "/admin/resellers", "/demo/mail", "/api/test/clock"} {
		w.at(w.a).get(path).want(404)
	}
	w.at(w.a).post("/admin/sign-in", url.Values{"email": {operator.Email}, "password": {password}}).want(404)
	w.central().get("/admin").goesTo("/admin/sign-in?next=%2Fadmin")
	w.central().get("/reseller").goesTo("/reseller/sign-in?next=%2Freseller")
}

func TestASuspendedShopIsClosedUnderItsOwnFace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := "boss-" + w.a.Slug + "@example.com"
	w.person(w.a, boss, accounts.Owner)
	set := func(status tenants.Status) {
		t.Helper()
		if err := w.deps.DB.SetStatus(t.Context(), w.a.ID, status, "test"); err != nil {
			t.Fatal(err)
		}
	}
	set(tenants.Suspended)
	for _, path := range []string{"/", "/sign-in", "/usage"} {
		got := w.at(w.a).get(path).want(503).says("Northwind Desktops", "closed for the moment")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s lacks Retry-After", path)
		}
	}
	api := w.at(w.a).get("/api/public/workspaces").want(503)
	if !strings.HasPrefix(api.header.Get("Content-Type"), "application/json") || !strings.Contains(api.body, `"suspended"`) {
		t.Errorf("the API answers %s", api.body)
	}
	w.at(w.a).get("/brand.css").want(200)
	w.at(w.a).get("/favicon.svg").want(200)
	w.at(w.b).get("/").want(200)
	w.at(w.a).get("/reseller").goesTo("/reseller/sign-in?next=%2Freseller")
	// Its own people come in, on its host and on the provider's.
	w.at(w.a).signIn("/reseller", boss).get("/reseller").want(200).says("Your shop is suspended")
	w.central().signIn("/reseller", boss).get("/reseller").want(200).says("Your shop is suspended")
	set(tenants.Closed)
	w.at(w.a).get("/").want(404).hides("Northwind")
	w.at(w.a).get("/reseller/sign-in").want(404).hides("Northwind")
}

func TestCookiesStayAtTheirHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t), func(d *Deps) { d.Secure = true })
	boss := "boss-" + w.a.Slug + "@example.com"
	w.person(w.a, boss, accounts.Owner)
	operator := w.operator()
	form := url.Values{"email": {boss}, "password": {password}}
	for name, got := range map[string]*answer{
		"__Host-ez_session":  w.at(w.a).post("/sign-in", form),
		"__Host-ez_reseller": w.central().post("/reseller/sign-in", form),
		"__Host-ez_admin":    w.central().post("/admin/sign-in", url.Values{"email": {operator.Email}, "password": {password}}),
	} {
		got.want(303)
		if len(got.cookies) != 1 {
			t.Fatalf("%s: %d cookies", name, len(got.cookies))
		}
		c := got.cookies[0]
		if c.Name != name || c.Domain != "" || c.Path != "/" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s", c.String())
		}
		if got.header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: no Strict-Transport-Security", name)
		}
	}
}

func TestACookieOfAnotherShopIsNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	w.person(w.a, "ada@example.com", accounts.Owner)
	w.person(w.b, "ada@example.com", accounts.Owner)
	ada := w.at(w.a).signIn("", "ada@example.com")
	stolen := ada.cookies["ez_session"].Value

	for _, name := range []string{"ez_session", "ez_reseller", "ez_admin", "__Host-ez_session"} {
		for _, other := range []*browser{w.at(w.b), w.central()} {
			other.cookies[name] = &http.Cookie{Name: name, Value: stolen}
			other.header.Set("Authorization", "Bearer "+stolen)
			for _, path := range []string{"/usage", "/settings/keys"} {
				other.get(path).goesTo("/sign-in?next=" + url.QueryEscape(path))
			}
			if got := other.get("/reseller").want(303); !strings.HasSuffix(got.header.Get("Location"), "/sign-in?next=%2Freseller") {
				t.Errorf("the console sends to %q", got.header.Get("Location"))
			}
			other.get("/").want(200).says("Sign in")
			if hx := other.htmx("GET", "/usage", nil).want(401); hx.header.Get("HX-Redirect") != "/sign-in?next=%2Fusage" {
				t.Errorf("htmx is sent to %q", hx.header.Get("HX-Redirect"))
			}
			other.post("/sign-out", nil)
			other.cookies[name] = &http.Cookie{Name: name, Value: stolen}
			other.post("/sign-in", url.Values{"email": {"eve@example.com"}, "password": {"wrong password"}}).want(422)
		}
	}
	// A real sign-in over there leaves the one here alone.
	other := w.at(w.b)
	other.cookies["ez_session"] = &http.Cookie{Name: "ez_session", Value: stolen}
	other.signIn("", "ada@example.com")
	if other.cookies["ez_session"].Value == stolen {
		t.Error("the other shop took the token over")
	}
	ada.get("/sign-in").goesTo("/")
	ada.get("/reseller").want(200)
}

func TestASignInGetsANewToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	first := w.at(w.a).signIn("", "ada@example.com")
	before := first.cookies["ez_session"].Value
	first.signIn("", "ada@example.com")
	if after := first.cookies["ez_session"].Value; after == before {
		t.Error("the token from before the sign-in goes on to count")
	}
	planted := w.at(w.a)
	planted.cookies["ez_session"] = &http.Cookie{Name: "ez_session", Value: before}
	planted.get("/usage").goesTo("/sign-in?next=%2Fusage")
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	ada := w.at(w.a).signIn("", "ada@example.com")
	cases := map[string]http.Header{
		"cross-site":                {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.test"}},
		"a neighbour":               {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://" + w.host(w.b)}},
		"an old browser, elsewhere": {"Sec-Fetch-Site": nil, "Origin": {"https://evil.test"}},
		"an old browser, next door": {"Sec-Fetch-Site": nil, "Origin": {"http://" + w.host(w.b)}},
		"from nowhere":              {"Sec-Fetch-Site": nil, "Origin": {"null"}},
	}
	for name, headers := range cases {
		for _, path := range []string{"/sign-out", "/sign-in", "/verify", "/reseller/customers/x/credit"} {
			if got := ada.send("POST", path, url.Values{}, headers); got.status != 403 {
				t.Errorf("%s, %s: status %d, want 403", name, path, got.status)
			}
		}
	}
	ada.get("/sign-in").goesTo("/") // nobody was signed out
	if hx := ada.send("POST", "/sign-out", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Hx-Request": {"true"}}).want(403); hx.header.Get("HX-Retarget") != "#notice" || strings.Contains(hx.body, "<html") {
		t.Errorf("htmx gets no fragment: %s", hx.body)
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := url.Values{"email": {strings.Repeat("x", maxBody)}}
	w.at(w.a).post("/sign-in", large).want(413).says("The limit is 1 MB")
	hx := w.at(w.a).htmx("POST", "/sign-in", large).want(413)
	if hx.header.Get("HX-Retarget") != "#notice" || strings.Contains(hx.body, "<html") {
		t.Errorf("htmx gets no fragment: %s", hx.body)
	}
	// Without a length in front, it is the reading that stops.
	r := httptest.NewRequest("POST", "/sign-in", struct{ *strings.Reader }{strings.NewReader(large.Encode())})
	r.Host, r.ContentLength = w.host(w.a), -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.at(w.a).do(r).want(413)
}

func TestPagesThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.at(w.a).get("/no/such/page").want(404).says("This page is not here", "Northwind Desktops", "Reference")
	if !strings.Contains(got.body, got.header.Get("X-Request-Id")) {
		t.Error("the page does not tell the id of the request")
	}
	forms := strings.Replace(policy, "form-action 'self'", "form-action 'self' https://checkout.stripe.com", 1)
	for name, want := range map[string]string{"Content-Security-Policy": forms, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	w.at(w.a).send("DELETE", "/sign-in", nil, nil).want(405)
	hx := w.at(w.a).htmx("GET", "/no/such/page", nil).want(404)
	if hx.header.Get("HX-Retarget") != "#notice" || strings.Contains(hx.body, "<html") {
		t.Errorf("htmx gets no fragment: %s", hx.body)
	}
	api := w.at(w.a).get("/api/public/nothing").want(404)
	if !strings.Contains(api.body, `"not_found"`) {
		t.Errorf("the API answers %s", api.body)
	}
}

func TestTheFrontShowsWhatIsSold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(w.a).get("/").want(200).says("Developer Basic", "$0.15", "Business Enterprise", "$0.80", "16 GB of memory", "Ubuntu with VS Code", "You pay $0.26", "blocks of 15 minutes")
	dear, _, err := w.deps.DB.Create(t.Context(), tenants.NewTenant{Name: "Tokyo Desks", Email: "o@tokyo.test", Slug: "tokyo" + w.a.Slug, Currency: "JPY"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.atHost(dear.Slug + "." + tenanttest.Domain).get("/").want(200).says("¥")
}
