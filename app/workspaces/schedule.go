package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Schedule starts and stops a workspace by the clock on the customer's wall. Minutes
// count from midnight; Weekdays is a mask in which Monday is 1 and Sunday 64.
type Schedule struct {
	WorkspaceID uuid.UUID `db:"workspace_id"`
	StartMinute *int16    `db:"start_minute"`
	StopMinute  *int16    `db:"stop_minute"`
	Weekdays    int16     `db:"weekdays"`
	TimeZone    string    `db:"time_zone"`
}

// ParseSchedule reads what a form says: "09:00", "18:00", mon to sun, an IANA zone.
// Errors: Invalid (start_time, stop_time, weekdays, time_zone).
func ParseSchedule(start, stop string, weekdays []string, zone string) (Schedule, error) {
	return Schedule{}, fail.New(fail.Unavailable, "not yet")
}

// Next is the first thing that the schedule does after a moment: a start or a stop.
func (c Schedule) Next(after time.Time) (at time.Time, start bool) { return after, false }

// Sentence says what the schedule does.
func (c Schedule) Sentence() string { return "" }

// SetSchedule gives a workspace a schedule. Errors: NotFound, Conflict (destroyed).
func (s *Service) SetSchedule(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, c Schedule) error {
	return fail.New(fail.Unavailable, "not yet")
}

// RemoveSchedule takes it away. Errors: NotFound.
func (s *Service) RemoveSchedule(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) error {
	return fail.New(fail.Unavailable, "not yet")
}
