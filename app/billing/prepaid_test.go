package billing

import (
	"testing"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
)

func TestSettlePrepaidR13(t *testing.T) {
	t.Parallel()
	line := func(exact, percent, discount string) Line {
		return Line{Exact: dec(exact), Amount: money.Round(dec(exact), "USD"), TaxPercent: dec(percent), Discount: dec(discount)}
	}
	for _, c := range []struct {
		name                    string
		lines                   []Line
		total, taken            string
		blocks                  int64
		applied, back, rounding string
	}{
		{"nothing taken", []Line{line("0.25", "0", "0")}, "0.25", "0", 5, "0", "0", "0"},
		{"to the cent", []Line{line("0.25", "0", "0")}, "0.25", "0.25", 5, "0.25", "0", "0"},
		{"V11, rounded up", []Line{line("0.0375", "0", "0")}, "0.04", "0.0375", 1, "0.04", "0", "-0.0025"},
		{"V12, rounded down", []Line{line("0.1125", "0", "0")}, "0.11", "0.1125", 3, "0.11", "0", "0.0025"},
		{"V14", []Line{line("0.125", "0", "0")}, "0.13", "0.125", 2, "0.13", "0", "-0.005"},
		{"V15", []Line{line("1.005", "0", "0")}, "1.01", "1.005", 6, "1.01", "0", "-0.005"},
		{"thirds of a block", []Line{line("0.033333333333", "0", "0")}, "0.03", "0.033333", 1, "0.03", "0", "0.003333"},
		{"with tax", []Line{line("0.0375", "19", "0")}, "0.05", "0.044625", 1, "0.05", "0", "-0.005375"},
		{"V28, a coupon gives back what it took off", []Line{line("10.00", "20", "1.00")}, "10.80", "12.00", 200, "10.80", "1.20", "0"},
		{"a coupon for all of it", []Line{line("0.0375", "0", "0.04")}, "0", "0.0375", 1, "0", "0.0375", "0"},
		{"included time was paid for", []Line{line("0.05", "0", "0"), line("0", "0", "0")}, "0.05", "0.25", 5, "0.05", "0.20", "0"},
		{"a part was on account", []Line{line("0.25", "0", "0")}, "0.25", "0.10", 5, "0.10", "0", "0"},
		{"a part was on account, rounded", []Line{line("0.1125", "0", "0")}, "0.11", "0.075", 3, "0.07", "0", "0.005"},
		{"a monthly price beside it", []Line{line("0.0375", "0", "0"), line("30", "0", "0")}, "30.04", "0.0375", 1, "0.04", "0", "-0.0025"},
	} {
		got := settlePrepaid(c.lines, dec(c.total), dec(c.taken), c.blocks, "USD")
		if !got.applied.Equal(dec(c.applied)) || !got.back.Equal(dec(c.back)) || !got.rounding.Equal(dec(c.rounding)) {
			t.Errorf("%s: want %s applied, %s back, %s rounding, got %s, %s, %s", c.name, c.applied, c.back, c.rounding, got.applied, got.back, got.rounding)
		}
	}
}

// TestSettlementsComeToZeroR13 settles random months: what was taken is revenue, is
// back, or is rounding, and the wallet never sees what rounding leaves.
func TestSettlementsComeToZeroR13(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "USD", "KWD"}).Draw(t, "currency")
		tax := rapid.SampledFrom([]string{"0", "7.7", "19", "20"}).Draw(t, "tax")
		var lines []Line
		taken, blocks := decimal.Zero, int64(0)
		for range rapid.IntRange(1, 6).Draw(t, "lines") {
			rate, n := decimal.New(rapid.Int64Range(0, 5_000_000).Draw(t, "rate"), -6), rapid.Int64Range(1, 300).Draw(t, "blocks")
			exact := money.Usage(rate, n*900, currency)
			lines = append(lines, Line{Exact: exact.Places(12), Amount: exact.Round().D, TaxPercent: dec(tax)})
			one := money.Usage(rate, 900, currency).Places(12)
			price := one.Add(one.Mul(dec(tax)).Shift(-2)).Round(creditPlaces)
			paid := rapid.SampledFrom([]int64{n, n, n, n / 2, 0}).Draw(t, "paid")
			taken, blocks = taken.Add(price.Mul(decimal.NewFromInt(paid))), blocks+n
		}
		off := PercentOff(lines, decimal.NewFromInt(rapid.SampledFrom([]int64{0, 0, 10, 100}).Draw(t, "coupon")), currency)
		totals := Sum(lines, off, currency)
		s := settlePrepaid(lines, totals.Total, taken, blocks, currency)
		due := totals.Total.Sub(s.applied)
		if due.IsNegative() || s.back.IsNegative() || s.applied.IsNegative() || !due.Equal(money.Round(due, currency)) {
			t.Fatalf("settled as %+v of %+v", s, totals)
		}
		if s.back.IsPositive() && (due.IsPositive() || s.back.GreaterThan(taken)) {
			t.Fatalf("%s back and %s due", s.back, due)
		}
		if over := taken.Sub(costOf(lines)); s.back.GreaterThan(decimal.Max(decimal.Zero, over).Round(creditPlaces)) {
			t.Fatalf("%s back of %s too much", s.back, over)
		}
		user := uuid.New()
		a := accounts{shop: map[[2]string]uuid.UUID{}, wallets: map[owner]uuid.UUID{{user, currency}: uuid.New()}}
		for _, kind := range []string{ledger.Deferred, ledger.Revenue, ledger.Rounding} {
			a.shop[[2]string{kind, currency}] = uuid.New()
		}
		p := payment{invoice: Invoice{ID: uuid.New(), UserID: user, Currency: currency}, settled: s}
		if due.IsPositive() {
			p.takes = []ledger.Take{{Account: uuid.New(), Kind: ledger.Credit, Amount: due}}
		}
		sum := decimal.Zero
		for _, e := range a.entriesOf(p) {
			sum = sum.Add(e.Amount)
		}
		if !sum.IsZero() {
			t.Fatalf("the entries come to %s", sum)
		}
	})
}
