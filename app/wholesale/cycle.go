package wholesale

import (
	"fmt"
	"time"
)

// Cycle is a reseller's month with the provider: [Start, End) in UTC, from one
// cycle day to the next in the provider's zone (R3, R5).
type Cycle struct {
	Start time.Time
	End   time.Time
}

// Name is the cycle for people: "5 September to 4 October 2026".
func (c Cycle) Name(zone *time.Location) string {
	first, last := c.Start.In(zone), c.End.Add(-time.Microsecond).In(zone)
	switch {
	case first.Year() != last.Year():
		return first.Format("2 January 2006") + " to " + last.Format("2 January 2006")
	case first.Month() != last.Month():
		return first.Format("2 January") + " to " + last.Format("2 January 2006")
	case first.Day() == last.Day():
		return last.Format("2 January 2006")
	}
	return fmt.Sprintf("%d to %s", first.Day(), last.Format("2 January 2006"))
}

// cycleFrom is the cycle that begins at start and ends on the next cycle day.
func cycleFrom(zone *time.Location, start time.Time, day int) Cycle {
	from := civil(zone, start)
	end := time.Date(from.Year(), from.Month(), day, 0, 0, 0, 0, time.UTC)
	if !end.After(from) {
		end = end.AddDate(0, 1, 0) // days go up to 28, so every month has them
	}
	return Cycle{Start: start, End: begins(zone, end)}
}

// civil is the date of a moment in a zone, as a date without one.
func civil(zone *time.Location, at time.Time) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// begins is the first moment of a civil date in a zone: the earlier midnight where
// there are two, the jump where there is none.
func begins(zone *time.Location, date time.Time) time.Time {
	y, m, d := date.Date()
	at := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if earlier := at.Add(-time.Hour); earlier.Day() == d && earlier.Hour() == 0 {
		at = earlier
	}
	switch start, end := at.ZoneBounds(); {
	case at.Day() != d:
		at = end
	case at.Hour() != 0:
		at = start
	}
	return at.UTC()
}

func daysBetween(from, to time.Time) int { return int(to.Sub(from) / (24 * time.Hour)) }
