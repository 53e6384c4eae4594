package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/tenants"
)

// bundle is a database with a shop, in which the effect of an event is another
// event, "effect.made", with the number of the first.
type bundle struct {
	*testing.T
	db   *tenants.DB
	shop tenants.Tenant
}

type numbered struct {
	N    int    `json:"n"`
	From string `json:"from,omitempty"`
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db, shop := bustest.Fresh(t, nil)
	return &bundle{t, db, shop}
}

func (b *bundle) options() bus.Options {
	return bus.Options{DB: b.db, Backoff: quick, Log: verbose(), Drain: 2 * time.Second}
}

// verbose shows what the bus says when BUS_LOG is set.
func verbose() *slog.Logger {
	if os.Getenv("BUS_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func quick(int) time.Duration { return 5 * time.Millisecond }

func (b *bundle) announce(name string, ns ...int) {
	b.Helper()
	payloads := make([]numbered, len(ns))
	for i, n := range ns {
		payloads[i].N = n
	}
	b.in(b.shop, func(tx tenants.Tx) error { return bus.AppendAll(b.Context(), tx, name, payloads) })
}

func (b *bundle) in(shop tenants.Tenant, fn func(tenants.Tx) error) {
	b.Helper()
	if err := b.db.In(context.WithoutCancel(b.Context()), shop, fn); err != nil {
		b.Fatal(err)
	}
}

// effect makes the effect of a message, once.
func (b *bundle) effect(ctx context.Context, m *bus.Message) error {
	var n numbered
	if err := m.Decode(&n); err != nil {
		return err
	}
	return b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := bus.Append(ctx, tx, "effect.made", n); err != nil {
			return err
		}
		return m.Done(ctx, tx)
	})
}

// effects counts the effects by number.
func (b *bundle) effects() map[int]int {
	b.Helper()
	var ns []int
	err := b.db.CentralRead(context.WithoutCancel(b.Context()), tenants.ListQ(&ns, `-- effects
		select (payload->>'n')::int from central.outbox where subject = 'effect.made'`))
	if err != nil {
		b.Fatal(err)
	}
	made := map[int]int{}
	for _, n := range ns {
		made[n]++
	}
	return made
}

func (b *bundle) wantOnce(ns ...int) {
	b.Helper()
	made := b.effects()
	for _, n := range ns {
		if made[n] != 1 {
			b.Errorf("event %d had its effect %d times, want once", n, made[n])
		}
	}
	if len(made) != len(ns) {
		b.Errorf("%d events had effects, want %d", len(made), len(ns))
	}
}

func (b *bundle) central(sql string, args ...any) {
	b.Helper()
	err := b.db.Central(context.WithoutCancel(b.Context()), func(tx tenants.CentralTx) error {
		_, err := tx.Exec(b.Context(), sql, args...)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func count(t testing.TB, db *tenants.DB, sql string, args ...any) (n int) {
	t.Helper()
	if err := db.CentralRead(t.Context(), tenants.GetQ(&n, "count", sql, args...)); err != nil {
		t.Fatal(err)
	}
	return n
}

func until(n int) []int {
	ns := make([]int, n)
	for i := range ns {
		ns[i] = i
	}
	return ns
}

// sequence remembers what came, in order.
type sequence struct {
	mu   sync.Mutex
	list []string
}

func (s *sequence) add(v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, v)
}

func (s *sequence) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.list...)
}

var errHandler = errors.New("the handler's own trouble")
