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

// Server is a desktop host as the provider's tables keep it.
type Server struct {
	ID          uuid.UUID  `db:"id"`
	Name        string     `db:"name"`
	URL         string     `db:"url"`
	Status      string     `db:"status"`
	Simulator   bool       `db:"simulator"`
	LastOKAt    *time.Time `db:"last_ok_at"`
	LastError   *string    `db:"last_error"`
	LastErrorAt *time.Time `db:"last_error_at"`
}

// ServersQ reads every desktop host for the operator's pages, in a CentralRead.
func ServersQ(dst *[]Server) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.ServersQ
select id, name, url, status, simulator, last_ok_at, last_error, last_error_at from central.kasm_servers order by created_at, name`)
}

// ServerSpec is what the configuration says about a desktop host. Secret is sealed.
type ServerSpec struct {
	Name, URL, Key, Auth string
	Secret               []byte
	Insecure, Simulator  bool
}

// EnsureServer writes a desktop host of the configuration into the provider's
// tables and returns its id, which is the same at every start.
func EnsureServer(ctx context.Context, db *tenants.DB, s ServerSpec) (id uuid.UUID, err error) {
	if s.Auth == "" {
		s.Auth = "body"
	}
	err = db.Central(ctx, func(tx tenants.CentralTx) error {
		id, err = tenants.Get[uuid.UUID](ctx, tx, "server", `-- workspaces.EnsureServer
insert into central.kasm_servers (name, url, api_key, api_key_secret, auth, insecure, simulator) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (name) do update set url = excluded.url, api_key = excluded.api_key, api_key_secret = excluded.api_key_secret, auth = excluded.auth,
    insecure = excluded.insecure, simulator = excluded.simulator
returning id`, s.Name, s.URL, s.Key, s.Secret, s.Auth, s.Insecure, s.Simulator)
		return err
	})
	return id, err
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
