// Package pricing is what things are sold for: the provider's catalogue of shapes
// with their wholesale prices and what resellers may do with them, and a shop's own
// prices with the mark-ups that make them. Prices are for sessions that begin from
// then on; those under way keep what they began with (R4).
package pricing

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Service holds the use cases.
type Service struct{ db *tenants.DB }

// New makes the service.
func New(db *tenants.DB) *Service { return &Service{db: db} }

// Board reads a shop's plans, rules and margins, and with them, in the same round
// trip, what else a page asks of the shop.
func (s *Service) Board(ctx context.Context, t tenants.Tenant, more ...tenants.Query) (Board, error) {
	if fresh, ok := s.db.Registry().ByID(t.ID); ok {
		t = fresh // wholesale prices may be newer than the request
	}
	var b Board
	var plans []billing.Plan
	if err := s.db.Read(ctx, t, append(more, billing.EveryPlanQ(&plans), rulesQ(&b.Rules))...); err != nil {
		return b, err
	}
	var shapes []Shape
	var policy Policy
	if err := s.db.CentralRead(ctx, dealQ(&b.Deal, t.ID), ShapesQ(&shapes), PolicyQ(&policy)); err != nil {
		return b, err
	}
	known := make(map[string]Shape, len(shapes))
	for _, shape := range shapes {
		shape.Bound = policy.floorOf(t, shape)
		shape.Cost, _ = t.WholesaleRate(shape.ID)
		known[shape.ID] = shape
		if shape.For(t, b.Deal.Tier) {
			b.Shapes = append(b.Shapes, shape)
		}
	}
	for _, plan := range plans {
		shape := known[plan.CatalogPlanID]
		p := b.priced(t, plan, shape)
		if plan.Status == billing.PlanActive {
			b.Plans = append(b.Plans, p)
		} else {
			b.Old = append(b.Old, p)
		}
	}
	return b, nil
}

// NewRule is a mark-up as somebody asks for it.
type NewRule struct {
	Scope   string // ForAll, ForType, ForPlan
	Target  string
	PriceOf string // Hour when empty
	Kind    string // Percent or Amount
	Value   decimal.Decimal
	RoundTo decimal.Decimal
	Actor   string
}

// The most that a rule may put on top, and the largest step of rounding.
const (
	mostPercent = 10_000
	mostAmount  = 100_000
)

func (n NewRule) check(b Board) error {
	wrong := fail.Fields{}
	switch n.Scope {
	case ForAll:
	case ForType:
		if n.Target != "developer" && n.Target != "business" {
			wrong.Add("target", "Choose developer or business.")
		}
	case ForPlan:
		if _, ok := b.Plan(n.Target); !ok {
			wrong.Add("target", "Choose one of the plans you sell.")
		}
	default:
		wrong.Add("target", "Choose all plans, a type or a plan.")
	}
	if n.PriceOf != Hour && n.PriceOf != Month {
		wrong.Add("price_of", "Choose the price of an hour or of a month.")
	}
	most := decimal.NewFromInt(mostPercent)
	switch n.Kind {
	case Percent:
	case Amount:
		most = decimal.NewFromInt(mostAmount)
	default:
		wrong.Add("kind", "Choose percent or an amount.")
	}
	if n.Value.IsNegative() || n.Value.GreaterThan(most) || n.Value.Exponent() < -places {
		wrong.Add("value", "Give 0 to %s, with at most %d decimal places.", most, places)
	}
	if n.RoundTo.IsNegative() || n.RoundTo.GreaterThan(decimal.NewFromInt(1000)) || n.RoundTo.Exponent() < -places {
		wrong.Add("round_to", "Give a step such as 0.01, or 0 for exact prices.")
	}
	return wrong.Err()
}

// SetRule writes a mark-up down in the place of the one about the same thing. It
// changes no price until the rules are applied. Errors: Invalid with the fields
// target, price_of, kind, value, round_to.
func (s *Service) SetRule(ctx context.Context, t tenants.Tenant, n NewRule) (Rule, error) {
	if n.PriceOf == "" {
		n.PriceOf = Hour
	}
	if n.Scope == ForAll {
		n.Target = ""
	}
	b, err := s.Board(ctx, t)
	if err == nil {
		err = n.check(b)
	}
	if err != nil {
		return Rule{}, err
	}
	var rule Rule
	err = s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		if rule, err = upsertRule(ctx, tx, n); err != nil {
			return err
		}
		return record(ctx, tx, n.Actor, "pricing.rule_set", rule.about(), map[string]string{"kind": n.Kind, "value": n.Value.String(), "round_to": n.RoundTo.String()})
	})
	return rule, err
}

// about names a rule in the audit log.
func (r Rule) about() string {
	about := r.Scope
	if r.Target != "" {
		about += " " + r.Target
	}
	return about + " " + r.PriceOf
}
