package workspaces

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// leaseFor is how long a worker that died keeps others from acting for its
	// workspace. A living one renews it every third of that.
	leaseFor = 12 * time.Second
	// actFor bounds what one step may take at the host.
	actFor = 60 * time.Second
	// busyWait is when to look again while another worker acts for the workspace.
	busyWait = 300 * time.Millisecond
	// maxSteps bounds how often one message looks at the row again.
	maxSteps = 8

	capacityTries = 4 // a host without room is asked this often
	refusalTries  = 3
	quickTries    = 6                // a host that does not answer is asked this often in quick succession
	convergeAfter = 30 * time.Second // until a stop that was taken is asked about again
	leisure       = 20 * time.Second // between two requests to a host that does not answer
	// absence is how long a due time waits for a host that does not answer. The
	// rounds notice its return sooner.
	absence = 5 * time.Minute
)

// OnChange handles what is announced when something was asked for: ordered,
// start_requested, stop_requested, destroy_requested. The message only says which
// workspace to look at; what to do follows from its row.
func (s *Service) OnChange(ctx context.Context, m *bus.Message) error {
	var h Happened
	if err := m.Decode(&h); err != nil {
		return err
	}
	return s.converge(ctx, m.Tenant, h.WorkspaceID)
}

// OnConvergeDue handles the due time that looks at a workspace again.
func (s *Service) OnConvergeDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no workspace: %w", err))
	}
	return s.converge(ctx, m.Tenant, id)
}

// errand is one step that this worker holds the lease for.
type errand struct {
	row   liveRow
	step  step
	lease time.Time
}

// converge asks the host for what is missing, one step at a time, until nothing is.
func (s *Service) converge(ctx context.Context, t tenants.Tenant, id uuid.UUID) error {
	for range maxSteps {
		e, busy, err := s.take(ctx, t, id)
		if err != nil {
			return err
		}
		if busy {
			return bus.Later(busyWait, "another worker acts for this workspace")
		}
		if e.step == stepNone {
			s.poked(t)
			return nil
		}
		out := s.act(ctx, t, e)
		err = s.settle(ctx, t, e, out)
		s.poked(t)
		if errors.Is(err, errLeisure) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errLeisure ends a message whose workspace a due time will look at again.
var errLeisure = errors.New("a due time looks at the workspace again")

// take decides the next step and takes the lease for it.
func (s *Service) take(ctx context.Context, t tenants.Tenant, id uuid.UUID) (e errand, busy bool, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		e, busy = errand{}, false
		if e.row, err = lockWorkspace(ctx, tx, id); err != nil {
			return err
		}
		wall := s.Wall().UTC().Truncate(time.Microsecond)
		step := e.row.next(tx.Now())
		switch {
		case step == stepNone:
			return nil
		case e.row.LeaseUntil != nil && e.row.LeaseUntil.After(wall):
			busy = true
			return nil
		case (step == stepRequest || step == stepResume) && !t.Status.Open():
			return s.fail(ctx, tx, &e.row.Workspace, CodeSuspended, shopIsClosed, "the shop is "+string(t.Status))
		}
		e.step, e.lease = step, wall.Add(leaseFor)
		return setLease(ctx, tx, id, &e.lease)
	})
	return e, busy, err
}

// outcome is what came of a step.
type outcome struct {
	server  uuid.UUID
	account Account
	desktop string
	err     error
}

// act does the step, outside any transaction, while the lease is kept alive.
func (s *Service) act(ctx context.Context, t tenants.Tenant, e errand) outcome {
	ctx, cancel := context.WithTimeout(ctx, actFor)
	defer cancel()
	kept := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(kept)
		s.keepLease(ctx, t, e, done)
	}()
	defer func() { close(done); <-kept }()
	switch e.step {
	case stepRequest:
		return s.request(ctx, t, e.row)
	case stepResume:
		return outcome{err: s.command(ctx, e.row, Driver.Resume)}
	case stepStop:
		return outcome{err: s.command(ctx, e.row, Driver.Stop)}
	}
	return outcome{err: s.command(ctx, e.row, Driver.Destroy)}
}

func (s *Service) keepLease(ctx context.Context, t tenants.Tenant, e errand, done <-chan struct{}) {
	tick := time.NewTicker(leaseFor / 3)
	defer tick.Stop()
	held := e.lease
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		until := s.Wall().UTC().Truncate(time.Microsecond).Add(leaseFor)
		err := s.DB.In(ctx, t, func(tx tenants.Tx) error { return renewLease(ctx, tx, e.row.ID, held, until) })
		if err != nil {
			s.Log.WarnContext(ctx, "the lease of a workspace could not be renewed", "workspace", e.row.ID, "err", err)
			continue
		}
		held = until
	}
}

// command sends one of the short commands to the workspace's own host.
func (s *Service) command(ctx context.Context, row liveRow, do func(Driver, context.Context, string, string) error) error {
	host, err := s.hostOf(ctx, row)
	if err != nil {
		return err
	}
	return do(host.Driver, ctx, *row.HostUserID, *row.DesktopID)
}

func (s *Service) hostOf(ctx context.Context, row liveRow) (Host, error) {
	hosts, err := s.Fleet.Hosts(ctx)
	if err != nil {
		return Host{}, &HostError{Kind: HostUnavailable, Message: "the list of desktop hosts cannot be read", Cause: err}
	}
	for _, h := range hosts {
		if row.ServerID != nil && h.ID == *row.ServerID || row.ServerID == nil && h.Active {
			return h, nil
		}
	}
	return Host{}, &HostError{Kind: HostUnavailable, Message: "there is no desktop host to ask"}
}

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
		return s.startFailed(ctx, tx, w, e, out.err)
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
	if err := undue(ctx, tx, w.ID, DueLimit, DueKeepalive); err != nil {
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
func (s *Service) startFailed(ctx context.Context, tx tenants.Tx, w *Workspace, e errand, failure error) (wait, err error) {
	if w.Run != e.row.Run || w.Desired != WantRunning {
		return nil, nil
	}
	w.Tries++
	kind := HostKindOf(failure)
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

// stopLater leaves a desktop that could not be ended to the next look. Billing is
// over; the reconcile round looks, too, as soon as the host answers.
func (s *Service) stopLater(ctx context.Context, tx tenants.Tx, w *Workspace, failure error) (wait, err error) {
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
	if err := undue(ctx, tx, w.ID, DueDeadline, DueLimit, DueKeepalive); err != nil {
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
