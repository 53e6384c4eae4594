package money_test

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/money"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestExponentR8(t *testing.T) {
	t.Parallel()
	// CHF and SEK are rounded to more in cash than on a document.
	for code, want := range map[string]int32{"JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "CHF": 2, "SEK": 2, "CZK": 2, "KWD": 3, "BHD": 3, "ZZZ": 2} {
		if got := money.Exponent(code); got != want {
			t.Errorf("exponent of %s: want %d, got %d", code, want, got)
		}
	}
	for code, want := range map[string]bool{"USD": true, "usd": false, "XXX": false, "XTS": false, "ZZZ": false, "": false, "KWD": true} {
		if got := money.Known(code); got != want {
			t.Errorf("%q known: want %v, got %v", code, want, got)
		}
	}
}

func TestRoundLineR9(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, currency, want string }{
		{"1.005", "USD", "1.01"}, {"0.125", "USD", "0.13"}, {"-0.125", "USD", "-0.13"}, {"0.1249999999", "USD", "0.12"},
		{"120.5", "JPY", "121"}, {"0.0005", "KWD", "0.001"}, {"0.00049", "KWD", "0"},
	} {
		if got := money.RoundLine(dec(c.in), c.currency); !got.Equal(dec(c.want)) {
			t.Errorf("%s %s: want %s, got %s", c.in, c.currency, c.want, got)
		}
	}
}

func TestUsageR8(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, rate string
		seconds    int64
		exact, due string
	}{
		{"V1", "0.20", 900, "0.05", "0.05"},
		{"V11", "0.15", 900, "0.0375", "0.04"},
		{"V12", "0.15", 2700, "0.1125", "0.11"},
		{"V13", "0.15", 90000, "3.75", "3.75"},
		{"V14", "0.25", 1800, "0.125", "0.13"},
		{"V15", "0.67", 5400, "1.005", "1.01"},
		{"V22 February", "0.20", 2688 * 900, "134.40", "134.40"},
		{"a fraction without end", "0.67", 600, "0.111667", "0.11"},
		{"just under a tie, which six decimals would make one", "0.0299999", 600, "0.005", "0.00"},
	} {
		e := money.Usage(dec(c.rate), c.seconds, "USD")
		if got := e.API(); !dec(got).Equal(dec(c.exact)) {
			t.Errorf("%s: want exact %s, got %s", c.name, c.exact, got)
		}
		if got := e.Round().API(); got != c.due {
			t.Errorf("%s: want %s, got %s", c.name, c.due, got)
		}
	}
	if got := money.Usage(dec("0.15"), 900, "USD").API(); got != "0.0375" {
		t.Errorf("want 0.0375, got %s", got)
	}
	if got := money.Usage(dec("0.20"), 900, "USD").Format(); got != "$0.05" {
		t.Errorf("want $0.05, got %s", got)
	}
	if got := money.Usage(dec("1"), 900, "EUR").Add(money.Usage(dec("1"), 900, "USD")); got.API() != "0.25" {
		t.Errorf("currencies were mixed: %s", got.API())
	}
	third := money.Usage(dec("1"), 1200, "USD")
	if third.CmpDecimal(dec("0.333333")) != 1 || third.CmpDecimal(dec("0.333334")) != -1 || third.Cmp(third) != 0 {
		t.Error("a third of one does not compare exactly")
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, currency, people, rate, api string }{
		{"0.55", "USD", "$0.55", "$0.55", "0.55"},
		{"4.7", "USD", "$4.70", "$4.70", "4.70"},
		{"0.125", "USD", "$0.13", "$0.125", "0.125"},
		{"0.1234567", "USD", "$0.12", "$0.123457", "0.123457"},
		{"1", "EUR", "€1.00", "€1.00", "1.00"},
		{"120", "JPY", "¥120", "¥120.00", "120"},
		{"0.125", "KWD", "KWD 0.125", "KWD 0.125", "0.125"},
		{"-3", "USD", "-$3.00", "-$3.00", "-3.00"},
		{"-0.001", "USD", "$0.00", "-$0.001", "-0.001"},
		{"1204", "USD", "$1,204.00", "$1,204.00", "1204.00"},
		{"1234567.89", "GBP", "£1,234,567.89", "£1,234,567.89", "1234567.89"},
		{"999", "JPY", "¥999", "¥999.00", "999"},
		{"0", "USD", "$0.00", "$0.00", "0.00"},
	} {
		a := money.Of(dec(c.in), c.currency)
		if got := a.Format(); got != c.people {
			t.Errorf("%s %s: want %s, got %s", c.in, c.currency, c.people, got)
		}
		if got := money.Rate(a.D, c.currency); got != c.rate {
			t.Errorf("%s %s as a rate: want %s, got %s", c.in, c.currency, c.rate, got)
		}
		if got := a.API(); got != c.api {
			t.Errorf("%s %s for programs: want %s, got %s", c.in, c.currency, c.api, got)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, currency, want string
		ok                 bool
	}{
		{"20", "USD", "20.00", true}, {"20.00", "USD", "20.00", true}, {"-1.5", "USD", "-1.50", true}, {"0.125", "KWD", "0.125", true},
		{"0.125", "USD", "", false}, {"1.5", "JPY", "", false}, {"1e3", "USD", "", false}, {"", "USD", "", false}, {"ten", "USD", "", false}, {"1,5", "USD", "", false},
	} {
		got, err := money.Parse(c.in, c.currency)
		if (err == nil) != c.ok || (c.ok && got.API() != c.want) {
			t.Errorf("%q %s: want %s (%v), got %s, %v", c.in, c.currency, c.want, c.ok, got.API(), err)
		}
	}
}

