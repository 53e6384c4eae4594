package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/views"
)

type balanceJSON struct {
	Credit     string  `json:"credit"`
	Bonus      string  `json:"bonus"`
	Held       string  `json:"held"`
	Free       string  `json:"free"`
	Currency   string  `json:"currency"`
	PayMode    string  `json:"pay_mode"`
	MonthlyCap *string `json:"monthly_cap"`
	CapUsed    string  `json:"cap_used"`
	RunsUntil  *string `json:"runs_until"`
}

// apiBalance tells what the caller has, what limits them, and when the first of the
// desktops that run now has no money left; null when nothing ends any of them.
func (s *server) apiBalance(c *echo.Context) error {
	v, now := visitOf(c), s.Clock.Now()
	var sp spending
	if err := s.DB.Read(c.Request().Context(), v.tenant, s.spendingQs(c, &sp)...); err != nil {
		return err
	}
	f := sp.funds
	out := balanceJSON{Credit: money.API(f.Credit, f.Currency), Bonus: money.API(f.Bonus, f.Currency), Held: money.API(f.Held, f.Currency),
		Free: money.API(f.Free(), f.Currency), Currency: f.Currency, PayMode: f.PayMode, CapUsed: money.API(f.CapUsed, f.Currency)}
	if f.Cap != nil {
		most := money.API(*f.Cap, f.Currency)
		out.MonthlyCap = &most
	}
	runs, _ := runways(f, sp.held, sp.open, billing.CycleOf(v.tenant.Zone, now).End, now)
	out.RunsUntil = stamp(firstEnd(runs))
	return c.JSON(http.StatusOK, out)
}

// firstEnd is when the first of several desktops has no money left; nil when none
// ends.
func firstEnd(runs []views.Runway) (first *time.Time) {
	for i, r := range runs {
		if r.By != "" && (first == nil || r.At.Before(*first)) {
			first = &runs[i].At
		}
	}
	return first
}
