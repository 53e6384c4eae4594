package billing

import (
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// creditPlaces is how exactly credit is kept.
const creditPlaces = 6

// settlement is how what was taken for blocks before pays for a document (R13).
type settlement struct {
	taken    decimal.Decimal // from credit, block by block; it waits among the deferred
	back     decimal.Decimal // returned: a coupon or included time made it too much
	applied  decimal.Decimal // of the document's total, in whole units
	rounding decimal.Decimal // what rounding leaves, whichever its sign; never the customer's
}

// settlePrepaid holds what was taken for the blocks against what the lines cost
// exactly. Taken and cost agree within a millionth a block: the document is paid. Too
// much goes back. Too little leaves the rest due, in whole units.
func settlePrepaid(lines []Line, total, taken decimal.Decimal, blocks int64, currency string) settlement {
	s := settlement{taken: taken}
	if taken.IsZero() {
		return s
	}
	s.applied = total
	short := costOf(lines).Sub(taken)
	switch enough := short.Abs().LessThanOrEqual(decimal.New(blocks, -creditPlaces)); {
	case enough:
	case short.IsNegative():
		s.back = short.Neg().Round(creditPlaces)
	default:
		due := decimal.Max(decimal.Zero, decimal.Min(total, money.Round(total.Sub(taken), currency)))
		s.applied = total.Sub(due)
	}
	s.rounding = taken.Sub(s.back).Sub(s.applied)
	return s
}

// costOf is what lines cost with their tax before anything is rounded, less their
// parts of the discount.
func costOf(lines []Line) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range lines {
		net := decimal.Max(decimal.Zero, l.Exact.Sub(l.Discount))
		if !l.TaxInclusive {
			net = net.Add(net.Mul(l.TaxPercent).Shift(-2))
		}
		sum = sum.Add(net)
	}
	return sum
}
