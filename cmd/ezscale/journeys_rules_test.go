package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// choose gives a select or a field of time a value, which typing would do by the
// habits of the browser's country.
func (p person) choose(selector, value string) {
	p.t.Helper()
	p.See(selector, fmt.Sprintf(`document.querySelector(%q)`, selector))
	if got := p.Eval(fmt.Sprintf(`document.querySelector(%[1]q).value = %[2]q, document.querySelector(%[1]q).value`, selector, value)); got != value {
		p.t.Fatalf("%s takes %q for %q", selector, got, value)
	}
}

// counts is what the card says about a stop that is near.
const counts = `document.querySelector(".ending > div")?.textContent`

// limitedRun orders a desktop that may cost $0.15, sees the end come near, puts it
// off, and gives the desktop a timetable, all of that without a mouse.
func limitedRun(t *testing.T, s *site) {
	p := s.person(t)
	p.signIn(s.shop("northwind", "/sign-in"), "ada@northwind.test")
	p.Press("Order a desktop")
	p.At("/kasm/order")
	p.Press("Developer Basic")
	p.Press("Ubuntu with VS Code")
	p.tabTo(`.order-summary summary`)
	p.Key(kb.Enter)
	p.tabTo(`[name="run_until"]`)
	p.Key(kb.ArrowDown)
	p.Key(kb.ArrowDown)
	p.See("the field of the amount alone", `document.querySelector("[name=run_budget]").checkVisibility() && !document.querySelector("[name=run_for]").checkVisibility()`)
	p.Reads("$0.20 buys 1 hour, in blocks of 15 minutes.")
	p.tabTo(`[name="run_budget"]`)
	p.Type("0.15")
	p.Reads("$0.15 buys 45 minutes.")
	p.tabTo(`#order`)
	p.Key(kb.Enter)
	p.See("the desktop running", running)
	p.See("the limit in the card and among the rules", `[".hero", "#desk-until"].every((where) => document.querySelector(where).textContent.includes("when $0.15 is spent."))`)
	p.looks(t, "a limited run")

	s.pass(t, 36*time.Minute)
	p.Go(p.Where()) // a page that was there all the time would ask by itself, in minutes that nobody waits for here
	p.Eval(`window.neverLeft = true`)
	p.See("the countdown", counts+`.match(/^Stops at \d\d:\d\d, when \$0.15 is spent, in \d:\d\d\.$/)`)
	before := p.Eval(counts)
	p.See("a tick of the countdown", counts+" !== "+fmt.Sprintf("%q", before))
	p.looks(t, "a run that ends soon")
	p.tabTo(`[id$="-extend"]`)
	if label := p.Eval(`document.activeElement.textContent`); label != "Keep it for 15 minutes more ($0.05 at most)" {
		t.Errorf("the button says %q", label)
	}
	p.Key(kb.Enter)
	p.See("the focus still in the card", `document.activeElement?.matches(".hero .btn")`)
	p.See("the end put off", `!document.querySelector(".ending") && document.querySelector(".hero").textContent.includes("when $0.20 is spent.")`)
	p.timetable()
	if p.Eval(`window.neverLeft`) != "true" {
		t.Error("the page was loaded again on the way")
	}
	p.Press("Stop Developer Basic")
	p.See("the card at rest", `document.querySelector('[aria-label="Start Developer Basic"]')`)
	p.Clean("422")
}

// timetable gives the desktop on the page a schedule, a mistake first, and then
// another idle stop.
func (p person) timetable() {
	p.t.Helper()
	p.tabTo(`[aria-label="Set a schedule"]`)
	p.Key(kb.Enter)
	p.See("the visitor's own time zone", `document.querySelector("[name=time_zone]").value === Intl.DateTimeFormat().resolvedOptions().timeZone`)
	p.tabTo(`[aria-label="Save: Set a schedule"]`)
	p.Key(kb.Enter)
	p.See("the focus on what was wrong", `document.activeElement?.matches("#desk-schedule [data-form-errors]")`)
	p.choose(`[name="start_time"]`, "09:00")
	p.choose(`[name="stop_time"]`, "18:00")
	p.tabTo(`[name="time_zone"]`)
	p.choose(`[name="time_zone"]`, "Europe/Berlin")
	p.Press("Save: Set a schedule")
	p.Reads("Starts at 09:00 and stops at 18:00, Monday to Friday, Europe/Berlin time.", "Next: it ")
	p.Press("Change what happens when nobody is connected")
	p.choose(`[name="idle_stop_minutes"]`, "120")
	p.Press("Save: Change what happens when nobody is connected")
	p.See("the focus back on the button", `document.activeElement?.id === "desk-idle-open"`)
	p.See("the rule in its row and in the card", `["#desk-idle", ".hero"].every((where) => document.querySelector(where).textContent.includes("Stops by itself after 2 hours without anybody connected."))`)
	p.Press("Remove the schedule")
	p.Reads("It can start in the morning and stop in the evening by itself.")
}

// limitedWithoutScripts does the same in a browser that runs none.
func limitedWithoutScripts(t *testing.T, s *site) {
	p := s.person(t)
	p.NoScripts()
	p.signIn(s.shop("atelier", "/sign-in"), "emil@atelier.test")
	p.Press("Order a desktop")
	p.At("/kasm/order")
	p.Press("Business Basic")
	p.Press("Browser and office")
	p.Press("Run until…")
	p.Click(`[name="run_until"][value="time"]`)
	p.Fill("run_for", "9")
	p.Press("Order and start")
	p.Reads("Business Basic")
	soon(t, "the desktop runs after looking again", 30*time.Second, func() bool {
		if p.Eval("!!"+running) == "true" {
			return true
		}
		p.again(func() { p.Press("Look again") })
		return false
	})
	p.See("the countdown", counts+`.match(/^Stops at \d\d:\d\d, after 9 minutes, in \d:\d\d\.$/)`)
	p.again(func() { p.Press("Keep it for 15 minutes more (€0.07 at most)") })
	p.Reads("after 24 minutes.")
	p.Press("Set a schedule")
	p.choose(`[name="stop_time"]`, "18:00")
	p.again(func() { p.Press("Save: Set a schedule") })
	p.Reads("The schedule is saved.", "Europe/Berlin time.")
	p.again(func() { p.Press("Remove the limit of this run") })
	p.Reads("The limit of this run is saved.", "Runs until you stop it.")
	p.again(func() { p.Press("Stop Business Basic") })
	p.See("the card at rest", `document.querySelector('[aria-label="Start Business Basic"]') && !`+running)
	p.Press("Run until…")
	p.Click(`[name="run_until"][value="budget"]`)
	p.Fill("run_budget", "nothing")
	p.again(func() { p.Press("Start Business Basic") })
	p.See("what was wrong beside the field", `document.querySelector("#field-run_budget-error") && document.querySelector("[name=run_budget]").value === "nothing"`)
	p.looksRight(t, "a start that was refused, without scripts")
	p.Clean("422")
}

// again does something that leads to a page, and waits until that one is there.
func (p person) again(do func()) {
	p.t.Helper()
	p.Eval(`window.before = true`)
	do()
	p.See("the page anew", `!window.before && document.readyState === "complete"`)
}
