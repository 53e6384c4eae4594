package workspaces

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// ScheduleQ reads the schedule of a user's workspace, if it has one.
func ScheduleQ(dst *Schedule, found *bool, user, workspace uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- workspaces.ScheduleQ
select c.workspace_id, c.start_minute, c.stop_minute, c.weekdays, c.time_zone
from workspace_schedules c join kasm_workspaces w on w.id = c.workspace_id where c.workspace_id = $2 and w.user_id = $1`, user, workspace)
}

func scheduleOfQ(dst *Schedule, found *bool, workspace uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- workspaces.scheduleOfQ
select workspace_id, start_minute, stop_minute, weekdays, time_zone from workspace_schedules where workspace_id = $1`, workspace)
}

func upsertSchedule(ctx context.Context, tx tenants.Tx, c Schedule) error {
	_, err := tx.Exec(ctx, `-- workspaces.upsertSchedule
insert into workspace_schedules (workspace_id, start_minute, stop_minute, weekdays, time_zone, changed_at) values ($1, $2, $3, $4, $5, $6)
on conflict (workspace_id) do update set start_minute = excluded.start_minute, stop_minute = excluded.stop_minute, weekdays = excluded.weekdays,
    time_zone = excluded.time_zone, changed_at = excluded.changed_at`, c.WorkspaceID, c.StartMinute, c.StopMinute, c.Weekdays, c.TimeZone, tx.Now())
	return err
}

func deleteSchedule(ctx context.Context, tx tenants.Tx, workspace uuid.UUID) (bool, error) {
	n, err := tx.Exec(ctx, `-- workspaces.deleteSchedule
delete from workspace_schedules where workspace_id = $1`, workspace)
	return n > 0, err
}
