package metering

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// reservings reads the open sessions of workspaces, which are locked, with the first
// block that is neither charged nor held.
func reservings(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]reserving, error) {
	return tenants.List[reserving](ctx, tx, `-- metering.reservings
select s.id, s.kasm_workspace_id, s.run, s.user_id, s.started_at, s.last_proof_at, s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.tax_class,
    greatest((select coalesce(max(b.block_no) + 1, 0) from usage_blocks b where b.session_id = s.id),
        (select coalesce(max(h.block_no) + 1, 0) from block_holds h where h.workspace_id = s.kasm_workspace_id and h.run = s.run)) as next,
    u.pay_mode = 'postpaid' and u.monthly_cap is null as later, w.funds_stop_at, w.funds_stop_by
from kasm_usage_sessions s join users u on u.id = s.user_id join kasm_workspaces w on w.id = s.kasm_workspace_id
where s.kasm_workspace_id = any($1) and s.stopped_at is null order by s.id`, workspaces)
}

func insertWriteOffs(ctx context.Context, tx tenants.Tx, w writtenOff, first, end int) error {
	_, err := tx.Exec(ctx, `-- metering.insertWriteOffs
insert into write_offs (session_id, block_no, user_id, cause, starts_at, seconds, rate, wholesale_rate, currency, created_at)
select $1, n, $2, 'downtime', $3::timestamptz + n * make_interval(secs => $4::int), $4, $5, $6, $7, $8 from generate_series($9::int, $10::int - 1) n
on conflict (session_id, block_no) do nothing`,
		w.ID, w.UserID, w.StartedAt, w.BlockSeconds, w.Rate, w.WholesaleRate, w.Currency, tx.Now(), first, end)
	return err
}

// noteWriteOff shows it to the provider, once for a session.
func noteWriteOff(ctx context.Context, tx tenants.Tx, w writtenOff, blocks int, amount, summary string) error {
	_, err := tx.Exec(ctx, `-- metering.noteWriteOff
insert into central.attention (schema_name, tenant_id, kind, subject, summary, detail, created_at)
values ($1, $2, 'write_off', $3::text, $4, jsonb_build_object('session_id', $3::text, 'user_id', $5::text, 'blocks', $6::int, 'amount', $7::text, 'currency', $8::text), $9)
on conflict (tenant_id, kind, subject) where settled_at is null do nothing`,
		tx.Tenant().Schema(), tx.Tenant().ID, w.ID.String(), summary, w.UserID.String(), blocks, amount, w.Currency, tx.Now())
	return err
}
