package workspaces

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// ofCustomer are a customer's workspaces that are not destroyed.
func ofCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- workspaces.ofCustomer
select id from kasm_workspaces where user_id = $1 and status <> 'terminated' order by id`, user)
}

func runningOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- workspaces.runningOf
select id from kasm_workspaces where user_id = $1 and status = 'running' order by id`, user)
}
