package views

import (
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
)

// UsageProps is one month of a customer, as drawn and as a table.
type UsageProps struct {
	Month    MonthProps
	Plans    []metering.PlanUsage
	Before   billing.Cycle  // the month before
	After    *billing.Cycle // the month after; nil when that has not begun
	Sessions int64
}

func (p UsageProps) title() string { return p.Month.Cycle.Name() }

func monthHref(c billing.Cycle) string { return "/usage?month=" + c.Month.Format("2006-01") }

func (p UsageProps) text() string {
	zone := "Days are those of the time zone " + p.Month.Zone.String() + "."
	if p.Month.present() {
		return "Up to now. " + zone
	}
	return "The whole month. " + zone
}

// busiest is the day that cost most.
func (p UsageProps) busiest() (value, note string) {
	var best metering.Day
	for _, d := range p.Month.Days {
		if d.Cost.GreaterThan(best.Cost) {
			best = d
		}
	}
	if best.Blocks == 0 {
		return "–", ""
	}
	return best.Date.Format("January 2"), p.Month.amount(best.Cost)
}

func (m MonthProps) amount(d decimal.Decimal) string {
	return money.Of(d, m.Currency).Round().Format()
}

func planColumns() []Column {
	return []Column{{Label: "Plan"}, {Label: "An hour", End: true}, {Label: "Sessions", End: true}, {Label: "Blocks", End: true}, {Label: "Time charged", End: true}, {Label: "Cost", End: true}}
}

func planRow(u metering.PlanUsage) []string {
	exact := money.Of(u.Cost, u.Currency)
	return []string{u.PlanName, money.Rate(u.Rate, u.Currency), decimal.NewFromInt(u.Sessions).String(), decimal.NewFromInt(u.Blocks).String(), metering.Hours(u.Seconds), exact.Round().Format()}
}
