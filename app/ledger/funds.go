package ledger

import (
	"time"

	"github.com/shopspring/decimal"
)

// How a customer pays. Prepaid: each block is paid from credit before it begins.
// Postpaid: blocks are paid with the invoice.
const (
	Prepaid  = "prepaid"
	Postpaid = "postpaid"
)

// Funds is where a customer stands: what they have, how they pay, and what limits
// them. Amounts are in the shop's currency.
type Funds struct {
	Credit      decimal.Decimal  `db:"credit"`
	Bonus       decimal.Decimal  `db:"bonus"`
	Held        decimal.Decimal  `db:"held"` // reserved for blocks that have not begun
	Currency    string           `db:"currency"`
	PayMode     string           `db:"pay_mode"`
	Cap         *decimal.Decimal `db:"monthly_cap"` // a month, with tax; nil without one
	CapUsed     decimal.Decimal  `db:"cap_used"`    // of this month: begun blocks and holds
	WarnPercent []int            `db:"warn_percent"`
	LowCredit   *decimal.Decimal `db:"low_credit"`
	TaxPercent  decimal.Decimal  `db:"tax_percent"` // added to the price of a block; 0 when it is inside
	Parked      bool             `db:"parked"`
	Suspended   bool             `db:"suspended"`
	HasMethod   bool             `db:"has_method"` // a payment method is saved
}

// Free is what blocks can still be held from.
func (f Funds) Free() decimal.Decimal { return f.Credit.Add(f.Bonus).Sub(f.Held) }

// CapLeft is what the month's cap still allows; nil without a cap.
func (f Funds) CapLeft() *decimal.Decimal {
	if f.Cap == nil {
		return nil
	}
	left := decimal.Max(f.Cap.Sub(f.CapUsed), decimal.Zero)
	return &left
}

// Until is how long a desktop can run from a time, at which its last paid block ends:
// false when neither credit nor a cap ends it.
func (f Funds) Until(perHour decimal.Decimal, blockSeconds int, from time.Time) (time.Time, bool) {
	free := f.Free()
	if f.PayMode == Postpaid {
		left := f.CapLeft()
		if left == nil {
			return time.Time{}, false
		}
		free = *left
	}
	return RunsUntil(free, f.CapLeft(), perHour, blockSeconds, f.TaxPercent, from)
}

// longestForecast is how far ahead RunsUntil looks, in blocks.
const longestForecast = 1_000_000

// RunsUntil is until when a balance pays a desktop alone: whole blocks from the given
// time on, at its price with tax, and no more than capLeft (nil for none) allows.
// False when nothing ends it: a price of nothing, or years ahead.
func RunsUntil(free decimal.Decimal, capLeft *decimal.Decimal, perHour decimal.Decimal, blockSeconds int, taxPercent decimal.Decimal, from time.Time) (time.Time, bool) {
	price := BlockPrice(perHour, blockSeconds, taxPercent)
	if !price.IsPositive() {
		return time.Time{}, false
	}
	if capLeft != nil && capLeft.LessThan(free) {
		free = *capLeft
	}
	blocks, _ := decimal.Max(free, decimal.Zero).QuoRem(price, 0)
	if blocks.GreaterThan(decimal.NewFromInt(longestForecast)) {
		return time.Time{}, false
	}
	return from.Add(time.Duration(blocks.IntPart()) * time.Duration(blockSeconds) * time.Second), true
}

// pricePlaces is how exactly a block is paid from credit.
const pricePlaces = 6

// BlockPrice is what a block takes from credit: rate × (1 + tax), multiplied first,
// divided and rounded once to six places, half away from zero (R8, R13).
func BlockPrice(perHour decimal.Decimal, seconds int, taxPercent decimal.Decimal) decimal.Decimal {
	hundred := decimal.NewFromInt(100)
	return perHour.Mul(decimal.NewFromInt(int64(seconds))).Mul(hundred.Add(taxPercent)).DivRound(decimal.NewFromInt(3600*100), pricePlaces)
}

// MonthOf is the calendar month of a time in a zone, as the times of its edges.
func MonthOf(at time.Time, zone *time.Location) (from, to time.Time) {
	if zone == nil {
		zone = time.UTC
	}
	y, m, _ := at.In(zone).Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, zone).UTC(), time.Date(y, m+1, 1, 0, 0, 0, 0, zone).UTC()
}
