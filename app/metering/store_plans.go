package metering

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// PlanUsage is a sum over blocks of one plan at one rate.
type PlanUsage struct {
	PlanName    string          `db:"plan_name"`
	ServiceType string          `db:"service_type"`
	Rate        decimal.Decimal `db:"rate"`
	Currency    string          `db:"currency"`
	Sessions    int64           `db:"sessions"`
	Usage
}

// ByPlanQ sums a user's blocks that begin in [from, to) by plan and rate, the
// dearest first.
func ByPlanQ(dst *[]PlanUsage, user uuid.UUID, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- metering.ByPlanQ
select s.plan_name, s.service_type, b.rate, b.currency, count(distinct s.id) as sessions,
    count(*) as blocks, sum(b.seconds)::bigint as seconds, round(sum(b.rate * b.seconds) / 3600, 10) as cost
from usage_blocks b join kasm_usage_sessions s on s.id = b.session_id
where b.user_id = $1 and b.starts_at >= $2 and b.starts_at < $3
group by s.plan_name, s.service_type, b.rate, b.currency order by cost desc, s.plan_name, b.rate`, user, from, to)
}
