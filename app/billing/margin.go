package billing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Sold is what blocks of one plan at one pair of rates add up to.
type Sold struct {
	ServiceType   string          `db:"service_type"`
	PlanName      string          `db:"plan_name"`
	Rate          decimal.Decimal `db:"rate"`
	WholesaleRate decimal.Decimal `db:"wholesale_rate"`
	Currency      string          `db:"currency"`
	Blocks        int64           `db:"blocks"`
	Seconds       int64           `db:"seconds"`
}

// PlanMargin is both sides of the same blocks (R24): what customers pay for a
// plan and what the reseller pays the provider. Each side rounds on its own.
type PlanMargin struct {
	ServiceType string
	PlanName    string
	Blocks      int64
	Seconds     int64
	Retail      money.Exact
	Wholesale   money.Exact
}

// Margin is what stays with the reseller, of the two rounded sides.
func (p PlanMargin) Margin() money.Amount {
	return money.Of(p.Retail.Round().D.Sub(p.Wholesale.Round().D), p.Retail.Currency())
}

// Hours is the billed time with one decimal.
func (p PlanMargin) Hours() decimal.Decimal {
	return decimal.NewFromInt(p.Seconds).DivRound(decimal.NewFromInt(3600), 1)
}

// Margins adds sold blocks up to one figure a plan and currency, exactly.
func Margins(sold []Sold) []PlanMargin {
	var plans []PlanMargin
	for _, s := range sold {
		at := slices.IndexFunc(plans, func(p PlanMargin) bool {
			return p.ServiceType == s.ServiceType && p.Retail.Currency() == s.Currency
		})
		if at < 0 {
			at = len(plans)
			plans = append(plans, PlanMargin{ServiceType: s.ServiceType, PlanName: s.PlanName, Retail: money.Nothing(s.Currency), Wholesale: money.Nothing(s.Currency)})
		}
		p := &plans[at]
		p.Blocks, p.Seconds = p.Blocks+s.Blocks, p.Seconds+s.Seconds
		p.Retail = p.Retail.Add(money.Usage(s.Rate, s.Seconds, s.Currency))
		p.Wholesale = p.Wholesale.Add(money.Usage(s.WholesaleRate, s.Seconds, s.Currency))
	}
	slices.SortStableFunc(plans, func(a, b PlanMargin) int {
		return cmp.Or(cmp.Compare(a.PlanName, b.PlanName), cmp.Compare(a.ServiceType, b.ServiceType))
	})
	return plans
}

// Margin is the margin of a shop in the calendar month that holds t, in the
// shop's zone: from blocks, whether invoiced yet or not (R24).
func (s *Service) Margin(ctx context.Context, t tenants.Tenant, month time.Time) ([]PlanMargin, error) {
	c := CycleOf(t.Zone, month)
	var sold []Sold
	err := s.db.Read(ctx, t, SoldQ(&sold, c.Start, c.End))
	return Margins(sold), err
}
