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

const (
	longestIdle = 7 * 24 * 60 // minutes
	// longestWarning is how long before an idle stop its customer is warned at most.
	longestWarning = 5 * time.Minute
	// notice is the least time between a change of the rule and a stop by it.
	notice = time.Minute
	// usedGrain is how much newer a sign of use must be to be written down.
	usedGrain = time.Second
	// sameTap is how soon after another, in wall and in business time, a tap is the
	// same one.
	sameTap = 2 * time.Second
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
	if idle <= 0 || w.Status != Running || w.LastUsedAt == nil {
		return time.Time{}, false
	}
	at := w.LastUsedAt.Add(idle)
	if w.ExtendedUntil != nil && w.ExtendedUntil.After(at) {
		at = *w.ExtendedUntil
	}
	return at, true
}

// warning is how long before an idle stop its customer is warned: five minutes, but
// no more than a third of the idle time.
func warning(idle time.Duration) time.Duration { return min(longestWarning, idle/3) }

// idleDue is when the rule next does something: warn, then stop.
func (w *Workspace) idleDue(planMinutes int) (time.Time, bool) {
	at, inForce := w.IdleStopsAt(planMinutes)
	if inForce && w.IdleWarnedAt == nil {
		at = at.Add(-warning(w.IdleStop(planMinutes)))
	}
	return at, inForce
}

// warns tells that the customer of an unused desktop is to be warned now.
func (w *Workspace) warns(at time.Time, planMinutes int) bool {
	due, inForce := w.idleDue(planMinutes)
	return inForce && w.IdleWarnedAt == nil && !at.Before(due)
}

// uses tells that a sign of use is worth writing down.
func (w *Workspace) uses(at time.Time, planMinutes int) bool {
	if w.IdleStop(planMinutes) <= 0 {
		return false
	}
	return w.LastUsedAt == nil || w.LastUsedAt.Before(at) && (w.IdleWarnedAt != nil || at.Sub(*w.LastUsedAt) >= usedGrain)
}

// calm takes a warning back when the stop that it spoke of has moved away.
func (w *Workspace) calm(now time.Time, planMinutes int) {
	if end, inForce := w.IdleStopsAt(planMinutes); !inForce || end.Add(-warning(w.IdleStop(planMinutes))).After(now) {
		w.IdleWarnedAt = nil
	}
}

// reruled fits a running workspace to a rule that was another one before. Where there
// was none, nobody kept count, so the idleness begins now. A stop that would come at
// once leaves time for its warning, and a minute at the least.
func (w *Workspace) reruled(now time.Time, before time.Duration, planMinutes int) {
	rule := w.IdleStop(planMinutes)
	now = told(now)
	switch {
	case rule == before:
		return
	case rule <= 0:
		w.IdleWarnedAt, w.ExtendedUntil = nil, nil
		return
	case before <= 0:
		w.LastUsedAt = &now
	}
	soonest := now.Add(max(notice, warning(rule)))
	if end, _ := w.IdleStopsAt(planMinutes); end.Before(soonest) {
		w.ExtendedUntil = &soonest
	}
	w.calm(now, planMinutes)
}

// SetIdleStop chooses after how many minutes without anybody connected a workspace is
// stopped: nil for what the plan says, 0 for never. It takes effect at once, but stops
// nothing within the next minute. Errors: NotFound, Invalid (idle_stop_minutes),
// Conflict (destroyed).
func (s *Service) SetIdleStop(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, minutes *int) (Workspace, error) {
	if minutes != nil && (*minutes < 0 || *minutes > longestIdle) {
		wrong := fail.Fields{}
		wrong.Add("idle_stop_minutes", "Give 0 (never) to %d minutes.", longestIdle)
		return Workspace{}, wrong.Err()
	}
	return s.amend(ctx, t, who, id, func(tx tenants.Tx, row *liveRow) error {
		before := row.IdleStop(row.PlanIdleStop)
		row.IdleStopMinutes = minutes
		return rerule(ctx, tx, row, before)
	})
}

// PlanRerules applies a plan's new idle stop, in the transaction that changed it, to
// those of its running workspaces whose customers chose nothing themselves. before is
// what the plan said until then, in minutes.
func PlanRerules(ctx context.Context, tx tenants.Tx, plan uuid.UUID, before int) error {
	rows, err := lockRuled(ctx, tx, plan)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := rerule(ctx, tx, &rows[i], rows[i].IdleStop(before)); err != nil {
			return err
		}
		if err := amended(ctx, tx, &rows[i].Workspace, "staff"); err != nil {
			return err
		}
	}
	return nil
}

func rerule(ctx context.Context, tx tenants.Tx, row *liveRow, before time.Duration) error {
	if row.Status != Running {
		return nil
	}
	row.reruled(tx.Now(), before, row.PlanIdleStop)
	return idleTimer(ctx, tx, row)
}

func idleTimer(ctx context.Context, tx tenants.Tx, row *liveRow) error {
	if at, inForce := row.idleDue(row.PlanIdleStop); inForce {
		return bus.Due(ctx, tx, DueIdle, row.ID.String(), at, nil)
	}
	return bus.Undue(ctx, tx, DueIdle, row.ID.String())
}

