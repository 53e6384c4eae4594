package pricing

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestARuleMakesAPrice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, value, step, wholesale, want string }{
		{Percent, "50", "0", "0.12", "0.18"},
		{Percent, "33", "0", "0.09", "0.1197"},
		{Percent, "33", "0.01", "0.09", "0.12"},
		{Percent, "50", "0.05", "0.12", "0.20"},
		{Percent, "0", "0", "0.48", "0.48"},
		{Percent, "0", "0.01", "0.48", "0.48"}, // nothing to round
		{Percent, "33.3333", "0", "0.000001", "0.000001"},
		{Percent, "100", "1", "0.36", "1"},
		{Amount, "0.10", "0", "0.12", "0.22"},
		{Amount, "0.105", "0.01", "0.12", "0.23"},
		{Amount, "12", "0", "10", "22"},
	} {
		rule := Rule{Kind: c.kind, Value: dec(c.value), RoundTo: dec(c.step)}
		if got := rule.Price(dec(c.wholesale)); !got.Equal(dec(c.want)) {
			t.Errorf("%s + %s %s in steps of %s: got %s, want %s", c.wholesale, c.value, c.kind, c.step, got, c.want)
		}
	}
}

// Whatever the rule, its price leaves at least the mark-up, is a multiple of its step,
// and a higher wholesale price never makes a lower price.
func TestPricesKeepTheMarkup(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		figure := func(name string, most int64, exp int32) decimal.Decimal {
			return decimal.New(rapid.Int64Range(0, most).Draw(t, name), exp)
		}
		rule := Rule{Kind: rapid.SampledFrom([]string{Percent, Amount}).Draw(t, "kind"), Value: figure("value", 100_000, -2), RoundTo: figure("step", 1000, -3)}
		low, more := figure("wholesale", 10_000_000, -6), figure("more", 1_000_000, -6)
		price, higher := rule.Price(low), rule.Price(low.Add(more))
		least := low.Add(rule.Value)
		if rule.Kind == Percent {
			least = low.Mul(decimal.NewFromInt(100).Add(rule.Value)).Div(decimal.NewFromInt(100))
		}
		if price.LessThan(least.Round(places)) {
			t.Fatalf("%s leaves less than %s", price, least)
		}
		if rule.RoundTo.IsPositive() && !price.Mod(rule.RoundTo).IsZero() {
			t.Fatalf("%s is no multiple of %s", price, rule.RoundTo)
		}
		if price.Sub(least.Round(places)).GreaterThanOrEqual(decimal.Max(rule.RoundTo, dec("0.000001"))) {
			t.Fatalf("%s is more than a step above %s", price, least)
		}
		if higher.LessThan(price) {
			t.Fatalf("%s costs %s, %s more costs %s", low, price, more, higher)
		}
	})
}

func TestTheMostSpecificRuleCounts(t *testing.T) {
	t.Parallel()
	all := Rule{Scope: ForAll, PriceOf: Hour, Value: dec("1")}
	kind := Rule{Scope: ForType, Target: "business", PriceOf: Hour, Value: dec("2")}
	plan := Rule{Scope: ForPlan, Target: "business_pro", PriceOf: Hour, Value: dec("3")}
	month := Rule{Scope: ForPlan, Target: "business_pro", PriceOf: Month, Value: dec("4")}
	for _, c := range []struct {
		rules       []Rule
		plan, type_ string
		of          string
		want        string // the value of the rule; empty for none
	}{
		{[]Rule{all, kind, plan, month}, "business_pro", "business", Hour, "3"},
		{[]Rule{plan, month, kind, all}, "business_pro", "business", Hour, "3"},
		{[]Rule{all, kind, plan}, "business_basic", "business", Hour, "2"},
		{[]Rule{all, kind, plan}, "developer_pro", "developer", Hour, "1"},
		{[]Rule{all, kind, plan, month}, "business_pro", "business", Month, "4"},
		{[]Rule{all, kind, plan}, "business_pro", "business", Month, ""},
		{[]Rule{kind, plan}, "developer_pro", "developer", Hour, ""},
		{nil, "business_pro", "business", Hour, ""},
	} {
		got, found := Pick(c.rules, c.plan, c.type_, c.of)
		if found != (c.want != "") || found && got.Value.String() != c.want {
			t.Errorf("%s of %s: got %v (%v), want %q", c.of, c.plan, got.Value, found, c.want)
		}
	}
}

func TestWhatAPriceLeaves(t *testing.T) {
	t.Parallel()
	wholesale, share := Deal{Mode: "wholesale"}, Deal{Mode: "commission", Commission: dec("20")}
	for _, c := range []struct {
		name                   string
		deal                   Deal
		price, cost            string
		floor                  Floor
		margin, percent, least string
		loss                   bool
	}{
		{"R24's vector", wholesale, "0.20", "0.12", Floor{}, "0.08", "40", "0", false},
		{"at cost", wholesale, "0.12", "0.12", Floor{}, "0", "0", "0", false},
		{"below cost", wholesale, "0.10", "0.12", Floor{}, "-0.02", "-20", "0", true},
		{"for nothing", wholesale, "0", "0.12", Floor{}, "-0.12", "0", "0", true},
		{"below the floor", wholesale, "0.14", "0.12", Floor{Price: dec("0.15")}, "0.02", "14.3", "0.15", false},
		{"at the floor", wholesale, "0.15", "0.12", Floor{Price: dec("0.15"), Markup: dec("25")}, "0.03", "20", "0", false},
		{"below the mark-up", wholesale, "0.15", "0.12", Floor{Price: dec("0.10"), Markup: dec("30")}, "0.03", "20", "0.156", false},
		{"a share", share, "0.20", "0.12", Floor{}, "0.16", "80", "0", false},
		{"a share below wholesale", share, "0.10", "0.12", Floor{}, "0.08", "80", "0", false},
	} {
		v := c.deal.Judge(dec(c.price), dec(c.cost), c.floor)
		if !v.Margin.Equal(dec(c.margin)) || !v.Percent.Equal(dec(c.percent)) || !v.Least.Equal(dec(c.least)) || v.Loss != c.loss {
			t.Errorf("%s: got %+v", c.name, v)
		}
	}
}

func TestTypesOfNewPlans(t *testing.T) {
	t.Parallel()
	var b Board
	for _, kind := range []string{"studio", "studio_2"} {
		b.Plans = append(b.Plans, Priced{})
		b.Plans[len(b.Plans)-1].Type = kind
	}
	for name, want := range map[string]string{"Studio": "studio_3", "Night & Day 24": "night_day_24", "4K Video": "k_video", "Ω": "business_pro", "__x": "business_pro",
		"A name that is much longer than any type may be": "a_name_that_is_much_longer_than"} {
		if got := b.typeOf(name, "business_pro"); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
