package tenants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// MigrateOptions are the choices of a Migrate.
type MigrateOptions struct {
	Workers  int                          // tenants at a time; 0 is 6, and 8 is the most
	Progress func(done, of int, t string) // called after each tenant, one call at a time; may be nil
}

// MigrateReport says what a Migrate did.
type MigrateReport struct {
	Central int             // migrations of the central schema that ran
	Tenants int             // tenants that are now at the newest version and were not before
	Failed  []TenantFailure // by slug
	Took    time.Duration
}

// TenantFailure is a tenant that stayed behind, and why.
type TenantFailure struct {
	Slug    string
	Version int64 // where it stands
	Err     error
}

// Migrate brings the central schema, then the guard schema, then every tenant to
// the newest version. A tenant that fails stays where it is and stops no other: it
// is in the report, its error is kept beside it, and the next Migrate tries again.
// The error is for what stops everything. With nothing to do it is one query.
// Several processes may migrate at once.
func (db *DB) Migrate(ctx context.Context, opts MigrateOptions) (MigrateReport, error) {
	began := db.cfg.Wall()
	report, err := db.migrate(ctx, opts)
	report.Took = db.cfg.Wall().Sub(began)
	return report, err
}

func (db *DB) migrate(ctx context.Context, opts MigrateOptions) (MigrateReport, error) {
	var report MigrateReport
	todo, err := db.pending(ctx)
	if err != nil {
		return report, err
	}
	if todo.central || todo.guard {
		if report.Central, err = db.migrateShared(ctx); err != nil {
			return report, err
		}
	}
	if todo.tenants || todo.central {
		if err := db.migrateTenants(ctx, opts, &report); err != nil {
			return report, err
		}
	}
	if todo != (pending{}) {
		return report, db.registry.Refresh(ctx)
	}
	return report, nil
}

type pending struct{ central, guard, tenants bool }

// pending is the one query of a deployment that has nothing to do.
func (db *DB) pending(ctx context.Context) (pending, error) {
	const sql = `-- pending migrations
		select coalesce((select max(version_id) from central.goose_db_version), 0) < $1,
		       coalesce((select max(version_id) from guard.goose_db_version), 0) < $2,
		       exists (select 1 from central.tenants t where schema_version < $2 and to_jsonb(t) ->> 'dropped_at' is null)`
	var p pending
	err := db.admin.QueryRow(ctx, sql, newest(db.central), newest(db.tenant)).Scan(&p.central, &p.guard, &p.tenants)
	if state := sqlState(err); state == "3F000" || state == "42P01" { // no such schema, no such table
		return pending{true, true, true}, nil
	}
	return p, fault(ctx, sql, err)
}

// sharedLock lets one process at a time migrate the central and guard schemas.
const sharedLock = 0x657a7363

// migrateShared runs goose on the central schema and on the guard, where it also
// proves each migration before a tenant meets it.
func (db *DB) migrateShared(ctx context.Context) (ran int, err error) {
	conn, err := db.admin.Acquire(ctx)
	if err != nil {
		return 0, fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", sharedLock); err != nil {
		return 0, fmt.Errorf("wait for another migration: %w", err)
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_, unlock := conn.Exec(ending, "select pg_advisory_unlock($1)", sharedLock)
		err = errors.Join(err, unlock)
	}()
	if _, err := conn.Exec(ctx, "create schema if not exists central"); err != nil {
		return 0, fmt.Errorf("create the central schema: %w", err)
	}
	ran, err = db.goose(ctx, db.cfg.CentralMigrations, "central")
	if err != nil {
		return ran, err
	}
	if _, err := db.goose(ctx, db.cfg.TenantMigrations, "guard"); err != nil {
		return ran, err
	}
	// The guard is for parsing only. What the migrations grant there is taken back.
	_, err = conn.Exec(ctx, "revoke all on all tables in schema guard from ezscale_tenant")
	return ran, err
}

// goose runs one set in one schema. Roles belong to the whole cluster, so another
// database on it may be making the same ones: that passes.
func (db *DB) goose(ctx context.Context, set fs.FS, schema string) (ran int, err error) {
	pool := stdlib.OpenDBFromPool(db.admin)
	defer pool.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, set,
		goose.WithTableName(schema+".goose_db_version"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return 0, fmt.Errorf("migrations of %s: %w", schema, err)
	}
	for try := 0; ; try++ {
		results, err := provider.Up(ctx)
		ran += len(results)
		if err == nil || try == 8 || !collided(err) {
			return ran, err
		}
		if err := pause(ctx, backoff(50*time.Millisecond, try)); err != nil {
			return ran, err
		}
	}
}

// migrateTenants moves the tenants that are behind, some at a time.
func (db *DB) migrateTenants(ctx context.Context, opts MigrateOptions, report *MigrateReport) error {
	const sql = `-- tenants behind
		select slug, schema_name, schema_version
		from central.tenants
		where schema_version < $1 and dropped_at is null
		order by house desc, created_at`
	rows, err := db.admin.Query(ctx, sql, newest(db.tenant))
	if err != nil {
		return fault(ctx, sql, err)
	}
	behind, err := collect[laggard](rows)
	if err != nil {
		return fault(ctx, sql, err)
	}
	var (
		done sync.WaitGroup
		mu   sync.Mutex
		seen int
		next = make(chan laggard)
	)
	for range min(cmp.Or(opts.Workers, 6), 8, len(behind)) {
		done.Go(func() {
			for l := range next {
				failure := db.moveUp(ctx, &l)
				mu.Lock()
				seen++
				if failure == nil {
					report.Tenants++
				} else {
					report.Failed = append(report.Failed, TenantFailure{l.Slug, l.SchemaVersion, failure})
				}
				if opts.Progress != nil {
					opts.Progress(seen, len(behind), l.Slug)
				}
				mu.Unlock()
			}
		})
	}
	for _, l := range behind {
		if ctx.Err() == nil {
			next <- l
		}
	}
	close(next)
	done.Wait()
	slices.SortFunc(report.Failed, func(a, b TenantFailure) int { return cmp.Compare(a.Slug, b.Slug) })
	return ctx.Err()
}
