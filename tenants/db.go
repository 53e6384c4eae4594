package tenants

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ezscale/ezscale/app/fail"
)

// Config says where the database is and how it is used.
type Config struct {
	AdminURL   string // the owner: migrates, and creates tenants
	AppURL     string // the login ezscale_app, without rights of its own; empty uses AdminURL and gives its rights up
	SessionURL string // the login ezscale_sessions; empty uses AppURL with that role
	Domain     string // the central domain
	EdgeHost   string // what the names of shops point at, which no shop may have; may be empty
	Roles      bool   // a database role for each tenant, which walls it in; off: one shared by all
	MaxConns   int32  // of the application's pool; 0 is 12
	Now        func() time.Time
	Log        *slog.Logger

	Wall              func() time.Time // the machine's time, for the comparison with the database's; nil is time.Now
	CentralMigrations fs.FS            // nil is what this program was built with
	TenantMigrations  fs.FS            // nil is what this program was built with
	RoundTrip         func()           // told of every round trip to the database; nil tells nobody
	Statement         func(sql string) // told of every statement, as it is asked; nil tells nobody
	MinVersion        int64            // the oldest shape of a tenant that is served; 0 is the newest
}

// DB is the one door to Postgres.
type DB struct {
	cfg      Config
	domain   string
	central  []migration
	tenant   []migration
	app      *pgxpool.Pool
	admin    *pgxpool.Pool
	sessions *SessionStore
	registry *Registry
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Close ends the listeners and the connections, when those in use are returned.
func (db *DB) Close() {
	db.stop()
	db.running.Wait()
	for _, pool := range []*pgxpool.Pool{db.sessions.pool, db.app, db.admin} {
		if pool != nil {
			pool.Close()
		}
	}
}

// Registry is the list of tenants in memory.
func (db *DB) Registry() *Registry { return db.registry }

// SessionStore keeps sign-in sessions.
func (db *DB) SessionStore() *SessionStore { return db.sessions }

// transaction is what Tx and CentralTx have in common.
type transaction struct {
	tx  pgx.Tx
	now time.Time
}

// Now is business time, fixed when the transaction began.
func (t transaction) Now() time.Time { return t.now }

// Exec runs a statement and says how many rows it touched.
func (t transaction) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, sql, described(args)...)
	return tag.RowsAffected(), fault(ctx, sql, err)
}

func (t transaction) query(ctx context.Context, sql string, args []any) (pgx.Rows, error) {
	rows, err := t.tx.Query(ctx, sql, described(args)...)
	return rows, fault(ctx, sql, err)
}

// described sends a statement without a prepared one. A prepared one fails, and
// takes its transaction with it, when it goes from a tenant whose column has one
// type to a tenant at another version, whose column has another.
func described(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}

// Tx is a transaction of one tenant: its search path is the tenant's schema, its
// rights are the tenant's.
type Tx struct {
	transaction
	tenant Tenant
}

// Tenant is whose transaction it is.
func (tx Tx) Tenant() Tenant { return tx.tenant }

// Lock waits for the tenant's lock of a name and holds it to the end of the
// transaction. Another tenant's lock of the same name is another lock.
func (tx Tx) Lock(ctx context.Context, name string) error {
	const sql = `-- lock
		select pg_advisory_xact_lock($1, $2)`
	_, err := tx.Exec(ctx, sql, lockKey(tx.tenant.schema), lockKey(name))
	return err
}

// CentralTx is a transaction on the provider's tables.
type CentralTx struct{ transaction }

// In runs fn in one transaction of t. An error or a panic of fn rolls it back
// and goes on to the caller. A call from inside another transaction is refused,
// because it would commit on its own. A tenant behind the minimum version is
// fail.Unavailable.
func (db *DB) In(ctx context.Context, t Tenant, fn func(Tx) error) error {
	if err := db.serves(t); err != nil {
		return err
	}
	return db.acquired(ctx, begin(t.schema, db.roleOf(t)), func(tx pgx.Tx) error {
		return fn(Tx{transaction{tx, db.cfg.Now()}, t})
	})
}

// Central is In for the provider's tables.
func (db *DB) Central(ctx context.Context, fn func(CentralTx) error) error {
	return db.acquired(ctx, begin("central", "ezscale_central"), func(tx pgx.Tx) error {
		return fn(CentralTx{transaction{tx, db.cfg.Now()}})
	})
}

// begin opens a transaction for a schema and a role in one message. Both are
// names that this package made.
func begin(schema, role string) string {
	return "begin; set local search_path to " + schema + ", pg_temp; set local role " + role
}

func (db *DB) roleOf(t Tenant) string {
	if db.cfg.Roles {
		return t.schema
	}
	return "ezscale_shared"
}

// serves says no to a Tenant that no registry made, and to one whose schema this
// program cannot work with yet.
func (db *DB) serves(t Tenant) error {
	if t.schema == "" {
		return errors.New("this tenant was not looked up in the registry")
	}
	version := t.SchemaVersion
	if now, ok := db.registry.ByID(t.ID); ok {
		version = max(version, now.SchemaVersion)
		if now.Gone() {
			return fail.New(fail.NotFound, "The data of this shop was removed.")
		}
	}
	if version < db.cfg.MinVersion {
		return fail.Wrap(fmt.Errorf("tenant %s is at version %d, this program needs %d", t.Slug, version, db.cfg.MinVersion),
			fail.Unavailable, "This shop is being updated. Please try again in a moment.")
	}
	return nil
}

func (db *DB) acquired(ctx context.Context, begin string, fn func(pgx.Tx) error) error {
	if nested() {
		return errors.New("a transaction is open already: pass it on instead of opening another")
	}
	conn, err := db.app.Acquire(ctx)
	if err != nil {
		return fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	return transact(ctx, conn, begin, fn)
}

// endTimeout is how long a commit or a rollback may take. It does not end with
// the caller's context, which would leave the outcome unknown.
const endTimeout = 10 * time.Second

// transact is the one place where a transaction begins and ends.
//
//go:noinline
func transact(ctx context.Context, conn *pgxpool.Conn, begin string, fn func(pgx.Tx) error) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return fault(ctx, "begin", err)
	}
	committed := false
	defer func() {
		if !committed {
			rollback(ctx, tx)
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	committed = true
	return fault(ctx, "commit", tx.Commit(ending))
}

// rollback leaves a connection that can be used again: one that cannot roll back
// is closed by the driver, which has the same effect in the database.
func rollback(ctx context.Context, tx pgx.Tx) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	_ = tx.Rollback(ending)
}

// nested finds transact among the callers. The stack is the only thing that
// tells a call from inside a transaction from one beside it: both may use the
// same context.
func nested() bool {
	var callers [128]uintptr
	outer := reflect.ValueOf(transact).Pointer()
	for _, pc := range callers[:runtime.Callers(3, callers[:])] {
		if f := runtime.FuncForPC(pc); f != nil && f.Entry() == outer {
			return true
		}
	}
	return false
}
