package billing

import (
	"fmt"
	"time"
)

// keyLayout writes the civil date of a cycle's edge.
const keyLayout = "2006-01-02"

// Cycle is a customer's billing month: [Start, End) in UTC, whose edges are the
// first instants of two civil months in the shop's zone (R3, R5).
type Cycle struct {
	Month time.Time // the first day, as a date without a zone
	Start time.Time
	End   time.Time
}

// CycleOf is the cycle that t falls into.
func CycleOf(zone *time.Location, t time.Time) Cycle {
	local := t.In(zone)
	c := cycleOfMonth(zone, local.Year(), local.Month())
	// A clock put back across midnight can show the old month for a moment more.
	if !t.Before(c.End) {
		return c.Next(zone)
	}
	return c
}

// Next is the cycle after this one.
func (c Cycle) Next(zone *time.Location) Cycle {
	return cycleOfMonth(zone, c.Month.Year(), c.Month.Month()+1)
}

// Key names the cycle by the civil date on which it ends, such as "2026-10-01"
// for September.
func (c Cycle) Key() string { return c.Month.AddDate(0, 1, 0).Format(keyLayout) }

// Name is the month for people: "September 2026".
func (c Cycle) Name() string { return c.Month.Format("January 2006") }

// cycleOfKey finds the cycle that ends on the date; an error when the key is no
// first day of a month.
func cycleOfKey(zone *time.Location, key string) (Cycle, error) {
	day, err := time.Parse(keyLayout, key)
	if err != nil || day.Day() != 1 {
		return Cycle{}, fmt.Errorf("%q is no edge of a cycle", key)
	}
	return cycleOfMonth(zone, day.Year(), day.Month()-1), nil
}

// cycleEndingAt is the cycle whose End is edge; an error when there is none.
func cycleEndingAt(zone *time.Location, edge time.Time) (Cycle, error) {
	c := CycleOf(zone, edge.Add(-time.Nanosecond))
	if !c.End.Equal(edge) {
		return Cycle{}, fmt.Errorf("%s is no edge of a cycle in %s", edge.Format(time.RFC3339), zone)
	}
	return c, nil
}

func cycleOfMonth(zone *time.Location, year int, month time.Month) Cycle {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return Cycle{Month: first, Start: dayBegins(zone, first), End: dayBegins(zone, first.AddDate(0, 1, 0))}
}

// dayBegins is the first instant of a civil date in a zone. Where the clock is
// put back at midnight the date begins with the earlier midnight; where it is
// put forward and midnight is left out, it begins with the jump.
func dayBegins(zone *time.Location, date time.Time) time.Time {
	var before time.Time
	for _, near := range []time.Duration{-36 * time.Hour, 36 * time.Hour} {
		_, offset := date.Add(near).In(zone).Zone()
		at := date.Add(-time.Duration(offset) * time.Second)
		if local := at.In(zone); local.Day() == date.Day() && local.Hour() == 0 && local.Minute() == 0 {
			return at
		}
		if before.IsZero() {
			before = at
		}
	}
	start, _ := before.In(zone).ZoneBounds()
	return start.UTC()
}
