package billing

import (
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// PercentOff is a coupon's share of the lines, rounded half away from zero.
func PercentOff(lines []Line, percent decimal.Decimal, currency string) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range lines {
		sum = sum.Add(l.Amount)
	}
	return sum.Mul(percent).DivRound(decimal.NewFromInt(100), money.Exponent(currency))
}

// spread writes each line's part of a discount, by largest remainder (R12), and
// gives back the discount.
func spread(lines []Line, discount decimal.Decimal, currency string) decimal.Decimal {
	weights := make([]decimal.Decimal, len(lines))
	for i, l := range lines {
		weights[i] = l.Amount
	}
	for i, part := range money.Allocate(discount, weights, currency) {
		lines[i].Discount = part
	}
	return discount
}
