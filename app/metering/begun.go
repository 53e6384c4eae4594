package metering

import (
	"time"

	"github.com/shopspring/decimal"
)

// BegunIn is what an open session has begun in [from, to) by now and has not been
// charged for yet: what its clock shows and its rows do not. A closed session
// has nothing left.
func (s Session) BegunIn(from, to, now time.Time) Usage {
	var u Usage
	for n := s.Charged; n < s.BlocksAt(now); n++ {
		if at := StartOf(s.StartedAt, n, s.BlockSeconds); !at.Before(from) && at.Before(to) {
			u.Blocks++
		}
	}
	u.Seconds = u.Blocks * int64(s.BlockSeconds)
	u.Cost = Cost(s.CostPerHour, int(u.Blocks), s.BlockSeconds)
	return u
}

// Plus is the sum of two.
func (u Usage) Plus(o Usage) Usage {
	return Usage{Blocks: u.Blocks + o.Blocks, Seconds: u.Seconds + o.Seconds, Cost: u.Cost.Add(o.Cost)}
}

// Sum adds days up to the usage of all of them.
func Sum(days []Day) Usage {
	u := Usage{Cost: decimal.Zero}
	for _, d := range days {
		u = u.Plus(Usage{Blocks: d.Blocks, Seconds: d.Seconds, Cost: d.Cost})
	}
	return u
}

// WithBegun adds to the days what open sessions have begun on them by now.
func WithBegun(days []Day, open []Session, zone *time.Location, now time.Time) []Day {
	for _, s := range open {
		for n := s.Charged; n < s.BlocksAt(now); n++ {
			at := StartOf(s.StartedAt, n, s.BlockSeconds)
			for i := range days {
				if days[i].Date.Format(time.DateOnly) == at.In(zone).Format(time.DateOnly) {
					days[i].Blocks++
					days[i].Seconds += int64(s.BlockSeconds)
					days[i].Cost = days[i].Cost.Add(Cost(s.CostPerHour, 1, s.BlockSeconds))
				}
			}
		}
	}
	return days
}

// WithBegunPlans adds to the plans what their open sessions have begun in
// [from, to) by now. A session whose plan is not among them adds a row.
func WithBegunPlans(plans []PlanUsage, open []Session, from, to, now time.Time) []PlanUsage {
	for _, s := range open {
		begun := s.BegunIn(from, to, now)
		if begun.Blocks == 0 {
			continue
		}
		row := -1
		for i, p := range plans {
			if p.ServiceType == s.ServiceType && p.PlanName == s.PlanName && p.Rate.Equal(s.CostPerHour) && p.Currency == s.Currency {
				row = i
			}
		}
		if row < 0 {
			plans = append(plans, PlanUsage{PlanName: s.PlanName, ServiceType: s.ServiceType, Rate: s.CostPerHour, Currency: s.Currency, Sessions: 1, Usage: begun})
			continue
		}
		plans[row].Usage = plans[row].Plus(begun)
	}
	return plans
}

// EveryDay gives each civil day in the zone that [from, to) touches, with what was
// used on it, if anything.
func EveryDay(used []Day, from, to time.Time, zone *time.Location) []Day {
	civil := func(t time.Time) time.Time {
		y, m, d := t.In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	days := make([]Day, 0, 31)
	for day, last := civil(from), civil(to.Add(-time.Microsecond)); !day.After(last); day = day.AddDate(0, 0, 1) {
		if len(used) > 0 && used[0].Date.Equal(day) {
			days, used = append(days, used[0]), used[1:]
			continue
		}
		days = append(days, Day{Date: day})
	}
	return days
}

// Open are the sessions that still run.
func Open(sessions []Session) (open []Session) {
	for _, s := range sessions {
		if s.Running() {
			open = append(open, s)
		}
	}
	return open
}
