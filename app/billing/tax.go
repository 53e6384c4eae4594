package billing

import (
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// TaxRate is a percentage on a class of goods. Inclusive: it is inside the price.
type TaxRate struct {
	Name      string          `db:"name"`
	Class     string          `db:"tax_class"`
	Country   string          `db:"country"` // empty: everywhere that has no rate of its own
	Percent   decimal.Decimal `db:"percent"`
	Inclusive bool            `db:"inclusive"`
}

// Totals are the figures at the foot of an invoice. Subtotal is the sum of the
// rounded lines as priced; Tax holds both what was added and what was inside.
type Totals struct {
	Subtotal decimal.Decimal `json:"subtotal"`
	Discount decimal.Decimal `json:"discount"`
	Tax      decimal.Decimal `json:"tax"`
	Total    decimal.Decimal `json:"total"`
}

// Equal says that two feet show the same figures.
func (t Totals) Equal(o Totals) bool {
	return t.Subtotal.Equal(o.Subtotal) && t.Discount.Equal(o.Discount) && t.Tax.Equal(o.Tax) && t.Total.Equal(o.Total)
}

// Sum closes an invoice: it spreads the discount over the lines, at most as much
// as they come to (R11, R12), then works the tax out once for each rate on the
// discounted sum of that rate's lines, half away from zero (R10).
func Sum(lines []Line, discount decimal.Decimal, currency string) Totals {
	var t Totals
	for _, l := range lines {
		t.Subtotal = t.Subtotal.Add(l.Amount)
	}
	t.Discount = spread(lines, decimal.Min(money.Round(discount, currency), t.Subtotal), currency)
	t.Total = t.Subtotal.Sub(t.Discount)
	type rate struct {
		name, percent string
		inclusive     bool
	}
	var order []rate
	sums := map[rate]decimal.Decimal{}
	percents := map[rate]decimal.Decimal{}
	for _, l := range lines {
		r := rate{l.TaxName, l.TaxPercent.String(), l.TaxInclusive}
		if _, known := sums[r]; !known {
			order = append(order, r)
		}
		sums[r], percents[r] = sums[r].Add(l.Amount).Sub(l.Discount), l.TaxPercent
	}
	for _, r := range order {
		tax := taxOn(sums[r], percents[r], r.inclusive, currency)
		t.Tax = t.Tax.Add(tax)
		if !r.inclusive {
			t.Total = t.Total.Add(tax)
		}
	}
	return t
}

// taxOn is the tax on (or, inclusive, within) a sum, divided and rounded once.
func taxOn(sum, percent decimal.Decimal, inclusive bool, currency string) decimal.Decimal {
	hundred := decimal.NewFromInt(100)
	whole := hundred
	if inclusive {
		whole = hundred.Add(percent)
	}
	return sum.Mul(percent).DivRound(whole, money.Exponent(currency))
}
