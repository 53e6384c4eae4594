package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestJourneys walks through the running product with a real browser, as its
// people do. No page may break the policy, throw or write to the console.
func TestJourneys(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	t.Run("at once", func(t *testing.T) {
		for name, journey := range map[string]func(*testing.T, *site){
			"without scripts": withoutScripts, "two shops": twoShops, "by keyboard": byKeyboard, "a new reseller": newReseller, "on a phone": onPhone,
			"limits without scripts": limitedWithoutScripts,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); journey(t, s) })
		}
	})
	// These move the clock or stop the program, which everybody would notice.
	for _, j := range []struct {
		name string
		walk func(*testing.T, *site)
	}{{"from sign-up to the bill", firstDesktop}, {"a run with a limit", limitedRun}, {"over the month's edge", monthEnd}, {"over a restart", restart}} {
		t.Run(j.name, func(t *testing.T) { j.walk(t, s) })
	}
}

const (
	northwindOwner = "owner@northwind.test"
	running        = `document.querySelector(".hero [data-show=elapsed]")`
)

// shown is what a live part of the page says.
func shown(part string) string {
	return fmt.Sprintf(`document.querySelector("[data-show=%s]").textContent`, part)
}

func firstDesktop(t *testing.T, s *site) {
	p := s.person(t)
	p.register("northwind", "Hedy Larsen", "hedy@example.com")
	s.grant(t, northwindOwner, "Hedy Larsen", "25.00")
	p.Go(s.shop("northwind", "/"))
	p.order("Developer Basic", "Ubuntu with VS Code")
	p.Reads("This page fills itself in.")
	p.Eval(`window.neverLeft = true`)
	p.See("the desktop running", running)
	p.See("the first block's price", shown("cost")+` === "$0.05"`)
	p.Reads("Show user name and password", "First ready")
	p.See("the session among those of the desktop", `document.querySelector("#desk-sessions table")`)
	before := p.Eval(shown("elapsed"))
	p.See("a tick of the timer", shown("elapsed")+" !== "+fmt.Sprintf("%q", before))

	s.pass(t, 16*time.Minute)
	p.See("the second block's price", shown("cost")+` === "$0.10"`)
	desktop := p.Opens(func() { p.Press("Open desktop Developer Basic in a new tab") })
	desktop.Reads("Your desktop is running.", "Ubuntu with VS Code")
	if at := desktop.Where(); !strings.HasPrefix(at, s.Sim+"/") {
		t.Errorf("the desktop opened at %s, not on the desktop host", at)
	}
	desktop.Clean()

	p.Press("Stop Developer Basic")
	p.See("the card at rest", `document.querySelector('[aria-label="Start Developer Basic"]') && !`+running)
	if p.Eval(`window.neverLeft`) != "true" {
		t.Error("the page was loaded again on the way")
	}
	p.Clean()
	p.Go(s.shop("northwind", "/sessions"))
	p.See("the session in the history", `[...document.querySelectorAll("tr")].some((r) => /Developer Basic/.test(r.textContent) && /16 min/.test(r.textContent) && /\$0\.10/.test(r.textContent))`)
	p.Clean()
}

func withoutScripts(t *testing.T, s *site) {
	p := s.person(t)
	p.NoScripts()
	p.register("atelier", "Otto Plain", "otto@example.com")
	o := s.person(t)
	o.NoScripts()
	o.signIn(s.Central+"/reseller/sign-in", "owner@atelier.test")
	o.Press("Grant credit to Otto Plain")
	o.FillIn(`details[open] [name="amount"]`, "10")
	o.FillIn(`details[open] [name="reason"]`, "Welcome")
	o.Click(`details[open] form button`)
	o.Reads("€10.00")
	o.Clean()

	p.Go(s.shop("atelier", "/"))
	p.order("Business Basic", "Browser and office")
	p.Reads("Business Basic")
	soon(t, "the desktop runs after looking again", 30*time.Second, func() bool {
		if p.Eval("!!"+running) == "true" {
			return true
		}
		p.Eval(`window.before = true`)
		p.Press("Look again")
		p.See("the page anew", `!window.before && document.readyState === "complete"`)
		return false
	})
	desktop := p.Opens(func() { p.Press("Open desktop Business Basic in a new tab") })
	desktop.Reads("Simulated desktop")
	p.Press("Stop Business Basic")
	p.See("the card at rest", `document.querySelector('[aria-label="Start Business Basic"]') && !`+running)
	p.Go(s.shop("atelier", "/sessions"))
	p.Reads("Business Basic", "€0.07")
	p.Press("Account of Otto Plain")
	p.Press("Sign out")
	p.See("the shop's front", `document.querySelector('a[href^="/sign-in"]')`)
	p.Clean()
}

