package tenants_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestOneLoginForEverything(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"owner of the server", "owner of the database"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := tenanttest.Fresh(t)
			if name == "owner of the database" {
				cfg.AdminURL = handOver(t, cfg.AdminURL)
			}
			cfg.AppURL = ""
			db := open(t, cfg)
			if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
				t.Fatal(err)
			}
			list := shops(t, db, 2)
			for _, shop := range list {
				if _, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "with " + shop.Name, Email: "a@a.example"}, owner); err != nil {
					t.Fatal(err)
				}
				if _, err := mark(t.Context(), db, shop, 0); !fail.Is(err, fail.NotFound) {
					t.Error(err)
				}
				err := db.In(t.Context(), shop, func(tx tenants.Tx) error {
					_, err := tx.Exec(t.Context(), `select id from `+list[0].Schema()+`.users`)
					return err
				})
				if own := shop.ID == list[0].ID; own != (err == nil) || !own && !tenants.IsDenied(err) {
					t.Errorf("%s reads the first shop: %v", shop.Slug, err)
				}
			}
			if err := db.Bare(t.Context(), `select id from central.tenants`); !tenants.IsDenied(err) {
				t.Error(err)
			}
			if err := db.SessionStore().CommitCtx(t.Context(), "hash", []byte("data"), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
}

// handOver gives the database to a login that is no superuser, and returns its address.
func handOver(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	database := strings.TrimPrefix(u.Path, "/")
	for _, sql := range []string{
		"create role owner_" + database + " login createrole nosuperuser",
		"alter database " + database + " owner to owner_" + database,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	u.User = url.User("owner_" + database)
	return u.String()
}

func TestSharedRole(t *testing.T) {
	t.Parallel()
	db := fresh(t, func(cfg *tenants.Config) { cfg.Roles = false })
	for i, shop := range shops(t, db, 2) {
		var who string
		if err := db.Read(t.Context(), shop, tenants.GetQ(&who, "role", `select current_user::text`)); err != nil || who != "ezscale_shared" {
			t.Error(who, err)
		}
		err := db.In(t.Context(), shop, func(tx tenants.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into settings (key, value) values ('n', to_jsonb($1::int))`, i)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if err := db.Bare(t.Context(), `select key from settings`); !tenants.IsDenied(err) {
			t.Error(err)
		}
	}
}

func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	for skew, ok := range map[time.Duration]bool{0: true, time.Second: true, -time.Second: true, 3 * time.Second: false, -3 * time.Second: false} {
		cfg := tenanttest.Config(t)
		cfg.Wall = func() time.Time { return time.Now().Add(skew) }
		db, err := tenants.Open(t.Context(), cfg)
		if (err == nil) != ok {
			t.Errorf("%s: %v", skew, err)
		}
		if err == nil {
			db.Close()
		} else if !fail.Is(err, fail.Unavailable) || !strings.Contains(err.Error(), "clock") {
			t.Error(err)
		}
	}
}

func TestSessionsThatAreNotInUTC(t *testing.T) {
	t.Parallel()
	cfg, err := pgx.ParseConfig(tenanttest.Config(t).AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	for zone, ok := range map[string]bool{"UTC": true, "Europe/Berlin": false, "Etc/GMT-1": false} {
		cfg.RuntimeParams["timezone"] = zone
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := tenants.InUTC(t.Context(), conn); (err == nil) != ok {
			t.Errorf("%s: %v", zone, err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tenants.Config){
		"no clock":         func(cfg *tenants.Config) { cfg.Now = nil },
		"no domain":        func(cfg *tenants.Config) { cfg.Domain = "" },
		"no host":          func(cfg *tenants.Config) { cfg.Domain = "a b" },
		"no address":       func(cfg *tenants.Config) { cfg.AdminURL = "postgres://%zz" },
		"nobody answers":   func(cfg *tenants.Config) { cfg.AdminURL = "postgres://127.0.0.1:1/none?connect_timeout=1" },
		"another address":  func(cfg *tenants.Config) { cfg.AppURL = "postgres://127.0.0.1:1/none?connect_timeout=1" },
		"no session login": func(cfg *tenants.Config) { cfg.SessionURL = "postgres://%zz" },
	} {
		cfg := tenanttest.Config(t)
		change(&cfg)
		if db, err := tenants.Open(t.Context(), cfg); err == nil {
			db.Close()
			t.Errorf("%s: it opened", name)
		}
	}
}
