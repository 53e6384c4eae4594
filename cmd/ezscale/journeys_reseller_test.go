package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/assets/browsertest"
)

// TestFromInvitationToWholesaleInvoice walks the whole way of a reseller in a real
// browser over HTTPS: made by the operator, branded and priced by its owner, on a
// domain of its own, with a customer who registers there, uses a desktop and is
// billed; the owner sees what is left, and the operator the wholesale invoice.
func TestFromInvitationToWholesaleInvoice(t *testing.T) {
	t.Parallel()
	s := startSecureSite(t)
	s.createReseller()
	owner := s.ownerArrives()
	s.brand(owner)
	s.setPrices(owner)
	s.pointDomain(owner)
	s.sell(owner)
	s.seeMargin(owner)
	s.seeWholesale()
}

const (
	journeyShop = "Bluebird Cloud"
	journeyHost = "desks.bluebird.test"
	journeyBoss = "boss@bluebird.test"
)

// secureSite is the demonstration behind HTTPS, with an authority and a name system
// of its own.
type secureSite struct {
	*site
	edge     *edgeProgram
	operator person
	shopAt   string // the shop on its own domain
	number   string // of the customer's invoice

	wholesale string // number of the reseller's invoice
}

func startSecureSite(t *testing.T) *secureSite {
	t.Helper()
	e := newEdgeProgram(t)
	environ := append(e.environ, "EZSCALE_KASM_SIM_ADDR="+freeAddress(t), "EZSCALE_EDGE_HOST=edge.cloud.test", "EZSCALE_EDGE_IPS=127.0.0.1")
	s := &secureSite{edge: e, site: &site{t: t, environ: environ, client: e.client()}, shopAt: strings.TrimSuffix(e.at(journeyHost, ""), "/")}
	s.begin(t)
	s.endsWell(t)
	s.browser = browsertest.Trusting(t, s.authority(), "cloud.test", journeyHost)
	return s
}

// authority is who signed the central host's certificate, after that was checked
// against the authority's root.
func (s *secureSite) authority() *x509.Certificate {
	s.t.Helper()
	_, secure, _ := strings.Cut(s.Central, "://")
	var chain []*x509.Certificate
	soon(s.t, "the central host has its certificate", 30*time.Second, func() bool {
		host, _, _ := net.SplitHostPort(secure)
		conn, err := tls.Dial("tcp", s.edge.secure, &tls.Config{RootCAs: s.edge.acme.Roots, ServerName: host})
		if err != nil {
			return false
		}
		defer conn.Close()
		chain = conn.ConnectionState().PeerCertificates
		return len(chain) > 1
	})
	return chain[1]
}

func (s *secureSite) createReseller() {
	s.operator = s.person(s.t)
	p := s.operator
	p.signIn(s.Central+"/admin/sign-in", demoOperator)
	p.Go(s.Central + "/admin/resellers")
	p.Fill("name", journeyShop)
	p.Fill("email", journeyBoss)
	p.Press("Short name, time zone, currency, trial, tier")
	p.Fill("slug", "bluebird")
	p.Fill("trial_days", "60")
	p.Press("Create reseller")
	p.Reads(journeyShop, "bluebird.cloud.test")
	p.Clean()
}

// ownerArrives follows the letter and goes in at the console.
func (s *secureSite) ownerArrives() person {
	p := s.person(s.t)
	p.openLetter("Bluebird", journeyBoss, "/reset/")
	p.Fill("password", demoPassword)
	p.Press("Save and sign in")
	p.See("the shop behind the letter's door", `!location.pathname.startsWith("/reset/") && document.readyState === "complete"`)
	p.signIn(s.Central+"/reseller/sign-in", journeyBoss)
	p.Reads(journeyShop)
	p.Clean()
	return p
}

