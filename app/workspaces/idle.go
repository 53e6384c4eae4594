package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// IdleStop is after how long without anybody connected the workspace is stopped: the
// customer's choice, else the plan's; 0 is never.
func (w *Workspace) IdleStop(planMinutes int) time.Duration {
	if w.IdleStopMinutes != nil {
		planMinutes = *w.IdleStopMinutes
	}
	return time.Duration(planMinutes) * time.Minute
}

// IdleStopsAt is when the running workspace stops if nobody connects until then;
// false where no such rule is in force.
func (w *Workspace) IdleStopsAt(planMinutes int) (time.Time, bool) {
	idle := w.IdleStop(planMinutes)
	if idle == 0 || w.Status != Running || w.LastUsedAt == nil {
		return time.Time{}, false
	}
	at := w.LastUsedAt.Add(idle)
	if w.ExtendedUntil != nil && w.ExtendedUntil.After(at) {
		at = *w.ExtendedUntil
	}
	return at, true
}

// SetIdleStop chooses after how many minutes without anybody connected a workspace is
// stopped: nil for what the plan says, 0 for never. Errors: NotFound, Invalid
// (idle_stop_minutes), Conflict (destroyed).
func (s *Service) SetIdleStop(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, minutes *int) (w Workspace, err error) {
	return w, fail.New(fail.Unavailable, "not yet")
}

// Extend keeps a running workspace for one block longer than its idle stop or its
// run limit would. Errors: NotFound, Conflict while it does not run.
func (s *Service) Extend(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) (w Workspace, err error) {
	return w, fail.New(fail.Unavailable, "not yet")
}
