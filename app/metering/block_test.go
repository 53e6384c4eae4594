package metering

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The vectors that are about one span at one rate.
func TestBlocksAndCostOfASpan(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		length  time.Duration
		rate    string
		seconds int
		blocks  int
		cost    string
	}{
		{"V1 eight minutes", 8 * time.Minute, "0.20", 900, 1, "0.05"},
		{"V2 twenty-two minutes", 22 * time.Minute, "0.20", 900, 2, "0.1"},
		{"V3 an hour and five", 65 * time.Minute, "0.20", 900, 5, "0.25"},
		{"V4 nothing", 0, "0.20", 900, 0, "0"},
		{"V5 one second", time.Second, "0.20", 900, 1, "0.05"},
		{"V6 exactly one block", 15 * time.Minute, "0.20", 900, 1, "0.05"},
		{"V7 just over", 15*time.Minute + time.Millisecond, "0.20", 900, 2, "0.1"},
		{"V9 a day", 24 * time.Hour, "0.20", 900, 96, "4.8"},
		{"V11 under a cent", 15 * time.Minute, "0.15", 900, 1, "0.0375"},
		{"R7 backwards", -time.Hour, "0.20", 900, 0, "0"},
		{"one microsecond", time.Microsecond, "0.20", 900, 1, "0.05"},
		{"minutes", 61 * time.Second, "0.60", 60, 2, "0.02"},
		{"no block size", time.Hour, "0.20", 0, 0, "0"},
	}
	start := at(t, "2026-09-16T10:00:00Z")
	for _, c := range cases {
		got := Blocks(start, start.Add(c.length), c.seconds)
		if got != c.blocks {
			t.Errorf("%s: %d blocks, want %d", c.name, got, c.blocks)
		}
		if cost := Cost(decimal.RequireFromString(c.rate), got, c.seconds); !cost.Equal(decimal.RequireFromString(c.cost)) {
			t.Errorf("%s: cost %s, want %s", c.name, cost, c.cost)
		}
	}
}

func TestV54AnotherBlockSize(t *testing.T) {
	t.Parallel()
	sum := decimal.Zero
	for range 3 {
		start := at(t, "2026-09-16T10:00:00Z")
		sum = sum.Add(Cost(decimal.RequireFromString("0.20"), Blocks(start, start.Add(10*time.Minute), 600), 600))
	}
	if got := sum.Round(8); !got.Equal(decimal.RequireFromString("0.1")) {
		t.Errorf("three sessions cost %s, want 0.10", got)
	}
}

// byEdge counts the blocks of a session by the month they begin in (R3).
func byEdge(started, stopped time.Time, edges []time.Time, seconds int) []int {
	counts := make([]int, len(edges)+1)
	for n := range Blocks(started, stopped, seconds) {
		month := 0
		for month < len(edges) && !StartOf(started, n, seconds).Before(edges[month]) {
			month++
		}
		counts[month]++
	}
	return counts
}

func TestBlocksAtTheEdgeOfAMonth(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, from, to string
		edges          []string
		want           []int
	}{
		{"V18", "2026-09-30T23:50:00Z", "2026-10-01T00:20:00Z", []string{"2026-10-01T00:00:00Z"}, []int{1, 1}},
		{"V19", "2026-09-30T23:59:30Z", "2026-10-01T00:05:00Z", []string{"2026-10-01T00:00:00Z"}, []int{1, 0}},
		{"V20", "2026-09-30T22:00:00Z", "2026-10-01T00:00:00Z", []string{"2026-10-01T00:00:00Z"}, []int{8, 0}},
		{"V22", "2027-01-31T23:59:30Z", "2027-03-01T00:00:30Z", []string{"2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"}, []int{1, 2688, 0}},
		{"V24", "2026-10-31T23:40:00-04:00", "2026-11-01T01:30:00-05:00", []string{"2026-11-01T04:00:00Z"}, []int{2, 10}},
	}
	for _, c := range cases {
		edges := make([]time.Time, len(c.edges))
		for i, e := range c.edges {
			edges[i] = at(t, e)
		}
		got := byEdge(at(t, c.from), at(t, c.to), edges, 900)
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("%s: month %d has %d blocks, want %d", c.name, i, got[i], c.want[i])
			}
		}
	}
}

