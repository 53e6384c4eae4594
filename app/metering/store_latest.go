package metering

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// LatestQ reads the latest sessions of a user together with all that are open,
// the newest first: what a dashboard needs, in one statement that looks at no
// more rows than it gives. It leaves out wholesale rates and invoice numbers.
func LatestQ(dst *[]Session, user uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- metering.LatestQ
select s.id, s.kasm_workspace_id, s.user_id, s.service_type, s.plan_name, w.template_name, s.cost_per_hour, 0::numeric as wholesale_cost_per_hour,
    s.block_seconds, s.free_blocks, s.currency, s.started_by, s.ended_by, s.started_at, s.last_proof_at, s.stopped_at, s.duration_seconds, s.duration_billable_seconds, s.total_cost,
    case when s.stopped_at is null then (select count(*) from usage_blocks b where b.session_id = s.id) else s.duration_billable_seconds / s.block_seconds end as charged,
    '{}'::text[] as invoice_numbers
from (
    (select id from kasm_usage_sessions where user_id = $1 order by started_at desc, id desc limit $2)
    union
    (select id from kasm_usage_sessions where user_id = $1 and stopped_at is null)
) found join kasm_usage_sessions s on s.id = found.id join kasm_workspaces w on w.id = s.kasm_workspace_id
order by s.started_at desc, s.id desc`, user, limit)
}

// UsedDaysQ is DailyQ without the days on which nothing began; EveryDay puts them
// in again.
func UsedDaysQ(dst *[]Day, user uuid.UUID, from, to time.Time, zone *time.Location) tenants.Query {
	return tenants.ListQ(dst, `-- metering.UsedDaysQ
select (starts_at at time zone $4)::date as day, count(*) as blocks, sum(seconds)::bigint as seconds, round(sum(rate * seconds) / 3600, 10) as cost
from usage_blocks where user_id = $1 and starts_at >= $2 and starts_at < $3 group by 1 order by 1`, user, from, to, zone.String())
}
