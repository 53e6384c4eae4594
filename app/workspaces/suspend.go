package workspaces

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// SuspendCustomer stops every running desktop of a customer. why is parked or
// suspended.
func (s *Service) SuspendCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error {
	return s.eachOf(ctx, tx, user, func(row *liveRow) error { return s.StopIn(ctx, tx, &row.Workspace, tx.Now(), why) })
}

// ResumeCustomer takes back the stops of SuspendCustomer that have not come yet.
func (s *Service) ResumeCustomer(context.Context, tenants.Tx, uuid.UUID) error { return nil }

// TerminateCustomer destroys every desktop of a customer, disks included.
func (s *Service) TerminateCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error {
	return s.eachOf(ctx, tx, user, func(row *liveRow) error {
		if !row.Destroy(tx.Now()) {
			return nil
		}
		if err := setService(ctx, tx, row.ServiceID, "terminated", nil); err != nil {
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
	for i := range rows {
		if err := fn(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}
