package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// Stop asks for a workspace to be off and ends its billing in the same commit
// (R1). Before it runs, this cancels the start. When it is off already, nothing
// happens. Errors: NotFound, Conflict (destroyed).
func (s *Service) Stop(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, stoppedBy string) (w Workspace, err error) {
	s.freshen(ctx, t, id)
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if w, err = own(ctx, tx, who, id); err != nil {
			return err
		}
		at, err := s.endOf(ctx, tx, id)
		if err != nil {
			return err
		}
		return s.StopIn(ctx, tx, &w, at, stoppedBy)
	})
	return w, err
}

const (
	// stale is how old a proof of running may be before a stop asks for a new one.
	stale = 90 * time.Second
	// freshenFor is how long a customer's stop may wait for it.
	freshenFor = 4 * time.Second
)

// freshen asks the host about a desktop that was not proven to run for a while:
// it may have ended while this program was down, and its session with it.
func (s *Service) freshen(ctx context.Context, t tenants.Tenant, id uuid.UUID) {
	var proof time.Time
	var open bool
	if err := s.DB.Read(ctx, t, proofQ(&proof, &open, id)); err != nil || !open || s.Clock.Now().Sub(proof) < stale {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, freshenFor)
	defer cancel()
	if err := s.look(ctx); err != nil {
		s.Log.WarnContext(ctx, "a stop is taken without a fresh proof of running", "tenant", t.Slug, "workspace", id, "err", err)
	}
}

// endOf is when a stop that is accepted now ends the session: now, but not past
// the block in progress at the last proof when the host cannot be reached (R6).
func (s *Service) endOf(ctx context.Context, tx tenants.Tx, id uuid.UUID) (time.Time, error) {
	all, err := s.Meter.Standings(ctx, tx, []uuid.UUID{id})
	if err != nil {
		return time.Time{}, err
	}
	now := tx.Now()
	if st, open := all[id]; open && now.Sub(st.LastProofAt) >= stale && now.After(st.PaidUntil) {
		return st.PaidUntil, nil
	}
	return now, nil
}

// notAfter is the end of a session that a rule ends at a time, whenever that is done:
// then, or sooner when the host did not answer for long (R6).
func (s *Service) notAfter(ctx context.Context, tx tenants.Tx, id uuid.UUID, at time.Time) (time.Time, error) {
	end, err := s.endOf(ctx, tx, id)
	if err == nil && at.Before(end) {
		end = at
	}
	return end, err
}

// StopIn is Stop inside a transaction that holds the row's lock, with the time at
// which billing ends.
func (s *Service) StopIn(ctx context.Context, tx tenants.Tx, w *Workspace, at time.Time, stoppedBy string) error {
	asked, err := w.Stop(tx.Now())
	if err != nil || !asked {
		return err
	}
	return s.end(ctx, tx, w, at, stoppedBy, EventStopRequested)
}

// StopAt stops a workspace for a rule of the product (a cap, an empty wallet, a
// shop that is closed) and ends its billing at the given time, which may lie a
// little in the past. It is meant for the transaction that found the reason.
// Errors: NotFound.
func (s *Service) StopAt(ctx context.Context, tx tenants.Tx, id uuid.UUID, at time.Time, stoppedBy string) error {
	row, err := lockWorkspace(ctx, tx, id)
	if err != nil || row.Desired != WantRunning {
		return err
	}
	return s.StopIn(ctx, tx, &row.Workspace, at, stoppedBy)
}

// Destroy ends a workspace and its disk for good. When it is destroyed already,
// nothing happens. Errors: NotFound.
func (s *Service) Destroy(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, destroyedBy string) (w Workspace, err error) {
	s.freshen(ctx, t, id)
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if w, err = own(ctx, tx, who, id); err != nil || !w.Destroy(tx.Now()) {
			return err
		}
		at, err := s.endOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.terminate(ctx, tx, &w); err != nil {
			return err
		}
		if _, err := disarm(ctx, tx, &w); err != nil {
			return err
		}
		return s.end(ctx, tx, &w, at, destroyedBy, EventDestroyRequested)
	})
	return w, err
}

// end commits that a workspace is to run no longer: billing over, its timers gone.
func (s *Service) end(ctx context.Context, tx tenants.Tx, w *Workspace, at time.Time, who, event string) error {
	stopped, err := s.Meter.Close(ctx, tx, w.ID, at, who)
	if err != nil {
		return err
	}
	if !stopped.IsZero() {
		w.LastStoppedAt = &stopped
	}
	if err := save(ctx, tx, w); err != nil {
		return err
	}
	if err := undue(ctx, tx, w.ID, DueDeadline, DueLimit, DueIdle, DueKeepalive); err != nil {
		return err
	}
	return bus.Append(ctx, tx, event, by(w, who))
}

func undue(ctx context.Context, tx tenants.Tx, id uuid.UUID, kinds ...string) error {
	for _, kind := range kinds {
		if err := bus.Undue(ctx, tx, kind, id.String()); err != nil {
			return err
		}
	}
	return nil
}
