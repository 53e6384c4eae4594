package tenants

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ezscale/ezscale/app/fail"
)

// Query is one question of a Read, with the place its answer goes to.
type Query struct {
	sql  string
	args []any
	scan func(pgx.Rows) error
}

// GetQ is Get as a part of a Read.
func GetQ[T any](dst *T, what, sql string, args ...any) Query {
	return Query{sql, args, func(rows pgx.Rows) error {
		v, found, err := one[T](rows)
		if err == nil && !found {
			return fail.Missing(what)
		}
		*dst = v
		return err
	}}
}

// FindQ is Find as a part of a Read.
func FindQ[T any](dst *T, found *bool, sql string, args ...any) Query {
	return Query{sql, args, func(rows pgx.Rows) (err error) {
		*dst, *found, err = one[T](rows)
		return err
	}}
}

// ListQ is List as a part of a Read.
func ListQ[T any](dst *[]T, sql string, args ...any) Query {
	return Query{sql, args, func(rows pgx.Rows) (err error) {
		*dst, err = pgx.CollectRows(rows, rowTo[T]())
		return err
	}}
}

// Read asks all of a page's questions in one round trip, in one read-only
// transaction that ends with it. The first error is returned, with the name of
// the statement it belongs to. A tenant behind the minimum version is
// fail.Unavailable.
func (db *DB) Read(ctx context.Context, t Tenant, qs ...Query) error {
	if err := db.serves(t); err != nil {
		return err
	}
	return db.read(ctx, t.schema, db.roleOf(t), qs)
}

// CentralRead is Read for the provider's tables.
func (db *DB) CentralRead(ctx context.Context, qs ...Query) error {
	return db.read(ctx, "central", "ezscale_central", qs)
}

// read sends prepared statements, which are two to three times as fast as others
// in a pipeline. What they cannot do (go between tenants whose columns differ in
// type, or be prepared where the tables cannot be seen) ends in an error before
// anything was answered, and the questions are asked once more the slow way.
func (db *DB) read(ctx context.Context, schema, role string, qs []Query) error {
	conn, err := db.app.Acquire(ctx)
	if err != nil {
		return fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	known := preparedOn(conn)
	if known.has(qs) {
		err := ask(ctx, conn, enter(schema, role), qs)
		if !unprepared(err) {
			return err
		}
		known.remove(qs)
	}
	if err := prepareInside(ctx, conn, schema, role, qs); err != nil {
		return err
	}
	known.add(qs)
	return nil
}

// unprepared is an error that a prepared statement may have and a fresh one not.
func unprepared(err error) bool {
	switch state := sqlState(err); state {
	case "0A000", "08P01", "26000", "3F000":
		return true
	default:
		return strings.HasPrefix(state, "42")
	}
}

// enter is the first statement of a pipeline. Everything up to the pipeline's end
// is one transaction, and what is set here ends with it.
func enter(schema, role string) Query {
	const sql = `-- enter
		select set_config('search_path', $1, true), set_config('role', $2, true), set_config('transaction_read_only', 'on', true)`
	return Query{sql, []any{schema + ", pg_temp", role}, func(rows pgx.Rows) error {
		rows.Close()
		return rows.Err()
	}}
}

// sender is a connection or a transaction.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func ask(ctx context.Context, s sender, first Query, qs []Query) (err error) {
	var batch pgx.Batch
	all := append([]Query{first}, qs...)
	for _, q := range all {
		batch.Queue(q.sql, q.args...)
	}
	results := s.SendBatch(ctx, &batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = fault(ctx, "end of read", closed)
		}
	}()
	for _, q := range all {
		rows, err := results.Query()
		if err == nil {
			err = q.scan(rows)
		}
		if err != nil {
			return fault(ctx, q.sql, err)
		}
	}
	return nil
}

// prepareInside answers questions that this connection has not met yet. They must
// be prepared where the tables can be seen, so this once they run in an open
// transaction.
func prepareInside(ctx context.Context, conn *pgxpool.Conn, schema, role string, qs []Query) error {
	return transact(ctx, conn, begin(schema, role), func(tx pgx.Tx) error {
		return ask(ctx, tx, enter(schema, role), qs)
	})
}

// prepared holds the statements that a connection has prepared.
type prepared map[string]struct{}

func preparedOn(conn *pgxpool.Conn) prepared {
	data := conn.Conn().PgConn().CustomData()
	known, ok := data["prepared"].(prepared)
	if !ok {
		known = prepared{}
		data["prepared"] = known
	}
	return known
}

func (p prepared) has(qs []Query) bool {
	for _, q := range qs {
		if _, ok := p[q.sql]; !ok {
			return false
		}
	}
	return true
}

// add stays well below the connection's own cache, which forgets the oldest.
func (p prepared) add(qs []Query) {
	for _, q := range qs {
		if len(p) < statementCache/2 {
			p[q.sql] = struct{}{}
		}
	}
}

func (p prepared) remove(qs []Query) {
	for _, q := range qs {
		delete(p, q.sql)
	}
}
