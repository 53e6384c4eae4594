package billing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// includesTime says whether the shop sells or sold included time at all.
func includesTime(ctx context.Context, q tenants.Querier) (bool, error) {
	return tenants.Get[bool](ctx, q, "plan", `-- billing.includesTime
		select exists (select from plans where included_hours > 0) or exists (select from subscriptions where included_hours > 0)`)
}

// leftToBill is the included time of everybody with usage to bill, by plan and month.
// Subscriptions add up; a plan without a monthly price gives its hours to each
// customer once.
func leftToBill(ctx context.Context, q tenants.Querier, edge time.Time, months []Cycle) ([]allowance, error) {
	return tenants.List[allowance](ctx, q, `-- billing.leftToBill
		with months as (
			select m.no::integer as no, m.starts_at, m.ends_at
			from unnest($2::timestamptz[], $3::timestamptz[]) with ordinality as m (starts_at, ends_at, no)),
		people as (
			select distinct user_id from usage_blocks where invoice_item_id is null and starts_at < $1),
		given as (
			select s.user_id, s.service_type, m.no, s.included_hours * 3600::bigint as seconds
			from people p join subscriptions s on s.user_id = p.user_id
			join months m on s.started_at < m.ends_at and coalesce(s.ended_at, s.ends_at, 'infinity') > m.starts_at
			where s.included_hours > 0
			union all
			select p.user_id, l.service_type, m.no, l.included_hours * 3600::bigint
			from people p cross join plans l cross join months m
			where l.included_hours > 0 and coalesce(l.price, 0) = 0
			union all
			select i.user_id, t.workspace_type, m.no, -round(t.quantity * 3600)::bigint
			from months m join invoice_items t on t.kind = 'included' and t.period_start = m.starts_at
			join invoices i on i.id = t.invoice_id
			join people p on p.user_id = i.user_id)
		select user_id, service_type, no as month, sum(seconds)::bigint as seconds
		from given group by user_id, service_type, no having sum(seconds) > 0`, edge, starts(months), ends(months))
}

func includedLeft(ctx context.Context, q tenants.Querier, user, plan uuid.UUID, c Cycle) (int64, error) {
	return tenants.Get[int64](ctx, q, "plan", `-- billing.includedLeft
		select (select coalesce(sum(s.included_hours), 0) * 3600::bigint from subscriptions s
				where s.user_id = $1 and s.service_type = p.service_type and s.started_at < $4 and coalesce(s.ended_at, s.ends_at, 'infinity') > $3)
			+ case when coalesce(p.price, 0) = 0 then p.included_hours * 3600::bigint else 0 end
			- (select coalesce(sum(b.seconds), 0)::bigint from usage_blocks b join kasm_usage_sessions s on s.id = b.session_id
				where b.user_id = $1 and b.starts_at >= $3 and b.starts_at < $4 and b.rate > 0 and s.service_type = p.service_type)
			- p.block_seconds * (select count(*) from block_holds h join kasm_workspaces w on w.id = h.workspace_id
				where h.user_id = $1 and w.plan_id = p.id and coalesce(h.starts_at, $3) >= $3 and coalesce(h.starts_at, $3) < $4)
		from plans p where p.id = $2`, user, plan, c.Start, c.End)
}
