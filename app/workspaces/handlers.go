package workspaces

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// OnBlockDue handles the due time of a session's next block: it looks at the
// host, which charges the block if the desktop runs, and ends once the block is
// charged or the session closed. Until then nothing is charged, and the due time
// comes again.
func (r *Reconciler) OnBlockDue(ctx context.Context, m *bus.Message) error {
	session, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no session: %w", err))
	}
	// A round proves every desktop at once, so most sessions need none of their own.
	if settled, err := r.blockSettled(ctx, m, session); settled || err != nil {
		return err
	}
	looked := r.RoundSince(ctx, m.DueAt)
	if settled, err := r.blockSettled(ctx, m, session); settled || err != nil {
		return err
	}
	if looked != nil {
		return bus.Later(absence, looked.Error())
	}
	return bus.Later(convergeAfter, "the desktop is not proven to run")
}

func (r *Reconciler) blockSettled(ctx context.Context, m *bus.Message, session uuid.UUID) (bool, error) {
	var b blockState
	var found bool
	err := r.s.DB.Read(ctx, m.Tenant, blockQ(&b, &found, session, m.DueAt))
	return err == nil && (!found || b.Closed || b.Charged), err
}

// OnLimitDue handles the end that an order or its start set to a run, and the end of
// the money for it. The host is looked at first, so that a desktop which ended before is not charged up to its limit.
func (r *Reconciler) OnLimitDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no workspace: %w", err))
	}
	_ = r.RoundSince(ctx, m.DueAt) // the limit holds whether the host answers or not
	return r.s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		row, err := lockWorkspace(ctx, tx, id)
		if err != nil || row.Status != Running {
			return err
		}
		e := row.firm()
		if e.by == "" || e.at.After(tx.Now()) {
			return nil
		}
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		at, err := r.s.notAfter(ctx, tx, id, e.at)
		if err != nil {
			return err
		}
		return r.s.StopIn(ctx, tx, &row.Workspace, at, e.by)
	})
}

// OnDeadlineDue ends a start that took too long. It looks at the host once more
// before it does.
func (r *Reconciler) OnDeadlineDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	looked := r.RoundSince(ctx, m.DueAt)
	var later error
	err = r.s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		row, err := lockWorkspace(ctx, tx, id)
		if err != nil || row.Status != Provisioning || row.DeadlineAt == nil || row.DeadlineAt.After(tx.Now()) {
			return err
		}
		if row.DesktopID == nil && row.Tries == 0 && tx.Now().Sub(*row.DeadlineAt) < r.s.Patience {
			later = bus.Later(convergeAfter, "the desktop host was not asked yet")
			return nil
		}
		code, sentence := CodeDeadline, neverCameUp
		if looked != nil && row.DesktopID == nil {
			code, sentence = CodeNoAnswer, noAnswer
		}
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return r.s.fail(ctx, tx, &row.Workspace, code, sentence, "the deadline of the start passed")
	})
	if err == nil {
		err = later
	}
	return err
}

// charged is what block.charged says, as far as it matters here.
type charged struct {
	WorkspaceID uuid.UUID `json:"workspace_id"`
}

// OnBlockCharged keeps a desktop alive whose block was charged: hosts end what
// nobody keeps alive. A host that does not answer is asked again at the next
// block at the latest, so this never becomes a dead letter.
func (s *Service) OnBlockCharged(ctx context.Context, m *bus.Message) error {
	var c charged
	if err := m.Decode(&c); err != nil {
		return err
	}
	_, err := s.keepAlive(ctx, m.Tenant, c.WorkspaceID)
	if err != nil && m.LastTry {
		s.Log.WarnContext(ctx, "a desktop could not be kept alive", "tenant", m.Tenant.Slug, "workspace", c.WorkspaceID, "err", err)
		return nil
	}
	return err
}

// OnKeepaliveDue keeps a desktop alive between two blocks that are far apart.
func (s *Service) OnKeepaliveDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no workspace: %w", err))
	}
	running, err := s.keepAlive(ctx, m.Tenant, id)
	if err != nil {
		return bus.Later(absence, err.Error()) // hosts wait for an hour, and this comes every half
	}
	if !running {
		return nil
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		row, err := lockWorkspace(ctx, tx, id)
		if err != nil || row.Status != Running {
			return err
		}
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return bus.Due(ctx, tx, DueKeepalive, m.Key, tx.Now().Add(keepaliveEvery), nil)
	})
}

func (s *Service) keepAlive(ctx context.Context, t tenants.Tenant, id uuid.UUID) (running bool, err error) {
	var row liveRow
	var found bool
	if err := s.DB.Read(ctx, t, byIDQ(&row, &found, id)); err != nil || !found {
		return false, err
	}
	if row.Status != Running || row.DesktopID == nil {
		return false, nil
	}
	host, err := s.hostOf(ctx, row)
	if err != nil {
		return true, err
	}
	if err := host.Driver.Keepalive(ctx, *row.DesktopID); err != nil && HostKindOf(err) != HostNotFound {
		return true, err
	}
	return true, nil
}
