package money

import (
	"slices"

	"github.com/shopspring/decimal"
)

// Allocate spreads an amount over weights by largest remainder (R12): each part
// is a whole number of the currency's smallest units, within one unit of its
// fair share, and the parts add up to the amount. Where remainders are equal the
// earlier part comes first. The amount must itself be in whole units (it is
// rounded to them if not) and weights must not be negative; when all are zero,
// everything goes to the first part.
func Allocate(total decimal.Decimal, weights []decimal.Decimal, code string) []decimal.Decimal {
	parts := make([]decimal.Decimal, len(weights))
	if len(weights) == 0 {
		return parts
	}
	total = Round(total, code)
	sum := decimal.Sum(decimal.Zero, weights...)
	if sum.IsZero() {
		parts[0] = total
		return parts
	}
	unit, e := Unit(code), Exponent(code)
	left := total.Abs()
	remainders := make([]decimal.Decimal, len(weights))
	order := make([]int, len(weights))
	for i, w := range weights {
		parts[i], remainders[i] = total.Abs().Mul(w).QuoRem(sum, e)
		left = left.Sub(parts[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return remainders[b].Cmp(remainders[a]) })
	for _, i := range order {
		if left.Sign() <= 0 {
			break
		}
		parts[i] = parts[i].Add(unit)
		left = left.Sub(unit)
	}
	if total.IsNegative() {
		for i := range parts {
			parts[i] = parts[i].Neg()
		}
	}
	return parts
}
