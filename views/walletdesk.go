package views

import (
	"time"

	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
)

// DeskFunds is how long a desktop has money: a running one as it stands, another one
// if it were started now. Shared counts the desktops that live on the same balance,
// this one among them.
type DeskFunds struct {
	Runway
	Shared int
	Known  bool
}

// lasts says until when a running desktop can go on; "" when nothing near ends it or
// a notice says more.
func (d Desk) lasts() string {
	f := d.Funds
	if _, short := d.fundsNotice(); !d.running() || !f.Known || short || !f.ends(d.Now) {
		return ""
	}
	return f.phrase("it can run ") + f.until(d.When) + "."
}

// reach is lasts for a desktop that could be started now.
func (d Desk) reach() string {
	f := d.Funds
	if !d.startable() || !f.Known || !f.ends(d.Now) || !f.At.After(d.Now) {
		return ""
	}
	return "Started now, " + lowerFirst(f.phrase("it can run ")) + f.until(d.When) + "."
}

// phrase begins the sentence with what ends the run.
func (f DeskFunds) phrase(then string) string {
	switch {
	case f.By == "cap":
		return "Within your monthly cap " + then
	case f.Shared > 1:
		return "With this balance, shared by " + many(int64(f.Shared), "desktop") + ", " + then
	}
	return "With this balance " + then
}

func lowerFirst(text string) string {
	if text == "" {
		return ""
	}
	return string(text[0]|0x20) + text[1:]
}

// fundsNotice is what must not be overlooked: that the money of a running desktop
// ends with this block or the next one, or what stopped a desktop that rests.
func (d Desk) fundsNotice() (n Notice, said bool) {
	switch {
	case d.running():
		return d.lastBlocks()
	case d.Status != workspaces.Stopped || d.FundsStopAt == nil || d.LastStoppedAt == nil || d.LastStoppedAt.Before(*d.FundsStopAt):
		return n, false
	}
	n = Notice{Tone: ToneWarn, Title: "It stopped because your credit was used up", Text: "What is on it is kept as at any stop. Add credit, then start it again.", Action: addCredit()}
	switch d.FundsStopBy {
	case metering.ByCap:
		n.Title, n.Text, n.Action = "It stopped at your monthly cap", "What is on it is kept as at any stop. Raise the cap to start it again this month.", raiseCap()
	case metering.ByParked:
		n.Title, n.Text, n.Action = "It stopped because your account is paused", "It can be started again once the shop has looked at it.", NavItem{}
	case metering.BySuspended:
		n.Title, n.Text, n.Action = "It stopped because an invoice is not paid", "It can be started again once that is paid.", NavItem{Label: "See what is open", Href: "/invoices"}
	}
	return n, true
}

// lastBlocks warns while there is money for one more block at most (R15).
func (d Desk) lastBlocks() (n Notice, said bool) {
	f, edge := d.Funds, d.Session.PaidUntilAt(d.Now)
	if !f.Known || f.By == "" || f.At.Sub(edge) > time.Duration(d.Session.BlockSeconds)*time.Second || f.By == "credit" && d.FundsStopAt != nil {
		return n, false
	}
	n = Notice{Tone: ToneWarn, Title: "Stops " + d.hour(f.At) + " unless you add credit", Text: "Your credit is enough for one more block.", Action: addCredit()}
	if !f.At.After(edge) {
		n.Text = "Your credit is not enough for another block."
	}
	if f.By == "cap" {
		n.Title, n.Text, n.Action = "Stops "+d.hour(f.At)+" unless you raise your cap", "Your monthly cap is nearly used up.", raiseCap()
	}
	return n, true
}

func addCredit() NavItem { return NavItem{Label: "Add credit", Href: "/billing#top-up"} }

func raiseCap() NavItem { return NavItem{Label: "Raise the cap", Href: "/billing#limits"} }

// fundsEnding is the stop that is set because a block could not be paid.
func (d Desk) fundsEnding() (e ending, set bool) {
	if !d.running() || d.FundsStopAt == nil {
		return e, false
	}
	why := map[string]string{
		metering.ByCap: "Your monthly cap is used up", metering.ByParked: "Your account is paused", metering.BySuspended: "An invoice is not paid",
	}[d.FundsStopBy]
	e = ending{At: *d.FundsStopAt, Why: or(why, "Your credit is used up") + ". Stops " + d.hour(*d.FundsStopAt), Way: addCredit()}
	switch d.FundsStopBy {
	case metering.ByCap:
		e.Way = raiseCap()
	case metering.ByParked:
		e.Way = NavItem{}
	case metering.BySuspended:
		e.Way = NavItem{Label: "Pay it", Href: "/invoices"}
	}
	return e, true
}
