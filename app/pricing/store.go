package pricing

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

const ruleColumns = `r.id, r.scope, r.target, r.price_of, r.kind, r.value, r.round_to, r.updated_at`

func rulesQ(dst *[]Rule) tenants.Query {
	return tenants.ListQ(dst, `-- pricing.rules
		select `+ruleColumns+` from markup_rules r
		order by array_position(array['all', 'type', 'plan'], r.scope), r.target, r.price_of`)
}

func upsertRule(ctx context.Context, tx tenants.Tx, n NewRule) (Rule, error) {
	return tenants.Get[Rule](ctx, tx, "rule", `-- pricing.upsertRule
		insert into markup_rules as r (scope, target, price_of, kind, value, round_to, updated_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict on constraint markup_rules_once do update
		set kind = excluded.kind, value = excluded.value, round_to = excluded.round_to, updated_at = excluded.updated_at
		returning `+ruleColumns, n.Scope, n.Target, n.PriceOf, n.Kind, n.Value, n.RoundTo, tx.Now())
}

func deleteRule(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Rule, error) {
	return tenants.Get[Rule](ctx, tx, "rule", `-- pricing.deleteRule
		delete from markup_rules r where r.id = $1 returning `+ruleColumns, id)
}

func insertPlan(ctx context.Context, tx tenants.Tx, kind string, n NewPlan, s Shape, currency string) (billing.Plan, error) {
	if _, err := tx.Exec(ctx, `-- pricing.insertPlan
		insert into plans (service_type, catalog_plan_id, name, description, workspace_type, vcpu, ram_mb, price, price_per_hour, block_seconds,
			included_hours, trial_days, currency, sort_order, driver)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, 0), coalesce($12, 0), $13, (select coalesce(max(sort_order), 0) + 1 from plans), $14)`,
		kind, s.ID, n.Name, n.Description, s.WorkspaceType, s.VCPU, s.RAMMB, n.Price, n.PricePerHour, n.BlockSeconds, n.IncludedHours, n.TrialDays, currency, s.Driver); err != nil {
		return billing.Plan{}, err
	}
	return billing.PlanOf(ctx, tx, kind)
}

func record(ctx context.Context, tx tenants.Tx, actor, action, subject string, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, `-- pricing.record
		insert into audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, action, subject, detail)
	return err
}

// dealQ reads what a shop has agreed to; the provider's own shop has agreed to nothing.
func dealQ(dst *Deal, tenant uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "shop", `-- pricing.deal
		select coalesce(b.plan_id, '') as tier, coalesce(b.mode, '') as mode, coalesce(b.commission_percent, r.commission_percent, 0) as commission
		from central.tenants t
		left join central.tenant_billing b on b.tenant_id = t.id
		left join central.reseller_tiers r on r.id = b.plan_id
		where t.id = $1`, tenant)
}

const shapeColumns = `id, name, description, workspace_type, vcpu, ram_mb, price_per_hour, wholesale_price_per_hour, price, wholesale_price,
			floor_price_per_hour, minimum_markup_percent, block_seconds, minimum_block_seconds, driver, status, in_new_shops, tiers, sort_order`

// ShapesQ reads the catalogue, the retired shapes last.
func ShapesQ(dst *[]Shape) tenants.Query {
	return tenants.ListQ(dst, `-- pricing.shapes
		select `+shapeColumns+` from central.catalog_plans order by status, sort_order, id`)
}

// PolicyQ reads what holds for all shapes.
func PolicyQ(dst *Policy) tenants.Query {
	return tenants.GetQ(dst, "policy", `-- pricing.policy
		select coalesce((select (value #>> '{}')::numeric from central.settings where key = 'catalog_minimum_markup'), 0) as minimum_markup,
			coalesce((select (value #>> '{}') = 'refuse' from central.settings where key = 'catalog_below_floor'), false) as refuse`)
}

func savePolicy(ctx context.Context, tx tenants.CentralTx, p Policy) error {
	_, err := tx.Exec(ctx, `-- pricing.savePolicy
		insert into central.settings (key, value, updated_at)
		values ('catalog_minimum_markup', to_jsonb($1::numeric), $3), ('catalog_below_floor', to_jsonb(case when $2 then 'refuse' else 'warn' end), $3)
		on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`, p.MinimumMarkup, p.Refuse, tx.Now())
	return err
}

func insertShape(ctx context.Context, tx tenants.CentralTx, s Shape) error {
	_, err := tx.Exec(ctx, `-- pricing.insertShape
		insert into central.catalog_plans (`+shapeColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, coalesce($18, '{}'::text[]), $19)`,
		s.ID, s.Name, s.Description, s.WorkspaceType, s.VCPU, s.RAMMB, s.Suggested, s.Wholesale, s.SuggestedMonth, s.WholesaleMonth,
		s.FloorPrice, s.MinimumMarkup, s.BlockSeconds, s.MinimumBlock, s.Driver, s.Status, s.InNewShops, s.Tiers, s.SortOrder)
	return err
}

func updateShape(ctx context.Context, tx tenants.CentralTx, s Shape) error {
	n, err := tx.Exec(ctx, `-- pricing.updateShape
		update central.catalog_plans set name = $2, description = $3, price_per_hour = $4, wholesale_price_per_hour = $5, price = $6, wholesale_price = $7,
			floor_price_per_hour = $8, minimum_markup_percent = $9, block_seconds = $10, minimum_block_seconds = $11, driver = $12, status = $13,
			in_new_shops = $14, tiers = coalesce($15, '{}'::text[]), sort_order = $16
		where id = $1`,
		s.ID, s.Name, s.Description, s.Suggested, s.Wholesale, s.SuggestedMonth, s.WholesaleMonth, s.FloorPrice, s.MinimumMarkup, s.BlockSeconds,
		s.MinimumBlock, s.Driver, s.Status, s.InNewShops, s.Tiers, s.SortOrder)
	if err == nil && n == 0 {
		err = fail.Missing("shape")
	}
	return err
}

func unknownTiers(ctx context.Context, tx tenants.CentralTx, ids []string) ([]string, error) {
	return tenants.List[string](ctx, tx, `-- pricing.unknownTiers
		select named.id from unnest($1::text[]) as named (id) where not exists (select from central.reseller_tiers r where r.id = named.id) order by 1`, ids)
}

func recordCentral(ctx context.Context, tx tenants.CentralTx, actor, action, subject string, detail map[string]string) error {
	_, err := tx.Exec(ctx, `-- pricing.recordCentral
		insert into central.audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, action, subject, detail)
	return err
}