func TestAddRefusesTwoCurrencies(t *testing.T) {
	t.Parallel()
	if _, err := money.Of(dec("1"), "USD").Add(money.Zero("EUR")); err == nil {
		t.Error("want an error for USD + EUR")
	}
	sum, err := money.Of(dec("1"), "USD").Add(money.Of(dec("0.125"), "USD"))
	if err != nil || sum.Round().API() != "1.13" {
		t.Errorf("want 1.13, got %v, %v", sum.Round(), err)
	}
}

var currencies = []string{"JPY", "USD", "EUR", "KWD"}

func drawDecimal(t *rapid.T, label string) decimal.Decimal {
	return decimal.New(rapid.Int64Range(0, 1e15).Draw(t, label), -6)
}

func TestUsageRoundsWithinHalfAUnit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(currencies).Draw(t, "currency")
		rate, seconds := drawDecimal(t, "rate"), rapid.Int64Range(0, 1e9).Draw(t, "seconds")
		got := money.Usage(rate, seconds, code).Round().D
		exact := new(big.Rat).Mul(rate.Rat(), big.NewRat(seconds, 3600))
		off := new(big.Rat).Sub(got.Rat(), exact)
		half := new(big.Rat).Quo(money.Unit(code).Rat(), big.NewRat(2, 1))
		if c := new(big.Rat).Abs(off).Cmp(half); c > 0 || (c == 0 && off.Sign() < 0) {
			t.Fatalf("%s × %d s: %s is %s off", rate, seconds, got, off.FloatString(12))
		}
		if minus := money.Usage(rate.Neg(), seconds, code).Round().D; !minus.Equal(got.Neg()) {
			t.Fatalf("rounding is not symmetric: %s and %s", got, minus)
		}
	})
}

func TestUsageAddsUpHoweverItIsSplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := drawDecimal(t, "rate")
		sum, seconds := money.Nothing("USD"), int64(0)
		for _, s := range rapid.SliceOf(rapid.Int64Range(0, 1e7)).Draw(t, "spans") {
			sum, seconds = sum.Add(money.Usage(rate, s, "USD")), seconds+s
		}
		if whole := money.Usage(rate, seconds, "USD"); sum.Cmp(whole) != 0 || !sum.Round().D.Equal(whole.Round().D) {
			t.Fatalf("want %s, got %s", whole.API(), sum.API())
		}
	})
}

func TestAllocateR12(t *testing.T) {
	t.Parallel()
	got := money.Allocate(dec("1.00"), []decimal.Decimal{dec("1"), dec("1"), dec("1")}, "USD")
	for i, want := range []string{"0.34", "0.33", "0.33"} {
		if !got[i].Equal(dec(want)) {
			t.Errorf("part %d: want %s, got %s", i, want, got[i])
		}
	}
	if got := money.Allocate(dec("5"), []decimal.Decimal{dec("0"), dec("0")}, "USD"); !got[0].Equal(dec("5")) || !got[1].IsZero() {
		t.Errorf("want all in the first part, got %v", got)
	}
	if got := money.Allocate(dec("5"), nil, "USD"); len(got) != 0 {
		t.Errorf("want no part, got %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(currencies).Draw(t, "currency")
		total := money.Round(decimal.New(rapid.Int64Range(-1e15, 1e15).Draw(t, "total"), -6), code)
		weights := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) decimal.Decimal { return drawDecimal(t, "weight") }), 1, 20).Draw(t, "weights")
		parts, sum := money.Allocate(total, weights, code), decimal.Sum(decimal.Zero, weights...)
		if got := decimal.Sum(decimal.Zero, parts...); !got.Equal(total) {
			t.Fatalf("parts add up to %s, want %s", got, total)
		}
		for i, p := range parts {
			if !p.Equal(money.Round(p, code)) {
				t.Fatalf("part %s is not in whole units of %s", p, code)
			}
			if !sum.IsZero() {
				fair := total.Mul(weights[i])
				if off := p.Mul(sum).Sub(fair).Abs(); off.Cmp(money.Unit(code).Mul(sum)) >= 0 && !off.IsZero() {
					t.Fatalf("part %d is a unit or more off its share", i)
				}
			}
		}
	})
}
