package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// MinimumQ reads the least credit to order or start a desktop with (R16), in the
// shop's currency, for pages that say so before anybody tries.
func MinimumQ(dst *decimal.Decimal) tenants.Query {
	return tenants.GetQ(dst, "setting", `-- ledger.MinimumQ
		select coalesce((select nullif(value #>> '{}', '') from settings where key = 'minimum_credit'), $1)::numeric`, defaultMinimum)
}

// Enough says whether a balance allows to order or start with this minimum (R16).
func (b Balance) Enough(minimum decimal.Decimal) bool {
	return !b.Credit.Add(b.Bonus).Sub(b.Held).LessThan(minimum)
}

func starterOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) (starter, error) {
	return tenants.Get[starter](ctx, tx, "customer", `-- ledger.starterOf
		select coalesce(a.credit, 0) as credit, coalesce(a.bonus, 0) as bonus, coalesce(a.held, 0) as held, $2::text as currency,
			coalesce(u.parked_at is not null, false) as parked, coalesce(u.suspended_for, '') <> '' as suspended,
			exists (select from payment_methods m where m.user_id = $1 and m.status = 'active') as has_method
		from (
			select sum(balance) filter (where kind = 'credit') as credit, sum(balance) filter (where kind = 'bonus') as bonus, sum(held) as held
			from ledger_accounts where user_id = $1 and kind in ('credit', 'bonus') and currency = $2) a
		left join users u on u.id = $1`, user, tx.Tenant().Currency)
}

// Setting reads a setting of the shop written as a JSON string or number.
func Setting(ctx context.Context, q tenants.Querier, key, otherwise string) (string, error) {
	value, found, err := tenants.Find[string](ctx, q, `-- ledger.Setting
		select coalesce(value #>> '{}', '') from settings where key = $1`, key)
	if err != nil || !found || value == "" {
		return otherwise, err
	}
	return value, nil
}
