package bus_test

import (
	"context"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// open makes a database whose configuration the test can change and whose doors
// it can close.
func open(t *testing.T, change func(*tenants.Config)) (*bundle, tenants.Config) {
	t.Helper()
	cfg := tenanttest.Fresh(t)
	if change != nil {
		change(&cfg)
	}
	db, err := tenants.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	return &bundle{t, db, bustest.Shop(t, db, "acme")}, cfg
}

// doors lets the test close and open a database to everybody.
func doors(t *testing.T, cfg tenants.Config) (shut, reopen func()) {
	t.Helper()
	u, err := url.Parse(cfg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	run := func(sql string, args ...any) {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), sql, args...); err != nil {
			t.Error(err)
		}
	}
	shut = func() {
		run("alter database " + name + " with allow_connections false")
		run("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
	}
	return shut, func() { run("alter database " + name + " with allow_connections true") }
}

func TestDatabaseThatIsAwayCostsNoTry(t *testing.T) {
	t.Parallel()
	b, cfg := open(t, nil)
	shut, reopen := doors(t, cfg)
	t.Cleanup(reopen)
	o, c := b.standing()
	began, proceed := make(chan struct{}, 100), make(chan struct{})
	wait := func(ctx context.Context, m *bus.Message) error {
		began <- struct{}{}
		<-proceed
		if !m.DueAt.IsZero() {
			return b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error { return m.Done(ctx, tx) })
		}
		return b.effect(ctx, m)
	}
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked", "block.due"}, Tries: 1, Handle: wait})
	b.announce("thing.asked", 1)
	b.due("block", "k", epoch())
	<-began
	<-began
	shut()
	close(proceed)
	for range 4 { // two messages, put off twice each
		<-ran.Handled()
	}
	reopen()
	bustest.Until(t, "the bus is idle", ran.Handled(), func() bool {
		idle, err := ran.Idle(t.Context(), c.Now())
		return idle && err == nil
	})
	b.wantOnce(1)
	if letters, err := ran.DeadLetters(t.Context(), false, 5); err != nil || len(letters) != 0 {
		t.Errorf("dead letters: %+v, %v", letters, err)
	}
}

func TestUnavailableOfSomebodyElseCostsATry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int32
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Tries: 3, Handle: func(context.Context, *bus.Message) error {
		calls.Add(1)
		return fail.New(fail.Unavailable, "The desktops do not answer.")
	}})
	b.announce("thing.asked", 1)
	bustest.Settle(t, ran, time.Now())
	if letters, err := ran.DeadLetters(t.Context(), true, 5); err != nil || len(letters) != 1 || calls.Load() != 3 {
		t.Errorf("%d calls, dead letters: %+v, %v", calls.Load(), letters, err)
	}
}

func TestWithoutARolePerTenant(t *testing.T) {
	t.Parallel()
	b, _ := open(t, func(cfg *tenants.Config) { cfg.Roles = false })
	o, c := b.standing()
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked", "block.due"}, Handle: b.effect})
	b.announce("thing.asked", 2)
	b.due("block", "k", epoch())
	bustest.Settle(t, ran, c.Now())
	b.wantOnce(1, 2)
}
