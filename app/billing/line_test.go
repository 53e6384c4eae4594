package billing

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

var september = cycleOfMonth(time.UTC, 2026, 9)

// runsOf makes sessions of the given lengths, one after another.
func runsOf(rate string, seconds int, lengths ...time.Duration) []Run {
	start := september.Start.Add(time.Hour)
	var runs []Run
	for _, l := range lengths {
		stop := start.Add(l)
		runs = append(runs, Run{ServiceType: "business_basic", Rate: dec(rate), BlockSeconds: seconds, Currency: "USD", StartedAt: start, StoppedAt: &stop})
		start = stop.Add(time.Minute)
	}
	return runs
}

func repeat(n int, d time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

func TestVectorsOfOneLine(t *testing.T) {
	t.Parallel()
	m := time.Minute
	for _, c := range []struct {
		name, rate    string
		seconds       int
		lengths       []time.Duration
		blocks        int64
		exact, amount string
	}{
		{"V1", "0.20", 900, []time.Duration{8 * m}, 1, "0.05", "0.05"},
		{"V2", "0.20", 900, []time.Duration{22 * m}, 2, "0.10", "0.10"},
		{"V3", "0.20", 900, []time.Duration{65 * m}, 5, "0.25", "0.25"},
		{"V4", "0.20", 900, []time.Duration{0}, 0, "0", "0"},
		{"V5", "0.20", 900, []time.Duration{time.Second}, 1, "0.05", "0.05"},
		{"V6", "0.20", 900, []time.Duration{15 * m}, 1, "0.05", "0.05"},
		{"V7", "0.20", 900, []time.Duration{15*m + time.Millisecond}, 2, "0.10", "0.10"},
		{"V9", "0.20", 900, []time.Duration{24 * time.Hour}, 96, "4.80", "4.80"},
		{"V10", "0.20", 900, nil, 0, "0", "0"},
		{"V11", "0.15", 900, []time.Duration{15 * m}, 1, "0.0375", "0.04"},
		{"V12", "0.15", 900, repeat(3, 15*m), 3, "0.1125", "0.11"},
		{"V13", "0.15", 900, repeat(100, 15*m), 100, "3.75", "3.75"},
		{"V14", "0.25", 900, repeat(2, 15*m), 2, "0.125", "0.13"},
		{"V15", "0.67", 900, []time.Duration{90 * m}, 6, "1.005", "1.01"},
		{"V54", "0.20", 600, repeat(3, 10*m), 3, "0.10", "0.10"},
		{"R7 a span below zero", "0.20", 900, []time.Duration{-5 * m}, 0, "0", "0"},
	} {
		u := usage{ServiceType: "business_basic", PlanName: "Business Basic", Rate: dec(c.rate), Currency: "USD", Month: 1, BlockSeconds: c.seconds}
		for _, r := range runsOf(c.rate, c.seconds, c.lengths...) {
			n := r.blocksIn(september)
			u.Blocks, u.Seconds = u.Blocks+n, u.Seconds+n*int64(c.seconds)
		}
		u.Kind = UsageLine
		l := lineOf(u, september)
		if l.Blocks != c.blocks || !l.Exact.Equal(dec(c.exact)) || !l.Amount.Equal(dec(c.amount)) {
			t.Errorf("%s: want %d blocks, exact %s, line %s, got %d, %s, %s", c.name, c.blocks, c.exact, c.amount, l.Blocks, l.Exact, l.Amount)
		}
	}
}

func TestV25PriceChangeR4R9(t *testing.T) {
	t.Parallel()
	user := uuid.New()
	docs := draw([]usage{
		{UserID: user, Currency: "USD", ServiceType: "b", PlanName: "B", Rate: dec("0.30"), Month: 1, Blocks: 1, Seconds: 900},
		{UserID: user, Currency: "USD", ServiceType: "b", PlanName: "B", Rate: dec("0.20"), Month: 1, Blocks: 3, Seconds: 2700},
	}, []Cycle{september}, nil)
	if len(docs) != 1 || len(docs[0].lines) != 2 {
		t.Fatalf("want one document of two lines, got %+v", docs)
	}
	for i, want := range []string{"0.15", "0.08"} {
		if got := docs[0].lines[i]; !got.Amount.Equal(dec(want)) {
			t.Errorf("line %d: want %s, got %s", i+1, want, got.Amount)
		}
	}
	if got := Sum(docs[0].lines, decimal.Zero, "USD").Total; !got.Equal(dec("0.23")) {
		t.Errorf("want 0.23, got %s", got)
	}
}

func TestOneDocumentForACustomerAndCurrency(t *testing.T) {
	t.Parallel()
	a, b := uuid.New(), uuid.New()
	docs := draw([]usage{
		{UserID: a, Currency: "USD", Rate: dec("1"), Month: 1, Seconds: 3600}, {UserID: a, Currency: "EUR", Rate: dec("1"), Month: 1, Seconds: 3600},
		{UserID: b, Currency: "USD", Rate: dec("1"), Month: 2, Seconds: 3600}, {UserID: b, Currency: "USD", Rate: dec("1"), Month: 1, Seconds: 3600},
	}, []Cycle{september.Next(time.UTC), september}, nil)
	if len(docs) != 3 {
		t.Fatalf("want 3 documents, got %d", len(docs))
	}
	for _, d := range docs {
		if d.userID == b && (len(d.lines) != 2 || d.usage[0].Month != 1) {
			t.Errorf("want b's months in order, got %+v", d.usage)
		}
	}
}

func lines(percent string, inclusive bool, amounts ...string) []Line {
	var all []Line
	for _, a := range amounts {
		all = append(all, Line{Amount: dec(a), TaxName: "VAT", TaxPercent: dec(percent), TaxInclusive: inclusive})
	}
	return all
}

func TestTotalsR10R11R12(t *testing.T) {
	t.Parallel()
	mixed := append(lines("20", false, "10.00"), lines("5.5", false, "10.00")...)
	for _, c := range []struct {
		name, currency                 string
		lines                          []Line
		off                            string
		subtotal, discount, tax, total string
	}{
		{"V28", "USD", lines("20", false, "10.00"), "10", "10.00", "1.00", "1.80", "10.80"},
		{"V29", "USD", lines("20", false, "0.33", "0.33", "0.33"), "0", "0.99", "0", "0.20", "1.19"},
		{"V29 with tax inside", "USD", lines("20", true, "0.33", "0.33", "0.33"), "0", "0.99", "0", "0.17", "0.99"},
		{"two rates", "USD", mixed, "0", "20.00", "0", "2.55", "22.55"},
		{"no tax", "USD", lines("0", false, "1.23"), "0", "1.23", "0", "0", "1.23"},
		{"yen", "JPY", lines("10", false, "105", "110"), "0", "215", "0", "22", "237"},
		{"dinar", "KWD", lines("5", false, "0.125"), "0", "0.125", "0", "0.006", "0.131"},
		{"everything off", "USD", lines("20", false, "10.00"), "100", "10.00", "10.00", "0", "0"},
	} {
		got := Sum(c.lines, PercentOff(c.lines, dec(c.off), c.currency), c.currency)
		want := Totals{dec(c.subtotal), dec(c.discount), dec(c.tax), dec(c.total)}
		if !got.Equal(want) {
			t.Errorf("%s: want %+v, got %+v", c.name, want, got)
		}
	}
	three := lines("0", false, "1.00", "1.00", "1.00")
	Sum(three, dec("1.00"), "USD")
	for i, want := range []string{"0.34", "0.33", "0.33"} {
		if !three[i].Discount.Equal(dec(want)) {
			t.Errorf("R12, line %d: want %s off, got %s", i, want, three[i].Discount)
		}
	}
	if got := Sum(lines("0", false, "1.00"), dec("5.00"), "USD"); !got.Total.IsZero() || !got.Discount.Equal(dec("1.00")) {
		t.Errorf("a discount above the lines: %+v", got)
	}
}

func TestTotalsHoldTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "USD", "KWD"}).Draw(t, "currency")
		var all []Line
		for range rapid.IntRange(1, 12).Draw(t, "lines") {
			all = append(all, Line{
				Amount:     decimal.New(rapid.Int64Range(0, 1e9).Draw(t, "amount"), -money.Exponent(currency)),
				TaxPercent: decimal.New(rapid.Int64Range(0, 3000).Draw(t, "percent"), -2), TaxInclusive: rapid.Bool().Draw(t, "inclusive"),
			})
		}
		got := Sum(all, decimal.New(rapid.Int64Range(0, 1e10).Draw(t, "discount"), -3), currency)
		spread, outside := decimal.Zero, decimal.Zero
		for _, l := range all {
			spread = spread.Add(l.Discount)
			if l.Discount.IsNegative() || l.Discount.GreaterThan(l.Amount) {
				t.Fatalf("%s off a line of %s", l.Discount, l.Amount)
			}
		}
		outside = got.Total.Sub(got.Subtotal.Sub(got.Discount))
		if !spread.Equal(got.Discount) || outside.IsNegative() || outside.GreaterThan(got.Tax) || got.Total.IsNegative() {
			t.Fatalf("the figures do not hold together: %+v, spread %s", got, spread)
		}
		if !got.Total.Equal(money.Round(got.Total, currency)) {
			t.Fatalf("%s is not in whole units of %s", got.Total, currency)
		}
	})
}

