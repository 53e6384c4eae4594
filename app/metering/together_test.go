package metering

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestTogetherSharesOnePurseR14(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	lane := func(minutes int, price string) Lane {
		return Lane{noon.Add(time.Duration(minutes) * time.Minute), decimal.RequireFromString(price), 900}
	}
	for name, c := range map[string]struct {
		purse string
		lanes []Lane
		want  []int // minutes after noon
	}{
		"V38 after its first block":  {"0.07", []Lane{lane(15, "0.05")}, []int{30}},
		"nothing left":               {"0", []Lane{lane(15, "0.05")}, []int{15}},
		"two, the dear one first":    {"0.20", []Lane{lane(15, "0.05"), lane(10, "0.10")}, []int{45, 25}},
		"a cheap one goes on longer": {"0.12", []Lane{lane(5, "0.10"), lane(10, "0.02")}, []int{20, 25}},
		"many hours":                 {"20.03", []Lane{lane(15, "0.05")}, []int{15 + 400*15}},
	} {
		for i, end := range Together(decimal.RequireFromString(c.purse), c.lanes) {
			if want := noon.Add(time.Duration(c.want[i]) * time.Minute); !end.Equal(want) {
				t.Errorf("%s: desktop %d stops %v, want %v", name, i, end, want)
			}
		}
	}
	if ends := Together(decimal.Zero, []Lane{lane(5, "0")}); !ends[0].IsZero() {
		t.Errorf("what costs nothing stops %v", ends[0])
	}
}

// Stepping over whole hours gives what counting every block gives.
func TestTogetherCountsAsBlockByBlock(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		lanes := make([]Lane, rapid.IntRange(1, 4).Draw(t, "desktops"))
		for i := range lanes {
			size := rapid.SampledFrom([]int{60, 300, 600, 900, 1800, 3600}).Draw(t, "block")
			lanes[i] = Lane{noon.Add(time.Duration(rapid.IntRange(0, size).Draw(t, "next")) * time.Second), decimal.New(rapid.Int64Range(1, 5000).Draw(t, "price"), -4), size}
		}
		purse := decimal.New(rapid.Int64Range(0, 60_000).Draw(t, "purse"), -4)
		left, next, done := purse, make([]time.Time, len(lanes)), make([]time.Time, len(lanes))
		for i, l := range lanes {
			next[i] = l.Next
		}
		for i := soonest(lanes, next, done); i >= 0; i = soonest(lanes, next, done) {
			if left.LessThan(lanes[i].Price) {
				done[i] = next[i]
				continue
			}
			left, next[i] = left.Sub(lanes[i].Price), next[i].Add(time.Duration(lanes[i].Seconds)*time.Second)
		}
		for i, got := range Together(purse, lanes) {
			if !got.Equal(done[i]) {
				t.Fatalf("desktop %d stops %v, want %v", i, got, done[i])
			}
		}
	})
}
