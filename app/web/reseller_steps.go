package web

import (
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/onboarding"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// stepWords say what each first step is about and where it is done.
var stepWords = map[string]views.ChecklistStep{
	"brand":    {Title: "Make it yours", Text: "Your name, logo and colours, on every page, mail and invoice.", Href: "/reseller/branding"},
	"prices":   {Title: "Set your prices", Text: "What your customers pay an hour, and what is left to you.", Href: "/reseller/pricing"},
	"domain":   {Title: "Point your own domain", Text: "One record at your DNS provider; the certificate comes by itself.", Href: "/reseller/domains"},
	"payment":  {Title: "Take payments", Text: "Connect your Stripe account for cards, or say how to pay by bank transfer.", Href: "/reseller/payments"},
	"customer": {Title: "Win the first customer", Text: "Invite somebody, or sign up yourself to see what they see.", Href: "/reseller/customers"},
	"desktop":  {Title: "See the first desktop run", Text: "Your customer orders it; you watch it and what it earns.", Href: "/reseller/workspaces"},
}

// firstStepsQ asks for what the checklist needs, as a part of a page's read.
func firstStepsQ(dst *onboarding.State, t tenants.Tenant) tenants.Query {
	return onboarding.StateQ(dst, t.House)
}

// checklistOf is the list of first steps of the shop at hand; empty when it was
// put away or nothing is left to do.
func checklistOf(c *echo.Context, state onboarding.State) views.Checklist {
	v := visitOf(c)
	steps := onboarding.Steps(v.tenant, state)
	if state.Hidden || onboarding.Finished(steps) {
		return views.Checklist{}
	}
	list := views.Checklist{Hide: "/reseller/first-steps/hide"}
	for _, step := range steps {
		line := stepWords[step.Key]
		if line.Done = step.Done; step.OwnerOnly && !v.owner {
			line.Text, line.Href = "An owner of the shop does this.", ""
		}
		list.Steps = append(list.Steps, line)
	}
	return list
}

func (s *server) hideFirstSteps(c *echo.Context) error {
	if err := s.Onboarding.Hide(c.Request().Context(), visitOf(c).tenant, consoleActor(c)); err != nil {
		return err
	}
	return s.consoleDone(c, "The first steps are put away.", "/reseller")
}

func (s *server) keepPrices(c *echo.Context) error {
	if err := s.Onboarding.KeepPrices(c.Request().Context(), visitOf(c).tenant, consoleActor(c)); err != nil {
		return err
	}
	return s.consoleDone(c, "These are your prices now. You can change them at any time.", "/reseller/pricing")
}