// Extend keeps a running workspace for one block longer than the rule that would
// stop it first: an idle stop is put off to one block after it, or after now if that
// is later; a run limit gets one block more, and its budget that block's price. The
// other one is put off, too, where it would still stop the workspace before. A second
// tap within two seconds is the same one. A session duration that came with the order
// stands, and so does a schedule. Errors: NotFound, Conflict while it does not run.
func (s *Service) Extend(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) (Workspace, error) {
	return s.adjust(ctx, t, who, id, func(tx tenants.Tx, row *liveRow) error {
		wall := s.Wall().UTC().Truncate(time.Microsecond)
		if row.tapped(tx.Now(), wall) {
			return nil
		}
		p, err := lockedPrice(ctx, tx, row.ID)
		if err != nil {
			return err
		}
		now := tx.Now()
		row.ExtendedAt, row.ExtendedWall = &now, &wall
		row.extend(told(now), p, row.PlanIdleStop)
		if err := idleTimer(ctx, tx, row); err != nil {
			return err
		}
		return limitTimer(ctx, tx, row)
	})
}

// tapped tells that somebody asked for one block more a moment ago.
func (w *Workspace) tapped(now, wall time.Time) bool {
	recent := func(last *time.Time, now time.Time) bool {
		return last != nil && !now.Before(*last) && now.Sub(*last) < sameTap
	}
	return recent(w.ExtendedAt, now) && recent(w.ExtendedWall, wall)
}

// extend is what one tap does at a time.
func (w *Workspace) extend(now time.Time, p price, planMinutes int) {
	block := time.Duration(p.blockSeconds) * time.Second
	idle, isIdle := w.IdleStopsAt(planMinutes)
	var limit time.Time
	if w.RunLimit != nil {
		limit = w.LastStartedAt.Add(time.Duration(*w.RunLimit) * time.Second)
	}
	first := idle
	if !isIdle || w.RunLimit != nil && limit.Before(idle) {
		first = limit
	}
	if first.Before(now) {
		first = now
	}
	kept := first.Add(block)
	if isIdle && idle.Before(kept) {
		until := idle.Add(block)
		if idle.Before(now) {
			until = now.Add(block)
		}
		w.ExtendedUntil = &until
		w.calm(now, planMinutes)
	}
	if w.RunLimit != nil && limit.Before(kept) {
		longer := *w.RunLimit + p.blockSeconds
		w.RunLimit = &longer
		if w.RunBudget != nil {
			more := w.RunBudget.Add(p.exactly(1))
			w.RunBudget = &more
		}
	}
}

// OnIdleDue handles the time at which the idle rule warns or stops. What it does is
// done by a round, from what the host says then; without its word nobody is stopped.
func (r *Reconciler) OnIdleDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no workspace: %w", err))
	}
	// Somebody who is connected moves the rule on by the rounds alone.
	if wait, err := r.idleSettled(ctx, m, id); wait == 0 || err != nil {
		return err
	}
	looked := r.RoundSince(ctx, m.DueAt)
	wait, err := r.idleSettled(ctx, m, id)
	if err == nil && wait > 0 && looked == nil { // the rule may have changed since that look
		looked = r.Round(ctx)
		wait, err = r.idleSettled(ctx, m, id)
	}
	if err != nil || wait == 0 {
		return err
	}
	why := "the desktop was not seen"
	if looked != nil {
		why = looked.Error()
	}
	return bus.Later(wait, why)
}

// idleSettled ends a due time that has no more to do, or has something to do later;
// else it is how long to wait for a host that does not answer.
func (r *Reconciler) idleSettled(ctx context.Context, m *bus.Message, id uuid.UUID) (wait time.Duration, err error) {
	err = r.s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		wait = 0
		row, err := lockWorkspace(ctx, tx, id)
		if err != nil {
			return err
		}
		next, inForce := row.idleDue(row.PlanIdleStop)
		if inForce && !next.After(tx.Now()) {
			wait = absence
			if end, _ := row.IdleStopsAt(row.PlanIdleStop); end.After(tx.Now()) {
				wait = min(wait, end.Sub(tx.Now()))
			}
			return nil
		}
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return idleTimer(ctx, tx, &row)
	})
	return wait, err
}

// warn tells the customer of an unused desktop that it is about to be stopped.
func (s *Service) warn(ctx context.Context, tx tenants.Tx, row *liveRow) error {
	now := tx.Now()
	row.IdleWarnedAt = &now
	if err := save(ctx, tx, &row.Workspace); err != nil {
		return err
	}
	if err := idleTimer(ctx, tx, row); err != nil {
		return err
	}
	h := by(&row.Workspace, "system")
	if end, inForce := row.IdleStopsAt(row.PlanIdleStop); inForce {
		h.StopsAt = &end
	}
	return bus.Append(ctx, tx, EventIdleWarning, h)
}

// inUse moves on the idle rule of desktops at which somebody was connected, and tells
// the pages on which a countdown ran.
func (s *Service) inUse(ctx context.Context, tx tenants.Tx, ids []uuid.UUID, at time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	calmed, err := touch(ctx, tx, ids, at)
	if err != nil || len(calmed) == 0 {
		return err
	}
	events := make([]Happened, len(calmed))
	for i, c := range calmed {
		events[i] = Happened{UserID: c.UserID, WorkspaceID: c.WorkspaceID, ServiceID: c.ServiceID, Run: c.Run, By: "use"}
	}
	return bus.AppendAll(ctx, tx, EventRulesChanged, events)
}