// twoShops puts two tenants side by side: each has its own face and its own people.
func twoShops(t *testing.T, s *site) {
	p := s.person(t)
	faces := map[string]bool{}
	for shop, name := range map[string]string{"northwind": "Northwind Desktops", "atelier": "Atelier Nord", "kiwi": "Kiwi Cloud"} {
		p.Go(s.shop(shop, "/"))
		p.Reads(name)
		faces[p.Eval(`getComputedStyle(document.documentElement).getPropertyValue("--primary-color")`)] = true
	}
	if len(faces) != 3 || faces[""] {
		t.Errorf("three shops have the colours %v", faces)
	}
	p.signIn(s.shop("northwind", "/sign-in"), "ada@northwind.test")
	p.Go(s.shop("northwind", "/usage"))
	p.At("/usage")
	p.CarryCookies(s.shop("northwind", "/"), s.shop("atelier", "/"))
	p.Go(s.shop("atelier", "/usage"))
	p.At("/sign-in")
	p.Go(s.Central + "/usage")
	p.At("/sign-in")
	p.Clean()
}

// byKeyboard does everything without a mouse; whoever does sees where they are.
func byKeyboard(t *testing.T, s *site) {
	p := s.person(t)
	p.Go(s.shop("kiwi", "/sign-in"))
	p.tabTo(`[name="email"]`)
	p.Type("sophie@kiwi.test")
	p.tabTo(`[name="password"]`)
	p.Type("not the password")
	p.Key(kb.Enter)
	p.See("the focus on what was wrong", `document.activeElement?.matches("[data-form-errors]")`)
	p.tabTo(`[name="password"]`)
	p.Type(demoPassword)
	p.Key(kb.Enter)
	p.At("/")
	p.tabTo(`a[href="/kasm/order"]`)
	p.Key(kb.Enter)
	p.At("/kasm/order")
	p.tabTo(`[name="workspace_type"]`)
	p.Key(" ")
	p.Key(kb.ArrowDown)
	p.See("the next size chosen", `document.activeElement.checked && document.activeElement !== document.querySelector("[name=workspace_type]")`)
	p.tabTo(`[name="template"]`)
	p.Key(" ")
	p.tabTo(`#order`)
	p.Key(kb.Enter)
	p.See("the desktop running", running)
	p.tabTo(`[aria-label^="Stop "]`)
	p.Key(kb.Enter)
	p.See("the card at rest", `document.querySelector('[aria-label^="Start "]') && !`+running)
	p.Clean("422")
}

// tabTo strikes Tab until the focus is where it should be, and looks at each
// stop whether it can be seen.
func (p person) tabTo(selector string) {
	p.t.Helper()
	p.See(selector, fmt.Sprintf(`document.querySelector(%q)`, selector))
	for range 60 {
		p.Key(kb.Tab)
		at := p.Eval(`(() => { const e = document.activeElement, on = e.closest("label") || e;
			const rings = [e, on].some((x) => { const s = getComputedStyle(x); return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none"; });
			return e === document.body || rings ? "" : e.outerHTML.slice(0, 90) })()`)
		if at != "" {
			p.t.Errorf("the focus is not to be seen at %s on %s", p.Where(), at)
		}
		if p.Eval(fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) == "true" {
			return
		}
	}
	p.t.Fatalf("Tab does not lead to %s at %s", selector, p.Where())
}

