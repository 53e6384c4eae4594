package billing

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestDeriveCountsWhatRanR2(t *testing.T) {
	t.Parallel()
	start := september.Start.Add(time.Hour)
	for _, c := range []struct {
		name string
		run  Run
		want int64
	}{
		{"open, seen once", Run{LastProofAt: start}, 1},
		{"open, seen at the very edge (V6)", Run{LastProofAt: start.Add(15 * time.Minute)}, 1},
		{"open, seen just after it", Run{LastProofAt: start.Add(15*time.Minute + time.Microsecond)}, 2},
		{"two blocks on another invoice", Run{LastProofAt: start.Add(time.Hour), Except: []int32{0, 1}}, 2},
		{"exceptions outside the month do not count", Run{LastProofAt: start.Add(time.Hour), Except: []int32{90000}}, 4},
	} {
		c.run.StartedAt, c.run.BlockSeconds = start, 900
		if got := c.run.blocksIn(september); got != c.want {
			t.Errorf("%s: want %d, got %d", c.name, c.want, got)
		}
	}
}

func TestCompareNamesDifferencesR21(t *testing.T) {
	t.Parallel()
	runs := runsOf("0.20", 900, time.Hour, 8*time.Minute)
	stored := []Line{{Kind: UsageLine, Position: 1, WorkspaceType: "business_basic", CostPerHour: dec("0.20"), Blocks: 5, Amount: dec("0.25"), Currency: "USD", PeriodStart: september.Start}}
	inv := Invoice{Number: "INV-1", Currency: "USD", Totals: Totals{Subtotal: dec("0.25"), Total: dec("0.25")}}
	if c := compare(inv, stored, Derive(runs, []Cycle{september}, nil), decimal.Zero); !c.Right() {
		t.Errorf("a right invoice differs: %v", c.Differences)
	}
	if c := compare(inv, stored, Derive(runs[:1], []Cycle{september}, nil), decimal.Zero); len(c.Differences) != 2 {
		t.Errorf("want a line and the total to differ, got %v", c.Differences)
	}
	extra := append(runs, Run{ServiceType: "developer_pro", Rate: dec("1"), BlockSeconds: 900, Currency: "USD", StartedAt: september.Start, LastProofAt: september.Start})
	if c := compare(inv, stored, Derive(extra, []Cycle{september}, nil), decimal.Zero); len(c.Differences) != 1 {
		t.Errorf("want the missing line named, got %v", c.Differences)
	}
	if c := compare(inv, stored, nil, decimal.Zero); c.Right() {
		t.Error("an invoice without sessions passed")
	}
}

func TestMonthsShareARunWithoutLoss(t *testing.T) {
	t.Parallel()
	ny := zone(t, "America/New_York")
	rapid.Check(t, func(t *rapid.T) {
		start := time.UnixMicro(rapid.Int64Range(1_700_000_000_000_000, 1_900_000_000_000_000).Draw(t, "start")).UTC()
		stop := start.Add(time.Duration(rapid.Int64Range(0, 100*24*3600*1e6).Draw(t, "length")) * time.Microsecond)
		run := Run{StartedAt: start, StoppedAt: &stop, BlockSeconds: rapid.SampledFrom([]int{60, 300, 600, 900, 1800, 3600}).Draw(t, "block")}
		sum := int64(0)
		for m := CycleOf(ny, start); !m.Start.After(stop); m = m.Next(ny) {
			sum += run.blocksIn(m)
		}
		if want := run.begun(stop); sum != want {
			t.Fatalf("the months have %d blocks, the session %d", sum, want)
		}
	})
}
