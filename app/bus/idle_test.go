package bus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/tenants"
)

// trouble is what may come between a message and its effect.
func trouble(m *bus.Message) error {
	switch rand.N(8) {
	case 0:
		return errHandler
	case 1:
		if m.DueAt.IsZero() { // a due time would be moved beyond a clock that stands
			return bus.Later(time.Millisecond, "by chance")
		}
	}
	return nil
}

// stage is a handler with trouble before its effect, and after its commit.
func (b *bundle) stage(next func(ctx context.Context, tx tenants.Tx, n numbered) error) bus.Handler {
	return func(ctx context.Context, m *bus.Message) error {
		var n numbered
		if err := m.Decode(&n); err != nil {
			return err
		}
		if err := trouble(m); err != nil {
			return err
		}
		err := b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
			if err := next(ctx, tx, n); err != nil {
				return err
			}
			return m.Done(ctx, tx)
		})
		if err == nil && rand.N(8) == 0 {
			return errHandler
		}
		return err
	}
}

// chain is thing.asked → due time → thing.told → effect.made, and a bystander.
func (b *bundle) chain() []bus.Consumer {
	return []bus.Consumer{
		{Name: "first", Names: []string{"thing.asked"}, Tries: 1000, Handle: b.stage(func(ctx context.Context, tx tenants.Tx, n numbered) error {
			return bus.Due(ctx, tx, "step", fmt.Sprint(n.N), epoch(), n)
		})},
		{Name: "second", Names: []string{"step.due"}, Tries: 1000, Handle: b.stage(func(ctx context.Context, tx tenants.Tx, n numbered) error {
			return bus.Append(ctx, tx, "thing.told", n)
		})},
		{Name: "third", Names: []string{"thing.told"}, Tries: 1000, Handle: b.stage(func(ctx context.Context, tx tenants.Tx, n numbered) error {
			return bus.Append(ctx, tx, "effect.made", n)
		})},
		{Name: "fourth", Names: []string{"thing.told", "thing.asked"}, Tries: 1000, Handle: b.stage(func(context.Context, tenants.Tx, numbered) error { return nil })},
	}
}

// TestIdleIsNeverTrueTooSoon lets events cause further events and due times,
// with handlers that fail, wait, answer late or fail after the commit, and asks
// all the while. Whenever the answer is yes, every effect of what had been
// announced by then must be there.
func TestIdleIsNeverTrueTooSoon(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	ran, _ := bustest.Start(t, o, b.chain()...)
	announced, yes := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		var before atomic.Int32 // announced, and so owed, when Idle was asked
		for range rapid.IntRange(1, 5).Draw(rt, "bursts") {
			ns := make([]int, rapid.IntRange(0, 4).Draw(rt, "events"))
			for i := range ns {
				ns[i] = announced
				announced++
			}
			b.announce("thing.asked", ns...)
			before.Store(int32(announced))
			for range rapid.IntRange(1, 8).Draw(rt, "questions") {
				idle, err := ran.Idle(t.Context(), c.Now())
				if err != nil {
					rt.Fatal(err)
				}
				if made := len(b.effects()); idle && made < int(before.Load()) {
					rt.Fatalf("idle with %d of %d effects", made, before.Load())
				} else if idle {
					yes++
				}
			}
		}
	})
	bustest.Settle(t, ran, c.Now())
	b.wantOnce(until(announced)...)
	t.Logf("%d events, %d times idle", announced, yes)
}

func TestIdleWithoutATableOfConsumers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ran, err := bus.Open(t.Context(), bus.Options{DB: b.db, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer ran.Close()
	for _, want := range []bool{true, false} {
		if idle, err := ran.Idle(t.Context(), epoch()); idle != want || err != nil {
			t.Errorf("idle is %v, %v, want %v", idle, err, want)
		}
		b.announce("thing.asked", 1)
	}
}
