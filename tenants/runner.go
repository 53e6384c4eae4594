package tenants

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// laggard is a tenant that is not at the newest version.
type laggard struct {
	Slug          string
	SchemaName    string
	SchemaVersion int64
}

func collect[T any](rows pgx.Rows) ([]T, error) { return pgx.CollectRows(rows, rowTo[T]()) }

// moveUp runs what a tenant has not had, one transaction a migration, and keeps
// the error beside the tenant when it must give up.
func (db *DB) moveUp(ctx context.Context, l *laggard) error {
	conn, err := db.admin.Acquire(ctx)
	if err != nil {
		return fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	for _, m := range after(db.tenant, l.SchemaVersion) {
		if err := moveOne(ctx, conn, l, m); err != nil {
			return errors.Join(err, keepFailure(ctx, conn, l, err))
		}
		l.SchemaVersion = m.version
	}
	return nil
}

// migrateTries is how often a migration that met a lock is tried.
const migrateTries = 6

func moveOne(ctx context.Context, conn *pgxpool.Conn, l *laggard, m migration) error {
	message := upMessage(l.SchemaName, m)
	for try := 0; ; try++ {
		err := send(ctx, conn, message)
		switch {
		case err == nil, hadAlready(err):
			return nil
		case try+1 < migrateTries && (collided(err) || sqlState(err) == "55P03" || sqlState(err) == "40P01"):
			if err := pause(ctx, backoff(100*time.Millisecond, try)); err != nil {
				return err
			}
		default:
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
}

// upMessage is everything that moves one tenant up by one migration, as one
// message: the shape and the record of it are in the same transaction. That
// transaction does not wait for the disk: if the machine fails, shape and record
// are lost together, and the next run does them again.
func upMessage(schema string, m migration) string {
	return fmt.Sprintf(`begin;
set local lock_timeout = '2s';
set local statement_timeout = 0;
set local synchronous_commit = off;
set local search_path to %[1]s, pg_temp;
select pg_advisory_xact_lock(%[2]d, %[3]d);
select (case when schema_version < %[2]d then '0' else '%[4]s' end)::int from central.tenants where schema_name = '%[1]s' for update;
%[5]s;
insert into %[1]s.goose_db_version (version_id, is_applied) values (%[2]d, true);
update central.tenants set schema_version = %[2]d, migration_error = null where schema_name = '%[1]s';
commit`, schema, m.version, lockKey(schema), alreadyMark, strings.TrimRight(m.up, "; \n\t"))
}

// alreadyMark makes the message fail when another process was faster: plain SQL
// has no other way to stop in the middle.
const alreadyMark = "this tenant has had this migration"

func hadAlready(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "22P02" && strings.Contains(pg.Message, alreadyMark)
}

// collided is two databases of one cluster changing the same role at once.
func collided(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return strings.Contains(pg.Message, "tuple concurrently") || pg.Code == "23505" && strings.HasPrefix(pg.TableName, "pg_auth")
}

// lockKey is the schema's half of an advisory lock's two keys.
func lockKey(schema string) int32 {
	h := fnv.New32a()
	h.Write([]byte(schema))
	return int32(h.Sum32())
}

// send runs several statements as one message.
func send(ctx context.Context, conn *pgxpool.Conn, message string) error {
	_, err := conn.Conn().PgConn().Exec(ctx, message).ReadAll()
	if err != nil && !conn.Conn().IsClosed() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_, back := conn.Conn().PgConn().Exec(ending, "rollback").ReadAll()
		err = errors.Join(err, back)
	}
	return err
}

func keepFailure(ctx context.Context, conn *pgxpool.Conn, l *laggard, failure error) error {
	const sql = `-- keep migration failure
		update central.tenants set migration_error = $2 where schema_name = $1`
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	_, err := conn.Exec(ending, sql, l.SchemaName, failure.Error())
	return err
}
