package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/testclock"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/pgserver"
)

// installation is what every command works on: the database, the key that
// seals secrets, business time, and the domains that need nothing more.
type installation struct {
	postgres  *pgserver.Server // nil with an outside database
	db        *tenants.DB
	key       *seal.Key
	clock     clock.Clock
	movable   *clock.Movable // the clock, where it can be moved
	accounts  *accounts.Service
	ledger    *ledger.Service
	billing   *billing.Service
	wholesale *wholesale.Service
	lifecycle *lifecycle.Service
	hosts     *hosts.Service
	domains   *domains.Service
}

// purpose says how a command comes to the installation.
type purpose struct {
	serve   bool // it keeps the database to itself, for as long as it runs
	install bool // it may install Postgres
	migrate bool // it brings the database up to date first
}

// open opens the installation of the data directory. Commands of a moment run
// beside a server on the same directory, or bring the database up themselves.
func (c *console) open(p purpose) (*installation, error) {
	if err := os.MkdirAll(c.config.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	in := &installation{}
	if err := c.openParts(in, p); err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

func (c *console) openParts(in *installation, p purpose) error {
	key, err := seal.Load(c.config.DataDir, c.secretKey())
	if err != nil {
		return err
	}
	in.key = key
	urls := tenants.Config{AdminURL: string(c.config.DatabaseURL)}
	if urls.AdminURL == "" {
		if in.postgres, err = pgserver.Open(c.ctx, pgserver.Options{DataDir: c.config.DataDir, Serve: p.serve, Install: p.install, Log: c.log}); err != nil {
			return err
		}
		urls.AdminURL, urls.AppURL, urls.SessionURL = in.postgres.AdminURL(), in.postgres.URL("ezscale_app"), in.postgres.URL("ezscale_sessions")
	}
	in.movable = clock.NewMovable(clock.Wall{}.Now(), 1)
	in.clock = clock.Wall{}
	urls.Domain, urls.EdgeHost, urls.Roles, urls.Log, urls.MaxConns = c.config.Domain, c.config.edgeHost(), c.config.TenantRoles == "on", c.log, 12
	urls.Now = func() time.Time { return in.clock.Now() }
	if in.db, err = tenants.Open(c.ctx, urls); err != nil {
		return err
	}
	if p.migrate {
		err := c.migrateAll(in.db)
		if err == nil {
			err = in.adoptClock(c.ctx)
		}
		if err != nil {
			return err
		}
	}
	if in.accounts, err = accounts.New(in.db, in, clock.Wall{}.Now); err != nil {
		return err
	}
	in.ledger = ledger.New(in.db)
	in.billing = billing.New(in.db)
	in.hosts = hosts.New(hosts.Config{DB: in.db, Key: in.key, Now: in.Now, Wall: clock.Wall{}.Now, Log: c.log, Makers: c.makers()})
	in.lifecycle = lifecycle.New(lifecycle.Config{DB: in.db, Clock: in, Desktops: c.desktops(in), Log: c.log})
	in.wholesale = wholesale.New(wholesale.Config{DB: in.db, Shops: in.lifecycle, Clock: in, Log: c.log})
	in.domains, err = c.domainsOf(in)
	return err
}

// Now is business time: an installation is the clock of its domains.
func (in *installation) Now() time.Time { return in.clock.Now() }

// adoptClock lets a command beside a demonstration see the demonstration's time.
func (in *installation) adoptClock(ctx context.Context) error {
	now, rate, found, err := testclock.Saved(ctx, in.db)
	if err != nil || !found {
		return err
	}
	in.movable.Set(now, rate)
	in.clock = in.movable
	return nil
}

func (in *installation) close() error {
	if in.db != nil {
		in.db.Close()
	}
	if in.postgres == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	return in.postgres.Close(ctx)
}

func (c *console) secretKey() string {
	if c.config.SecretKey != "" || c.config.SecretKeyFile == "" {
		return string(c.config.SecretKey)
	}
	text, err := os.ReadFile(filepath.Clean(c.config.SecretKeyFile))
	if err != nil {
		c.log.Error("the secret key file cannot be read", "file", c.config.SecretKeyFile, "error", err)
	}
	return strings.TrimSpace(string(text))
}

// migrateAll brings everything up to date. A tenant that fails is named and left
// behind; the others are served.
func (c *console) migrateAll(db *tenants.DB) error {
	report, err := db.Migrate(c.ctx, tenants.MigrateOptions{})
	if err != nil {
		return fmt.Errorf("bring the database up to date: %w", err)
	}
	for _, f := range report.Failed {
		c.log.Error("a tenant could not be brought up to date", "tenant", f.Slug, "version", f.Version, "error", f.Err)
	}
	return nil
}

// tenantBySlug finds the shop a command names.
func (in *installation) tenantBySlug(slug string) (tenants.Tenant, error) {
	t, ok := in.db.Registry().BySlug(slug)
	if !ok {
		return t, fmt.Errorf("there is no tenant with the slug %q; see ezscale tenant list", slug)
	}
	return t, nil
}

// with opens the installation for one command and closes it whatever happens.
func (c *console) with(fn func(in *installation) error) error {
	in, err := c.open(purpose{migrate: true})
	if err != nil {
		return err
	}
	return errors.Join(fn(in), in.close())
}

// heardAfter is how long a server takes at most, as a rule, to hear of a shop
// that was changed beside it.
const heardAfter = 250 * time.Millisecond

// change is with for commands that change shops. A server beside them hears of it
// a moment later; whatever a script does next should find it done.
func (c *console) change(fn func(in *installation) error) error {
	return c.with(func(in *installation) error {
		err := fn(in)
		if err != nil || in.postgres != nil && in.postgres.Owner() {
			return err
		}
		heard := time.NewTimer(heardAfter)
		defer heard.Stop()
		select {
		case <-heard.C:
		case <-c.ctx.Done():
		}
		return nil
	})
}
