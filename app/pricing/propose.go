package pricing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/tenants"
)

// Priced is a plan with what it costs the shop, what that leaves, and what the rules
// would make of it.
type Priced struct {
	billing.Plan
	Shape     Shape           // of the catalogue; without an ID when it is unknown there
	Known     bool            // the catalogue knows the plan's shape
	Wholesale decimal.Decimal // of an hour, with the shop's discount
	Monthly   decimal.Decimal // wholesale, of a month; 0 for none
	Floor     Floor
	Verdict   Verdict

	Rule      *Rule            // that makes the price of an hour; nil for none
	MonthRule *Rule            // that makes the price of a month; nil for none
	Next      decimal.Decimal  // the price of an hour by the rules
	NextMonth *decimal.Decimal // the price of a month by the rules; nil for none
	Then      Verdict          // what Next leaves
}

// HasMonth says that the plan is sold by the month.
func (p Priced) HasMonth() bool { return p.Price != nil && p.Price.IsPositive() }

// Changes says that the rules would change a price.
func (p Priced) Changes() bool { return !p.Next.Equal(p.PricePerHour) || p.monthChanges() }

func (p Priced) monthChanges() bool {
	return p.NextMonth != nil && p.Price != nil && !p.NextMonth.Equal(*p.Price)
}

// Board is a shop's pricing as its page shows it.
type Board struct {
	Deal   Deal
	Plans  []Priced // sold, in the order of the list
	Old    []Priced // retired
	Shapes []Shape  // of which the shop may make plans
	Rules  []Rule
}

// priced joins a plan with its shape, its costs and its rules.
func (b *Board) priced(t tenants.Tenant, plan billing.Plan, shape Shape) Priced {
	floor := shape.Bound
	p := Priced{Plan: plan, Shape: shape, Floor: floor, Next: plan.PricePerHour, NextMonth: plan.Price}
	p.Wholesale, p.Known = t.WholesaleRate(plan.CatalogPlanID)
	p.Monthly, _ = t.WholesalePrice(plan.CatalogPlanID)
	if rule, ok := Pick(b.Rules, plan.Type, plan.WorkspaceType, Hour); ok && p.Known {
		p.Rule, p.Next = &rule, rule.Price(p.Wholesale)
	}
	if rule, ok := Pick(b.Rules, plan.Type, plan.WorkspaceType, Month); ok && p.Known && p.HasMonth() {
		price := rule.Price(p.Monthly)
		p.MonthRule, p.NextMonth = &rule, &price
	}
	p.Verdict = b.Deal.Judge(plan.PricePerHour, p.Wholesale, floor)
	p.Then = b.Deal.Judge(p.Next, p.Wholesale, floor)
	return p
}

// Changes are the plans whose prices the rules would change.
func (b Board) Changes() (list []Priced) {
	for _, p := range b.Plans {
		if p.Changes() {
			list = append(list, p)
		}
	}
	return list
}

// Seen names what the rules would do at this moment, so that what is applied is what
// somebody has looked at.
func (b Board) Seen() string {
	sum := sha256.New()
	for _, p := range b.Changes() {
		month := "-"
		if p.NextMonth != nil {
			month = p.NextMonth.String()
		}
		fmt.Fprintf(sum, "%s %d %s %s\n", p.Type, p.Version, p.Next, month)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// Plan finds one of the plans that are sold.
func (b Board) Plan(kind string) (Priced, bool) {
	for _, p := range b.Plans {
		if p.Type == kind {
			return p, true
		}
	}
	return Priced{}, false
}

// Shape finds one of the shapes that the shop may make plans of.
func (b Board) Shape(id string) (Shape, bool) {
	for _, s := range b.Shapes {
		if s.ID == id {
			return s, true
		}
	}
	return Shape{}, false
}
