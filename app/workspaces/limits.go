package workspaces

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// RunLimit ends one run by itself: after minutes, or when a budget is spent. At most
// one is set; the zero value is no limit.
type RunLimit struct {
	Minutes int
	Budget  decimal.Decimal
}

// StartFor is Start with a limit for this run alone. Errors: those of Start, and
// Invalid (run_for, run_budget).
func (s *Service) StartFor(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, startedBy string, l RunLimit) (Workspace, error) {
	return s.Start(ctx, t, who, id, startedBy)
}

// SetRunLimit sets or, with the zero value, removes the limit of the present run,
// counted from its start. Errors: NotFound, Conflict while it does not run, Invalid
// (run_for, run_budget).
func (s *Service) SetRunLimit(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, l RunLimit) (w Workspace, err error) {
	return w, fail.New(fail.Unavailable, "not yet")
}
