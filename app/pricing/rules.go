package pricing

import (
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"time"
)

// What a rule is about, from the widest to the most specific.
const (
	ForAll  = "all"
	ForType = "type" // of desktops: developer or business
	ForPlan = "plan"
)

// The prices that a rule makes.
const (
	Hour  = "hour"
	Month = "month"
)

// How a rule says what comes on top.
const (
	Percent = "percent"
	Amount  = "amount"
)

// places is how fine a price may be.
const places = 6

// Rule is a mark-up on what the shop pays the provider.
type Rule struct {
	ID        uuid.UUID       `db:"id"`
	Scope     string          `db:"scope"`  // ForAll, ForType, ForPlan
	Target    string          `db:"target"` // the type or the plan; empty for all
	PriceOf   string          `db:"price_of"`
	Kind      string          `db:"kind"`     // Percent or Amount
	Value     decimal.Decimal `db:"value"`    // percent, or money on an hour or a month
	RoundTo   decimal.Decimal `db:"round_to"` // prices are rounded up to a multiple of it; 0 for exact
	UpdatedAt time.Time       `db:"updated_at"`
}

// Price is what the rule makes of a wholesale price: the mark-up comes on top, then
// it is rounded up to the rule's step, so that never less than the mark-up is left.
// Without a step it is rounded half away from zero to 6 places.
func (r Rule) Price(wholesale decimal.Decimal) decimal.Decimal {
	price := wholesale.Add(r.Value)
	if r.Kind == Percent {
		hundred := decimal.NewFromInt(100)
		price = wholesale.Mul(hundred.Add(r.Value)).Div(hundred)
	}
	price = price.Round(places)
	if !r.RoundTo.IsPositive() {
		return price
	}
	steps := price.DivRound(r.RoundTo, places+places).Ceil()
	return steps.Mul(r.RoundTo)
}

// weight orders rules: the most specific one counts.
func (r Rule) weight(plan, kind string) int {
	switch {
	case r.Scope == ForPlan && r.Target == plan:
		return 3
	case r.Scope == ForType && r.Target == kind:
		return 2
	case r.Scope == ForAll:
		return 1
	}
	return 0
}

// Pick is the rule that makes a plan's price: that of the plan itself, else that of
// its type of desktops, else the one for all. There is at most one of each.
func Pick(rules []Rule, plan, kind, priceOf string) (best Rule, found bool) {
	most := 0
	for _, r := range rules {
		if w := r.weight(plan, kind); r.PriceOf == priceOf && w > most {
			best, most = r, w
		}
	}
	return best, most > 0
}
