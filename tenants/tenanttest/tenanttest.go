// Package tenanttest gives a test a shop of its own in a real database: migrated,
// seeded, and gone when the test ends. KEEP=1 keeps it.
package tenanttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// Domain is the central domain of test databases.
const Domain = "ezscale.test"

type options struct {
	now  func() time.Time
	slug string
	name string
}

// Option changes how a test's shop is made.
type Option func(*options)

// WithClock makes business time of the returned DB what now says.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithSlug sets the shop's short name, which is else one that nobody has.
func WithSlug(slug string) Option { return func(o *options) { o.slug = slug } }

// WithName sets the shop's name.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// New makes a shop in the test process's database.
func New(t testing.TB, opts ...Option) (*tenants.DB, tenants.Tenant) {
	t.Helper()
	db := DB(t, opts...)
	return db, Shop(t, db, opts...)
}

// Shop makes a shop through a DB that the test has opened itself.
func Shop(t testing.TB, db *tenants.DB, opts ...Option) tenants.Tenant {
	t.Helper()
	o := options{slug: "t" + random(), name: "Test shop"}
	for _, opt := range opts {
		opt(&o)
	}
	shop, _, err := db.Create(context.Background(), tenants.NewTenant{Name: o.name, Email: "owner@" + o.slug + ".test", Slug: o.slug}, nil)
	if err != nil {
		t.Fatalf("make a shop: %v", err)
	}
	t.Cleanup(func() { drop(t, shop) })
	return shop
}

// DB is the test process's database, migrated, over connections that are shared
// by its tests, or of the test's own when it brings a clock.
func DB(t testing.TB, opts ...Option) *tenants.DB {
	t.Helper()
	p, err := database(t)
	if err != nil {
		t.Fatal(err)
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if o.now == nil {
		return p.db
	}
	cfg := p.config
	cfg.Now, cfg.MaxConns = o.now, 6
	db, err := tenants.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// Config is how the test process's database is opened, for tests that open it
// themselves.
func Config(t testing.TB) tenants.Config {
	t.Helper()
	p, err := database(t)
	if err != nil {
		t.Fatal(err)
	}
	return p.config
}

// Fresh is the configuration of a new, empty database of the test's own.
func Fresh(t testing.TB) tenants.Config {
	t.Helper()
	cfg, err := create(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dropDatabase(t, cfg) })
	return cfg
}

type process struct {
	config tenants.Config
	db     *tenants.DB
}

// once makes the database for the first test that asks; the cluster's end is its
// end.
var once struct {
	sync.Mutex
	made *process
}

func database(t testing.TB) (*process, error) {
	once.Lock()
	defer once.Unlock()
	if once.made != nil {
		return once.made, nil
	}
	cfg, err := create(pgtest.URL(t))
	if err != nil {
		return nil, err
	}
	db, err := tenants.Open(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(context.Background(), tenants.MigrateOptions{}); err != nil {
		return nil, fmt.Errorf("migrate the test database: %w", err)
	}
	once.made = &process{cfg, db}
	return once.made, nil
}

// create makes a database of a new name on the server of an address.
func create(server string) (cfg tenants.Config, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return cfg, err
	}
	defer conn.Close(ctx)
	name := "ezscale_test_" + random()
	if _, err := conn.Exec(ctx, "create database "+name); err != nil {
		return cfg, err
	}
	return tenants.Config{
		AdminURL: withDatabase(server, name, ""), AppURL: withDatabase(server, name, "ezscale_app"),
		Domain: Domain, Roles: true, MaxConns: 8, Now: wall,
	}, nil
}

func wall() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// withDatabase changes the database, and the user unless it is empty, of an address.
func withDatabase(server, name, user string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + name
	if user != "" {
		u.User = url.User(user)
	}
	return u.String()
}

// drop removes a shop as if it had never been.
func drop(t testing.TB, shop tenants.Tenant) {
	if os.Getenv("KEEP") != "" {
		t.Logf("kept the schema %s", shop.Schema())
		return
	}
	p, err := database(t)
	if err != nil {
		t.Error(err)
		return
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.config.AdminURL)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	for _, table := range []string{"outbox_receipts", "outbox", "due", "dead_letters"} {
		if err := insist(ctx, conn, "delete from central."+table+" where schema_name = $1", shop.Schema()); err != nil {
			t.Error(err)
		}
	}
	if err := insist(ctx, conn, "delete from central.tenants where id = $1", shop.ID); err != nil {
		t.Error(err)
	}
	if err := insist(ctx, conn, "set client_min_messages = warning; drop schema if exists "+shop.Schema()+" cascade"); err != nil {
		t.Error(err)
	}
	if _, err := conn.Exec(ctx, "drop role if exists "+shop.Schema()); err != nil && !strings.Contains(err.Error(), "2BP01") {
		t.Error(err)
	}
}

// insist runs a statement again when it met others of the same test in a deadlock
// (40P01): a worker that is about to end may still hold rows of the shop.
func insist(ctx context.Context, conn *pgx.Conn, sql string, args ...any) (err error) {
	for range 5 {
		if _, err = conn.Exec(ctx, sql, args...); err == nil || !strings.Contains(err.Error(), "40P01") {
			return err
		}
	}
	return err
}

// dropDatabase removes a database and the roles of its shops, which belong to the
// whole server.
func dropDatabase(t testing.TB, cfg tenants.Config) {
	if os.Getenv("KEEP") != "" {
		t.Logf("kept the database of %s", cfg.AdminURL)
		return
	}
	ctx := context.Background()
	u, err := url.Parse(cfg.AdminURL)
	if err != nil {
		t.Error(err)
		return
	}
	roles := shopRoles(ctx, cfg.AdminURL)
	conn, err := pgx.Connect(ctx, pgtest.URL(t))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "drop database "+strings.TrimPrefix(u.Path, "/")+" with (force)"); err != nil {
		t.Error(err)
	}
	for _, role := range roles {
		// Another database may have a shop of the same name: then the role stays.
		_, _ = conn.Exec(ctx, "drop role if exists "+role)
	}
}

// shopRoles is empty for a database that was never migrated.
func shopRoles(ctx context.Context, address string) []string {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "select schema_name from central.tenants")
	if err != nil {
		return nil
	}
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil
	}
	return roles
}

func random() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
