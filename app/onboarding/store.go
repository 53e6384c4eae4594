package onboarding

import (
	"context"

	"github.com/ezscale/ezscale/tenants"
)

// The settings that hold what the owner has said.
const (
	keyPrices = "onboarding.prices_kept"
	keyHidden = "onboarding.hidden"
)

// StateQ reads how far a shop has come. cards says whether customers could pay by
// card without keys of the shop's own, as in the provider's own shop.
func StateQ(dst *State, cards bool) tenants.Query {
	return tenants.GetQ(dst, "first steps", `-- onboarding.StateQ
		select exists (select from settings where key = '`+keyPrices+`') or exists (select from plans where version > 1)
				or exists (select from audit_log where action = 'plan.created') as prices,
			$1::boolean or exists (select from settings where key = 'stripe' or key = 'payment_text' and value <> '""') as payment,
			exists (select from users where role = 'customer') as customer,
			exists (select from kasm_workspaces) as desktop,
			exists (select from settings where key = '`+keyHidden+`') as hidden`, cards)
}

func setOnce(ctx context.Context, tx tenants.Tx, key string) (bool, error) {
	n, err := tx.Exec(ctx, `-- onboarding.setOnce
		insert into settings (key, value) values ($1, 'true') on conflict (key) do nothing`, key)
	return n == 1, err
}

func record(ctx context.Context, tx tenants.Tx, actor, action string) error {
	_, err := tx.Exec(ctx, `-- onboarding.record
		insert into audit_log (at, actor, action) values ($1, $2, $3)`, tx.Now(), actor, action)
	return err
}
