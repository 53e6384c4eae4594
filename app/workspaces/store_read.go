package workspaces

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const cardColumns = columns + `, p.name as plan_name, p.price_per_hour, p.currency, p.block_seconds, p.driver, p.idle_stop_minutes as plan_idle_stop, t.icon_url, v.status as service_status, u.email as owner_email, u.name as owner_name
from kasm_workspaces w join plans p on p.id = w.plan_id join kasm_workspace_templates t on t.id = w.template_id join services v on v.id = w.service_id
join users u on u.id = w.user_id`

// ListQ reads a user's workspaces that are not destroyed, the newest first.
func ListQ(dst *[]Card, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.ListQ
select `+cardColumns+` where w.user_id = $1 and w.status <> 'terminated' order by w.created_at desc, w.id desc`, user)
}

// CardQ reads one workspace of a user; somebody else's is missing. Errors: NotFound.
func CardQ(dst *Card, user, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "workspace", `-- workspaces.CardQ
select `+cardColumns+` where w.id = $1 and w.user_id = $2`, id, user)
}

// ByIDQ reads one workspace of the shop, whoever's it is: for staff. Errors: NotFound.
func ByIDQ(dst *Card, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "workspace", `-- workspaces.ByIDQ
select `+cardColumns+` where w.id = $1`, id)
}

// ByServiceQ reads the workspace behind a service of a user. Errors: NotFound.
func ByServiceQ(dst *Card, user, service uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "service", `-- workspaces.ByServiceQ
select `+cardColumns+` where w.service_id = $1 and w.user_id = $2`, service, user)
}

// PageQ reads the workspaces of a user that are not destroyed, page by page, the
// newest first. after and afterID are the last row's, nil for the first page.
func PageQ(dst *[]Card, user uuid.UUID, after *time.Time, afterID *uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.PageQ
select `+cardColumns+` where w.user_id = $1 and w.status <> 'terminated' and ($2::timestamptz is null or (w.created_at, w.id) < ($2, $3::uuid))
order by w.created_at desc, w.id desc limit $4`, user, after, afterID, limit)
}

// ShopQ reads the latest workspaces of the whole shop, for its staff.
func ShopQ(dst *[]Card, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.ShopQ
select `+cardColumns+` order by w.created_at desc, w.id desc limit $1`, limit)
}

// PlansQ reads what the shop sells, in its order.
func PlansQ(dst *[]Plan) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.PlansQ
select id, service_type, name, description, workspace_type, vcpu, ram_mb, price, price_per_hour, block_seconds, currency, status, driver, idle_stop_minutes
from plans where status = 'active' order by sort_order, name`)
}

// TemplatesQ reads what desktops can be made from, in the shop's order.
func TemplatesQ(dst *[]Template) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.TemplatesQ
select id, name, description, workspace_type, icon_url, preinstalled_apps, status
from kasm_workspace_templates where status = 'active' order by sort_order, name`)
}

func troubleQ(dst *[]troubleRow, failedSince, stuckSince time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.troubleQ
select id, service_id, status, observed_state, failure, changed_at from kasm_workspaces
where status = 'failed' and changed_at >= $1
   or changed_at < $2 and (status = 'provisioning' or observed_state in ('requested', 'starting', 'stopping')
      or status in ('stopped', 'terminated') and observed_state = 'running')
order by changed_at desc limit 200`, failedSince, stuckSince)
}

const notDestroyed = `-- workspaces.notDestroyed
select id from kasm_workspaces where status <> 'terminated' order by id`
