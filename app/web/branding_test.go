package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/archive"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/files"
	"github.com/ezscale/ezscale/tenants"
)

// zone answers for the name system.
type zone map[string][]string

func (z zone) TXT(_ context.Context, name string) ([]string, error)           { return z[name], nil }
func (z zone) MX(context.Context, string) ([]string, error)                   { return nil, nil }
func (z zone) Addrs(_ context.Context, name string) (a []netip.Addr, _ error) { return nil, nil }

// withBrands gives the world a place for pictures and names that it knows.
func withBrands(t testing.TB, names zone) func(*Deps) {
	return func(d *Deps) {
		store, err := files.Open(t.Context(), "mem://", "")
		if err != nil {
			t.Fatal(err)
		}
		d.Archive = archive.New(archive.Config{DB: d.DB, Files: store, Dir: t.TempDir(),
			Print: func(context.Context, tenants.Tenant, uuid.UUID, string) ([]byte, error) { return []byte("%PDF"), nil }})
		d.Branding = branding.New(branding.Config{DB: d.DB, Files: store, DNS: names, Log: d.Log,
			Relay: func(context.Context) branding.Relay {
				return branding.Relay{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25")}, Name: "mail.host.test"}
			}})
	}
}

func picture(t testing.TB, shade uint8) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 120, 40))
	img.Set(5, 5, color.RGBA{shade, 10, 20, 255})
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// upload posts a form with files, as a browser sends it.
func (b *browser) upload(path string, fields url.Values, parts map[string]string) *answer {
	b.w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name := range fields {
		if err := form.WriteField(name, fields.Get(name)); err != nil {
			b.w.t.Fatal(err)
		}
	}
	for name, data := range parts {
		part, err := form.CreateFormFile(name, `../../x"><script>.svg`)
		if err == nil {
			_, err = part.Write([]byte(data))
		}
		if err != nil {
			b.w.t.Fatal(err)
		}
	}
	_ = form.Close()
	r := httptest.NewRequest("POST", "http://placeholder.test"+path, &body)
	r.Host, r.RemoteAddr = b.host, b.w.ip
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Origin", "http://"+b.host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	return b.do(r)
}

func (w *world) fresh(t tenants.Tenant) tenants.Tenant {
	w.t.Helper()
	if err := w.deps.Registry.Refresh(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	got, _ := w.deps.Registry.ByID(t.ID)
	return got
}

func TestAResellerSetsItsBrand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBrands(t, zone{"shop.test": {"v=spf1 ip4:192.0.2.0/24 -all"}, "_dmarc.shop.test": {"v=DMARC1; p=none"}}))
	w.person(w.a, "owner@brand.test", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "owner@brand.test")
	desk.get("/reseller/branding").want(200).says("Branding", "Preview", "Primary colour")
	desk.upload("/reseller/branding", url.Values{"company_name": {"Aurora Desks"}, "primary_color": {"#0F766E"}, "secondary_color": {"#B45309"}, "support_email": {"help@shop.test"},
		"support_phone": {"+1 212 555 0100"}, "from_name": {"Aurora"}, "from_email": {"hello@shop.test"}, "custom_css": {"h1 { letter-spacing: 1px }"}},
		map[string]string{"logo": picture(t, 1), "favicon": picture(t, 2)}).goesTo("/reseller/branding")
	got := w.fresh(w.a).Branding
	if got.CompanyName != "Aurora Desks" || got.PrimaryColor != "#0F766E" || got.MailState != branding.MailReady || !strings.HasPrefix(got.LogoURL, "/brand/logo-") || !strings.HasPrefix(got.FaviconURL, "/brand/favicon-") {
		t.Fatalf("kept %+v", got)
	}
	desk.get("/reseller/branding").says("Your letters go out from your own address.", "Check now").hides("lets our mail server send")
	desk.post("/reseller/branding/sender", nil).want(200).says("lets our mail server send", "Your letters go out from your own address.")

	shop := w.at(w.a)
	front := shop.get("/").want(200).says("Aurora Desks")
	front.find("img", "src", got.LogoURL)
	front.find("link", "rel", "icon", "href", got.FaviconURL)
	rulesAt := ""
	for _, link := range front.all("link", "rel", "stylesheet") {
		if at, _ := attrOf(link, "href"); strings.HasPrefix(at, "/brand-custom.css") {
			rulesAt = at
		}
	}
	if rulesAt == "" {
		t.Fatal("the front does not wear the shop's own rules")
	}
	shop.get(rulesAt).want(200).says("@layer brand", ".shop h1")
	for _, path := range []string{"/sign-in", "/sign-up", "/forgot", "/missing"} {
		shop.get(path).hides("brand-custom.css")
	}
	desk.get("/reseller/branding").hides("/brand-custom.css")
	logo := shop.get(got.LogoURL).want(200)
	if logo.header.Get("Content-Type") != "image/png" || logo.header.Get("Cache-Control") != keepForEver {
		t.Errorf("the logo is served with %v", logo.header)
	}
	w.at(w.b).get(got.LogoURL).want(404)
	w.central().get(got.LogoURL).want(404)
	w.central().get("/brand-custom.css").want(404)
	desk.get("/reseller/branding/logo").want(200)

	desk.post("/reseller/branding", url.Values{"remove_logo": {"on"}}).goesTo("/reseller/branding")
	if after := w.fresh(w.a).Branding; after.LogoURL != "" || after.CompanyName != "Aurora Desks" || after.CustomCSS != got.CustomCSS {
		t.Errorf("a form with one field changed others: %+v", after)
	}
	shop.get(got.LogoURL).want(404)
}

func TestABrandThatIsWrongIsKeptInTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBrands(t, nil))
	w.person(w.a, "owner@wrong.test", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "owner@wrong.test")
	before := w.fresh(w.a).Branding
	again := desk.upload("/reseller/branding", url.Values{"company_name": {"Kept Words"}, "primary_color": {"red"}, "support_email": {"nobody"}, "from_email": {"a@b"}, "custom_css": {"h1 {\n  position: fixed\n}"}},
		map[string]string{"logo": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "favicon": strings.Repeat("x", branding.MaxPicture+1)}).want(422)
	again.says("SVG files can carry programs", "larger than 2 MB", "Line 2: position")
	if again.value("company_name") != "Kept Words" || again.fieldError("primary_color") == "" || again.fieldError("logo") == "" || again.fieldError("custom_css") == "" || again.fieldError("from_email") == "" {
		t.Errorf("the form lost what was typed:\n%s", again.text())
	}
	if after := w.fresh(w.a).Branding; after != before {
		t.Errorf("a wrong form changed %+v", after)
	}
	desk.upload("/reseller/branding", nil, map[string]string{"logo": strings.Repeat("x", maxUpload)}).want(413)
	w.at(w.a).upload("/sign-in", nil, map[string]string{"logo": strings.Repeat("x", maxBody)}).want(413)
	w.at(w.a).upload("/reseller/branding", nil, map[string]string{"logo": picture(t, 1)}).want(303)
}

func TestAPreviewSavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBrands(t, nil))
	w.person(w.a, "owner@preview.test", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "owner@preview.test")
	before := w.fresh(w.a).Branding
	seen := desk.post("/reseller/branding", url.Values{"do": {"preview"}, "company_name": {"Only Tried"}, "primary_color": {"#FFE600"}}).want(200).says("Only Tried", "hard to read")
	sheet := ""
	for _, link := range seen.all("link", "rel", "stylesheet") {
		if at, _ := attrOf(link, "href"); strings.HasPrefix(at, "/reseller/branding/preview.css") {
			sheet = at
		}
	}
	desk.get(sheet).want(200).says(".preview {", "--primary-color: #ffe600;")
	desk.get("/reseller/branding/preview.css?primary_color=red%7D").want(404)
	fixed := desk.post("/reseller/branding", url.Values{"fix": {"primary_color"}, "company_name": {"Only Tried"}, "primary_color": {"#FFE600"}}).want(200)
	better, err := branding.ParseColour(fixed.value("primary_color"))
	if err != nil || branding.Contrast(better, branding.Colour{R: 255, G: 255, B: 255}) < 4.5 {
		t.Errorf("the better colour is %v, %v", better, err)
	}
	desk.htmx("POST", "/reseller/branding/preview", url.Values{"company_name": {"Live"}, "primary_color": {"#12"}}).want(200).says("Live").hides("<html")
	if after := w.fresh(w.a).Branding; after != before {
		t.Errorf("a preview changed %+v", after)
	}
}

func TestAnAddressThatIsNotSetUpWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBrands(t, zone{"other.test": {"v=spf1 -all"}}))
	w.person(w.a, "owner@waits.test", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "owner@waits.test")
	for _, address := range []string{"hello@nothing.test", "hello@other.test"} {
		desk.post("/reseller/branding", url.Values{"from_email": {address}}).goesTo("/reseller/branding")
		if got := w.fresh(w.a).Branding; got.FromEmail != address || got.MailState != branding.MailWaiting {
			t.Errorf("%s: kept %+v", address, got)
		}
	}
	desk.get("/reseller/branding").says("via …").hides("v=spf1")
	desk.post("/reseller/branding/sender", nil).want(200).says("via …", "v=spf1 a:mail.host.test")
}

