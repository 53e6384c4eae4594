package web

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/views"
)

// home is the desk of somebody who is signed in, and the shop's front for
// everybody else.
func (s *server) home(c *echo.Context) error {
	v := visitOf(c)
	switch {
	case v.userID != uuid.Nil:
		return s.dashboard(c)
	case v.tenant.ID == uuid.Nil:
		return s.render(c, 200, views.FaultPage(s.cardShell(c, "Not open yet"), views.Fault{Title: "There is no shop here yet",
			Text: "This installation runs, and its own shop has not been made.", Action: views.NavItem{Label: "Operators sign in", Href: "/admin/sign-in"}}))
	}
	return s.front(c)
}

func (s *server) front(c *echo.Context) error {
	v := visitOf(c)
	var plans []workspaces.Plan
	var templates []workspaces.Template
	if err := s.DB.Read(c.Request().Context(), v.tenant, workspaces.PlansQ(&plans), workspaces.TemplatesQ(&templates)); err != nil {
		return err
	}
	shell := s.doorShell(c, "")
	page := views.Front{Company: shell.Brand.CompanyName, Groups: planGroups(plans), Templates: frontTemplates(templates),
		Support: supportLinks(shell.Brand), Resellers: v.central}
	if cheapest, ok := cheapestOf(plans); ok {
		page.From, page.Block = money.Rate(cheapest.PricePerHour, cheapest.Currency), blockOf(plans)
		page.Example = exampleOf(cheapest, templates)
	}
	shell.Narrow, shell.Flush, shell.Description = false, true, page.Description()
	if wearsRules(c) {
		shell.CustomCSSURL = s.lookAt(v.tenant).rulesAt
	}
	shell.Notice = popNotice(c, s.doors.shop)
	return s.render(c, 200, views.FrontPage(shell, page))
}

// planGroups sets the plans of one kind of work side by side, in the shop's own
// order; the middle one of several is the one to begin with.
func planGroups(plans []workspaces.Plan) (groups []views.FrontGroup) {
	for _, kind := range []views.FrontGroup{
		{Title: "Developer", Text: "For code, containers and everything around them."},
		{Title: "Business", Text: "For mail, documents, meetings and the web."},
	} {
		for _, p := range plans {
			if p.WorkspaceType == map[string]string{"Developer": "developer", "Business": "business"}[kind.Title] {
				kind.Plans = append(kind.Plans, priceOf(p))
			}
		}
		if n := len(kind.Plans); n > 0 {
			if n > 2 {
				kind.Plans[n/2].Mark = "A good all-rounder"
			}
			groups = append(groups, kind)
		}
	}
	return groups
}

func priceOf(p workspaces.Plan) views.PriceProps {
	points := []string{strconv.Itoa(p.VCPU) + " vCPU", memory(p.RAMMB) + " of memory", "Charged every " + minutes(p.BlockSeconds)}
	if p.Price != nil && p.Price.IsPositive() {
		points = append(points, "Plus "+money.Of(*p.Price, p.Currency).Format()+" a month")
	}
	return views.PriceProps{Title: p.Name, Text: p.Description, Price: money.Rate(p.PricePerHour, p.Currency), Per: "an hour", Points: points,
		Action: views.NavItem{Label: "Choose this", Href: "/sign-up?next=%2Fkasm%2Forder"}}
}

func memory(mb int) string {
	if mb%1024 == 0 {
		return strconv.Itoa(mb/1024) + " GB"
	}
	return strconv.Itoa(mb) + " MB"
}

func minutes(seconds int) string {
	switch seconds {
	case 60:
		return "minute"
	case 3600:
		return "hour"
	}
	return strconv.Itoa(seconds/60) + " minutes"
}

// blockOf is the length of a block, as long as all plans share one.
func blockOf(plans []workspaces.Plan) string {
	for _, p := range plans {
		if p.BlockSeconds != plans[0].BlockSeconds {
			return "some minutes"
		}
	}
	if plans[0].BlockSeconds == 60 {
		return "1 minute"
	}
	return minutes(plans[0].BlockSeconds)
}

func cheapestOf(plans []workspaces.Plan) (cheapest workspaces.Plan, ok bool) {
	for _, p := range plans {
		if !ok || p.PricePerHour.LessThan(cheapest.PricePerHour) {
			cheapest, ok = p, true
		}
	}
	return cheapest, ok
}

// exampleOf works one bill out by the rules that every bill follows.
func exampleOf(p workspaces.Plan, templates []workspaces.Template) views.FrontExample {
	from := time.Date(2026, time.March, 2, 9, 5, 0, 0, time.UTC)
	to := from.Add(95 * time.Minute)
	blocks := metering.Blocks(from, to, p.BlockSeconds)
	example := views.FrontExample{Plan: p.Name, Rate: money.Rate(p.PricePerHour, p.Currency), From: from.Format("15:04"), To: to.Format("15:04"),
		Minutes: "95", Blocks: strconv.Itoa(blocks), Each: money.Rate(metering.Cost(p.PricePerHour, 1, p.BlockSeconds), p.Currency),
		Cost: money.Of(metering.Cost(p.PricePerHour, blocks, p.BlockSeconds), p.Currency).Format(), Elapsed: "1 h 35 min",
		Block: capitalBlock(p.BlockSeconds)}
	for _, t := range templates {
		if t.WorkspaceType == p.WorkspaceType {
			example.Template = fmt.Sprintf("%s · %d vCPU · %s", t.Name, p.VCPU, memory(p.RAMMB))
			break
		}
	}
	return example
}

func capitalBlock(seconds int) string {
	switch seconds {
	case 60:
		return "A block of 1 minute"
	case 3600:
		return "A block of 1 hour"
	}
	return "A block of " + minutes(seconds)
}

func frontTemplates(templates []workspaces.Template) (out []views.FrontTemplate) {
	for _, t := range templates {
		out = append(out, views.FrontTemplate{Name: t.Name, Text: t.Description, Apps: t.Apps})
	}
	return out
}

func supportLinks(b branding.Brand) (links []views.NavItem) {
	if b.SupportEmail != "" {
		links = append(links, views.NavItem{Label: b.SupportEmail, Href: "mailto:" + b.SupportEmail})
	}
	if b.SupportPhone != "" {
		links = append(links, views.NavItem{Label: b.SupportPhone, Href: "tel:" + b.SupportPhone})
	}
	return links
}
