package tenants_test

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/migrations"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// grown is the product's tenant migrations and some more, by file name.
func grown(t testing.TB, more map[string]string) fs.FS {
	t.Helper()
	set := fstest.MapFS{}
	names, err := fs.Glob(migrations.Tenant, "tenant/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Tenant, name)
		if err != nil {
			t.Fatal(err)
		}
		set[strings.TrimPrefix(name, "tenant/")] = &fstest.MapFile{Data: text}
	}
	for name, up := range more {
		set[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + up + "\n-- +goose Down\nselect 1;\n")}
	}
	return set
}

func shops(t testing.TB, db *tenants.DB, n int) []tenants.Tenant {
	t.Helper()
	list := make([]tenants.Tenant, n)
	for i := range list {
		var err error
		if list[i], _, err = db.Create(t.Context(), tenants.NewTenant{Name: fmt.Sprintf("Shop number %d", i), Email: "a@a.example"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// newer is the same database as seen by a program with more migrations.
func newer(t testing.TB, cfg tenants.Config, minimum int64, more map[string]string) *tenants.DB {
	t.Helper()
	cfg.TenantMigrations, cfg.MinVersion = grown(t, more), minimum
	return open(t, cfg)
}

func TestMigrateTwiceDoesNothing(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	shops(t, db, 2)
	report, err := db.Migrate(t.Context(), tenants.MigrateOptions{})
	if err != nil || report.Central != 0 || report.Tenants != 0 || len(report.Failed) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	cfg := tenanttest.Fresh(t)
	var all sync.WaitGroup
	for range 4 {
		db := open(t, cfg)
		all.Go(func() {
			if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	shops(t, open(t, cfg), 6)
	for range 4 {
		db := newer(t, cfg, 0, map[string]string{"9001_more.sql": "alter table settings add column more text;"})
		all.Go(func() {
			if report, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil || len(report.Failed) > 0 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
	all.Wait()
}

func TestOneShopFailsTheOthersMove(t *testing.T) {
	t.Parallel()
	cfg := tenanttest.Fresh(t)
	first := open(t, cfg)
	if _, err := first.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	list := shops(t, first, 3)
	if err := first.Owner(t.Context(), `alter table `+list[1].Schema()+`.settings add column more text`); err != nil {
		t.Fatal(err)
	}
	more := map[string]string{
		"9001_more.sql": "alter table settings add column more text;\nalter table counters add column step bigint not null default 1;",
		"9002_last.sql": "alter table settings add column last text;",
	}
	db := newer(t, cfg, 0, more)
	for _, shop := range list {
		if _, err := mark(t.Context(), db, shop, 0); !fail.Is(err, fail.Unavailable) {
			t.Errorf("a shop that is behind: %v", err)
		}
	}
	report, err := db.Migrate(t.Context(), tenants.MigrateOptions{Workers: 2})
	if err != nil || report.Tenants != 2 || len(report.Failed) != 1 || report.Failed[0].Slug != list[1].Slug || !strings.Contains(report.Failed[0].Err.Error(), "9001_more.sql") {
		t.Fatalf("%+v, %v", report, err)
	}
	behind, _ := db.Registry().ByID(list[1].ID)
	if !strings.Contains(behind.MigrationError, "already exists") || behind.SchemaVersion >= 9001 {
		t.Errorf("%+v", behind)
	}
	half, err := tenants.OwnerList[string](t.Context(), db, `select column_name::text from information_schema.columns where table_schema = $1 and table_name = 'counters' and column_name = 'step'`, list[1].Schema())
	if err != nil || len(half) > 0 {
		t.Error("half of a migration stayed", err)
	}
	if _, err := mark(t.Context(), db, list[1], 1); !fail.Is(err, fail.Unavailable) {
		t.Error(err)
	}
	if _, err := mark(t.Context(), db, list[0], 1); !fail.Is(err, fail.NotFound) {
		t.Errorf("a shop that has moved: %v", err)
	}
	if err := db.Owner(t.Context(), `alter table `+list[1].Schema()+`.settings drop column more`); err != nil {
		t.Fatal(err)
	}
	if report, err = db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil || report.Tenants != 1 || len(report.Failed) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if healed, _ := db.Registry().ByID(list[1].ID); healed.MigrationError != "" || healed.SchemaVersion != 9002 {
		t.Errorf("%+v", healed)
	}
}

func TestMigrationWaitsForALock(t *testing.T) {
	t.Parallel()
	cfg := tenanttest.Fresh(t)
	first := open(t, cfg)
	if _, err := first.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	shop := shops(t, first, 1)[0]
	db := newer(t, cfg, 0, map[string]string{"9001_more.sql": "alter table settings add column more text;"})
	moved := make(chan error)
	err := first.In(t.Context(), shop, func(tx tenants.Tx) error {
		if _, err := tx.Exec(t.Context(), `select key from settings`); err != nil {
			return err
		}
		go func() {
			report, err := db.Migrate(t.Context(), tenants.MigrateOptions{})
			if err == nil && len(report.Failed) > 0 {
				err = report.Failed[0].Err
			}
			moved <- err
		}()
		eventually(t, func() bool {
			waiting, err := tenants.OwnerList[bool](t.Context(), first, `select exists (select 1 from pg_locks where not granted and relation = $1::regclass)`, shop.Schema()+".settings")
			return err == nil && waiting[0]
		})
		return nil
	})
	if err := <-moved; err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestShopsAtDifferentVersionsOnOneConnection(t *testing.T) {
	t.Parallel()
	cfg := tenanttest.Fresh(t)
	cfg.MaxConns, cfg.MinVersion = 1, 1
	db := open(t, cfg)
	if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	list := shops(t, db, 2)
	// One shop moves alone, as in the middle of a deployment.
	for _, change := range []string{
		`alter table plans add column extra text not null default 'x'`,
		`alter table plans alter column ram_mb type bigint`,
		`alter table plans alter column name type varchar(200)`,
	} {
		if err := db.Owner(t.Context(), strings.Replace(change, "plans", list[1].Schema()+".plans", 1)); err != nil {
			t.Fatal(err)
		}
	}
	type plan struct {
		Name  string
		RAMMB int64 `db:"ram_mb"`
	}
	const sql = `-- plans
		select name, ram_mb from plans where vcpu = $1 order by sort_order`
	for i := range 40 {
		shop := list[i%2]
		var read, listed []plan
		err := db.Read(t.Context(), shop, tenants.ListQ(&read, sql, 2))
		if err == nil {
			err = db.In(t.Context(), shop, func(tx tenants.Tx) (err error) {
				listed, err = tenants.List[plan](t.Context(), tx, sql, 2)
				return err
			})
		}
		if err != nil || len(read) != 2 || len(listed) != 2 || read[0].RAMMB != 4096 || listed[1].Name != "Business Basic" {
			t.Fatalf("round %d: %v %v %v", i, read, listed, err)
		}
	}
}

func TestMigrationFilesThatCannotRun(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"0002_a.sql": "-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently x on users (name);",
		"0003_b.sql": "-- +goose Up\n-- +goose ENVSUB ON\nselect '${X}';",
		"0004_c.sql": "select 1;",
		"x_d.sql":    "-- +goose Up\nselect 1;",
		"0000_e.sql": "-- +goose Up\nselect 1;",
	} {
		if _, err := tenants.ParseMigration(name, text); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	up, err := tenants.ParseMigration("0005_f.sql", "-- +goose Up\n-- +goose StatementBegin\nselect 1;\n-- +goose StatementEnd\nselect 2;\n-- +goose Down\nselect 3;\n")
	if err != nil || up != "select 1;\nselect 2;\n" {
		t.Errorf("%q, %v", up, err)
	}
	cfg := tenanttest.Config(t)
	cfg.TenantMigrations = fstest.MapFS{"0001_a.sql": {Data: []byte("-- +goose Up\nselect 1;")}, "001_b.sql": {Data: []byte("-- +goose Up\nselect 1;")}}
	if _, err := tenants.Open(t.Context(), cfg); err == nil {
		t.Error("two files with one number were accepted")
	}
}

// goose by hand must be able to take over: all ways up and down run in it.
func TestGooseRunsAllWaysUpAndDown(t *testing.T) {
	t.Parallel()
	cfg := tenanttest.Fresh(t)
	central := provider(t, cfg.AdminURL, "central", migrations.Central, "central")
	conn, err := pgx.Connect(t.Context(), cfg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range []string{"create schema central", "create schema tenant_x"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	shop := provider(t, cfg.AdminURL, "tenant_x", migrations.Tenant, "tenant")
	for range 2 {
		// Roles belong to the whole cluster, where other tests make the same ones.
		_, err := central.Up(t.Context())
		for err != nil && strings.Contains(err.Error(), "tuple concurrently updated") {
			_, err = central.Up(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shop.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := shop.DownTo(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := central.DownTo(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := conn.QueryRow(t.Context(), `select count(*) from pg_class where relnamespace in ('central'::regnamespace, 'tenant_x'::regnamespace) and relname not like 'goose%'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d things are left: %v", left, err)
	}
}

func TestGooseAgreesWithTheRunner(t *testing.T) {
	t.Parallel()
	cfg := tenanttest.Fresh(t)
	db := open(t, cfg)
	if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, set := range []struct {
		schema string
		files  fs.FS
		dir    string
	}{{"central", migrations.Central, "central"}, {"guard", migrations.Tenant, "tenant"}, {shops(t, db, 1)[0].Schema(), migrations.Tenant, "tenant"}} {
		if pending, err := provider(t, cfg.AdminURL, set.schema, set.files, set.dir).HasPending(t.Context()); err != nil || pending {
			t.Errorf("%s: pending %v, %v", set.schema, pending, err)
		}
	}
}

func provider(t *testing.T, address, schema string, files fs.FS, dir string) *goose.Provider {
	t.Helper()
	set, err := fs.Sub(files, dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RuntimeParams["search_path"] = schema
	pool := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { pool.Close() })
	p, err := goose.NewProvider(goose.DialectPostgres, pool, set, goose.WithDisableGlobalRegistry(true), goose.WithTableName(schema+".goose_db_version"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
