package workspaces

import (
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// DesksQ is ListQ for the page that a customer looks at most: it asks one table
// less for each thing that this page does not show (icon, service, owner).
func DesksQ(dst *[]Card, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.DesksQ
select `+columns+`, p.name as plan_name, p.price_per_hour, p.currency, p.block_seconds, p.driver, p.idle_stop_minutes as plan_idle_stop, '' as icon_url, '' as service_status, '' as owner_email, '' as owner_name
from kasm_workspaces w join plans p on p.id = w.plan_id
where w.user_id = $1 and w.status <> 'terminated' order by w.created_at desc, w.id desc`, user)
}