// newReseller makes a shop at the provider's desk, mistakes first.
func newReseller(t *testing.T, s *site) {
	p := s.person(t)
	p.signIn(s.Central+"/admin/sign-in", demoOperator)
	p.Go(s.Central + "/admin/resellers")
	p.Fill("name", "Northwind")
	p.Fill("email", "boss@bluebird.test")
	p.Press("Create reseller")
	p.See("the focus on what was wrong", `document.activeElement?.matches("[data-form-errors]") && document.querySelector("[name=slug]").checkVisibility()`)
	p.Fill("name", "Bluebird Cloud")
	p.Fill("email", "boss@bluebird")
	p.Press("Create reseller")
	p.See("the mail address refused", `document.querySelector("[name=email]").getAttribute("aria-invalid") === "true" && document.querySelector("[name=name]").value === "Bluebird Cloud"`)
	p.Fill("email", "boss@bluebird.test")
	p.Press("Create reseller")
	p.Reads("Bluebird Cloud", "bluebird-cloud."+hostOf(s.Central))
	p.Clean("422", "409")

	p.Go(s.shop("bluebird-cloud", "/"))
	p.Reads("Bluebird Cloud", "an hour")
	p.Press("Create an account")
	p.At("/sign-up")
	p.openLetter("Bluebird", "boss@bluebird.test", "/reset/")
	p.Fill("password", demoPassword)
	p.Press("Save and sign in")
	p.Reads("Bluebird Cloud")
	p.Clean()
}

func monthEnd(t *testing.T, s *site) {
	p := s.person(t)
	p.signIn(s.shop("northwind", "/sign-in"), "grace@northwind.test")
	p.order("Developer Basic", "Ubuntu with VS Code")
	p.See("the desktop running", running)
	s.pass(t, 44*time.Minute)
	p.See("three blocks", shown("cost")+` === "$0.15"`)
	p.Press("Stop Developer Basic")
	p.See("the card at rest", `document.querySelector('[aria-label="Start Developer Basic"]')`)
	now := time.Now().UTC()
	s.post(t, s.Central+"/api/test/clock", object{"now": time.Date(now.Year(), now.Month()+1, 2, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)})

	p.Go(s.shop("northwind", "/invoices"))
	number := p.Eval(`document.querySelector('a[href^="/invoices/"]')?.textContent.trim()`)
	if !strings.HasPrefix(number, "INV-") {
		t.Fatalf("after the month's end the list of invoices shows %q", number)
	}
	p.Press(number)
	p.At("/invoices/" + number)
	p.Reads("Invoice "+number, "Northwind Desktops", "Grace Okafor", "Developer Basic", "$0.15", "How this was counted")
	p.Size(390, 844)
	p.looks(t, "the invoice")
	p.Paper()
	p.Size(700, 990)
	if seen := p.Eval(`[...document.querySelectorAll("nav, .site-head, .site-foot, .btn, .skip")].filter((e) => e.checkVisibility()).length`); seen != "0" {
		t.Errorf("on paper one sees %s parts of the site", seen)
	}
	p.Reads("Grace Okafor", "$0.15")
	p.Clean()
}

// restart kills the program under a page that is open, and starts it again.
func restart(t *testing.T, s *site) {
	p := s.person(t)
	p.signIn(s.shop("northwind", "/sign-in"), "linus@northwind.test")
	p.order("Developer Basic", "Ubuntu with VS Code")
	p.See("the desktop running", running)
	p.Eval(`window.neverLeft = true`)
	p.See("the first block's price", shown("cost")+` === "$0.05"`)
	p.Clean()
	if !s.life.kill() {
		t.Fatal("the program had ended before")
	}
	s.begin(t)
	s.pass(t, 31*time.Minute)
	p.See("the price follow after the restart", shown("cost")+` === "$0.15"`)
	if p.Eval(`window.neverLeft`) != "true" {
		t.Error("the page was loaded again on the way")
	}
	p.Press("Stop Developer Basic")
	p.See("the card at rest", `document.querySelector('[aria-label="Start Developer Basic"]')`)
	p.Clean("net::ERR_", "network error", "Failed to fetch")
}
