package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// busyTenantsQ finds the shops that have anything live, without opening their
// schemas: every live workspace has a due time.
func busyTenantsQ(dst *[]uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.busyTenantsQ
select distinct tenant_id from central.due where kind in ('block', 'deadline', 'limit', 'converge', 'keepalive')`)
}

// silent is a desktop host whose last answer was an error.
type silent struct {
	Name  string    `db:"name"`
	Error string    `db:"last_error"`
	At    time.Time `db:"last_error_at"`
}

func silentQ(dst *[]silent) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.silentQ
select name, last_error, last_error_at from central.kasm_servers
where status <> 'retired' and last_error is not null and last_error_at is not null order by created_at, name`)
}

func serverOK(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, at time.Time) error {
	_, err := tx.Exec(ctx, `-- workspaces.serverOK
update central.kasm_servers set last_ok_at = $2, last_error = null, last_error_at = null where id = $1`, id, at)
	return err
}

func serverFailed(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, at time.Time, sentence string) error {
	_, err := tx.Exec(ctx, `-- workspaces.serverFailed
update central.kasm_servers set last_error = $3, last_error_at = $2 where id = $1`, id, at, sentence)
	return err
}

// record writes into the provider's audit log what was done to a desktop, and by whom.
func record(ctx context.Context, tx tenants.CentralTx, actor string, tenant *uuid.UUID, action, subject string, detail []byte) error {
	_, err := tx.Exec(ctx, `-- workspaces.record
insert into central.audit_log (actor, tenant_id, action, subject, detail) values ($1, $2, $3, $4, $5::jsonb)`, actor, tenant, action, subject, string(detail))
	return err
}