// The page says what is so: an address that the provider vouches for is used, and the
// look at its domain says what speaks against that.
func TestAnAddressThatIsVouchedForIsUsedAndWarnedAbout(t *testing.T) {
	t.Parallel()
	names := zone{}
	w := newWorld(t, withBrands(t, names))
	w.person(w.a, "owner@vouched.test", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "owner@vouched.test")
	b := w.fresh(w.a).Branding
	b.FromEmail, b.MailState = "hello@vouched.test", ""
	w.brand(b)
	desk.get("/reseller/branding").says("Your letters go out from your own address.")
	desk.post("/reseller/branding/sender", nil).want(200).says("some may be taken for forged", "There is no SPF record").hides("Your letters go out from your own address.")
	if got := w.fresh(w.a).Branding; got.MailState != "" {
		t.Errorf("a look took away what the provider vouches for: %+v", got)
	}
}

// What was ready follows the domain when somebody looks again, both ways.
func TestALookAtTheDomainIsKept(t *testing.T) {
	t.Parallel()
	names := zone{"turns.test": {"v=spf1 -all"}}
	w := newWorld(t, withBrands(t, names))
	w.person(w.a, "owner@turns.test", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "owner@turns.test")
	desk.post("/reseller/branding", url.Values{"from_email": {"hello@turns.test"}}).goesTo("/reseller/branding")
	for _, step := range []struct{ spf, state string }{{"v=spf1 ip4:192.0.2.25 -all", branding.MailReady}, {"v=spf1 -all", branding.MailWaiting}} {
		names["turns.test"] = []string{step.spf}
		desk.post("/reseller/branding/sender", nil).want(200)
		if got := w.fresh(w.a).Branding.MailState; got != step.state {
			t.Errorf("%s: kept %q, want %q", step.spf, got, step.state)
		}
	}
}

// The frame of a browser takes the shop's own colour, in light and in dark.
func TestPagesTellTheBrowserTheShopsColour(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBrands(t, nil))
	b := w.fresh(w.a).Branding
	b.PrimaryColor = "#0F766E"
	w.brand(b)
	for _, path := range []string{"/", "/sign-in", "/missing"} {
		w.at(w.a).get(path).find("meta", "name", "theme-color", "content", "#0f766e")
	}
}

// brand puts a look into the database by the provider's own way.
func (w *world) brand(b tenants.Branding) {
	w.t.Helper()
	if err := w.deps.DB.SetBranding(context.Background(), w.a.ID, b); err != nil {
		w.t.Fatal(err)
	}
}

// On a reseller's own host nobody reads whose program it is.
func TestTheProviderIsNamedNowhereOnAResellersHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBrands(t, nil))
	w.person(w.a, "owner@nowhere.test", accounts.Owner)
	w.person(w.a, "ada@nowhere.test", accounts.Customer)
	desk, customer, guest := w.at(w.a).signIn("/reseller", "owner@nowhere.test"), w.at(w.a).signIn("", "ada@nowhere.test"), w.at(w.a)
	for who, list := range map[*browser][]string{
		guest:    {"/", "/sign-in", "/sign-up", "/forgot", "/missing", "/favicon.svg", "/brand.css", "/brand-custom.css", "/reseller/sign-in", "/reset/x", "/verify/x"},
		customer: {"/", "/kasm/order", "/sessions", "/usage", "/invoices", "/billing", "/settings/keys", "/missing", "/usage.pdf"},
		desk:     {"/reseller", "/reseller/branding", "/reseller/invoices", "/reseller/billing", "/reseller/coupons", "/reseller/taxes", "/reseller/parked"},
	} {
		for _, path := range list {
			got := who.get(path)
			got.body = strings.ReplaceAll(got.body, w.host(w.a), "") // its own address, below the installation's
			for _, name := range []string{"ezscale", w.house.Name} {
				if strings.Contains(strings.ToLower(got.body), strings.ToLower(name)) {
					at := strings.Index(strings.ToLower(got.body), strings.ToLower(name))
					t.Errorf("%s (%d) names %q: %s", path, got.status, name, got.body[max(0, at-60):min(len(got.body), at+60)])
				}
			}
			for header, values := range got.header {
				if strings.Contains(strings.ToLower(fmt.Sprint(header, values)), "ezscale") {
					t.Errorf("%s: the header %s names the provider", path, header)
				}
			}
		}
	}
}
