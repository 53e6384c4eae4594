package tenants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
	_ "time/tzdata" // shops live in zones that the machine may not know

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/migrations"
)

const (
	statementCache = 4096
	maxSkew        = 2 * time.Second
	guardPath      = "guard, pg_temp"
)

// Open connects, and loads the tenants if there are any yet. It changes nothing
// in the database: Migrate does, also for a new one. It refuses a database whose
// clock is more than 2 seconds from this machine's, and a session that is not in
// UTC, because bills would then be made of two different times.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	if err := db.start(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) start(ctx context.Context) (err error) {
	if err := db.compareClocks(ctx); err != nil {
		return err
	}
	settings := db.settingsFor(db.cfg.AppURL, "ezscale_app", guardPath)
	if db.app, err = db.pool(ctx, cmp.Or(db.cfg.AppURL, db.cfg.AdminURL), settings, cmp.Or(db.cfg.MaxConns, 12)); err != nil {
		return err
	}
	if err := db.openSessions(ctx); err != nil {
		return err
	}
	if err := db.registry.Refresh(ctx); err != nil {
		// Before the first Migrate there are neither tenants nor the roles to read them with.
		if todo, asked := db.pending(ctx); asked != nil || !todo.central {
			return fmt.Errorf("read the tenants: %w", err)
		}
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.stop = stop
	db.running.Go(func() { db.registry.keep(running) })
	return nil
}

func prepare(cfg Config) (*DB, error) {
	if cfg.Now == nil {
		return nil, fmt.Errorf("the database needs the business clock")
	}
	if cfg.Wall == nil {
		cfg.Wall = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.CentralMigrations == nil {
		cfg.CentralMigrations = sub(migrations.Central, "central")
	}
	if cfg.TenantMigrations == nil {
		cfg.TenantMigrations = sub(migrations.Tenant, "tenant")
	}
	db := &DB{cfg: cfg, sessions: &SessionStore{wall: cfg.Wall}, stop: func() {}}
	var err error
	if db.domain, err = NormalHost(cfg.Domain); err != nil {
		return nil, fmt.Errorf("the central domain %q: %w", cfg.Domain, err)
	}
	if db.tenant, err = loadMigrations(cfg.TenantMigrations); err != nil {
		return nil, err
	}
	if db.central, err = loadMigrations(cfg.CentralMigrations); err != nil {
		return nil, err
	}
	if db.cfg.MinVersion == 0 {
		db.cfg.MinVersion = newest(db.tenant)
	}
	db.registry = newRegistry(db)
	db.admin, err = db.pool(context.Background(), cfg.AdminURL, map[string]string{"search_path": guardPath}, 8)
	return db, err
}

// settingsFor are the start-up settings of a pool: a login that is not the role's
// own takes the role on for the whole session, and so gives its other rights up.
func (db *DB) settingsFor(own, role, path string) map[string]string {
	settings := map[string]string{
		"search_path":                         path,
		"statement_timeout":                   "30s",
		"lock_timeout":                        "10s",
		"idle_in_transaction_session_timeout": "60s",
	}
	if own == "" {
		settings["role"] = role
	}
	return settings
}

// pool connects when it is first used.
func (db *DB) pool(ctx context.Context, url string, settings map[string]string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database's address: %w", err)
	}
	configure(cfg.ConnConfig, settings)
	if db.cfg.RoundTrip != nil {
		cfg.ConnConfig.DialFunc = counting(cfg.ConnConfig.DialFunc, db.cfg.RoundTrip)
	}
	if db.cfg.Statement != nil {
		cfg.ConnConfig.Tracer = told(db.cfg.Statement)
	}
	cfg.MaxConns = size
	cfg.MaxConnLifetime = 30 * time.Minute
	cfg.MaxConnLifetimeJitter = 5 * time.Minute
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.AfterConnect = inUTC
	return pgxpool.NewWithConfig(ctx, cfg)
}

func configure(cfg *pgx.ConnConfig, settings map[string]string) {
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	cfg.DescriptionCacheCapacity = statementCache
	cfg.StatementCacheCapacity = statementCache
	cfg.RuntimeParams["application_name"] = "ezscale"
	cfg.RuntimeParams["timezone"] = "UTC"
	for name, value := range settings {
		cfg.RuntimeParams[name] = value
	}
}

// inUTC refuses a connection that is not in UTC after all (a pooler in between
// may drop what we ask for), and reads times as UTC.
func inUTC(_ context.Context, conn *pgx.Conn) error {
	if zone := conn.PgConn().ParameterStatus("TimeZone"); zone != "UTC" {
		return fmt.Errorf("the database session is in time zone %q, it must be UTC: whatever stands between drops the setting", zone)
	}
	point := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}}
	conn.TypeMap().RegisterType(point)
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: point}})
	return nil
}

// compareClocks asks a few times, because a slow answer looks like a wrong clock.
func (db *DB) compareClocks(ctx context.Context) error {
	const sql = `-- compare clocks
		select clock_timestamp()`
	var skew time.Duration
	for range 3 {
		var theirs time.Time
		before := db.cfg.Wall()
		if err := db.admin.QueryRow(ctx, sql).Scan(&theirs); err != nil {
			return fail.Wrap(err, fail.Unavailable, "The database does not answer: %s.", sayConnect(err))
		}
		after := db.cfg.Wall()
		if skew = outside(theirs, before, after); skew.Abs() <= maxSkew {
			return nil
		}
	}
	return fail.New(fail.Unavailable, "The database's clock differs from this machine's by %s. Set both by NTP, then start again.", skew.Round(time.Millisecond))
}

// outside is how far t lies outside of the span.
func outside(t, from, to time.Time) time.Duration {
	switch {
	case t.Before(from):
		return t.Sub(from)
	case t.After(to):
		return t.Sub(to)
	}
	return 0
}

func sayConnect(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	return err.Error()
}

// backoff is the pause before try n (from 0): doubling from the first, at most
// 5 seconds, with half of it left to chance.
func backoff(first time.Duration, n int) time.Duration {
	d := min(first<<min(n, 10), 5*time.Second)
	return d/2 + rand.N(d/2+1)
}

// pause waits, or says why the context ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
