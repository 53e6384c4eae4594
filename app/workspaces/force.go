package workspaces

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// Force ends a workspace that is stuck, without waiting for the host: it is
// stopped, and whatever desktop it had is nobody's any more and will be destroyed.
func (s *Service) Force(ctx context.Context, t tenants.Tenant, id uuid.UUID) (w Workspace, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		row, err := lockWorkspace(ctx, tx, id)
		if err != nil {
			return err
		}
		w = row.Workspace
		if w.Desired == WantRunning {
			at, err := s.endOf(ctx, tx, id)
			if err != nil {
				return err
			}
			if err := s.StopIn(ctx, tx, &w, at, "staff"); err != nil {
				return err
			}
		}
		if w.DesktopID == nil {
			return nil
		}
		return s.giveAway(ctx, tx, &w)
	})
	return w, err
}

// ForceBy is Force by a person of the provider, whose name goes into the provider's
// audit log. Errors: NotFound.
func (s *Service) ForceBy(ctx context.Context, t tenants.Tenant, id uuid.UUID, operator string) (Workspace, error) {
	w, err := s.Force(ctx, t, id)
	if err != nil {
		return w, err
	}
	detail, err := json.Marshal(map[string]string{"shop": t.Slug, "was": string(w.Observed)})
	if err != nil {
		return w, fmt.Errorf("describe what was forced: %w", err)
	}
	return w, s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		return record(ctx, tx, operator, &t.ID, "workspace.forced", id.String(), detail)
	})
}
