package metering

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// begunBlocks is BegunBlocks in SQL, for blocks without a row: whole microseconds,
// divided upwards. The first block is there whatever the length is. They come ordered
// by session.
func begunBlocks(ctx context.Context, tx tenants.Tx, sessions []uuid.UUID, until time.Time) ([]begun, error) {
	return tenants.List[begun](ctx, tx, `-- metering.begunBlocks
with spans as materialized (
    select s.id, s.kasm_workspace_id, s.run, s.user_id, s.plan_name, s.started_at, s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.tax_class,
        s.free_blocks, s.first, greatest((length + block_seconds * 1000000::bigint - 1) / (block_seconds * 1000000::bigint) - 1, 0)::int as last
    from (
        select s.id, s.kasm_workspace_id, s.run, s.user_id, s.plan_name, s.started_at, s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.tax_class,
            s.free_blocks, (extract(epoch from ($2::timestamptz - s.started_at)) * 1000000)::bigint as length,
            (select coalesce(max(b.block_no) + 1, 0) from usage_blocks b where b.session_id = s.id) as first
        from kasm_usage_sessions s where s.id = any($1)) s
    where length >= 0
), due as (
    select id, kasm_workspace_id, run, user_id, plan_name, started_at, block_seconds, cost_per_hour, wholesale_cost_per_hour, currency, tax_class, free_blocks, first, last
    from spans where first <= last
)
select d.id as session_id, d.kasm_workspace_id, d.run, d.user_id, d.plan_name, n as block_no, d.started_at + n * make_interval(secs => d.block_seconds) as starts_at, d.block_seconds,
    case when n < d.free_blocks then 0 else d.cost_per_hour end as rate, d.wholesale_cost_per_hour as wholesale_rate, d.currency, d.tax_class,
    h.block_no is not null as held, u.pay_mode = 'postpaid' and u.monthly_cap is null as later, w.funds_stop_at
from due d join users u on u.id = d.user_id join kasm_workspaces w on w.id = d.kasm_workspace_id cross join generate_series(d.first, d.last) n
left join block_holds h on h.workspace_id = d.kasm_workspace_id and h.run = d.run and h.block_no = n
order by d.id, n`, sessions, until)
}

// charged is a row of usage_blocks as it is written.
type chargedRow struct {
	SessionID     uuid.UUID `json:"session_id"`
	BlockNo       int       `json:"block_no"`
	UserID        uuid.UUID `json:"user_id"`
	StartsAt      time.Time `json:"starts_at"`
	Seconds       int       `json:"seconds"`
	Rate          string    `json:"rate"`
	WholesaleRate string    `json:"wholesale_rate"`
	Currency      string    `json:"currency"`
	Prepaid       string    `json:"prepaid"`
}

// insertBlocks is the charge (R2).
func insertBlocks(ctx context.Context, tx tenants.Tx, blocks []begun, proof time.Time) error {
	if len(blocks) == 0 {
		return nil
	}
	rows := make([]chargedRow, len(blocks))
	for i, b := range blocks {
		rows[i] = chargedRow{b.SessionID, b.BlockNo, b.UserID, b.StartsAt, b.BlockSeconds, b.Rate.String(), b.WholesaleRate.String(), b.Currency, b.Prepaid.String()}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- metering.insertBlocks
insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, prepaid, proof_at, charged_at)
select session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, prepaid, $2, $3
from jsonb_to_recordset($1::jsonb) as x (session_id uuid, block_no integer, user_id uuid, starts_at timestamptz, seconds integer, rate numeric, wholesale_rate numeric,
    currency text, prepaid numeric)`, string(body), proof, tx.Now())
	return err
}

// lockSessions locks the open sessions of workspaces in the order of their ids, which
// is after their workspaces and before any wallet.
func lockSessions(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- metering.lockSessions
select id from kasm_usage_sessions where kasm_workspace_id = any($1) and stopped_at is null order by id for update`, workspaces)
}

func ownersOf(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- metering.ownersOf
select distinct user_id from kasm_workspaces where id = any($1)`, workspaces)
}
