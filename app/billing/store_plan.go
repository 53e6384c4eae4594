package billing

import (
	"context"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

const planColumns = `p.id, p.service_type, p.catalog_plan_id, p.name, p.description, p.workspace_type, p.vcpu, p.ram_mb, p.price, p.price_per_hour,
		p.block_seconds, p.included_hours, p.currency, p.version, p.status`

// PlansQ reads what the shop sells, in the order of its list.
func PlansQ(dst *[]Plan) tenants.Query {
	return tenants.ListQ(dst, `-- billing.PlansQ
		select `+planColumns+` from plans p where p.status = 'active' order by p.sort_order, p.service_type`)
}

func updatePlan(ctx context.Context, tx tenants.Tx, c PlanChange) (Plan, error) {
	plan, found, err := tenants.Find[Plan](ctx, tx, `-- billing.updatePlan
		update plans p set
			price_per_hour = coalesce($2, p.price_per_hour), price = coalesce($3, p.price),
			block_seconds = coalesce($4, p.block_seconds), included_hours = coalesce($5, p.included_hours), version = p.version + 1
		where p.service_type = $1
		returning `+planColumns, c.Type, c.PricePerHour, c.Price, c.BlockSeconds, c.IncludedHours)
	if err == nil && !found {
		err = fail.Missing("plan")
	}
	return plan, err
}

func auditPlan(ctx context.Context, tx tenants.Tx, actor string, p Plan) error {
	_, err := tx.Exec(ctx, `-- billing.auditPlan
		insert into audit_log (at, actor, action, subject, detail)
		values ($1, $2, 'plan.changed', $3, jsonb_build_object('version', $4::int, 'price_per_hour', $5::numeric, 'block_seconds', $6::int))`,
		tx.Now(), actor, p.Type, p.Version, p.PricePerHour, p.BlockSeconds)
	return err
}
