package workspaces

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// SuspendCustomer stops every desktop of a customer at the end of the block that is
// paid, and cancels what is starting. why is parked or suspended.
func (s *Service) SuspendCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error {
	return s.eachOf(ctx, tx, user, func(row *liveRow) error {
		switch row.Status {
		case Running:
			return s.suspend(ctx, tx, row, why)
		case Provisioning:
			return s.StopIn(ctx, tx, &row.Workspace, tx.Now(), why)
		}
		return nil
	})
}

func (s *Service) suspend(ctx context.Context, tx tenants.Tx, row *liveRow, why string) error {
	all, err := s.Meter.Standings(ctx, tx, []uuid.UUID{row.ID})
	if err != nil {
		return err
	}
	st, open := all[row.ID]
	if row.FundsStopAt != nil && !row.FundsStopAt.After(st.PaidUntil) {
		return nil // it ends sooner
	}
	if !open || !st.PaidUntil.After(tx.Now()) {
		return s.StopIn(ctx, tx, &row.Workspace, st.PaidUntil, why)
	}
	if err := s.Meter.Release(ctx, tx, []uuid.UUID{row.ID}); err != nil {
		return err
	}
	row.FundsStopAt, row.FundsStopBy = &st.PaidUntil, why
	if err := limitTimer(ctx, tx, row); err != nil {
		return err
	}
	return amended(ctx, tx, &row.Workspace, "system")
}

// ResumeCustomer takes back the stops of SuspendCustomer that have not come yet.
func (s *Service) ResumeCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	return s.eachOf(ctx, tx, user, func(row *liveRow) error {
		if row.FundsStopBy != byParked && row.FundsStopBy != bySuspended || row.Status != Running || !row.FundsStopAt.After(tx.Now()) {
			return nil
		}
		row.FundsStopAt, row.FundsStopBy = nil, ""
		if err := limitTimer(ctx, tx, row); err != nil {
			return err
		}
		if err := bus.Due(ctx, tx, DueReserve, row.ID.String(), tx.Now(), nil); err != nil {
			return err
		}
		return amended(ctx, tx, &row.Workspace, "system")
	})
}

// TerminateCustomer destroys every desktop of a customer, disks included.
func (s *Service) TerminateCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error {
	return s.eachOf(ctx, tx, user, func(row *liveRow) error {
		if !row.Destroy(tx.Now()) {
			return nil
		}
		if err := s.terminate(ctx, tx, &row.Workspace); err != nil {
			return err
		}
		if _, err := disarm(ctx, tx, &row.Workspace); err != nil {
			return err
		}
		return s.end(ctx, tx, &row.Workspace, tx.Now(), why, EventDestroyRequested)
	})
}

func (s *Service) eachOf(ctx context.Context, tx tenants.Tx, user uuid.UUID, fn func(*liveRow) error) error {
	ids, err := ofCustomer(ctx, tx, user)
	if err != nil {
		return err
	}
	rows, err := lockWorkspaces(ctx, tx, ids)
	if err != nil {
		return err
	}
	if err := s.Meter.Lock(ctx, tx, ids, nil, tx.Now()); err != nil {
		return err
	}
	for i := range rows {
		if err := fn(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}
