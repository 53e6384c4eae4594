package views

import (
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

// pollSeconds is how often a card asks while its desktop is in motion, for the
// case that the stream of names is not there.
const pollSeconds = 3

// Desk is one desktop as its card shows it.
type Desk struct {
	workspaces.Card
	When
	Session *metering.Session // of the present run; nil when it does not run
	Shop    string            // for the tab's title
	Next    string            // where the forms lead back to without scripts; "" is the desktop's own page
	Said    string            // why something that was asked for was not done

	Keeps     workspaces.Keeping   // what outlives a stop; "" where nobody asked
	Preparing *workspaces.Progress // what the start waits for, if that takes its time
	Until     RunUntil             // the choice beside Start
	Funds     DeskFunds            // how long there is money for it
}

// Anchor is the id of the card.
func (d Desk) Anchor() string { return "workspace-" + d.ID.String() }

func (d Desk) path(action string) string {
	path := "/workspaces/" + d.ID.String()
	if action != "" {
		path += "/" + action
	}
	if d.Next != "" && action != "" && action != "launch" {
		path += "?next=" + url.QueryEscape(d.Next)
	}
	return path
}

// live makes the card redraw itself when something happens to its desktop.
func (d Desk) live() Live {
	l := Live{ID: d.Anchor(), URL: d.path("card"), Events: []string{"workspace-" + d.ID.String()}}
	if !d.own() || !d.startable() { // nobody is filling in a form there
		l.Events = append(l.Events, "balance")
	}
	if d.own() {
		l.Events = append(l.Events, "rules-changed") // said by the answers of the forms below it
	}
	l.Poll = d.watch()
	if d.moving() {
		l.Poll = pollSeconds
	}
	return l
}

func (d Desk) moving() bool { return d.Status == workspaces.Provisioning || d.Stopping() }

// running is true when there is a clock to show.
func (d Desk) running() bool { return d.Status == workspaces.Running && d.Session != nil }

// Active says that a desktop belongs at the top of the dashboard.
func (d Desk) Active() bool {
	return d.Status == workspaces.Running || d.Status == workspaces.Provisioning
}

func (d Desk) letters() string { return branding.Initials(d.PlanName) }

func (d Desk) rate() string { return money.Rate(d.PricePerHour, d.Currency) + " an hour" }

// made is what the desktop consists of: "Ubuntu with VS Code · 2 vCPU · 4 GB".
func (d Desk) made() string {
	return d.TemplateName + " · " + strconv.Itoa(d.VCPU) + " vCPU · " + memory(d.RAMMB)
}

func (d Desk) timer() TimerProps {
	s, now := d.Session, d.Now
	next := metering.Cost(s.CostPerHour, s.BlocksAt(now)+1, s.BlockSeconds)
	return TimerProps{
		StartedAt: s.StartedAt, Now: now, NextAt: s.PaidUntilAt(now), Block: metering.StartOf(now, 1, s.BlockSeconds).Sub(now),
		Cost: s.AmountAt(now).Format(), NextCost: money.Of(next, s.Currency).Round().Format(), Title: d.PlanName + " · " + d.Shop,
		StopsAt: d.stopsAt(),
	}
}

// facts are the next charge, the rate and the start of the run.
func (d Desk) facts() []Item {
	s := d.Session
	block := money.Usage(s.CostPerHour, int64(s.BlockSeconds), s.Currency).Format()
	return []Item{
		{Term: "Next " + block + " at", Text: d.Clock(s.PaidUntilAt(d.Now))},
		{Term: "Rate", Text: money.Rate(s.CostPerHour, s.Currency) + " an hour"},
		{Term: "Started", Text: d.Soon(s.StartedAt)},
	}
}

// waiting heads the card of a desktop that is on its way.
func (d Desk) waiting() string {
	if d.ProvisionedAt == nil {
		return "Workspace is being provisioned…"
	}
	return "Workspace is starting…"
}

// steps are how far a desktop that was asked for has come.
func (d Desk) steps() []Step {
	taken := "Order taken"
	if d.ProvisionedAt != nil {
		taken = "Start asked for"
	}
	ask, start := Step{Title: "A desktop is set aside for you"}, Step{Title: "It starts up"}
	switch {
	case d.Preparing != nil:
		ask.State, ask.Text = "now", "What is installed is downloaded the first time"
	case d.Observed == workspaces.SeenRequested, d.Observed == workspaces.SeenStarting, d.Observed == workspaces.SeenRunning:
		ask.State, start.State, start.Text = "done", "now", "usually 20 seconds"
	default:
		ask.State, ask.Text = "now", "usually a few seconds"
	}
	return []Step{{Title: taken, State: "done"}, ask, start, {Title: "Ready to open", Text: "The clock starts here, not before"}}
}

// state is the stored word that the badge is drawn from.
func (d Desk) state() string {
	if d.Status == workspaces.Provisioning && d.ProvisionedAt != nil {
		return "starting"
	}
	if d.Stopping() && d.Status != workspaces.Terminated {
		return "stopping"
	}
	return string(d.Status)
}

// below is the line under the name of a desktop that does not run.
func (d Desk) below() string {
	switch {
	case d.Status == workspaces.Terminated && d.TerminatedAt != nil:
		return "Destroyed " + d.At(*d.TerminatedAt)
	case d.Status == workspaces.Running:
		return "Running · " + d.rate()
	case d.Failure != "":
		return d.Failure
	case d.Stopping():
		return "Stopping · nothing is charged any more"
	case d.LastStoppedAt != nil:
		return "Stopped " + d.At(*d.LastStoppedAt) + " · " + d.rate()
	}
	return "Not started yet · " + d.rate()
}

// startable says that there is a button to start it.
func (d Desk) startable() bool {
	return d.Status == workspaces.Stopped || d.Status == workspaces.Failed
}

func (d Desk) startLabel() string {
	if d.Failure != "" {
		return "Try again"
	}
	return "Start"
}

// behindUs tells a desktop that is reached through our own web server alone.
func (d Desk) behindUs() bool { return d.Driver == "docker" }

func (d Desk) destroyForm() FormProps { return FormProps{Action: d.path("destroy")} }

// WorkspaceProps is the page of one desktop.
type WorkspaceProps struct {
	Desk     Desk
	Password string // of the desktop account; "" until there is one
	Closed   bool   // to whoever looks in the customer's name
	Sessions []metering.Session
	More     bool // there are older sessions
	Rules    Rules
}

// part is a part of the page that follows what happens to the desktop.
func (p WorkspaceProps) part(id string) *Live {
	return &Live{ID: id, URL: p.Desk.path(""), Events: []string{"workspace-" + p.Desk.ID.String()}, Part: true}
}

// aboutLive follows until everything is known; after that a swap would only
// close what somebody has opened.
func (p WorkspaceProps) aboutLive() templ.Attributes {
	if p.Password != "" && p.Desk.Username != "" && p.Desk.ProvisionedAt != nil || p.gone() {
		return templ.Attributes{"id": "desk-about"}
	}
	return p.part("desk-about").Attrs()
}

func (p WorkspaceProps) facts() []Item {
	d := p.Desk
	items := []Item{
		{Term: "Plan", Text: d.PlanName}, {Term: "Price", Text: d.rate()}, {Term: "Template", Text: d.TemplateName},
		{Term: "vCPU", Text: strconv.Itoa(d.VCPU)}, {Term: "Memory", Text: memory(d.RAMMB)}, {Term: "Ordered", Text: d.At(d.CreatedAt)},
	}
	if d.ProvisionedAt != nil {
		items = append(items, Item{Term: "First ready", Text: d.At(*d.ProvisionedAt)})
	}
	if d.SessionDuration != nil {
		items = append(items, Item{Term: "Stops by itself after", Text: lasting(int64(*d.SessionDuration))})
	}
	return items
}

func (p WorkspaceProps) gone() bool { return p.Desk.Status == workspaces.Terminated }