func TestCreditIsPaymentR11(t *testing.T) {
	t.Parallel()
	own := []ledger.Purse{{Kind: ledger.Credit, Currency: "USD", Free: dec("5.009")}, {Kind: ledger.Bonus, Currency: "USD", Free: dec("1.00")}, {Kind: ledger.Credit, Currency: "EUR", Free: dec("99")}}
	for _, c := range []struct {
		total string
		want  []string
	}{
		{"0", nil}, {"0.40", []string{"0.40"}}, {"1.00", []string{"1.00"}}, {"3.00", []string{"1.00", "2.00"}}, {"20.00", []string{"1.00", "5.00"}},
	} {
		takes := ledger.TakeFrom(own, "USD", dec(c.total))
		if len(takes) != len(c.want) {
			t.Errorf("%s: want %v, got %v", c.total, c.want, takes)
			continue
		}
		for i, want := range c.want {
			if !takes[i].Amount.Equal(dec(want)) {
				t.Errorf("%s: want %v, got %v", c.total, c.want, takes)
			}
		}
	}
}

func TestStatementR9(t *testing.T) {
	t.Parallel()
	e := Entry{PlanName: "Developer Basic", StartedAt: at(t, "2026-10-01T02:30:00Z"), Seconds: 1800, Rate: dec("0.150000"), Currency: "USD"}
	if got, want := e.Text(zone(t, "America/New_York")), "Developer Basic - Sep 30, 2026 (30 minutes @ $0.15/hour)"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
	if got := e.Amount(); got != "0.075" {
		t.Errorf("want 0.075, got %s", got)
	}
	e.Rate, e.Currency = dec("0.125"), "EUR"
	if got, want := e.Text(time.UTC), "Developer Basic - Oct 01, 2026 (30 minutes @ €0.125/hour)"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

func TestV44MarginR24(t *testing.T) {
	t.Parallel()
	got := Margins([]Sold{
		{ServiceType: "business_basic", PlanName: "Business Basic", Rate: dec("0.20"), WholesaleRate: dec("0.12"), Currency: "USD", Blocks: 2, Seconds: 1800},
		{ServiceType: "business_basic", PlanName: "Business Basic", Rate: dec("0.20"), WholesaleRate: dec("0.12"), Currency: "USD", Blocks: 3, Seconds: 2700},
	})
	if len(got) != 1 || got[0].Blocks != 5 {
		t.Fatalf("want one plan of five blocks, got %+v", got)
	}
	p := got[0]
	if p.Retail.Round().API() != "0.25" || p.Wholesale.Round().API() != "0.15" || p.Margin().API() != "0.10" || p.Hours().String() != "1.3" {
		t.Errorf("want 0.25, 0.15, 0.10 in 1.3 hours, got %s, %s, %s, %s", p.Retail.Round().API(), p.Wholesale.Round().API(), p.Margin().API(), p.Hours())
	}
}

func TestOverdueInTheShopsZone(t *testing.T) {
	t.Parallel()
	inv := Invoice{Status: Open, DueDate: time.Date(2026, 10, 8, 0, 0, 0, 0, time.UTC)}
	kiritimati := zone(t, "Pacific/Kiritimati")
	if inv.Overdue(at(t, "2026-10-08T09:59:00Z"), kiritimati) || !inv.Overdue(at(t, "2026-10-08T10:00:00Z"), kiritimati) {
		t.Error("the last day does not end at midnight in the shop's zone")
	}
}

// TestOrderOfUsageDoesNotMatter draws the same documents from usage in any order.
func TestOrderOfUsageDoesNotMatter(t *testing.T) {
	t.Parallel()
	users := []uuid.UUID{uuid.New(), uuid.New()}
	rapid.Check(t, func(t *rapid.T) {
		var all []usage
		for range rapid.IntRange(1, 12).Draw(t, "usage") {
			n := rapid.Int64Range(1, 50).Draw(t, "blocks")
			all = append(all, usage{Kind: UsageLine, UserID: rapid.SampledFrom(users).Draw(t, "user"), Currency: rapid.SampledFrom([]string{"USD", "JPY"}).Draw(t, "currency"),
				ServiceType: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "plan"), PlanName: rapid.SampledFrom([]string{"Old", "New"}).Draw(t, "name"),
				Rate: dec(rapid.SampledFrom([]string{"0.15", "0.67"}).Draw(t, "rate")), Latest: september.Start.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "at"))), Month: 1,
				BlockSeconds: 900, Blocks: n, Seconds: n * 900})
		}
		mixed := rapid.Permutation(all).Draw(t, "mixed")
		one, other := draw(merged(all), []Cycle{september}, nil), draw(merged(mixed), []Cycle{september}, nil)
		if len(one) != len(other) {
			t.Fatalf("%d documents and %d", len(one), len(other))
		}
		for i := range one {
			if one[i].userID != other[i].userID || !Sum(one[i].lines, decimal.Zero, one[i].currency).Equal(Sum(other[i].lines, decimal.Zero, other[i].currency)) {
				t.Fatalf("%+v and %+v", one[i], other[i])
			}
			for j, l := range one[i].lines {
				if o := other[i].lines[j]; l.Description != o.Description || !l.Exact.Equal(o.Exact) {
					t.Fatalf("%+v and %+v", l, o)
				}
			}
		}
	})
}
