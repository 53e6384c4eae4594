package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/assets/browsertest"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// site is the demonstration as somebody starts it on their machine, with
// browsers before it.
type site struct {
	t       *testing.T
	browser *browsertest.Browser
	dir     string
	environ []string
	life    *process
	client  *http.Client // what scripts ask with
	Central string       `json:"central"`
	Sim     string       `json:"kasm_sim"`
	SignIns []signIn     `json:"sign_ins"`
}

// startSite starts the demonstration without history, and a Chromium.
func startSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: pgtest.Dir(t), browser: browsertest.Start(t), client: http.DefaultClient}
	s.environ = []string{"EZSCALE_DATA_DIR=" + s.dir, "EZSCALE_HTTP_ADDR=" + freeAddress(t), "EZSCALE_KASM_SIM_ADDR=" + freeAddress(t)}
	s.begin(t)
	s.endsWell(t)
	return s
}

// endsWell asks the program to stop when the test ends, and wants it to do so.
func (s *site) endsWell(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if _, err := s.life.ends(30 * time.Second); err != nil {
			t.Errorf("the program did not end well: %v", err)
		}
	})
}

// begin starts the program and waits until it says where it is.
func (s *site) begin(t *testing.T) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	life, err := spawn(s.environ, out, filepath.Join(t.TempDir(), "errs"), "demo", "--history", "0", "--json")
	if err != nil {
		t.Fatal(err)
	}
	s.life = life
	firstLine(t, life, out, s)
}

// shop is an address on a shop's own host.
func (s *site) shop(slug, path string) string {
	scheme, host, _ := strings.Cut(s.Central, "://")
	return scheme + "://" + slug + "." + host + path
}

// post sends JSON to the program or the simulator, as a script of the operator's would.
func (s *site) post(t *testing.T, url string, body object) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("POST %s %v: %s", url, body, res.Status)
	}
}

// pass lets business time pass.
func (s *site) pass(t *testing.T, d time.Duration) {
	t.Helper()
	s.post(t, s.Central+"/api/test/clock", object{"advance": d.String()})
}

// person is somebody at a browser of their own.
type person struct {
	*browsertest.Tab
	t *testing.T
	s *site
}

func (s *site) person(t *testing.T) person {
	t.Helper()
	return person{Tab: s.browser.Tab(t), t: t, s: s}
}

// signIn goes through a door with the demonstration's password.
func (p person) signIn(door, email string) {
	p.t.Helper()
	p.Go(door)
	p.Fill("email", email)
	p.Fill("password", demoPassword)
	p.Press("Sign in")
	p.See("the page behind the door", `!location.pathname.endsWith("/sign-in") && document.readyState === "complete"`)
}

// register opens an account at a shop and confirms its address by the letter.
func (p person) register(shop, name, email string) {
	p.t.Helper()
	p.registerAt(p.s.shop(shop, ""), name, email)
}

// registerAt is register at a shop's address.
func (p person) registerAt(shop, name, email string) {
	p.t.Helper()
	p.Go(shop + "/sign-up")
	p.Fill("name", name)
	p.Fill("email", email)
	p.Fill("password", demoPassword)
	p.Press("Create my account")
	p.Reads("Check your mail", email)
	p.openLetter("Confirm", email, "/verify/")
	p.Press("Confirm my address")
	p.At("/sign-in")
	p.Reads("Your address is confirmed.")
	p.Fill("email", email)
	p.Fill("password", demoPassword)
	p.Press("Sign in")
	p.At("/")
}

// openLetter follows the link to a path in the latest letter to somebody, which
// the worker may be about to send.
func (p person) openLetter(subject, to, path string) {
	p.t.Helper()
	row := fmt.Sprintf(`[...document.querySelectorAll(".row")].find((r) => r.textContent.includes(%q) && r.textContent.includes(%q))`, subject, to)
	soon(p.t, "a letter for "+to, 20*time.Second, func() bool {
		p.Go(p.s.Central + "/demo/mail")
		return p.Eval("!!"+row) == "true"
	})
	p.Go(p.Eval(row + `.querySelector("a").href`))
	p.Go(p.Eval(`document.querySelector('.letter a[href*="` + path + `"]').href`))
}

// grant is what the shop's owner does when a customer asks for credit.
func (s *site) grant(t *testing.T, owner, customer, amount string) {
	t.Helper()
	o := s.person(t)
	o.signIn(s.Central+"/reseller/sign-in", owner)
	o.Press("Grant credit to " + customer)
	o.FillIn(`details[open] [name="amount"]`, amount)
	o.FillIn(`details[open] [name="reason"]`, "Welcome")
	o.Click(`details[open] form button`)
	o.Reads("$" + amount)
	o.Clean()
}

// order takes the desktop of a plan with what is installed on it.
func (p person) order(plan, template string) {
	p.t.Helper()
	p.Press("Order a desktop")
	p.At("/kasm/order")
	p.Press(plan)
	p.Press(template)
	p.Press("Order and start")
}
