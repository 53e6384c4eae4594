package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

func epoch() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func (b *bundle) due(kind, key string, at time.Time) {
	b.Helper()
	b.in(b.shop, func(tx tenants.Tx) error { return bus.Due(b.Context(), tx, kind, key, at, numbered{N: 1}) })
}

// standing is the options with a clock that stands still.
func (b *bundle) standing() (bus.Options, *clock.Movable) {
	c := clock.NewMovable(epoch(), 0)
	o := b.options()
	o.Clock = c
	return o, c
}

func TestDueTimesComeInOrderAndOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	var came sequence
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Parallel: 1, Handle: func(ctx context.Context, m *bus.Message) error {
		return b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
			came.add(m.Key + m.DueAt.Format(" 04"))
			return m.Done(ctx, tx)
		})
	}})
	for _, minute := range []int{5, 3, 9, 1, 7, 30} {
		b.due("block", fmt.Sprint(minute), epoch().Add(time.Duration(minute)*time.Minute))
	}
	if idle, err := ran.Idle(t.Context(), epoch()); !idle || err != nil {
		t.Errorf("idle is %v, %v before anything is due", idle, err)
	}
	next, found, err := ran.NextDue(t.Context(), epoch().Add(3*time.Minute))
	if err != nil || !found || !next.Equal(epoch().Add(5*time.Minute)) {
		t.Errorf("next due: %v, %v, %v", next, found, err)
	}
	c.Set(epoch().Add(10*time.Minute), 0)
	ran.WakeDue()
	bustest.Settle(t, ran, c.Now())
	if got, want := strings.Join(came.all(), ","), "1 01,3 03,5 05,7 07,9 09"; got != want {
		t.Errorf("came %s, want %s", got, want)
	}
}

func TestDueTimeByTheRunningClock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	came := make(chan time.Duration, 1)
	at := time.Now().Add(300 * time.Millisecond)
	bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(context.Context, *bus.Message) error {
		came <- time.Since(at)
		return nil
	}})
	b.due("block", "k", at)
	if late := <-came; late < 0 || late > 2*time.Second {
		t.Errorf("it came %s after its time", late)
	}
}

// An effect may set its due time anew or call it off, before or after Done.
func TestEffectsThatMoveTheirDueTime(t *testing.T) {
	t.Parallel()
	type step func(ctx context.Context, tx tenants.Tx, m *bus.Message) error
	done := func(ctx context.Context, tx tenants.Tx, m *bus.Message) error { return m.Done(ctx, tx) }
	move := func(ctx context.Context, tx tenants.Tx, m *bus.Message) error {
		return bus.Due(ctx, tx, "block", m.Key, m.DueAt.Add(time.Hour), nil)
	}
	undue := func(ctx context.Context, tx tenants.Tx, m *bus.Message) error {
		return bus.Undue(ctx, tx, "block", m.Key)
	}
	for name, tc := range map[string]struct {
		steps []step
		left  int
	}{
		"done":            {[]step{done}, 0},
		"done, move":      {[]step{done, move}, 1},
		"move, done":      {[]step{move, done}, 1},
		"move twice":      {[]step{move, move, done}, 1},
		"undue, done":     {[]step{undue, done}, 0},
		"only move":       {[]step{move}, 1},
		"only undue":      {[]step{undue}, 0},
		"nothing":         {nil, 0},
		"undue and again": {[]step{undue, move, done}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			o, c := b.standing()
			var calls atomic.Int32
			ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(ctx context.Context, m *bus.Message) error {
				calls.Add(1)
				return b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
					for _, s := range tc.steps {
						if err := s(ctx, tx, m); err != nil {
							return err
						}
					}
					return nil
				})
			}})
			b.due("block", "k", epoch())
			bustest.Settle(t, ran, c.Now())
			if n := count(t, b.db, `select count(*)::int from central.due`); n != tc.left || calls.Load() != 1 {
				t.Errorf("%d due times are left after %d calls, want %d after 1", n, calls.Load(), tc.left)
			}
		})
	}
}

