package web

import (
	"time"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/views"
)

// usagePage is one month of a customer: ?month=2026-10, else the present one.
func (s *server) usagePage(c *echo.Context) error {
	v, when := visitOf(c), s.when(c)
	month, err := monthOf(c.QueryParam("month"), v.tenant.Zone, when.Now)
	if err != nil {
		return err
	}
	var open []metering.Session
	var days []metering.Day
	var plans []metering.PlanUsage
	shell, _, err := s.desk(c, "Usage", metering.OpenSessionsQ(&open, v.userID),
		metering.UsedDaysQ(&days, v.userID, month.Start, month.End, v.tenant.Zone), metering.ByPlanQ(&plans, v.userID, month.Start, month.End))
	if err != nil {
		return err
	}
	p := views.UsageProps{Month: monthProps(when, month, days, open, v.tenant.Currency), Before: billing.CycleOf(v.tenant.Zone, month.Start.Add(-12*time.Hour)),
		Plans: metering.WithBegunPlans(plans, open, month.Start, month.End, when.Now)}
	if next := month.Next(v.tenant.Zone); !when.Now.Before(next.Start) {
		p.After = &next
	}
	return s.render(c, 200, views.UsagePage(shell, p))
}
