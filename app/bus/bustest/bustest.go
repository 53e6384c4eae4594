// Package bustest gives a test a database, a shop and a running bus of its own.
// A bus carries the events of its whole database, so tests that run one must not
// share theirs.
package bustest

import (
	"context"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// Fresh makes a migrated database with one shop. now is business time; nil is
// real time.
func Fresh(t testing.TB, now func() time.Time) (*tenants.DB, tenants.Tenant) {
	t.Helper()
	cfg := tenanttest.Fresh(t)
	if now != nil {
		cfg.Now = now
	}
	db, err := tenants.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	return db, Shop(t, db, "acme")
}

// Shop makes one more shop.
func Shop(t testing.TB, db *tenants.DB, slug string) tenants.Tenant {
	t.Helper()
	shop, _, err := db.Create(t.Context(), tenants.NewTenant{Name: "Shop " + slug, Email: "owner@" + slug + ".test", Slug: slug}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return shop
}

// Start opens a bus, embedded in a folder of its own unless the options say
// otherwise, and runs it until stop or the test's end.
func Start(t testing.TB, o bus.Options, consumers ...bus.Consumer) (b *bus.Bus, stop func()) {
	t.Helper()
	if o.Dir == "" && o.URL == "" {
		o.Dir = t.TempDir()
	}
	b, err := bus.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, consumers) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the bus ended: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("close the bus: %v", err)
		}
	}
	t.Cleanup(stop)
	return b, stop
}

// Settle waits until everything up to a business time has had its effect.
func Settle(t testing.TB, b *bus.Bus, at time.Time) {
	t.Helper()
	Until(t, "the bus is idle", b.Handled(), func() bool {
		idle, err := b.Idle(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return idle
	})
}

// Until waits for a condition, looking whenever signal fires and every few
// milliseconds.
func Until(t testing.TB, what string, signal <-chan struct{}, met func() bool) {
	t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-signal:
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
