package billing

import (
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// MinimumQ reads the least credit to order or start a desktop with (R16), in the
// shop's currency, for pages that say so before anybody tries.
func MinimumQ(dst *decimal.Decimal) tenants.Query {
	return tenants.GetQ(dst, "setting", `-- billing.MinimumQ
		select coalesce((select nullif(value #>> '{}', '') from settings where key = 'minimum_credit'), $1)::numeric`, defaultMinimum)
}

// Enough says whether a balance allows to order or start with this minimum (R16).
func (b Balance) Enough(minimum decimal.Decimal) bool {
	return !b.Credit.Sub(b.Held).LessThan(minimum)
}
