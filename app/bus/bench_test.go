package bus_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// receiving starts a bus whose one consumer sends every event it has committed
// the receipt of.
func receiving(b *testing.B, parallel int) (*tenants.DB, tenants.Tenant, *bus.Bus, <-chan int) {
	b.Helper()
	db, shop := bustest.Fresh(b, nil)
	effects := make(chan int, 1<<20)
	ran, _ := bustest.Start(b, bus.Options{DB: db}, bus.Consumer{
		Name: "make", Names: []string{"thing.asked"}, Parallel: parallel,
		Handle: func(ctx context.Context, m *bus.Message) error {
			var n numbered
			if err := m.Decode(&n); err != nil {
				return err
			}
			err := db.In(ctx, m.Tenant, func(tx tenants.Tx) error { return m.Done(ctx, tx) })
			effects <- n.N
			return err
		}})
	return db, shop, ran, effects
}

func announce(b *testing.B, db *tenants.DB, shop tenants.Tenant, payloads ...numbered) {
	b.Helper()
	err := db.In(b.Context(), shop, func(tx tenants.Tx) error { return bus.AppendAll(b.Context(), tx, "thing.asked", payloads) })
	if err != nil {
		b.Fatal(err)
	}
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	for name, part := range map[string]float64{"p50-ms": 0.50, "p99-ms": 0.99} {
		b.ReportMetric(took[int(part*float64(len(took)-1))].Seconds()*1000, name)
	}
}

// BenchmarkCommitToEffect is the time from one event's commit to the commit of
// its effect, on an otherwise idle bus.
func BenchmarkCommitToEffect(b *testing.B) {
	db, shop, _, effects := receiving(b, 4)
	var took []time.Duration
	for b.Loop() {
		announce(b, db, shop, numbered{})
		began := time.Now()
		<-effects
		took = append(took, time.Since(began))
	}
	report(b, took)
}

// BenchmarkCommitToEffectUnderLoad is the same at 500 events a second.
func BenchmarkCommitToEffectUnderLoad(b *testing.B) {
	db, shop, _, effects := receiving(b, 4)
	began := make([]time.Time, b.N)
	took := make([]time.Duration, 0, b.N)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range b.N {
			n := <-effects
			took = append(took, time.Since(began[n]))
		}
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	b.ResetTimer()
	for n := 0; n < b.N; {
		<-tick.C
		var payloads []numbered
		for range min(5, b.N-n) {
			payloads = append(payloads, numbered{N: n})
			began[n] = time.Now()
			n++
		}
		announce(b, db, shop, payloads...)
	}
	<-ended
	report(b, took)
}

// BenchmarkEvents is how many events with an effect transaction each go through.
func BenchmarkEvents(b *testing.B) {
	db, shop, _, effects := receiving(b, 8)
	b.ResetTimer()
	for n := 0; n < b.N; n += 100 {
		announce(b, db, shop, make([]numbered, min(100, b.N-n))...)
	}
	for range b.N {
		<-effects
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkIdle is one question whether everything is done.
func BenchmarkIdle(b *testing.B) {
	_, _, ran, _ := receiving(b, 4)
	for b.Loop() {
		if _, err := ran.Idle(b.Context(), time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClockStep is one step of the test clock: move, due time, effect that
// sets the next, idle again.
func BenchmarkClockStep(b *testing.B) {
	db, shop := bustest.Fresh(b, nil)
	c := clock.NewMovable(epoch(), 0)
	ran, _ := bustest.Start(b, bus.Options{DB: db, Clock: c}, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(ctx context.Context, m *bus.Message) error {
		return db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
			if err := m.Done(ctx, tx); err != nil {
				return err
			}
			return bus.Due(ctx, tx, "block", m.Key, m.DueAt.Add(15*time.Minute), nil)
		})
	}})
	err := db.In(b.Context(), shop, func(tx tenants.Tx) error {
		return bus.Due(b.Context(), tx, "block", "k", epoch().Add(time.Minute), nil)
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		next, _, err := ran.NextDue(b.Context(), c.Now())
		if err != nil {
			b.Fatal(err)
		}
		c.Set(next, 0)
		ran.WakeDue()
		bustest.Settle(b, ran, next)
	}
}
