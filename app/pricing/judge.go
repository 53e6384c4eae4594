package pricing

import (
	"github.com/shopspring/decimal"
)

// Deal is what a shop has agreed with the provider, as far as its prices are about it.
type Deal struct {
	Tier       string          `db:"tier"`
	Mode       string          `db:"mode"`       // wholesale or commission (R24)
	Commission decimal.Decimal `db:"commission"` // percent of what customers pay, in commission mode
}

// Share says that the shop pays a share of its revenue and no wholesale price.
func (d Deal) Share() bool { return d.Mode == "commission" }

// Floor is the least that the provider wants a price to be.
type Floor struct {
	Price  decimal.Decimal // of an hour; 0 for none
	Markup decimal.Decimal // percent on the wholesale price; 0 for none
	Refuse bool            // a price below it is refused, not only warned of
}

// Least is the lowest price of an hour that keeps to the floor, 0 when there is none.
func (f Floor) Least(wholesale decimal.Decimal) decimal.Decimal {
	hundred := decimal.NewFromInt(100)
	least := f.Price
	if f.Markup.IsPositive() {
		least = decimal.Max(least, wholesale.Mul(hundred.Add(f.Markup)).Div(hundred).Round(places))
	}
	return least
}

// Verdict is what a price leaves to the shop.
type Verdict struct {
	Cost    decimal.Decimal // what the provider gets of it
	Margin  decimal.Decimal // what is left, exactly; negative when it is sold at a loss
	Percent decimal.Decimal // the margin of the price, to one place; 0 for a price of 0
	Markup  decimal.Decimal // the margin on the cost, to one place; 0 for a cost of 0
	Loss    bool            // every hour costs the shop money
	Least   decimal.Decimal // the provider's floor, where the price is below it; else 0
}

// Judge says what a price leaves to the shop, and what is wrong with it.
func (d Deal) Judge(price, wholesale decimal.Decimal, floor Floor) Verdict {
	hundred := decimal.NewFromInt(100)
	v := Verdict{Cost: wholesale}
	if d.Share() {
		v.Cost = price.Mul(d.Commission).Div(hundred).Round(places)
	}
	v.Margin = price.Sub(v.Cost)
	v.Loss = v.Margin.IsNegative()
	if price.IsPositive() {
		v.Percent = v.Margin.Mul(hundred).DivRound(price, 1)
	}
	if v.Cost.IsPositive() {
		v.Markup = v.Margin.Mul(hundred).DivRound(v.Cost, 1)
	}
	if least := floor.Least(wholesale); price.LessThan(least) {
		v.Least = least
	}
	return v
}
