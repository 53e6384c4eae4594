package metering

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func running(since time.Time, charged int) Session {
	return Session{StartedAt: since, Charged: charged, BlockSeconds: 900, CostPerHour: decimal.RequireFromString("0.20"), Currency: "USD", ServiceType: "developer_basic", PlanName: "Developer Basic"}
}

func TestWhatRunsIsAddedToTheMonthItBeganIn(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	s := running(midnight.Add(-10*time.Minute), 1) // 23:50, charged once; then 00:05, 00:20
	before := s.BegunIn(midnight.AddDate(0, -1, 0), midnight, midnight.Add(25*time.Minute))
	after := s.BegunIn(midnight, midnight.AddDate(0, 1, 0), midnight.Add(25*time.Minute))
	if before.Blocks != 0 || after.Blocks != 2 || after.Seconds != 1800 || !after.Cost.Equal(decimal.RequireFromString("0.10")) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	stopped := midnight
	s.StoppedAt = &stopped
	if got := s.BegunIn(midnight, midnight.AddDate(0, 1, 0), midnight.Add(time.Hour)); got.Blocks != 0 {
		t.Errorf("a closed session has begun %+v", got)
	}
}

func TestEveryDayKeepsUsedDaysAndFillsTheRest(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	from, to := time.Date(2026, time.November, 1, 4, 0, 0, 0, time.UTC), time.Date(2026, time.December, 1, 5, 0, 0, 0, time.UTC)
	used := []Day{{Date: time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC), Blocks: 3}, {Date: time.Date(2026, time.November, 30, 0, 0, 0, 0, time.UTC), Blocks: 4}}
	days := EveryDay(used, from, to, zone)
	if len(days) != 30 || days[0].Blocks != 3 || days[29].Blocks != 4 || Sum(days).Blocks != 7 {
		t.Errorf("%d days: %+v", len(days), days)
	}
}

// However the charged and the begun blocks are told apart, days, plans and the
// month come to what the session would be billed if it stopped now.
func TestDaysPlansAndMonthAgreeWithTheClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(0, 1, 0)
		s := running(from.Add(time.Duration(rapid.Int64Range(0, int64(20*24*time.Hour)).Draw(t, "start"))), 0)
		now := s.StartedAt.Add(time.Duration(rapid.Int64Range(0, int64(5*24*time.Hour)).Draw(t, "length")))
		want := s.BlocksAt(now)
		days := WithBegun(EveryDay(nil, from, to, time.UTC), []Session{s}, time.UTC, now)
		plans := WithBegunPlans(nil, []Session{s}, from, to, now)
		sum, begun := Sum(days), s.BegunIn(from, to, now)
		if sum.Blocks != int64(want) || begun.Blocks != int64(want) || !sum.Cost.Equal(begun.Cost) {
			t.Fatalf("want %d blocks, the days have %+v, the month %+v", want, sum, begun)
		}
		if want > 0 && (len(plans) != 1 || plans[0].Blocks != int64(want)) {
			t.Fatalf("want %d blocks, the plans have %+v", want, plans)
		}
	})
}
