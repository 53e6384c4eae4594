package metering

import (
	"testing"
	"time"
)

// TestExcessR19: a block that begins at the end of a session or later did not run; the
// first one was seen running.
func TestExcessR19(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 9, 3, 10, 0, 0, 0, time.UTC)
	minutes := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for _, c := range []struct {
		asked, lastBlock time.Time
		from             int
		excess           bool
	}{
		{minutes(22), minutes(15), 0, false},
		{minutes(15), minutes(15), 1, true},
		{minutes(16), minutes(45), 2, true},
		{minutes(30), minutes(45), 2, true},
		{minutes(-5), minutes(0), 1, false},
		{minutes(-5), minutes(30), 1, true},
		{minutes(5), time.Time{}, 0, false},
	} {
		from, excess := excessAt(c.asked, start, c.lastBlock, 900)
		if excess != c.excess || excess && from != c.from {
			t.Errorf("ended %s, last block %s: got %d, %v", c.asked, c.lastBlock, from, excess)
		}
	}
}
