package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Who ends a session when a rule of its run does: its time limit or budget, the
// idle stop, the schedule.
const (
	byLimit    = "limit"
	byIdle     = "idle"
	bySchedule = "schedule"
)

// ending is a time at which a rule stops a running workspace.
type ending struct {
	at time.Time
	by string
}

// The same for the money of a run: there is no more credit, the month's cap is used,
// the account waits for a person to look at it, or its invoices were not paid.
const (
	byCredit    = "credit"
	byCap       = "cap"
	byParked    = "parked"
	bySuspended = "suspended"
)

// endings are all that are in force; where two fall on the same moment, the first
// one here is the reason.
func (w *Workspace) endings(planMinutes int) (all []ending) {
	if at, limited := w.LimitAt(); limited {
		all = append(all, ending{at, byLimit})
	}
	if at := w.FundsStopAt; w.Status == Running && at != nil {
		all = append(all, ending{*at, w.FundsStopBy})
	}
	if at := w.ScheduledStopAt; w.Status == Running && at != nil && w.LastStartedAt != nil && w.LastStartedAt.Before(*at) {
		all = append(all, ending{*at, bySchedule})
	}
	if at, idle := w.IdleStopsAt(planMinutes); idle {
		all = append(all, ending{at, byIdle})
	}
	return all
}

func earliest(all []ending) (first ending) {
	for _, e := range all {
		if first.by == "" || e.at.Before(first.at) {
			first = e
		}
	}
	return first
}

// firm is the ending that comes whether anybody is connected or not, and that has a
// timer of its own: the limit of the run, or the end of its money.
func (w *Workspace) firm() ending {
	var all []ending
	if at, limited := w.LimitAt(); limited {
		all = append(all, ending{at, byLimit})
	}
	if at := w.FundsStopAt; w.Status == Running && at != nil {
		all = append(all, ending{*at, w.FundsStopBy})
	}
	return earliest(all)
}

// StopsAt tells when a running workspace stops by itself and why: limit, schedule,
// credit, cap, parked, suspended, or idle if nobody connects until then. The reason is empty when nothing stops it.
// planMinutes is the plan's idle stop.
func (w *Workspace) StopsAt(planMinutes int) (at time.Time, reason string) {
	e := earliest(w.endings(planMinutes))
	return e.at, e.by
}

// over finds the rule that has ended the run by a time at which its desktop was
// listed. What is not known to be unused is not idle.
func (w *Workspace) over(at time.Time, planMinutes int, unused bool) ending {
	var passed []ending
	for _, e := range w.endings(planMinutes) {
		if !at.Before(e.at) && (e.by != byIdle || unused) {
			passed = append(passed, e)
		}
	}
	return earliest(passed)
}

// newRules forgets what was about the run before.
func (w *Workspace) newRules() {
	w.RunLimit, w.RunBudget = nil, nil
	w.LastUsedAt, w.IdleWarnedAt, w.ExtendedUntil, w.ExtendedAt, w.ExtendedWall = nil, nil, nil, nil, nil
	w.FundsStopAt, w.FundsStopBy = nil, ""
}

// told is the latest time not after another that a desktop host can tell: they count
// milliseconds. An idle stop lies on such a time, so that the look that is made then
// finds it reached.
func told(at time.Time) time.Time { return at.Truncate(time.Millisecond) }

// begins sets what the rules of a run count from.
func (w *Workspace) begins(started time.Time) {
	used := told(started)
	w.LastStartedAt, w.LastUsedAt = &started, &used
	w.IdleWarnedAt, w.ExtendedUntil, w.ExtendedAt, w.ExtendedWall = nil, nil, nil, nil
	w.FundsStopAt, w.FundsStopBy = nil, ""
}

// amend changes the rules of a workspace that who may see, and tells its open pages.
// Errors: NotFound, Conflict for one that was destroyed, those of fn.
func (s *Service) amend(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, fn func(tenants.Tx, *liveRow) error) (w Workspace, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		row, err := ownRow(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if row.Desired == WantTerminated {
			return fail.New(fail.Conflict, "This workspace was destroyed already.")
		}
		if err := fn(tx, &row); err != nil {
			return err
		}
		w = row.Workspace
		return amended(ctx, tx, &w, "customer")
	})
	return w, err
}

// adjust is amend for what is about the present run. Errors: Conflict while it does
// not run.
func (s *Service) adjust(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, fn func(tenants.Tx, *liveRow) error) (Workspace, error) {
	return s.amend(ctx, t, who, id, func(tx tenants.Tx, row *liveRow) error {
		if row.Status != Running || row.LastStartedAt == nil {
			return fail.New(fail.Conflict, "This workspace is not running; start it first.")
		}
		return fn(tx, row)
	})
}

func amended(ctx context.Context, tx tenants.Tx, w *Workspace, who string) error {
	if err := save(ctx, tx, w); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventRulesChanged, by(w, who))
}