func (s *secureSite) brand(p person) {
	logo := filepath.Join(s.t.TempDir(), "logo.png")
	picture := image.NewNRGBA(image.Rect(0, 0, 120, 40))
	for n := range picture.Pix {
		picture.Pix[n] = 255
	}
	picture.Set(3, 3, color.NRGBA{R: 20, G: 90, B: 160, A: 255})
	file, err := os.Create(logo)
	if err == nil {
		err = png.Encode(file, picture)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	p.Go(s.Central + "/reseller/branding")
	p.Fill("company_name", "Bluebird Desktops")
	p.Fill("support_email", "help@bluebird.test")
	p.Fill("primary_color", "#0a4f8f")
	p.Upload("logo", logo)
	p.Press("Save")
	p.Reads("Remove the logo there is")
	p.Clean()
}

// setPrices asks a quarter of a dollar for the hour; what it leaves is shown while
// it is typed.
func (s *secureSite) setPrices(p person) {
	p.Go(s.Central + "/reseller/pricing")
	field := `#plan-business_basic [name="price_per_hour"]`
	before := p.Eval(`document.querySelector("#plan-business_basic .margin").textContent`)
	p.FillIn(field, "0.40")
	p.See("the margin of the new price", fmt.Sprintf(`document.querySelector("#plan-business_basic .margin").textContent !== %q`, before))
	p.Eval(`window.before = true`)
	p.Click(`#plan-business_basic button[aria-label^="Save"]`)
	p.See("the price kept", fmt.Sprintf(`!window.before && document.readyState === "complete" && Number(document.querySelector('%s').value) === 0.4`, field))
	p.Clean()
}

// pointDomain adds the name, makes the record which the page asks for, and watches
// every step turn green.
func (s *secureSite) pointDomain(p person) {
	s.edge.acme.DNS.Set(s.t, journeyHost, "A 192.0.2.1") // where the name led before
	p.Go(s.Central + "/reseller/domains")
	p.Fill("domain", journeyHost)
	p.Press("Add the domain")
	p.Reads("CNAME record for")
	record := p.Eval(`document.querySelector('[id^="cname-value-"]').value`)
	if record != "bluebird.edge.cloud.test" {
		s.t.Fatalf("the page asks for a CNAME to %q", record)
	}
	s.edge.acme.DNS.Set(s.t, journeyHost, "CNAME "+record+".")
	p.Press("Check " + journeyHost + " now")
	p.See("every step green", `document.querySelectorAll(".steps li.step-done").length === 7 && document.querySelectorAll(".steps li").length === 7`)
	p.Clean()
	resp, err := s.edge.client().Get(s.shopAt + "/sign-in")
	if err != nil {
		s.t.Fatalf("with the authority's root alone: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Strict-Transport-Security") == "" {
		s.t.Errorf("on the own domain: %s, %v", resp.Status, resp.Header)
	}
}

// sell is the customer's part, on the reseller's domain.
func (s *secureSite) sell(owner person) {
	c := s.person(s.t)
	c.registerAt(s.shopAt, "Mary Bell", "mary@example.com")
	c.Reads("Bluebird Desktops")
	owner.Go(s.Central + "/reseller/customers")
	owner.Press("Mary Bell")
	owner.FillIn(`form[action$="/credit"] [name="amount"]`, "20")
	owner.FillIn(`form[action$="/credit"] [name="reason"]`, "Paid in the shop")
	owner.Click(`form[action$="/credit"] button`)
	owner.Reads("$20.00")
	owner.Clean()
	c.Go(s.shopAt + "/")
	c.order("Business Basic", "Browser and office")
	c.See("the desktop running", running)
	s.pass(s.t, 50*time.Minute)
	c.Press("Stop Business Basic")
	c.See("the card at rest", `document.querySelector('[aria-label="Start Business Basic"]') && !`+running)
	now := time.Now().UTC()
	s.post(s.t, s.Central+"/api/test/clock", object{"now": time.Date(now.Year(), now.Month()+1, 4, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)})
	c.Go(s.shopAt + "/invoices")
	s.number = c.Eval(`document.querySelector('a[href^="/invoices/"]')?.textContent.trim()`)
	c.Press(s.number)
	c.Reads("Invoice "+s.number, "Bluebird Desktops", "Mary Bell", "$0.40")
	if text := strings.ToLower(c.Eval(`document.documentElement.outerHTML`)); strings.Contains(text, "ezscale") || strings.Contains(text, "cloud.test") {
		s.t.Error("the customer's invoice names the provider")
	}
	c.Clean()
}

// seeMargin is what is left to the reseller of the month before, and what the
// provider asks for it.
func (s *secureSite) seeMargin(p person) {
	last := time.Now().UTC()
	p.Go(s.Central + "/reseller/settlement?month=" + last.Format("2006-01"))
	p.Reads("$0.40")
	p.Clean()
	p.Go(s.Central + "/reseller/wholesale")
	p.See("the wholesale invoice", `document.querySelector('td a[href^="/reseller/wholesale/"]')`)
	s.wholesale = p.Eval(`document.querySelector('td a[href^="/reseller/wholesale/"]').textContent.trim()`)
	p.Clean()
}

// seeWholesale is the operator's side of the same invoice.
func (s *secureSite) seeWholesale() {
	p := s.operator
	p.Go(s.Central + "/admin/wholesale")
	p.Reads(journeyShop)
	p.Reads(s.wholesale)
	p.Clean()
}
