package billing

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// exactPlaces is how exactly a line keeps what it costs before it is rounded.
const exactPlaces = 12

// daysLeft is how many civil days of a cycle are left in the shop's zone, today
// included, and how many it has (R25). Daylight saving changes no count of days.
func daysLeft(zone *time.Location, c Cycle, from time.Time) (left, all int64) {
	local := from.In(zone)
	first, last := c.Month, c.Month.AddDate(0, 1, 0)
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	if today.Before(first) {
		today = first
	}
	days := func(a, b time.Time) int64 { return int64(b.Sub(a) / (24 * time.Hour)) }
	return max(days(today, last), 1), days(first, last)
}

// prorated is a monthly price for so many days of a cycle: multiplied first, divided
// once (R8, R25). The line rounds it.
func prorated(price decimal.Decimal, left, all int64) decimal.Decimal {
	return price.Mul(decimal.NewFromInt(left)).DivRound(decimal.NewFromInt(all), exactPlaces)
}

// partLine is the price of a subscription from a time on to the end of its cycle:
// all of it when it is the whole cycle.
func (s Subscription) partLine(zone *time.Location, c Cycle, from time.Time) Line {
	left, all := daysLeft(zone, c, from)
	id := s.ID
	l := Line{
		Kind:           SubscriptionLine,
		SubscriptionID: &id,
		Description:    fmt.Sprintf("%s, monthly price, %s", s.PlanName, c.Name()),
		WorkspaceType:  s.ServiceType,
		Quantity:       decimal.NewFromInt(left).DivRound(decimal.NewFromInt(all), 6),
		Exact:          prorated(s.Price, left, all),
		TaxClass:       s.TaxClass,
		Currency:       s.Currency,
		PeriodStart:    c.Start,
		PeriodEnd:      c.End,
	}
	if left < all {
		l.PeriodStart = from
		l.Description = fmt.Sprintf("%s, monthly price, %d of %d days of %s", s.PlanName, left, all, c.Name())
	}
	l.Amount = money.Round(l.Exact, s.Currency)
	return l
}

// linesFrom is the price from a time on: the rest of that cycle, and each cycle after
// it up to and including the last.
func (s Subscription) linesFrom(zone *time.Location, from time.Time, last Cycle) []Line {
	c := CycleOf(zone, from)
	lines := []Line{s.partLine(zone, c, from)}
	for c.Start.Before(last.Start) {
		c = c.Next(zone)
		lines = append(lines, s.partLine(zone, c, c.Start))
	}
	return lines
}
