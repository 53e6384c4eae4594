package workspaces

import (
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// ScheduleQ reads the schedule of a user's workspace, if it has one.
func ScheduleQ(dst *Schedule, found *bool, user, workspace uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- workspaces.ScheduleQ
select c.workspace_id, c.start_minute, c.stop_minute, c.weekdays, c.time_zone
from workspace_schedules c join kasm_workspaces w on w.id = c.workspace_id where c.workspace_id = $2 and w.user_id = $1`, user, workspace)
}
