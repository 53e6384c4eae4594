package payments

import "github.com/ezscale/ezscale/tenants"

// TakesCardsQ says, as a part of a Read, whether a shop has keys for the processor.
func (s *Service) TakesCardsQ(dst *bool, t tenants.Tenant) tenants.Query {
	return tenants.GetQ(dst, "setting", `-- payments.TakesCardsQ
		select $1::boolean or coalesce((select value ->> 'sealed' from settings where key = 'stripe'), '') <> ''`, t.House && s.House.Secret != "")
}
