package views

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

// RunUntil is the choice of what ends a run by itself, as a form shows it.
type RunUntil struct {
	Until   string // "", "time" or "budget"
	Minutes string
	Budget  string
	Wrong   Wrong
}

// open says that there is something to see in a form that is else closed.
func (u RunUntil) open() bool {
	return u.Until != "" || u.Wrong.Fields["run_for"] != "" || u.Wrong.Fields["run_budget"] != ""
}

// tariff is what a plan charges, for sums in hints.
type tariff struct {
	rate     decimal.Decimal
	currency string
	block    int // seconds
}

// tariff is the plan's, or what the present run has locked.
func (d Desk) tariff() tariff {
	if d.running() {
		return tariff{d.Session.CostPerHour, d.Session.Currency, d.Session.BlockSeconds}
	}
	return tariff{d.PricePerHour, d.Currency, d.BlockSeconds}
}

func planTariff(p workspaces.Plan) tariff { return tariff{p.PricePerHour, p.Currency, p.BlockSeconds} }

// usualRun is the run that the hints are about, in minutes.
const usualRun = 60

// costs is what an hour costs at most: "60 minutes cost $0.15 at most."
func (t tariff) costs() string {
	begun := time.Time{}
	blocks := metering.Blocks(begun, begun.Add(usualRun*time.Minute), t.block)
	return "60 minutes cost " + money.Usage(t.rate, int64(blocks*t.block), t.currency).Format() + " at most."
}

// buys is how long the price of an hour lasts: "$0.15 buys 1 hour."
func (t tariff) buys() string {
	if !t.rate.IsPositive() || t.block <= 0 {
		return "This plan costs nothing."
	}
	blocks := max(3600/t.block, 1)
	price := money.Usage(t.rate, int64(blocks*t.block), t.currency)
	return price.Format() + " buys " + during(blocks*t.block/60) + ", in blocks of " + every(t.block) + "."
}

func (t tariff) symbol() string { return strings.TrimSpace(money.Symbol(t.currency)) }

// untilHint is what a run costs and what an amount buys; Class ties it to a plan.
type untilHint struct {
	Class, Costs, Buys string
	tariff             tariff
}

// figures are what a script works out other hints from, money in millionths.
func (h untilHint) figures() templ.Attributes {
	price := money.Usage(h.tariff.rate, int64(h.tariff.block), h.tariff.currency).Places(6).Shift(6)
	return templ.Attributes{"data-block": strconv.Itoa(h.tariff.block), "data-price": price.String(), "data-currency": h.tariff.currency}
}

func (d Desk) hints() []untilHint {
	t := d.tariff()
	return []untilHint{{Costs: t.costs(), Buys: t.buys(), tariff: t}}
}

func (p OrderProps) hints() (out []untilHint) {
	for _, plan := range p.Plans {
		t := planTariff(plan)
		out = append(out, untilHint{Class: "sum sum-" + p.pick(plan), Costs: t.costs(), Buys: t.buys(), tariff: t})
	}
	return out
}

// UntilOf is the choice as it stands for the present run.
func UntilOf(w workspaces.Card) (u RunUntil) {
	switch {
	case w.RunBudget != nil:
		u.Until, u.Budget = "budget", money.API(*w.RunBudget, w.Currency)
	case w.RunLimit != nil:
		u.Until, u.Minutes = "time", strconv.Itoa(*w.RunLimit/60)
	}
	return u
}
