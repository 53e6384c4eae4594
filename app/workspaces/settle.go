package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// settle writes what came of a step, and what follows: nil to look again, an
// error of the bus to wait.
func (s *Service) settle(ctx context.Context, t tenants.Tenant, e errand, out outcome) error {
	// What the host did must be written down even when the program is stopping.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actFor)
	defer cancel()
	var wait error
	err := s.DB.In(ctx, t, func(tx tenants.Tx) error {
		row, err := lockWorkspace(ctx, tx, e.row.ID)
		if err != nil {
			return err
		}
		if err := setLease(ctx, tx, row.ID, nil); err != nil {
			return err
		}
		wait, err = s.conclude(ctx, tx, &row.Workspace, e, out)
		return err
	})
	if tenants.IsUnique(err, "workspaces_desktop") {
		// Another workspace of this customer took that desktop; look for one again.
		return s.release(ctx, t, e.row.ID)
	}
	if err != nil {
		return err
	}
	return wait
}

func (s *Service) release(ctx context.Context, t tenants.Tenant, id uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error { return setLease(ctx, tx, id, nil) })
}

func (s *Service) conclude(ctx context.Context, tx tenants.Tx, w *Workspace, e errand, out outcome) (wait, err error) {
	switch {
	case e.step == stepRequest && out.err == nil:
		return nil, s.requested(ctx, tx, w, out)
	case e.step == stepRequest && w.DesktopID != nil, e.step == stepResume && out.err != nil && w.Observed != SeenStopped:
		return nil, nil // it has its desktop meanwhile
	case e.step == stepRequest, e.step == stepResume && out.err != nil:
		return s.startFailed(ctx, tx, w, e, out)
	case w.DesktopID == nil || e.row.DesktopID == nil || *w.DesktopID != *e.row.DesktopID:
		return nil, nil // it was taken off the row meanwhile
	case e.step == stepResume:
		if w.Observed != SeenStopped {
			return nil, nil // it was seen coming up before this was written
		}
		w.Observed = SeenStarting
		w.changed(tx.Now())
		return nil, save(ctx, tx, w)
	}
	if out.err == nil || HostKindOf(out.err) == HostNotFound {
		if err := s.interrupted(ctx, tx, w); err != nil {
			return nil, err
		}
	}
	if e.step == stepStop {
		return s.stopped(ctx, tx, w, out.err)
	}
	return s.destroyed(ctx, tx, w, out.err)
}

// interrupted: the workspace was started again, and even seen running, while the
// host was still busy ending it. That run ends with it; it starts anew.
func (s *Service) interrupted(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if w.Desired != WantRunning || w.Observed != SeenRunning {
		return nil
	}
	if _, err := s.Meter.Close(ctx, tx, w.ID, time.Time{}, "system"); err != nil {
		return err
	}
	if err := undue(ctx, tx, w.ID, DueLimit, DueIdle, DueKeepalive); err != nil {
		return err
	}
	deadline := tx.Now().Add(s.Patience)
	w.Observed, w.DeadlineAt = SeenStarting, &deadline
	return bus.Due(ctx, tx, DueDeadline, w.ID.String(), deadline, nil)
}

func (s *Service) requested(ctx context.Context, tx tenants.Tx, w *Workspace, out outcome) error {
	if w.DesktopID != nil {
		return nil // adopted meanwhile; if it was another desktop, that one is nobody's
	}
	w.claim(tx.Now(), out.server, out.account, out.desktop)
	return save(ctx, tx, w)
}

// startFailed decides between asking again and giving up. An answer about an
// earlier run says nothing about this one.
func (s *Service) startFailed(ctx context.Context, tx tenants.Tx, w *Workspace, e errand, out outcome) (wait, err error) {
	failure := out.err
	if w.Run != e.row.Run || w.Desired != WantRunning {
		return nil, nil
	}
	kind := HostKindOf(failure)
	if e.step == stepRequest && (kind != HostUnavailable || !out.asked) {
		w.AskedServerID = nil // it has clearly made none
	}
	if kind == HostPreparing {
		return s.prepared(ctx, tx, w, failure)
	}
	w.Tries++
	s.Log.WarnContext(ctx, "a desktop could not be started", "tenant", tx.Tenant().Slug, "workspace", w.ID, "try", w.Tries, "kind", kind, "err", failure)
	if e.step == stepResume && w.DesktopID != nil && kind == HostNotFound {
		w.forget(tx.Now()) // it is gone with its disk: a new one is asked for
		return nil, save(ctx, tx, w)
	}
	switch kind {
	case HostNoCapacity, HostLimit:
		if w.Tries < capacityTries {
			return s.again(ctx, tx, w, failure)
		}
		code, sentence := CodeNoCapacity, noRoom
		if kind == HostLimit {
			code, sentence = CodeLimit, atLimit
		}
		return nil, s.fail(ctx, tx, w, code, sentence, failure.Error())
	case HostUnavailable, HostNotReady:
		if w.Tries < quickTries {
			return s.again(ctx, tx, w, failure)
		}
		// The deadline ends this; until then it is asked for at leisure.
		if err := save(ctx, tx, w); err != nil {
			return nil, err
		}
		return errLeisure, bus.Due(ctx, tx, DueConverge, w.ID.String(), tx.Now().Add(leisure), nil)
	}
	if kind == HostRefused && w.Tries < refusalTries {
		return s.again(ctx, tx, w, failure)
	}
	return nil, s.fail(ctx, tx, w, CodeRefused, hostRefuses, failure.Error())
}

