package accounts

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const profileSQL = `-- billing profile of a user
	select pay_mode, pay_mode_chosen, company, address, country, vat_number, monthly_cap, warn_percent, low_credit, parked_at, parked_for, suspended_for,
	    coalesce((select value #>> '{}' from settings where key = 'postpaid_allowed'), 'true') <> 'false' as postpaid_open,
	    erase_asked_at, erase_waits_for, erased_at,
	    (select count(*)::int from payment_methods where user_id = users.id and status = 'active') as methods
	from users where users.id = $1`

// ProfileQ asks for a person's billing profile as a part of a Read; nobody is
// fail.Missing.
func ProfileQ(dst *Profile, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "account", profileSQL, id)
}

func profileOf(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Profile, error) {
	return tenants.Get[Profile](ctx, tx, "account", profileSQL, id)
}

func updateDetails(ctx context.Context, tx tenants.Tx, id uuid.UUID, d Details) error {
	_, err := tenants.Get[uuid.UUID](ctx, tx, "account", `-- set billing details
		update users set company = $2, address = $3, country = $4, vat_number = $5 where id = $1 returning id`, id, d.Company, d.Address, d.Country, d.VATNumber)
	return err
}

func updateLimits(ctx context.Context, tx tenants.Tx, id uuid.UUID, l Limits) error {
	percents := make([]int32, len(l.WarnPercent))
	for i, p := range l.WarnPercent {
		percents[i] = int32(p)
	}
	_, err := tenants.Get[uuid.UUID](ctx, tx, "account", `-- set limits
		update users set monthly_cap = $2, warn_percent = $3, low_credit = $4 where id = $1 returning id`, id, l.MonthlyCap, percents, l.LowCredit)
	return err
}

func updatePayMode(ctx context.Context, tx tenants.Tx, id uuid.UUID, mode string) error {
	_, err := tenants.Get[uuid.UUID](ctx, tx, "account", `-- set pay mode
		update users set pay_mode = $2, pay_mode_chosen = true where id = $1 returning id`, id, mode)
	return err
}
