package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// owned names a workspace for an event about it.
type owned struct {
	UserID      uuid.UUID `db:"user_id"`
	WorkspaceID uuid.UUID `db:"workspace_id"`
	ServiceID   uuid.UUID `db:"service_id"`
	Run         int       `db:"run"`
}

// touch notes for running workspaces that somebody was connected at a time, only
// forwards and without a new revision: what their desktops do has not changed. It
// returns those whose countdown it ended.
func touch(ctx context.Context, tx tenants.Tx, ids []uuid.UUID, at time.Time) ([]owned, error) {
	return tenants.List[owned](ctx, tx, `-- workspaces.touch
with own as (
    select id, idle_warned_at from kasm_workspaces
    where id = any($1) and status = 'running' and (last_used_at is null or last_used_at < $2) order by id for update
), moved as (
    update kasm_workspaces w set last_used_at = $2, idle_warned_at = null from own where w.id = own.id
    returning w.id, w.user_id, w.service_id, w.run, own.idle_warned_at
)
select user_id, id as workspace_id, service_id, run from moved where idle_warned_at is not null order by id`, ids, at)
}

// lockRuled locks the running workspaces of a plan that keep to the plan's idle stop.
func lockRuled(ctx context.Context, tx tenants.Tx, plan uuid.UUID) ([]liveRow, error) {
	return tenants.List[liveRow](ctx, tx, `-- workspaces.lockRuled
select `+liveColumns+` where w.plan_id = $1 and w.status = 'running' and w.idle_stop_minutes is null order by w.id for update of w`, plan)
}

// lockedPrice is what the open session of a workspace costs (R4).
func lockedPrice(ctx context.Context, tx tenants.Tx, id uuid.UUID) (price, error) {
	row, err := tenants.Get[struct {
		PerHour      decimal.Decimal `db:"cost_per_hour"`
		BlockSeconds int             `db:"block_seconds"`
		Currency     string          `db:"currency"`
	}](ctx, tx, "session", `-- workspaces.lockedPrice
select cost_per_hour, block_seconds, currency from kasm_usage_sessions where kasm_workspace_id = $1 and stopped_at is null`, id)
	return price{row.PerHour, row.BlockSeconds, row.Currency}, err
}

// spentInRun is what the closed sessions of one run cost.
func spentInRun(ctx context.Context, tx tenants.Tx, id uuid.UUID, run int) (spent, error) {
	return tenants.Get[spent](ctx, tx, "run", `-- workspaces.spentInRun
select coalesce(sum(total_cost), 0) as cost, max(started_at) as last from kasm_usage_sessions
where kasm_workspace_id = $1 and run = $2 and stopped_at is not null`, id, run)
}