const (
	preparingLook = 2 * time.Second // between two looks at an image that is being fetched
	preparingMost = time.Hour       // after which a start gives up on one
)

// prepared waits for what the host fetches, and puts the start's deadline off.
func (s *Service) prepared(ctx context.Context, tx tenants.Tx, w *Workspace, failure error) (wait, err error) {
	now := tx.Now()
	if w.age(now) >= preparingMost {
		return nil, s.fail(ctx, tx, w, CodeDeadline, neverCameUp, failure.Error())
	}
	deadline := now.Add(s.Patience)
	w.DeadlineAt = &deadline
	if err := save(ctx, tx, w); err != nil {
		return nil, err
	}
	if err := bus.Due(ctx, tx, DueDeadline, w.ID.String(), deadline, nil); err != nil {
		return nil, err
	}
	return errLeisure, bus.Due(ctx, tx, DueConverge, w.ID.String(), now.Add(preparingLook), nil)
}

// again waits longer each time: half a second, one, two, four …
func (s *Service) again(ctx context.Context, tx tenants.Tx, w *Workspace, failure error) (wait, err error) {
	pause := min(500*time.Millisecond<<(w.Tries-1), 8*time.Second)
	return bus.Later(pause, failure.Error()), save(ctx, tx, w)
}

// giveAway lets go of a desktop without asking the host; it is destroyed as a stray.
func (s *Service) giveAway(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if err := discard(ctx, tx, *w.ServerID, *w.DesktopID); err != nil {
		return err
	}
	w.forget(tx.Now())
	return save(ctx, tx, w)
}

func (s *Service) stopped(ctx context.Context, tx tenants.Tx, w *Workspace, failure error) (wait, err error) {
	switch kind := HostKindOf(failure); {
	case failure == nil && w.Observed == SeenStopped:
		return nil, nil // it was seen off before this was written
	case failure == nil:
		w.Observed = SeenStopping
		w.changed(tx.Now())
	case kind == HostNotFound:
		w.forget(tx.Now())
	case kind == HostRefused:
		// This host keeps no disks: off means gone.
		w.DesktopUsed = false
		w.changed(tx.Now())
		return nil, save(ctx, tx, w)
	default:
		return s.stopLater(ctx, tx, w, failure)
	}
	if err := bus.Due(ctx, tx, DueConverge, w.ID.String(), tx.Now().Add(convergeAfter), nil); err != nil {
		return nil, err
	}
	return nil, save(ctx, tx, w)
}

func (s *Service) destroyed(ctx context.Context, tx tenants.Tx, w *Workspace, failure error) (wait, err error) {
	if failure != nil && HostKindOf(failure) != HostNotFound {
		return s.stopLater(ctx, tx, w, failure)
	}
	if err := discard(ctx, tx, *w.ServerID, *w.DesktopID); err != nil {
		return nil, err
	}
	w.forget(tx.Now())
	if err := save(ctx, tx, w); err != nil {
		return nil, err
	}
	return nil, s.announceOff(ctx, tx, w)
}

func (s *Service) announceOff(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if err := undue(ctx, tx, w.ID, DueConverge); err != nil {
		return err
	}
	event := EventStopped
	switch w.Desired {
	case WantTerminated:
		event = EventDestroyed
	case WantRunning:
		return nil // it was started again meanwhile
	}
	return bus.Append(ctx, tx, event, by(w, "request"))
}

// stopLater asks a few times more to end a desktop, and then leaves it to the next
// look. Billing is over; the reconcile round looks, too, as soon as the host answers.
func (s *Service) stopLater(ctx context.Context, tx tenants.Tx, w *Workspace, failure error) (wait, err error) {
	if HostKindOf(failure) == HostUnavailable && w.Tries < endTries {
		w.Tries++
		return s.again(ctx, tx, w, failure)
	}
	s.Log.WarnContext(ctx, "a desktop could not be ended yet", "tenant", tx.Tenant().Slug, "workspace", w.ID, "err", failure)
	return errLeisure, bus.Due(ctx, tx, DueConverge, w.ID.String(), tx.Now().Add(absence), nil)
}

// fail ends a start with a sentence for the customer and an alert for the operator.
func (s *Service) fail(ctx context.Context, tx tenants.Tx, w *Workspace, code, sentence, detail string) error {
	w.giveUp(tx.Now(), code, sentence)
	if err := save(ctx, tx, w); err != nil {
		return err
	}
	if w.Status == Failed {
		if err := setService(ctx, tx, w.ServiceID, "failed", nil); err != nil {
			return err
		}
	}
	if err := undue(ctx, tx, w.ID, DueDeadline, DueLimit, DueIdle, DueKeepalive); err != nil {
		return err
	}
	if err := s.Meter.Release(ctx, tx, []uuid.UUID{w.ID}); err != nil {
		return err
	}
	if w.DesktopID != nil { // what it left behind is to go
		if err := bus.Due(ctx, tx, DueConverge, w.ID.String(), tx.Now(), nil); err != nil {
			return err
		}
	}
	h := happened(w)
	h.Code, h.Error, h.Detail = code, sentence, detail
	return bus.Append(ctx, tx, EventFailed, h)
}
