package metering

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// MonthsQ sums a user's blocks by the calendar month, in the zone, in which they
// begin, from a time on; Day.Date is the month's first day. Months without any are
// left out.
func MonthsQ(dst *[]Day, user uuid.UUID, from time.Time, zone *time.Location) tenants.Query {
	return tenants.ListQ(dst, `-- metering.MonthsQ
select date_trunc('month', starts_at at time zone $3)::date as day, count(*) as blocks, sum(seconds)::bigint as seconds, round(sum(rate * seconds) / 3600, 10) as cost
from usage_blocks where user_id = $1 and starts_at >= $2 group by 1 order by 1`, user, from, zone.String())
}
