package workspaces

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// Terms bills what a service costs besides its blocks, in the transaction of the
// order: a monthly price. Its refusal is a fail.PaymentRequired.
type Terms interface {
	Ordered(ctx context.Context, tx tenants.Tx, user, service, plan uuid.UUID) error
	Destroyed(ctx context.Context, tx tenants.Tx, service uuid.UUID) error
}

// subscribe begins what the order costs a month.
func (s *Service) subscribe(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if s.Terms == nil {
		return nil
	}
	return s.Terms.Ordered(ctx, tx, w.UserID, w.ServiceID, w.PlanID)
}

// terminate ends the service of a workspace that is destroyed, and what it costs a
// month with it.
func (s *Service) terminate(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if err := setService(ctx, tx, w.ServiceID, "terminated", nil); err != nil || s.Terms == nil {
		return err
	}
	return s.Terms.Destroyed(ctx, tx, w.ServiceID)
}