func TestBegunBlocks(t *testing.T) {
	t.Parallel()
	start := at(t, "2026-09-16T10:00:00Z")
	cases := []struct {
		name  string
		proof time.Duration
		want  int
	}{
		{"the first observation", 0, 1},
		{"inside the first block", time.Minute, 1},
		{"V6 at the very edge", 15 * time.Minute, 1},
		{"V7 a moment later", 15*time.Minute + time.Microsecond, 2},
		{"V36 back after an hour", 65 * time.Minute, 5},
		{"R7 before the start", -time.Second, 0},
	}
	for _, c := range cases {
		if got := BegunBlocks(start, start.Add(c.proof), 900); got != c.want {
			t.Errorf("%s: %d blocks, want %d", c.name, got, c.want)
		}
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	start := at(t, "2026-09-16T10:00:00Z")
	now := start.Add(time.Hour)
	cases := []struct {
		name      string
		asked     time.Duration
		lastBlock time.Duration
		want      time.Duration
	}{
		{"as asked", 20 * time.Minute, 15 * time.Minute, 20 * time.Minute},
		{"R7 in the future", 2 * time.Hour, 15 * time.Minute, time.Hour},
		{"R7 before the start", -time.Minute, 0, time.Microsecond},
		{"at the first observation", 0, 0, time.Microsecond},
		{"inside what is charged", 14 * time.Minute, 15 * time.Minute, 15*time.Minute + time.Microsecond},
	}
	for _, c := range cases {
		if got := end(start.Add(c.asked), start, start.Add(c.lastBlock), now).Sub(start); got != c.want {
			t.Errorf("%s: ends after %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	start := at(t, "2026-09-16T10:00:00Z")
	for _, c := range []struct {
		age  time.Duration
		want string
	}{
		{157 * time.Minute, "Running for 2 hours 37 minutes"},
		{0, "Running for 0 minutes"},
		{-time.Minute, "Running for 0 minutes"},
		{61 * time.Minute, "Running for 1 hour 1 minute"},
		{2*time.Hour + 59*time.Second, "Running for 2 hours"},
	} {
		if got := Clock(start, start.Add(c.age)); got != c.want {
			t.Errorf("after %s: %q, want %q", c.age, got, c.want)
		}
	}
	s := Session{StartedAt: start, BlockSeconds: 900, CostPerHour: decimal.RequireFromString("0.20"), Currency: "USD", Charged: 11}
	if got, want := s.Sentence(start.Add(157*time.Minute)), "Running for 2 hours 37 minutes - $0.55"; got != want {
		t.Errorf("sentence %q, want %q", got, want)
	}
	u := Usage{Blocks: 94, Seconds: 94 * 900, Cost: decimal.RequireFromString("4.7")}
	if got, want := u.Sentence("USD"), "This month: $4.70 (23.5 hours)"; got != want {
		t.Errorf("sentence %q, want %q", got, want)
	}
	if got := Hours(3600); got != "1.0 hour" {
		t.Errorf("an hour reads %q", got)
	}
}

// A running cost never falls as time goes by, and is what a stop at that moment costs.
func TestTheRunningCostIsWhatAStopCosts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_780_000_000, 0).UTC()
		size := rapid.SampledFrom([]int{60, 300, 600, 900, 1800, 3600}).Draw(t, "block")
		a := time.Duration(rapid.Int64Range(1, int64(90*24*time.Hour)).Draw(t, "a")).Truncate(time.Microsecond)
		b := a + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "b")).Truncate(time.Microsecond)
		s := Session{StartedAt: start, BlockSeconds: size, CostPerHour: decimal.New(rapid.Int64Range(0, 5_000_000).Draw(t, "rate"), -6), Charged: BegunBlocks(start, start.Add(a), size)}
		if s.CostAt(start.Add(a)).GreaterThan(s.CostAt(start.Add(b))) {
			t.Fatalf("the cost falls between %s and %s", a, b)
		}
		if got, want := s.BlocksAt(start.Add(b)), max(1, Blocks(start, start.Add(b), size)); got != want {
			t.Fatalf("%d blocks after %s, want %d", got, b, want)
		}
	})
}

// However a session lies over cycles, the cycles' blocks add up to ceil(total / block).
func TestCyclesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_780_000_000, 0).UTC()
		size := rapid.SampledFrom([]int{60, 300, 600, 900, 1800, 3600}).Draw(t, "block")
		length := time.Duration(rapid.Int64Range(0, int64(72*time.Hour)/1000).Draw(t, "length")) * time.Microsecond
		var edges []time.Time
		last := start.Add(-time.Hour)
		for range rapid.IntRange(0, 6).Draw(t, "edges") {
			last = last.Add(time.Duration(rapid.Int64Range(1, int64(20*time.Hour)).Draw(t, "gap")))
			edges = append(edges, last)
		}
		sum := 0
		for _, n := range byEdge(start, start.Add(length), edges, size) {
			sum += n
		}
		block := time.Duration(size) * time.Second
		want := int((length + block - 1) / block)
		if sum != want {
			t.Fatalf("the cycles have %d blocks, want %d", sum, want)
		}
		if got := Blocks(start, start.Add(time.Duration(WholeSeconds(start, start.Add(length)))*time.Second), size); got != want {
			t.Fatalf("by whole seconds there are %d blocks, want %d", got, want)
		}
	})
}
