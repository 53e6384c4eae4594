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
	endTries      = 2                // to end a desktop, one that gives no answer
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
	asked   bool // the host was asked to make one; unless it clearly refused, it may have
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

// hostOf is the host that has the workspace's desktop.
func (s *Service) hostOf(ctx context.Context, row liveRow) (Host, error) {
	hosts, err := s.Fleet.Hosts(ctx)
	if err != nil {
		return Host{}, &HostError{Kind: HostUnavailable, Message: "the list of desktop hosts cannot be read", Cause: err}
	}
	for _, h := range hosts {
		if row.ServerID != nil && h.ID == *row.ServerID {
			return h, nil
		}
	}
	return Host{}, &HostError{Kind: HostUnavailable, Message: "the desktop's host is no longer one of ours"}
}
