package views

import "github.com/ezscale/ezscale/app/branding"

// Front is what a shop shows of itself before anybody signs in.
type Front struct {
	Company   string
	Groups    []FrontGroup // of plans, for one kind of work each
	Templates []FrontTemplate
	From      string // the lowest price an hour, "$0.15"
	Block     string // "15 minutes"
	Example   FrontExample
	Support   []NavItem
	Resellers bool // the provider's own host, where resellers and operators sign in
}

// FrontGroup is the plans for one kind of work.
type FrontGroup struct {
	Title, Text string
	Plans       []PriceProps
}

// FrontTemplate is what a desktop can be made from.
type FrontTemplate struct {
	Name, Text string
	Apps       []string
}

func (t FrontTemplate) letters() string { return branding.Initials(t.Name) }

// FrontExample is one bill worked out with the shop's own prices.
type FrontExample struct {
	Plan, Rate string // "Developer Basic", "$0.15"
	Template   string
	From, To   string // "09:05", "10:40"
	Minutes    string // "95"
	Blocks     string // "7"
	Each       string // what a block costs, "$0.0375"
	Cost       string // "$0.26"
	Elapsed    string // "1 h 35 min"
	Block      string // "A block of 15 minutes"
}

func (p Front) sold() bool { return len(p.Groups) > 0 }

// Description is the front in one sentence, for search engines.
func (p Front) Description() string {
	if p.From == "" {
		return "Cloud desktops from " + p.Company + ", paid for the time they run."
	}
	return "Cloud desktops from " + p.Company + ", from " + p.From + " an hour, charged in blocks of " + p.Block + "."
}
