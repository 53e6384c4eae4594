package web

import (
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// spending is what says how long desktops can run: what there is, and all that
// lives on it.
type spending struct {
	funds ledger.Funds
	held  []ledger.HeldBlock
	open  []metering.Session
}

func (sp *spending) queries(t tenants.Tenant, user uuid.UUID, now time.Time) []tenants.Query {
	return []tenants.Query{ledger.FundsQ(&sp.funds, t, user, now), ledger.HeldQ(&sp.held, user)}
}

func (s *server) spendingQs(c *echo.Context, sp *spending) []tenants.Query {
	v := visitOf(c)
	return append(sp.queries(v.tenant, v.userID, s.Clock.Now()), metering.OpenSessionsQ(&sp.open, v.userID))
}

// upon says on a desktop's card how long there is money for it.
func (sp spending) upon(d *views.Desk) {
	month := billing.CycleOf(d.Zone, d.Now)
	d.Funds = views.DeskFunds{Known: sp.funds.Currency == d.Currency, Shared: len(sp.open)}
	runs, _ := runways(sp.funds, sp.held, sp.open, month.End, d.Now)
	for _, r := range runs {
		if d.Session != nil && r.Workspace == d.ID {
			d.Funds.Runway = r
			return
		}
	}
	d.Funds.Runway, d.Funds.Shared = sp.started(d.PricePerHour, d.BlockSeconds, d.When), len(sp.open)+1
}

// started is how long one more desktop could run from now on, beside those that do.
func (sp spending) started(perHour decimal.Decimal, blockSeconds int, when views.When) views.Runway {
	month := billing.CycleOf(when.Zone, when.Now)
	more := metering.Session{StartedAt: when.Now, CostPerHour: perHour, BlockSeconds: blockSeconds}
	runs, _ := runways(sp.funds, sp.held, append(sp.open[:len(sp.open):len(sp.open)], more), month.End, when.Now)
	return runs[len(runs)-1]
}

// onlyOpen are the sessions of a list that run.
func onlyOpen(list []metering.Session) (open []metering.Session) {
	for _, one := range list {
		if one.Running() {
			open = append(open, one)
		}
	}
	return open
}
