package billing

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/money"
)

func zoneOf(t interface{ Fatal(...any) }, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// TestProrationEveryDayR25 walks every day of months of each length, in zones whose
// clocks change at noon, at midnight and by half an hour.
func TestProrationEveryDayR25(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "America/New_York", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Apia", "Asia/Tokyo"} {
		zone := zoneOf(t, name)
		for _, year := range []int{2026, 2028} {
			for month := time.January; month <= time.December; month++ {
				days := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
				for day := 1; day <= days; day++ {
					at := time.Date(year, month, day, 13, 30, 0, 0, zone)
					left, all := daysLeft(zone, CycleOf(zone, at), at)
					if int(all) != days || int(left) != days-day+1 {
						t.Errorf("%s %s: want %d of %d days, got %d of %d", name, at.Format(time.DateOnly), days-day+1, days, left, all)
					}
				}
			}
		}
	}
}

func TestProrationV53R25(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, price, currency, at, want string
	}{
		{"V53", "30.00", "USD", "2026-09-16T10:00:00Z", "15"},
		{"first day is all of it", "30.00", "USD", "2026-09-01T00:00:00Z", "30"},
		{"last day", "30.00", "USD", "2026-09-30T23:59:59Z", "1"},
		{"February", "28.00", "USD", "2026-02-15T00:00:00Z", "14"},
		{"February of a leap year", "29.00", "USD", "2028-02-29T12:00:00Z", "1"},
		{"a third, rounded once", "10.00", "USD", "2026-09-21T00:00:00Z", "3.33"},
		{"half away from zero", "0.99", "USD", "2026-09-16T00:00:00Z", "0.5"},
		{"yen have no cents", "1000", "JPY", "2026-10-20T00:00:00Z", "387"},
		{"dinars have three", "10", "KWD", "2026-09-21T00:00:00Z", "3.333"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		s := Subscription{Price: dec(c.price), Currency: c.currency, PlanName: "Plan"}
		if got := s.partLine(time.UTC, CycleOf(time.UTC, at), at).Amount; !got.Equal(dec(c.want)) {
			t.Errorf("%s: want %s, got %s", c.name, c.want, got)
		}
	}
}

// TestProrationIsWithinTheMonthR25: whatever the day, a part costs more than nothing
// and no more than the month; later in the month it never costs more.
func TestProrationIsWithinTheMonthR25(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := zoneOf(t, rapid.SampledFrom([]string{"UTC", "America/New_York", "Asia/Beirut", "Pacific/Apia"}).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at"), 0)
		price := decimal.New(rapid.Int64Range(1, 1_000_000_000).Draw(t, "price"), -6)
		c := CycleOf(zone, at)
		left, all := daysLeft(zone, c, at)
		exact := prorated(price, left, all)
		if left < 1 || left > all || exact.GreaterThan(price) || exact.IsNegative() {
			t.Fatalf("%d of %d days of %s cost %s", left, all, price, exact)
		}
		if later := at.Add(24 * time.Hour); later.Before(c.End) {
			if next, _ := daysLeft(zone, c, later); next > left {
				t.Fatalf("%d days are left, a day later %d", left, next)
			}
		}
	})
}

func TestMonthsClosedAheadAreMadeUpForR25(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 16, 10, 0, 0, 0, time.UTC)
	s := Subscription{Price: dec("30"), Currency: "USD", PlanName: "Plan"}
	lines := s.linesFrom(time.UTC, at, cycleOfMonth(time.UTC, 2026, time.November))
	sum := decimal.Zero
	for _, l := range lines {
		sum = sum.Add(l.Amount)
	}
	if len(lines) != 3 || !sum.Equal(dec("75")) {
		t.Errorf("want half of September, October and November, got %d lines for %s", len(lines), sum)
	}
}

func TestNumberFormats(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 5, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ format, want string }{
		{"INV-{year}-{number:6}", "INV-2026-000042"},
		{"{number}", "42"},
		{"A.{year}{month}_{number:3}", "A.202609_042"},
		{"{number:1}", "42"},
	} {
		if err := CheckNumberFormat("f", c.format); err != nil {
			t.Errorf("%s: %v", c.format, err)
		}
		if got := writeNumber(c.format, 42, at); got != c.want {
			t.Errorf("%s: want %s, got %s", c.format, c.want, got)
		}
	}
	for _, wrong := range []string{"", "INV", "{year}", "{number}{number}", "INV/{number}", "{number:0}", "{day}-{number}", "{year:4}-{number}", "{number", "Ä{number}",
		"a-very-long-prefix-that-no-paper-holds-{number}"} {
		if err := CheckNumberFormat("f", wrong); err == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}

