package pricing

import (
	"context"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// mostPlans is how many plans a shop may have, the retired ones with them.
const mostPlans = 100

// ChangePlan changes a plan within what the provider allows. Errors: those of
// billing.SetPlan; Invalid with price_per_hour or block_seconds where the provider
// does not allow it; Conflict for a plan that may not be sold again.
func (s *Service) ChangePlan(ctx context.Context, t tenants.Tenant, change billing.PlanChange) (billing.Plan, error) {
	if err := change.Check(); err != nil {
		return billing.Plan{}, err
	}
	b, err := s.Board(ctx, t)
	if err != nil {
		return billing.Plan{}, err
	}
	p, ok := b.any(change.Type)
	if !ok {
		return billing.Plan{}, fail.Missing("plan")
	}
	wrong := fail.Fields{}
	if change.PricePerHour != nil && !change.PricePerHour.Equal(p.PricePerHour) {
		b.refuseBelow(wrong, *change.PricePerHour, p.Wholesale, p.Floor, p.Currency)
	}
	if change.BlockSeconds != nil && *change.BlockSeconds != p.BlockSeconds {
		p.Shape.refuseShort(wrong, *change.BlockSeconds)
	}
	if err := wrong.Err(); err != nil {
		return billing.Plan{}, err
	}
	if change.Status != nil && *change.Status == billing.PlanActive && p.Status != billing.PlanActive {
		if _, allowed := b.Shape(p.CatalogPlanID); !allowed {
			return billing.Plan{}, fail.New(fail.Conflict, "The provider does not offer what this plan is made from any more, so it cannot be sold again.")
		}
	}
	if change.Name != nil {
		name := strings.TrimSpace(*change.Name)
		change.Name = &name
	}
	var plan billing.Plan
	err = s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		plan, err = billing.ChangePlan(ctx, tx, change)
		return err
	})
	return plan, err
}

// any finds a plan, sold or retired.
func (b Board) any(kind string) (Priced, bool) {
	for _, p := range b.Old {
		if p.Type == kind {
			return p, true
		}
	}
	return b.Plan(kind)
}

// refuseBelow keeps to a floor that the provider insists on.
func (b Board) refuseBelow(wrong fail.Fields, price, wholesale decimal.Decimal, floor Floor, currency string) {
	if least := b.Deal.Judge(price, wholesale, floor).Least; floor.Refuse && least.IsPositive() {
		wrong.Add("price_per_hour", "The provider asks for at least %s an hour.", money.Rate(least, currency))
	}
}

func (s Shape) refuseShort(wrong fail.Fields, seconds int) {
	if seconds < s.MinimumBlock {
		wrong.Add("block_seconds", "The provider allows blocks from %d minutes.", s.MinimumBlock/60)
	}
}

// NewPlan is a plan that a shop makes of one of the catalogue's shapes.
type NewPlan struct {
	CatalogPlanID string
	Name          string
	Description   string           // the shape's when empty
	PricePerHour  *decimal.Decimal // the suggested one when nil
	Price         *decimal.Decimal // of a month; nil for none
	BlockSeconds  *int             // the shape's when nil
	IncludedHours *int             // none when nil
	TrialDays     *int             // none when nil
	Actor         string
}

// change is a new plan as a change, whose checks hold for it, too.
func (n NewPlan) change() billing.PlanChange {
	return billing.PlanChange{Name: &n.Name, Description: &n.Description, PricePerHour: n.PricePerHour, Price: n.Price, BlockSeconds: n.BlockSeconds,
		IncludedHours: n.IncludedHours, TrialDays: n.TrialDays}
}

// AddPlan makes a plan of a shape that the provider lets the shop sell. Its type is
// made from its name and stays. Errors: Invalid with the fields catalog_plan_id and
// those of billing.SetPlan; Conflict when the shop has too many.
func (s *Service) AddPlan(ctx context.Context, t tenants.Tenant, n NewPlan) (billing.Plan, error) {
	n.Name, n.Description = strings.TrimSpace(n.Name), strings.TrimSpace(n.Description)
	if err := n.change().Check(); err != nil {
		return billing.Plan{}, err
	}
	b, err := s.Board(ctx, t)
	if err != nil {
		return billing.Plan{}, err
	}
	shape, ok := b.Shape(n.CatalogPlanID)
	if !ok {
		return billing.Plan{}, fail.Fields{"catalog_plan_id": "Choose one of the shapes that the provider offers you."}.Err()
	}
	if n, err = b.filled(t, n, shape); err != nil {
		return billing.Plan{}, err
	}
	if len(b.Plans)+len(b.Old) >= mostPlans {
		return billing.Plan{}, fail.New(fail.Conflict, "A shop has at most %d plans. Change one that you have retired.", mostPlans)
	}
	var plan billing.Plan
	err = s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		if plan, err = insertPlan(ctx, tx, b.typeOf(n.Name, shape.ID), n, shape, t.Currency); err != nil {
			return err
		}
		return record(ctx, tx, n.Actor, "plan.created", plan.Type, map[string]string{"shape": shape.ID, "name": plan.Name, "price_per_hour": plan.PricePerHour.String()})
	})
	if tenants.IsUnique(err, "plans_service_type") {
		err = fail.New(fail.Conflict, "Somebody has just made a plan of this name. Look at the list again.")
	}
	return plan, err
}

// filled completes a new plan from its shape, within what the provider allows.
func (b Board) filled(t tenants.Tenant, n NewPlan, shape Shape) (NewPlan, error) {
	if n.PricePerHour == nil {
		n.PricePerHour = &shape.Suggested
	}
	if n.Description == "" {
		n.Description = shape.Description
	}
	if n.BlockSeconds == nil {
		block := max(shape.BlockSeconds, shape.MinimumBlock)
		n.BlockSeconds = &block
	}
	if n.Price != nil && n.Price.IsZero() {
		n.Price = nil
	}
	wrong := fail.Fields{}
	b.refuseBelow(wrong, *n.PricePerHour, shape.Cost, shape.Bound, t.Currency)
	shape.refuseShort(wrong, *n.BlockSeconds)
	return n, wrong.Err()
}

// typeOf makes the type of a new plan: small letters, digits and underlines, as
// programs write it, and no other plan's.
func (b Board) typeOf(name, otherwise string) string {
	var text strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			text.WriteRune(r)
		case text.Len() > 0 && !strings.HasSuffix(text.String(), "_"):
			text.WriteByte('_')
		}
	}
	base := strings.Trim(strings.TrimLeft(text.String(), "0123456789_"), "_")
	if len(base) > 32 {
		base = strings.TrimRight(base[:32], "_")
	}
	if len(base) < 3 {
		base = otherwise
	}
	kind := base
	for n := 2; ; n++ {
		if _, taken := b.any(kind); !taken {
			return kind
		}
		kind = base + "_" + strconv.Itoa(n)
	}
}
