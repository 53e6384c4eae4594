package billing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// blockSizes are the block lengths a plan may be sold in, in seconds (R2).
var blockSizes = []int{60, 300, 600, 900, 1800, 3600}

// Plan is what a shop sells, at the shop's own prices. The wholesale side stays
// with the provider's catalogue.
type Plan struct {
	ID            uuid.UUID        `db:"id"`
	Type          string           `db:"service_type"`
	CatalogPlanID string           `db:"catalog_plan_id"`
	Name          string           `db:"name"`
	Description   string           `db:"description"`
	WorkspaceType string           `db:"workspace_type"` // developer, business
	VCPU          int              `db:"vcpu"`
	RAMMB         int              `db:"ram_mb"`
	Price         *decimal.Decimal `db:"price"` // a month, nil when there is none
	PricePerHour  decimal.Decimal  `db:"price_per_hour"`
	BlockSeconds  int              `db:"block_seconds"`
	IncludedHours int              `db:"included_hours"`
	Currency      string           `db:"currency"`
	Version       int              `db:"version"`
	Status        string           `db:"status"`
}

// Rate is the price of an hour for people: "$0.20".
func (p Plan) Rate() string { return money.Rate(p.PricePerHour, p.Currency) }

// BlockPrice is what one block costs, exactly, for people: "$0.0375".
func (p Plan) BlockPrice() string {
	return money.Usage(p.PricePerHour, int64(p.BlockSeconds), p.Currency).Format()
}

// Block is the length of one block.
func (p Plan) Block() time.Duration { return time.Duration(p.BlockSeconds) * time.Second }

// PlanChange says what to change of a plan; nil leaves a thing as it is.
type PlanChange struct {
	Type          string
	PricePerHour  *decimal.Decimal
	Price         *decimal.Decimal
	BlockSeconds  *int
	IncludedHours *int
	Actor         string
}

// SetPlan changes a plan's prices for sessions that start from now on: those
// under way keep what they began with (R4). Errors: NotFound, Invalid with the
// fields price_per_hour, price, block_seconds, included_hours.
func (s *Service) SetPlan(ctx context.Context, t tenants.Tenant, change PlanChange) (Plan, error) {
	if err := change.check(); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		if plan, err = updatePlan(ctx, tx, change); err != nil {
			return err
		}
		return auditPlan(ctx, tx, change.Actor, plan)
	})
	return plan, err
}

func (c PlanChange) check() error {
	wrong := fail.Fields{}
	price := func(field string, d *decimal.Decimal) {
		switch {
		case d == nil:
		case d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100_000)):
			wrong.Add(field, "Give a price from 0 to 100000.")
		case d.Exponent() < -6:
			wrong.Add(field, "Give at most 6 decimal places.")
		}
	}
	price("price_per_hour", c.PricePerHour)
	price("price", c.Price)
	if c.BlockSeconds != nil && !slices.Contains(blockSizes, *c.BlockSeconds) {
		wrong.Add("block_seconds", "A block is 60, 300, 600, 900, 1800 or 3600 seconds.")
	}
	if c.IncludedHours != nil && (*c.IncludedHours < 0 || *c.IncludedHours > 744) {
		wrong.Add("included_hours", "Give 0 to 744 hours.")
	}
	return wrong.Err()
}
