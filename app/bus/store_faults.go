package bus

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ezscale/ezscale/tenants"
)

// isDisconnect is true for errors of a database that is down, going down,
// starting, or full of connections.
func isDisconnect(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) || tenants.IsCutOff(err) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P") || pg.Code == "53300"
}

// probe fails when the tenant cannot be worked for now.
func probe(ctx context.Context, db *tenants.DB, t tenants.Tenant) error {
	var one int
	return db.Read(ctx, t, tenants.GetQ(&one, "answer", `-- probe
		select 1`))
}
