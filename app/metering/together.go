package metering

import (
	"time"

	"github.com/shopspring/decimal"
)

// Lane is a running desktop as it spends: its next block begins at Next and costs
// Price (tax included) for every Seconds that follow.
type Lane struct {
	Next    time.Time
	Price   decimal.Decimal
	Seconds int
}

// Together is when each of several desktops stops that live on one purse, each
// taking what its next block costs when that begins, the earliest first (R14, R15).
// A desktop that costs nothing never stops; its time is zero.
func Together(purse decimal.Decimal, lanes []Lane) []time.Time {
	ends, next := make([]time.Time, len(lanes)), make([]time.Time, len(lanes))
	left := purse.Sub(skip(purse, lanes, next))
	for {
		i := soonest(lanes, next, ends)
		if i < 0 {
			return ends
		}
		if left.LessThan(lanes[i].Price) {
			ends[i] = next[i]
			continue
		}
		left, next[i] = left.Sub(lanes[i].Price), next[i].Add(time.Duration(lanes[i].Seconds)*time.Second)
	}
}

// skip goes over whole hours in which nobody can be refused, since every block
// length is a part of an hour; it fills in where each desktop goes on and gives what
// those hours cost; all of the purse for what nobody will live to see.
func skip(purse decimal.Decimal, lanes []Lane, next []time.Time) decimal.Decimal {
	hour, hours := decimal.Zero, int64(0)
	for _, l := range lanes {
		if l.spends() {
			hour = hour.Add(l.Price.Mul(decimal.NewFromInt(int64(secondsAnHour / l.Seconds))))
		}
	}
	if hour.IsPositive() && purse.GreaterThan(hour) {
		hours = min(purse.Div(hour).IntPart()-1, longestHours)
	}
	for i, l := range lanes {
		next[i] = l.Next.Add(time.Duration(hours) * time.Hour)
	}
	if hours == longestHours {
		return purse
	}
	return hour.Mul(decimal.NewFromInt(hours))
}

// longestHours is as far ahead as anybody looks: ten years.
const longestHours = 10 * 366 * 24

func (l Lane) spends() bool {
	return l.Price.IsPositive() && l.Seconds > 0 && secondsAnHour/l.Seconds > 0
}

// soonest is the desktop that needs money next; -1 when none does any more.
func soonest(lanes []Lane, next, ends []time.Time) int {
	first := -1
	for i, l := range lanes {
		if l.spends() && ends[i].IsZero() && (first < 0 || next[i].Before(next[first])) {
			first = i
		}
	}
	return first
}
