package metering

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const sessionColumns = `s.id, s.kasm_workspace_id, s.user_id, s.service_type, s.plan_name, w.template_name, s.cost_per_hour, s.wholesale_cost_per_hour,
    s.block_seconds, s.free_blocks, s.currency, s.started_by, s.ended_by, s.started_at, s.last_proof_at, s.stopped_at, s.duration_seconds, s.duration_billable_seconds, s.total_cost,
    (select count(*) from usage_blocks b where b.session_id = s.id) as charged,
    array(select distinct i.number from usage_blocks b join invoice_items t on t.id = b.invoice_item_id join invoices i on i.id = t.invoice_id
          where b.session_id = s.id and i.number is not null order by i.number) as invoice_numbers
from kasm_usage_sessions s join kasm_workspaces w on w.id = s.kasm_workspace_id`

// OpenSessionsQ reads the running sessions of a user, the oldest first.
func OpenSessionsQ(dst *[]Session, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- metering.OpenSessionsQ
select `+sessionColumns+` where s.user_id = $1 and s.stopped_at is null order by s.started_at, s.id`, user)
}

// OpenSessionQ reads the running session of a workspace, if there is one.
func OpenSessionQ(dst *Session, found *bool, workspace uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- metering.OpenSessionQ
select `+sessionColumns+` where s.kasm_workspace_id = $1 and s.stopped_at is null`, workspace)
}

// RecentQ reads the latest sessions of a user, the newest first.
func RecentQ(dst *[]Session, user uuid.UUID, limit int) tenants.Query {
	return SessionsQ(dst, user, Page{Limit: limit})
}

// SessionsQ reads a page of a user's sessions, the newest first.
func SessionsQ(dst *[]Session, user uuid.UUID, p Page) tenants.Query {
	var workspace, id *uuid.UUID
	var started *time.Time
	if p.WorkspaceID != uuid.Nil {
		workspace = &p.WorkspaceID
	}
	if p.After != nil {
		started, id = &p.After.StartedAt, &p.After.ID
	}
	return tenants.ListQ(dst, `-- metering.SessionsQ
select `+sessionColumns+`
where s.user_id = $1 and ($2::uuid is null or s.kasm_workspace_id = $2)
  and ($3::timestamptz is null or (s.started_at, s.id) < ($3, $4::uuid))
order by s.started_at desc, s.id desc limit $5`, user, workspace, started, id, p.Limit)
}

// MonthQ sums a user's blocks that begin in [from, to), invoiced or not.
func MonthQ(dst *Usage, user uuid.UUID, from, to time.Time) tenants.Query {
	return tenants.GetQ(dst, "month", `-- metering.MonthQ
select count(*) as blocks, coalesce(sum(seconds), 0)::bigint as seconds, round(coalesce(sum(rate * seconds), 0) / 3600, 10) as cost
from usage_blocks where user_id = $1 and starts_at >= $2 and starts_at < $3`, user, from, to)
}

// UsageQ is MonthQ for the API's month: blocks by their start.
func UsageQ(dst *Usage, user uuid.UUID, from, to time.Time) tenants.Query {
	return MonthQ(dst, user, from, to)
}

// ShopUsageQ sums the blocks of every customer of the shop that begin in [from, to).
func ShopUsageQ(dst *Usage, from, to time.Time) tenants.Query {
	return tenants.GetQ(dst, "month", `-- metering.ShopUsageQ
select count(*) as blocks, coalesce(sum(seconds), 0)::bigint as seconds, round(coalesce(sum(rate * seconds), 0) / 3600, 10) as cost
from usage_blocks where starts_at >= $1 and starts_at < $2`, from, to)
}

// DailyQ sums a user's blocks by the civil day, in the zone, on which they begin:
// one row for each day that [from, to) touches, the empty ones too.
func DailyQ(dst *[]Day, user uuid.UUID, from, to time.Time, zone *time.Location) tenants.Query {
	return tenants.ListQ(dst, `-- metering.DailyQ
with used as (
    select (starts_at at time zone $4)::date as day, count(*) as blocks, sum(seconds)::bigint as seconds, sum(rate * seconds) as cost
    from usage_blocks where user_id = $1 and starts_at >= $2 and starts_at < $3 group by 1
)
select d::date as day, coalesce(u.blocks, 0) as blocks, coalesce(u.seconds, 0) as seconds, round(coalesce(u.cost, 0) / 3600, 10) as cost
from generate_series(($2::timestamptz at time zone $4)::date::timestamp, (($3::timestamptz - interval '1 microsecond') at time zone $4)::date::timestamp, interval '1 day') d
left join used u on u.day = d::date order by d`, user, from, to, zone.String())
}

// OfWorkspaceQ reads the latest sessions of one workspace, the newest first,
// whoever owns it: the caller has looked at that.
func OfWorkspaceQ(dst *[]Session, workspace uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- metering.OfWorkspaceQ
select `+sessionColumns+` where s.kasm_workspace_id = $1 order by s.started_at desc, s.id desc limit $2`, workspace, limit)
}
