package billing

import (
	"context"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

const planColumns = `p.id, p.service_type, p.catalog_plan_id, p.name, p.description, p.workspace_type, p.vcpu, p.ram_mb, p.price, p.price_per_hour,
		p.block_seconds, p.included_hours, p.trial_days, p.currency, p.version, p.status, p.driver, p.idle_stop_minutes, p.max_session_minutes, p.allow_clipboard,
		p.allow_upload, p.allow_download`

// PlansQ reads what the shop sells, in the order of its list.
func PlansQ(dst *[]Plan) tenants.Query {
	return tenants.ListQ(dst, `-- billing.PlansQ
		select `+planColumns+` from plans p where p.status = 'active' order by p.sort_order, p.service_type`)
}

// EveryPlanQ reads what the shop sells and what it sold, in the order of its list.
func EveryPlanQ(dst *[]Plan) tenants.Query {
	return tenants.ListQ(dst, `-- billing.EveryPlanQ
		select `+planColumns+` from plans p order by p.sort_order, p.service_type`)
}

// PlanOf reads one plan, sold or retired. Errors: NotFound.
func PlanOf(ctx context.Context, tx tenants.Tx, plan string) (Plan, error) {
	return tenants.Get[Plan](ctx, tx, "plan", `-- billing.PlanOf
		select `+planColumns+` from plans p where p.service_type = $1`, plan)
}

func lockPlan(ctx context.Context, tx tenants.Tx, plan string) (Plan, error) {
	return tenants.Get[Plan](ctx, tx, "plan", `-- billing.lockPlan
		select `+planColumns+` from plans p where p.service_type = $1 for no key update`, plan)
}

func updatePlan(ctx context.Context, tx tenants.Tx, c PlanChange) (Plan, error) {
	plan, found, err := tenants.Find[Plan](ctx, tx, `-- billing.updatePlan
		update plans p set
			price_per_hour = coalesce($2, p.price_per_hour), price = coalesce($3, p.price),
			block_seconds = coalesce($4, p.block_seconds), included_hours = coalesce($5, p.included_hours), trial_days = coalesce($12, p.trial_days), driver = coalesce($6, p.driver),
			idle_stop_minutes = coalesce($7, p.idle_stop_minutes), max_session_minutes = coalesce($8, p.max_session_minutes),
			allow_clipboard = coalesce($9, p.allow_clipboard), allow_upload = coalesce($10, p.allow_upload), allow_download = coalesce($11, p.allow_download),
			name = coalesce($13, p.name), description = coalesce($14, p.description), status = coalesce($15, p.status),
			version = p.version + 1
		where p.service_type = $1
		returning `+planColumns, c.Type, c.PricePerHour, c.Price, c.BlockSeconds, c.IncludedHours, c.Driver, c.IdleStop, c.MaxSession,
		c.Clipboard, c.Upload, c.Download, c.TrialDays, c.Name, c.Description, c.Status)
	if err == nil && !found {
		err = fail.Missing("plan")
	}
	return plan, err
}

func auditPlan(ctx context.Context, tx tenants.Tx, actor string, p Plan) error {
	_, err := tx.Exec(ctx, `-- billing.auditPlan
		insert into audit_log (at, actor, action, subject, detail)
		values ($1, $2, 'plan.changed', $3, jsonb_build_object('version', $4::int, 'price_per_hour', $5::numeric, 'block_seconds', $6::int, 'driver', $7::text,
			'idle_stop_minutes', $8::int, 'max_session_minutes', $9::int, 'clipboard', $10::boolean, 'upload', $11::boolean, 'download', $12::boolean,
			'name', $13::text, 'price', $14::numeric, 'status', $15::text))`,
		tx.Now(), actor, p.Type, p.Version, p.PricePerHour, p.BlockSeconds, p.Driver, p.IdleStop, p.MaxSession, p.Clipboard, p.Upload, p.Download, p.Name, p.Price, p.Status)
	return err
}
