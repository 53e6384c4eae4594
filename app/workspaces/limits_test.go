package workspaces

import (
	"errors"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/metering"
)

func amount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestLimitsOfARun(t *testing.T) {
	t.Parallel()
	basic := price{amount("0.20"), 900, "USD"}
	for name, c := range map[string]struct {
		limit RunLimit
		price price
		want  int    // seconds
		field string // that is wrong
	}{
		"none":                      {RunLimit{}, basic, 0, ""},
		"45 minutes":                {RunLimit{Minutes: 45}, basic, 2700, ""},
		"15 cents":                  {RunLimit{Budget: amount("0.15")}, basic, 2700, ""},
		"a mill less":               {RunLimit{Budget: amount("0.149")}, basic, 1800, ""},
		"one block exactly":         {RunLimit{Budget: amount("0.05")}, basic, 900, ""},
		"too little":                {RunLimit{Budget: amount("0.049999")}, basic, 0, "run_budget"},
		"a price without an end":    {RunLimit{Budget: amount("0.335")}, price{amount("0.67"), 600, "USD"}, 1800, ""},
		"and one block of it":       {RunLimit{Budget: amount("0.111667")}, price{amount("0.67"), 600, "USD"}, 600, ""},
		"and a trace too little":    {RunLimit{Budget: amount("0.111666")}, price{amount("0.67"), 600, "USD"}, 0, "run_budget"},
		"free of charge":            {RunLimit{Budget: amount("1")}, price{decimal.Zero, 900, "USD"}, 0, "run_budget"},
		"both":                      {RunLimit{Minutes: 1, Budget: amount("1")}, basic, 0, "run_for"},
		"negative minutes":          {RunLimit{Minutes: -1}, basic, 0, "run_for"},
		"the longest":               {RunLimit{Minutes: 527_040}, basic, 527_040 * 60, ""},
		"longer":                    {RunLimit{Minutes: 527_041}, basic, 0, "run_for"},
		"negative budget":           {RunLimit{Budget: amount("-1")}, basic, 0, "run_budget"},
		"too many places":           {RunLimit{Budget: amount("0.1500001")}, basic, 0, "run_budget"},
		"zeros are no places":       {RunLimit{Budget: amount("0.15000000")}, basic, 2700, ""},
		"a fortune ends, too":       {RunLimit{Budget: amount("1000000000")}, basic, 527_040 * 60, ""},
		"more than fits":            {RunLimit{Budget: amount("1e300")}, basic, 0, "run_budget"},
		"more than fits, with dust": {RunLimit{Budget: amount("1e-300")}, basic, 0, "run_budget"},
	} {
		wrong := fail.Fields{}
		if got := c.limit.seconds(c.price, wrong); got != c.want || c.field == "" && len(wrong) > 0 || c.field != "" && wrong[c.field] == "" {
			t.Errorf("%s: %d seconds, %v; want %d, %q", name, got, wrong, c.want, c.field)
		}
	}
	wrong := fail.Fields{}
	RunLimit{Budget: amount("0.01")}.seconds(price{amount("0.15"), 900, "USD"}, wrong)
	if want := "This is too little for one block of $0.0375; give at least that."; wrong["run_budget"] != want {
		t.Errorf("got %q", wrong["run_budget"])
	}
}

// R2, R8: a run until its limit never costs more than its budget, and one more block
// would.
func TestABudgetIsSpentAndNeverExceeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := price{
			decimal.New(rapid.Int64Range(1, 100_000_000).Draw(r, "rate"), -6),
			rapid.SampledFrom([]int{60, 300, 600, 900, 1800, 3600}).Draw(r, "block"), "USD",
		}
		budget := decimal.New(rapid.Int64Range(1, 50_000_000).Draw(r, "budget"), -6)
		wrong := fail.Fields{}
		seconds := RunLimit{Budget: budget}.seconds(p, wrong)
		exceeds := func(blocks int) bool {
			cost := p.perHour.Mul(decimal.NewFromInt(int64(blocks) * int64(p.blockSeconds)))
			return cost.GreaterThan(budget.Mul(decimal.NewFromInt(3600)))
		}
		start := time.Date(2026, 11, 23, 9, 0, 0, 123_456_000, time.UTC)
		blocks := metering.Blocks(start, start.Add(time.Duration(seconds)*time.Second), p.blockSeconds)
		if exceeds(blocks) {
			r.Fatalf("%d blocks cost more than the budget", blocks)
		}
		if seconds < longestRun*60-p.blockSeconds && !exceeds(blocks+1) {
			r.Fatalf("%d blocks, and one more would fit", blocks)
		}
		if (seconds == 0) != (wrong["run_budget"] != "") {
			r.Fatalf("%d seconds, said %v", seconds, wrong)
		}
	})
}

func TestTheLimitOfARunUnderWay(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	now, p := start.Add(31*time.Minute), price{amount("0.20"), 900, "USD"}
	for name, c := range map[string]struct {
		limit  RunLimit
		before spent
		want   time.Duration
		field  string
	}{
		"an hour":                 {RunLimit{Minutes: 60}, spent{}, time.Hour, ""},
		"none":                    {RunLimit{}, spent{}, 0, ""},
		"a time that has passed":  {RunLimit{Minutes: 31}, spent{}, 0, "run_for"},
		"three blocks":            {RunLimit{Budget: amount("0.15")}, spent{}, 45 * time.Minute, ""},
		"what it cost already":    {RunLimit{Budget: amount("0.10")}, spent{}, 0, "run_budget"},
		"with an earlier session": {RunLimit{Budget: amount("0.25")}, spent{Cost: amount("0.10")}, 45 * time.Minute, ""},
		"which left nothing":      {RunLimit{Budget: amount("0.25")}, spent{Cost: amount("0.2500000000")}, 0, "run_budget"},
	} {
		w := Workspace{Status: Running, LastStartedAt: &start}
		err := w.limitAgain(c.limit, p, c.before, now)
		var refused *fail.Error
		if errors.As(err, &refused); c.field != "" && (refused == nil || refused.Fields[c.field] == "") || c.field == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if at, limited := w.LimitAt(); c.field == "" && (limited != (c.want > 0) || limited && at.Sub(start) != c.want) {
			t.Errorf("%s: ends at %s, %v", name, at, limited)
		}
	}
}

func TestTheEarlierLimitEndsARun(t *testing.T) {
	t.Parallel()
	start, long, short := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), 3600, 600
	for name, c := range map[string]struct {
		w    Workspace
		want time.Duration
	}{
		"none":         {Workspace{Status: Running, LastStartedAt: &start}, 0},
		"the order's":  {Workspace{Status: Running, LastStartedAt: &start, SessionDuration: &short, RunLimit: &long}, 600 * time.Second},
		"the run's":    {Workspace{Status: Running, LastStartedAt: &start, SessionDuration: &long, RunLimit: &short}, 600 * time.Second},
		"alone":        {Workspace{Status: Running, LastStartedAt: &start, RunLimit: &long}, time.Hour},
		"not yet":      {Workspace{Status: Provisioning, LastStartedAt: &start, RunLimit: &long}, 0},
		"not any more": {Workspace{Status: Stopped, LastStartedAt: &start, RunLimit: &long}, 0},
	} {
		at, limited := c.w.LimitAt()
		if limited != (c.want > 0) || limited && at.Sub(start) != c.want {
			t.Errorf("%s: %s %v", name, at, limited)
		}
	}
}
