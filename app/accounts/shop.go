package accounts

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// OpenShop creates a shop with its owner, whose welcome mail lets the owner
// choose a password, and with what else belongs to a shop from its first moment:
// also runs in the same transaction. When the same owner has a shop of this
// short name it changes nothing and created is false. Errors: Invalid with
// fields name, email, domain, slug, time_zone, currency, trial_days, owner_name.
func (s *Service) OpenShop(ctx context.Context, n tenants.NewTenant, also func(context.Context, tenants.Tx) error) (t tenants.Tenant, created bool, err error) {
	founder := s.Founder(n.Email, n.OwnerName)
	return s.db.Create(ctx, n, func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
		owner, err := founder(ctx, tx)
		if err != nil {
			return uuid.Nil, ownersName(err)
		}
		return owner, also(ctx, tx)
	})
}

// ownersName keeps what is wrong with the owner's name apart from the shop's.
func ownersName(err error) error {
	var refused *fail.Error
	if !errors.As(err, &refused) || refused.Fields["name"] == "" {
		return err
	}
	fields := fail.Fields{"owner_name": refused.Fields["name"]}
	if problem := refused.Fields["email"]; problem != "" {
		fields["email"] = problem
	}
	return fields.Err()
}