func TestTaxForR10(t *testing.T) {
	t.Parallel()
	rates := []TaxRate{
		{Name: "VAT", Class: "standard", Percent: dec("20")},
		{Name: "MwSt", Class: "standard", Country: "DE", Percent: dec("19"), Inclusive: true},
		{Name: "none", Class: "standard", Country: "CH", Percent: dec("0")},
	}
	for _, c := range []struct {
		country, class string
		exempt         bool
		want           string
	}{
		{"DE", "standard", false, "19"}, {"FR", "standard", false, "20"}, {"", "standard", false, "20"}, {"CH", "standard", false, "0"},
		{"DE", "standard", true, "0"}, {"DE", "books", false, "0"},
	} {
		if got := taxFor(rates, c.country, c.class, c.exempt); !got.Percent.Equal(dec(c.want)) {
			t.Errorf("%+v: got %s", c, got.Percent)
		}
	}
}

// TestCouponThenTaxV28R11: 10.00 less 10 %, then VAT of 20 %.
func TestCouponThenTaxV28R11(t *testing.T) {
	t.Parallel()
	lines := []Line{{Amount: dec("10.00"), TaxName: "VAT", TaxPercent: dec("20")}}
	r := reduction{code: "TEN", percent: dec("10")}
	got := Sum(lines, r.off(lines, "USD"), "USD")
	if !got.Discount.Equal(dec("1")) || !got.Tax.Equal(dec("1.80")) || !got.Total.Equal(dec("10.80")) {
		t.Errorf("got %+v", got)
	}
	if off := (reduction{amount: dec("5"), currency: "EUR"}).off(lines, "USD"); !off.IsZero() {
		t.Errorf("five euros took %s off dollars", off)
	}
}

// TestTaxPerRateV29R10: three lines of 0.33 with 20 % have 0.20 of tax.
func TestTaxPerRateV29R10(t *testing.T) {
	t.Parallel()
	line := Line{Amount: dec("0.33"), TaxName: "VAT", TaxPercent: dec("20")}
	if got := Sum([]Line{line, line, line}, decimal.Zero, "USD"); !got.Tax.Equal(dec("0.20")) {
		t.Errorf("got %s of tax", got.Tax)
	}
}

// TestCreditNotesComeToTheInvoiceR19 credits random invoices bit by bit: no note goes
// beyond what is left, and when all is given back, so is every unit of tax.
func TestCreditNotesComeToTheInvoiceR19(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "USD", "KWD"}).Draw(t, "currency")
		unit := money.Unit(currency)
		var lines []Line
		for range rapid.IntRange(1, 5).Draw(t, "lines") {
			lines = append(lines, Line{ID: newID(), Amount: unit.Mul(decimal.NewFromInt(rapid.Int64Range(0, 5000).Draw(t, "amount"))), Currency: currency, TaxName: "T",
				TaxPercent: dec(rapid.SampledFrom([]string{"0", "7.7", "19", "20"}).Draw(t, "tax")), TaxInclusive: rapid.Bool().Draw(t, "inside")})
		}
		off := unit.Mul(decimal.NewFromInt(rapid.Int64Range(0, 4000).Draw(t, "discount")))
		inv := Invoice{Currency: currency, Totals: Sum(lines, off, currency)}
		all := make([]creditable, len(lines))
		for i, l := range lines {
			all[i] = creditable{Line: l}
		}
		total, tax := decimal.Zero, decimal.Zero
		take := func(w CreditWish) {
			got, err := w.divide(inv, all)
			if err != nil {
				t.Fatal(err)
			}
			note := w.draw(inv, got)
			if note.Tax.IsNegative() || note.Total.IsNegative() {
				t.Fatalf("a note gives back %s with %s of tax", note.Total, note.Tax)
			}
			total, tax = total.Add(note.Total), tax.Add(note.Tax)
			for _, l := range got {
				for i := range all {
					if all[i].ID == l.ItemID {
						all[i].Credited, all[i].CreditedTax = all[i].Credited.Add(l.Amount), all[i].CreditedTax.Add(l.Tax)
					}
				}
			}
			if total.GreaterThan(inv.Total) {
				t.Fatalf("%s were given back of %s", total, inv.Total)
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "notes") {
			i := rapid.IntRange(0, len(all)-1).Draw(t, "line")
			units := all[i].left().Div(unit).IntPart()
			if units == 0 {
				continue
			}
			part := unit.Mul(decimal.NewFromInt(rapid.Int64Range(1, units).Draw(t, "part")))
			take(CreditWish{Lines: []CreditLine{{ItemID: all[i].ID, Amount: part}}})
		}
		take(CreditWish{})
		if !total.Equal(inv.Total) || !tax.Equal(inv.Tax) {
			t.Fatalf("%s with %s of tax were given back of %s with %s", total, tax, inv.Total, inv.Tax)
		}
	})
}
