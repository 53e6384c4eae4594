package pricing

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// RemoveRule takes a mark-up away; the prices stay as they are. Errors: NotFound.
func (s *Service) RemoveRule(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		rule, err := deleteRule(ctx, tx, id)
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, "pricing.rule_removed", rule.about(), nil)
	})
}

// errMoved says that the prices on the page are not those that would be written.
var errMoved = fail.Coded(fail.Conflict, "prices_moved", "Prices or rules have changed since you looked. Look at the preview again, then apply it.")

// Apply writes the prices that the rules make, all or none. seen is the Seen of the
// board that somebody looked at; when that is not what would happen now, it is
// Conflict. With nothing to change it changes nothing. A price below a floor that the
// provider insists on is Invalid.
func (s *Service) Apply(ctx context.Context, t tenants.Tenant, actor, seen string) (changed int, err error) {
	b, err := s.Board(ctx, t)
	if err != nil {
		return 0, err
	}
	changes := b.Changes()
	if len(changes) == 0 {
		return 0, nil
	}
	if seen != b.Seen() {
		return 0, errMoved
	}
	for _, p := range changes {
		if p.Floor.Refuse && p.Then.Least.IsPositive() {
			return 0, fail.New(fail.Invalid, "%s would cost %s an hour, and the provider asks for at least %s. Raise its mark-up.", p.Name, money.Rate(p.Next, p.Currency), money.Rate(p.Then.Least, p.Currency))
		}
	}
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		for _, p := range changes {
			if err := applyTo(ctx, tx, actor, p); err != nil {
				return err
			}
		}
		return record(ctx, tx, actor, "pricing.applied", "", map[string]string{"plans": strconv.Itoa(len(changes))})
	})
	if err != nil {
		return 0, err
	}
	return len(changes), nil
}

func applyTo(ctx context.Context, tx tenants.Tx, actor string, p Priced) error {
	change := billing.PlanChange{Type: p.Type, Actor: actor, PricePerHour: &p.Next}
	if p.monthChanges() {
		change.Price = p.NextMonth
	}
	change.Then = func(_ context.Context, _ tenants.Tx, before, _ billing.Plan) error {
		if before.Version != p.Version { // somebody was quicker
			return errMoved
		}
		return nil
	}
	_, err := billing.ChangePlan(ctx, tx, change)
	return err
}
