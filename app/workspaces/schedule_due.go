package workspaces

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// lateStart is how late a start of a schedule may come, after a time at which nobody
// was there to do it. A stop is never too late.
const lateStart = time.Hour

// SetSchedule gives a workspace a schedule, or another one. What it does is done from
// its next time on; nothing is started or stopped now. Errors: NotFound, Conflict
// (destroyed), Invalid (start_time, stop_time, weekdays, time_zone).
func (s *Service) SetSchedule(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, c Schedule) error {
	wrong := fail.Fields{}
	c.WorkspaceID = id
	if c.check(wrong); len(wrong) > 0 {
		return wrong.Err()
	}
	_, err := s.amend(ctx, t, who, id, func(tx tenants.Tx, row *liveRow) error {
		if err := upsertSchedule(ctx, tx, c); err != nil {
			return err
		}
		return c.arm(ctx, tx, &row.Workspace)
	})
	return err
}

// RemoveSchedule takes a workspace's schedule away; without one, nothing happens.
// Errors: NotFound.
func (s *Service) RemoveSchedule(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		w, err := own(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if removed, err := disarm(ctx, tx, &w); err != nil || !removed {
			return err
		}
		return amended(ctx, tx, &w, "customer")
	})
}

// arm sets the time of what the schedule does next.
func (c Schedule) arm(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	w.ScheduledStopAt = c.nextStop(tx.Now())
	next, _ := c.Next(tx.Now())
	return bus.Due(ctx, tx, DueSchedule, w.ID.String(), next, nil)
}

// disarm removes a schedule and its time; the caller saves the workspace.
func disarm(ctx context.Context, tx tenants.Tx, w *Workspace) (removed bool, err error) {
	w.ScheduledStopAt = nil
	if removed, err = deleteSchedule(ctx, tx, w.ID); err != nil {
		return false, err
	}
	return removed, undue(ctx, tx, w.ID, DueSchedule)
}

// OnScheduleDue does what a schedule did last, which after a while in which nobody was
// there may not be what the due time was set for, and sets the next time in the same
// transaction. A start obeys all that a customer's start obeys; when it is refused, its
// customer is told why and the schedule goes on.
func (s *Service) OnScheduleDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no workspace: %w", err))
	}
	var c Schedule
	var found bool
	if err := s.DB.Read(ctx, m.Tenant, scheduleOfQ(&c, &found, id)); err != nil {
		return err
	}
	e, passed := c.last(s.Clock.Now())
	switch {
	case !found || !passed:
		return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error { return s.scheduled(ctx, tx, m, id, c, nil) })
	case !e.start:
		// A desktop that ended before is not to be charged until now.
		if err := s.lookSince(ctx, m.DueAt); err != nil {
			s.Log.WarnContext(ctx, "a schedule stops a desktop without a fresh look", "tenant", m.Tenant.Slug, "workspace", id, "err", err)
		}
		return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
			return s.scheduled(ctx, tx, m, id, c, func(row *liveRow) error { return s.stopBySchedule(ctx, tx, row, e.at) })
		})
	}
	tries := 0
	return s.withRoom(ctx, func(rooms Rooms) error {
		tries++
		return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
			return s.scheduled(ctx, tx, m, id, c, func(row *liveRow) error {
				return s.startBySchedule(ctx, tx, row, rooms, e.at, tries == 1)
			})
		})
	})
}

// scheduled does one thing and sets the time of the next one. A schedule that was
// changed meanwhile has another due time, so this one is over then.
func (s *Service) scheduled(ctx context.Context, tx tenants.Tx, m *bus.Message, id uuid.UUID, c Schedule, do func(*liveRow) error) error {
	row, err := lockWorkspace(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := m.Done(ctx, tx); err != nil || c.WorkspaceID != id || row.Desired == WantTerminated {
		return err
	}
	if do != nil {
		if err := do(&row); err != nil {
			return err
		}
	}
	if err := c.arm(ctx, tx, &row.Workspace); err != nil {
		return err
	}
	return save(ctx, tx, &row.Workspace)
}

// stopBySchedule stops a workspace for a stop that was due at a time. A run that was
// asked for later is not what it means.
func (s *Service) stopBySchedule(ctx context.Context, tx tenants.Tx, row *liveRow, at time.Time) error {
	w := &row.Workspace
	var began time.Time
	switch {
	case w.Status == Running && w.LastStartedAt != nil:
		began = *w.LastStartedAt
	case w.Status == Provisioning && w.DeadlineAt != nil:
		began = w.DeadlineAt.Add(-s.Patience)
	default:
		return nil
	}
	if !began.Before(at) {
		return nil
	}
	end, err := s.notAfter(ctx, tx, w.ID, at)
	if err != nil {
		return err
	}
	return s.StopIn(ctx, tx, w, end, bySchedule)
}

// startBySchedule starts a workspace for a start that was due at a time. What is
// refused changes nothing of it. A lack of room is handed back once, so that the hosts
// are asked again.
func (s *Service) startBySchedule(ctx context.Context, tx tenants.Tx, row *liveRow, rooms Rooms, at time.Time, again bool) error {
	if tx.Now().Sub(at) > lateStart || row.LastStoppedAt != nil && row.LastStoppedAt.After(at) {
		return nil
	}
	before := *row
	err := s.startIn(ctx, tx, row, rooms, wanted{by: bySchedule})
	if err == nil || fail.KindOf(err) == fail.Internal || again && isFull(err) {
		return err
	}
	*row = before
	h := by(&row.Workspace, bySchedule)
	h.Error = err.Error()
	return bus.Append(ctx, tx, EventScheduleRefused, h)
}
