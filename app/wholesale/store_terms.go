package wholesale

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const settingsColumns = `coalesce((select value #>> '{}' from central.settings where key = 'time_zone'), 'UTC') as time_zone,
			coalesce((select (value #>> '{}')::int from central.settings where key = 'wholesale_term_days'), 14) as term_days,
			coalesce((select (value #>> '{}')::int from central.settings where key = 'wholesale_suspend_days'), 90) as suspend_days`

// termsQ reads what a reseller has agreed to. A figure that it has none of its own
// for is its tier's (R24).
func termsQ(dst *Terms, tenant uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "reseller", `-- wholesale.terms
		select t.id as tenant_id, t.slug, b.plan_id as tier, b.mode, b.currency,
			coalesce(b.wholesale_discount_percent, r.wholesale_discount_percent) as discount, b.wholesale_discount_percent is not null as own_discount,
			coalesce(b.monthly_fee, r.monthly_fee) as fee, b.monthly_fee is not null as own_fee,
			coalesce(b.commission_percent, r.commission_percent) as commission, b.commission_percent is not null as own_commission,
			b.billing_cycle_day as cycle_day, b.next_billing_date, b.status as billing_status, t.status as tenant_status,
			coalesce(t.suspended_for, '') as suspended_for, t.house,
			t.created_at, t.trial_ends_at, t.closed_at, `+settingsColumns+`
		from central.tenants t
		join central.tenant_billing b on b.tenant_id = t.id
		join central.reseller_tiers r on r.id = b.plan_id
		where t.id = $1`, tenant)
}

// SettingsQ reads the provider's settings for wholesale.
func SettingsQ(dst *Settings) tenants.Query {
	return tenants.GetQ(dst, "settings", `-- wholesale.settings
		select `+settingsColumns)
}

func saveSetting(ctx context.Context, tx tenants.CentralTx, key string, value any) error {
	_, err := tx.Exec(ctx, `-- wholesale.saveSetting
		insert into central.settings (key, value, updated_at) values ($1, to_jsonb($2::text), $3)
		on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`, key, value, tx.Now())
	return err
}

// Tier is what a class of resellers pays when nothing else was agreed.
type Tier struct {
	ID         string          `db:"id"`
	Name       string          `db:"name"`
	Fee        decimal.Decimal `db:"fee"`
	Discount   decimal.Decimal `db:"discount"`
	Commission decimal.Decimal `db:"commission"`
}

// TiersQ lists the tiers.
func TiersQ(dst *[]Tier) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.tiers
		select id, name, monthly_fee as fee, wholesale_discount_percent as discount, commission_percent as commission
		from central.reseller_tiers order by monthly_fee, id`)
}

func updateTerms(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, c Change) (bool, error) {
	n, err := tx.Exec(ctx, `-- wholesale.updateTerms
		update central.tenant_billing
		set plan_id = coalesce($2, plan_id), mode = coalesce($3, mode), billing_cycle_day = coalesce($4, billing_cycle_day),
			currency = coalesce($5, currency),
			wholesale_discount_percent = case when $6 then $7 else wholesale_discount_percent end,
			monthly_fee = case when $8 then $9 else monthly_fee end,
			commission_percent = case when $10 then $11 else commission_percent end
		where tenant_id = $1`, tenant, c.Tier, c.Mode, c.CycleDay, c.Currency,
		c.Discount != nil, c.Discount.value(), c.Fee != nil, c.Fee.value(), c.Commission != nil, c.Commission.value())
	return n == 1, err
}

func audit(ctx context.Context, tx tenants.CentralTx, actor string, tenant *uuid.UUID, action, subject string, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, `-- wholesale.audit
		insert into central.audit_log (at, actor, tenant_id, action, subject, detail) values ($1, $2, $3, $4, $5, $6)`, tx.Now(), actor, tenant, action, subject, detail)
	return err
}
