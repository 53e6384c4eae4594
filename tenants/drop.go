package tenants

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ezscale/ezscale/app/fail"
)

// Drop removes the data of a closed shop for good: its schema with everything in
// it, what waits to happen in it, its names and its people's way in. What the
// provider's own books say about it stays, and its slug is never given out again.
// Repeated it changes nothing. A shop that is not closed is fail.Conflict.
func (db *DB) Drop(ctx context.Context, id uuid.UUID, actor string) error {
	conn, err := db.admin.Acquire(ctx)
	if err != nil {
		return fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	err = transact(ctx, conn, "begin; set local search_path to central, pg_temp; set local lock_timeout to '10s'; set local statement_timeout to '5min'", func(tx pgx.Tx) error {
		return db.drop(ctx, tx, id, actor)
	})
	if err != nil {
		return err
	}
	return db.registry.Refresh(ctx)
}

func (db *DB) drop(ctx context.Context, tx pgx.Tx, id uuid.UUID, actor string) error {
	central := CentralTx{transaction{tx, db.cfg.Now()}}
	was, err := LockStanding(ctx, central, id)
	switch {
	case err != nil || was.DroppedAt != nil:
		return err
	case was.Status != Closed || was.House:
		return fail.New(fail.Conflict, "This shop is not closed; its data stays.")
	}
	schema := schemaOf(was.Slug)
	if _, err := tx.Conn().PgConn().Exec(ctx, fmt.Sprintf(dropSQL, schema)).ReadAll(); err != nil {
		return fmt.Errorf("drop schema %s: %w", schema, err)
	}
	if _, err := central.Exec(ctx, `-- mark dropped
		update central.tenants set dropped_at = $2, released_at = coalesce(released_at, $2) where id = $1`, id, central.Now()); err != nil {
		return err
	}
	return auditBy(ctx, central, actor, id, "tenant.dropped", map[string]string{"schema": schema})
}

// dropSQL leaves the role alone where another database of the cluster uses it.
const dropSQL = `
drop schema if exists %[1]s cascade;
delete from central.outbox_failures where outbox_id in (select id from central.outbox where schema_name = '%[1]s');
delete from central.outbox_receipts where schema_name = '%[1]s';
delete from central.outbox where schema_name = '%[1]s';
delete from central.due where schema_name = '%[1]s';
delete from central.dead_letters where schema_name = '%[1]s';
delete from central.reseller_logins where tenant_id in (select id from central.tenants where schema_name = '%[1]s');
delete from central.tenant_domains where tenant_id in (select id from central.tenants where schema_name = '%[1]s');
do $$ begin
    if exists (select 1 from pg_roles where rolname = '%[1]s') then
        drop role %[1]s;
    end if;
exception when dependent_objects_still_exist then null;
end $$;
`