// A message about a due time that was set again meanwhile has no effect, even
// when it was set to the same time.
func TestDueTimeSetAgainWhileItIsHandled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	var calls atomic.Int32
	var outcomes sequence
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(ctx context.Context, m *bus.Message) error {
		if calls.Add(1) == 1 {
			b.due("block", "k", epoch())
		}
		err := b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error { return m.Done(ctx, tx) })
		if err != nil && !errors.Is(err, bus.ErrAlreadyDone) {
			t.Error(err)
		}
		outcomes.add(fmt.Sprint(err == nil))
		return err
	}})
	b.due("block", "k", epoch())
	bustest.Settle(t, ran, c.Now())
	// Nothing is due any more, while the first call may still be on its way out.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); len(outcomes.all()) < 2 && time.Now().Before(end); {
		<-tick.C
	}
	if got := slices.Sorted(slices.Values(outcomes.all())); !slices.Equal(got, []string{"false", "true"}) {
		t.Errorf("outcomes: %v", got)
	}
}

func TestDueTimeThatFailsAndDies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	var broken atomic.Bool
	broken.Store(true)
	var tries sequence
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Tries: 3, Handle: func(_ context.Context, m *bus.Message) error {
		tries.add(fmt.Sprint(m.Try))
		if broken.Load() {
			return errHandler
		}
		return nil
	}})
	b.due("block", "k", epoch())
	bustest.Settle(t, ran, c.Now())
	if got := tries.all(); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("tries: %v", got)
	}
	letters, err := ran.DeadLetters(t.Context(), true, 5)
	if err != nil || len(letters) != 1 || letters[0].Key != "k" || !letters[0].DueAt.Equal(epoch()) {
		t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	broken.Store(false)
	if err := ran.RetryDeadLetter(t.Context(), letters[0].ID); err != nil {
		t.Fatal(err)
	}
	bustest.Settle(t, ran, c.Now())
	if got := tries.all(); len(got) != 4 {
		t.Errorf("tries after the retry: %v", got)
	}
}

func TestLaterMovesADueTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	var calls atomic.Int32
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(context.Context, *bus.Message) error {
		if calls.Add(1) == 1 {
			return bus.Later(15*time.Minute, "the desktop is starting")
		}
		return nil
	}})
	b.due("block", "k", epoch())
	bustest.Settle(t, ran, c.Now())
	next, found, err := ran.NextDue(t.Context(), c.Now())
	if err != nil || !found || !next.Equal(epoch().Add(15*time.Minute)) || calls.Load() != 1 {
		t.Fatalf("next due: %v, %v, %v after %d calls", next, found, err, calls.Load())
	}
	c.Set(next, 0)
	ran.WakeDue()
	bustest.Settle(t, ran, next)
	if calls.Load() != 2 {
		t.Errorf("%d calls, want 2", calls.Load())
	}
}

func TestManyDueTimesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	var calls atomic.Int32
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(context.Context, *bus.Message) error {
		calls.Add(1)
		return nil
	}})
	const many = 3000 // more than are leased at once
	b.in(b.shop, func(tx tenants.Tx) error {
		times := make([]bus.DueTime, many)
		for i := range times {
			times[i] = bus.DueTime{Key: fmt.Sprint(i), At: epoch()}
		}
		return bus.DueAll(t.Context(), tx, "block", times)
	})
	bustest.Settle(t, ran, c.Now())
	if calls.Load() != many {
		t.Errorf("%d calls, want %d", calls.Load(), many)
	}
}

// A month of blocks, a step at a time, as the test clock goes.
func TestSteppingTheClock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	var calls atomic.Int32
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(ctx context.Context, m *bus.Message) error {
		calls.Add(1)
		return b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
			if err := m.Done(ctx, tx); err != nil {
				return err
			}
			return bus.Due(ctx, tx, "block", m.Key, m.DueAt.Add(15*time.Minute), nil)
		})
	}})
	b.due("block", "k", epoch().Add(15*time.Minute))
	began := time.Now()
	const steps = 300
	for range steps {
		next, found, err := ran.NextDue(t.Context(), c.Now())
		if err != nil || !found {
			t.Fatalf("next due: %v, %v", found, err)
		}
		c.Set(next, 0)
		ran.WakeDue()
		bustest.Settle(t, ran, next)
	}
	t.Logf("%d steps in %s, %s each", steps, time.Since(began), time.Since(began)/steps)
	if calls.Load() != steps {
		t.Errorf("%d calls in %d steps", calls.Load(), steps)
	}
}
