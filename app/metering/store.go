package metering

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// lastSession is when the open session of a workspace started, and when its
// latest closed one ended; nil where there is none. PaidUntil is when the last block
// of the latest session ends, where that block was paid for and the shop starts the
// same desktop again for nothing until then.
type lastSession struct {
	Open      *time.Time `db:"open"`
	Stopped   *time.Time `db:"stopped"`
	PaidUntil *time.Time `db:"paid_until"`
}

// freeAt tells that a session that starts at a time has its first block for nothing.
func (l lastSession) freeAt(at time.Time) bool { return l.PaidUntil != nil && at.Before(*l.PaidUntil) }

func lastOf(ctx context.Context, tx tenants.Tx, workspace uuid.UUID) (lastSession, error) {
	return tenants.Get[lastSession](ctx, tx, "session", `-- metering.lastOf
select max(started_at) filter (where stopped_at is null) as open, max(stopped_at) as stopped, (
    select b.starts_at + make_interval(secs => b.seconds)
    from (select id, free_blocks from kasm_usage_sessions where kasm_workspace_id = $1 order by started_at desc limit 1) s,
        lateral (select block_no, starts_at, seconds from usage_blocks where session_id = s.id order by block_no desc limit 1) b
    where b.block_no >= s.free_blocks and exists (select from settings where key = 'free_restart' and lower(value #>> '{}') in ('true', 'on', 'yes', '1'))) as paid_until
from kasm_usage_sessions where kasm_workspace_id = $1`, workspace)
}

type lockedPlan struct {
	CatalogPlanID string          `db:"catalog_plan_id"`
	ServiceType   string          `db:"service_type"`
	PricePerHour  decimal.Decimal `db:"price_per_hour"`
	BlockSeconds  int             `db:"block_seconds"`
	Currency      string          `db:"currency"`
}

func planOf(ctx context.Context, tx tenants.Tx, plan uuid.UUID) (lockedPlan, error) {
	return tenants.Get[lockedPlan](ctx, tx, "plan", `-- metering.planOf
select catalog_plan_id, service_type, price_per_hour, block_seconds, currency from plans where id = $1`, plan)
}

// insertSession copies the prices of the plan as they are now (R4).
func insertSession(ctx context.Context, tx tenants.Tx, o Opening, p lockedPlan, wholesale decimal.Decimal, free int, at time.Time) (uuid.UUID, error) {
	return tenants.Get[uuid.UUID](ctx, tx, "plan", `-- metering.insertSession
insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type,
    cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_by, started_at, last_proof_at, created_at, free_blocks)
select $1, $2, $3, $4, p.id, p.version, p.name, p.service_type, p.price_per_hour, $6, p.block_seconds, p.currency, $7, $8, $8, $9, $10
from plans p where p.id = $5
returning id`, o.WorkspaceID, o.UserID, o.Run, o.DesktopID, o.PlanID, wholesale, o.StartedBy, at, tx.Now(), free)
}

type openRow struct {
	ID        uuid.UUID `db:"id"`
	StartedAt time.Time `db:"started_at"`
	Proved    bool      `db:"proved"`
}

// prove locks in the order of the ids, so that two rounds never wait for each other.
func prove(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID, at time.Time) ([]openRow, error) {
	return tenants.List[openRow](ctx, tx, `-- metering.prove
with open as (
    select id, started_at, last_proof_at from kasm_usage_sessions
    where kasm_workspace_id = any($1) and stopped_at is null
    order by id for update
), proved as (
    update kasm_usage_sessions s set last_proof_at = $2 from open
    where s.id = open.id and open.last_proof_at < $2
    returning s.id
)
select open.id, open.started_at, proved.id is not null as proved from open left join proved on proved.id = open.id`, workspaces, at)
}

type openDetail struct {
	ID           uuid.UUID       `db:"id"`
	UserID       uuid.UUID       `db:"user_id"`
	StartedAt    time.Time       `db:"started_at"`
	LastProofAt  time.Time       `db:"last_proof_at"`
	BlockSeconds int             `db:"block_seconds"`
	CostPerHour  decimal.Decimal `db:"cost_per_hour"`
	Wholesale    decimal.Decimal `db:"wholesale_cost_per_hour"`
	Currency     string          `db:"currency"`
	FreeBlocks   int             `db:"free_blocks"`
	FundsStopBy  string          `db:"funds_stop_by"`
	LastBlock    time.Time       `db:"-"` // the start of its last charged block
}

// openSession locks the open session of a workspace.
func openSession(ctx context.Context, tx tenants.Tx, workspace uuid.UUID) (openDetail, bool, error) {
	o, found, err := tenants.Find[openDetail](ctx, tx, `-- metering.openSession
select s.id, s.user_id, s.started_at, s.last_proof_at, s.block_seconds, s.cost_per_hour, s.wholesale_cost_per_hour, s.currency, s.free_blocks, w.funds_stop_by
from kasm_usage_sessions s join kasm_workspaces w on w.id = s.kasm_workspace_id where s.kasm_workspace_id = $1 and s.stopped_at is null for update of s`, workspace)
	if err != nil || !found {
		return o, found, err
	}
	// A statement of its own, so that it sees what was charged while the lock was waited for.
	o.LastBlock, err = tenants.Get[time.Time](ctx, tx, "block", `-- metering.openSession.lastBlock
select coalesce(max(starts_at), $2) from usage_blocks where session_id = $1`, o.ID, o.StartedAt)
	return o, true, err
}

type closing struct {
	ID              uuid.UUID
	StoppedAt       time.Time
	EndedBy         string
	Seconds         int64
	BillableSeconds int64
	Cost            decimal.Decimal
}

func closeSession(ctx context.Context, tx tenants.Tx, c closing) error {
	_, err := tx.Exec(ctx, `-- metering.closeSession
update kasm_usage_sessions set stopped_at = $2, ended_by = $3, duration_seconds = $4, duration_billable_seconds = $5, total_cost = $6
where id = $1`, c.ID, c.StoppedAt, c.EndedBy, c.Seconds, c.BillableSeconds, c.Cost)
	return err
}

type standing struct {
	WorkspaceID  uuid.UUID `db:"kasm_workspace_id"`
	StartedAt    time.Time `db:"started_at"`
	LastProofAt  time.Time `db:"last_proof_at"`
	BlockSeconds int       `db:"block_seconds"`
	Blocks       int       `db:"blocks"`
}

func standings(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]standing, error) {
	return tenants.List[standing](ctx, tx, `-- metering.standings
select s.kasm_workspace_id, s.started_at, s.last_proof_at, s.block_seconds,
    (select coalesce(max(b.block_no) + 1, 0) from usage_blocks b where b.session_id = s.id) as blocks
from kasm_usage_sessions s where s.kasm_workspace_id = any($1) and s.stopped_at is null`, workspaces)
}
