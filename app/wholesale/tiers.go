package wholesale

import (
	"context"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

var tierID = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,30}$`)

func (t Tier) check() fail.Fields {
	wrong := fail.Fields{}
	if name := strings.TrimSpace(t.Name); name == "" || utf8.RuneCountInString(name) > 40 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		wrong.Add("name", "Give a name of 1 to 40 characters.")
	}
	if t.Fee.IsNegative() || t.Fee.GreaterThan(decimal.NewFromInt(1_000_000)) || t.Fee.Exponent() < -6 {
		wrong.Add("fee", "Give an amount from 0 to 1000000.")
	}
	for name, v := range map[string]decimal.Decimal{"discount": t.Discount, "commission": t.Commission} {
		if v.IsNegative() || v.GreaterThan(decimal.NewFromInt(100)) || v.Exponent() < -4 {
			wrong.Add(name, "Give percent from 0 to 100, with up to four places.")
		}
	}
	return wrong
}

func (t Tier) words() map[string]string {
	return map[string]string{"name": t.Name, "fee": t.Fee.String(), "discount": t.Discount.String(), "commission": t.Commission.String()}
}

// AddTier makes a tier, which resellers can be put into. Errors: Invalid with the
// fields id, name, fee, discount, commission.
func (s *Service) AddTier(ctx context.Context, actor string, t Tier) error {
	wrong := t.check()
	if !tierID.MatchString(t.ID) {
		wrong.Add("id", "Use 2 to 31 small letters, digits and hyphens, starting with a letter.")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if err := insertTier(ctx, tx, t); err != nil {
			return err
		}
		return audit(ctx, tx, actor, nil, "tier.added", t.ID, t.words())
	})
	if tenants.IsUnique(err, "reseller_tiers_pkey") {
		err = fail.Fields{"id": "There is a tier with this id already."}.Err()
	}
	return err
}

// SetTier changes what a tier pays. For the resellers that have no figure of their
// own it counts from the cycle that is closed next; a discount counts for sessions
// that begin from now on (R4, R24). Errors: NotFound, Invalid as for AddTier.
func (s *Service) SetTier(ctx context.Context, actor string, t Tier) error {
	if err := t.check().Err(); err != nil {
		return err
	}
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if err := updateTier(ctx, tx, t); err != nil {
			return err
		}
		return audit(ctx, tx, actor, nil, "tier.changed", t.ID, t.words())
	})
	if err != nil {
		return err
	}
	return s.DB.Registry().Refresh(ctx)
}

// RemoveTier takes away a tier that no reseller is in. Errors: NotFound, Conflict.
func (s *Service) RemoveTier(ctx context.Context, actor, id string) error {
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if err := deleteTier(ctx, tx, id); err != nil {
			return err
		}
		return audit(ctx, tx, actor, nil, "tier.removed", id, nil)
	})
	if tenants.IsForeignKey(err, "") {
		err = fail.New(fail.Conflict, "There are resellers in this tier, those that are closed with them. Put them into another first.")
	}
	return err
}
