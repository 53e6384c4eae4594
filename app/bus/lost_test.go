package bus_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
)

func TestStoreHasOneProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := t.TempDir()
	_, stop := bustest.Start(t, bus.Options{DB: b.db, Dir: dir})
	second, err := bus.Open(t.Context(), bus.Options{DB: b.db, Dir: dir})
	if !fail.Is(err, fail.Unavailable) || !strings.Contains(err.Error(), "Another ezscale") {
		t.Fatalf("a second process got %v, %v", second, err)
	}
	stop()
	if second, err = bus.Open(t.Context(), bus.Options{DB: b.db, Dir: dir}); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// breakStore lists what may have happened to the store while nobody used it.
func breakStore(t *testing.T, dir, how string) {
	t.Helper()
	store := filepath.Join(dir, "jetstream")
	if how == "gone" {
		if err := os.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
		return
	}
	err := filepath.WalkDir(store, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if how == "empty" {
			return os.Truncate(path, 0)
		}
		return os.WriteFile(path, []byte(strings.Repeat("garbage", 100)), 0o600)
	})
	if err == nil && how == "a file" {
		err = os.RemoveAll(store)
		if err == nil {
			err = os.WriteFile(store, []byte("no folder"), 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestStoreLostWhileStopped(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"whole", "gone", "garbage", "empty", "a file"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			o := b.options()
			o.Dir, o.Drain = t.TempDir(), time.Millisecond
			var stuck atomic.Int32
			_, stop := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked", "thing.done"}, Handle: func(ctx context.Context, m *bus.Message) error {
				if m.Name == "thing.done" {
					return b.effect(ctx, m) // committed; whether it is acknowledged is left to chance
				}
				stuck.Add(1)
				<-ctx.Done()
				return ctx.Err()
			}})
			b.announce("thing.done", 100, 101)
			b.announce("thing.asked", until(100)...)
			bustest.Until(t, "handlers are under way", nil, func() bool { return stuck.Load() == 4 })
			stop()
			if how != "whole" {
				breakStore(t, o.Dir, how)
			}
			again, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked", "thing.done"}, Handle: b.effect})
			bustest.Settle(t, again, time.Now())
			b.wantOnce(until(102)...)
		})
	}
}

func TestStoreLostWhileRunning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.Dir = t.TempDir()
	var open atomic.Bool
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Parallel: 2, Handle: func(ctx context.Context, m *bus.Message) error {
		if !open.Load() {
			return bus.Later(10*time.Millisecond, "the store is to be lost first")
		}
		return b.effect(ctx, m)
	}})
	b.announce("thing.asked", until(50)...)
	bustest.Until(t, "messages come", ran.Handled(), func() bool {
		return count(t, b.db, `select count(*)::int from central.outbox where published_at is null`) == 0
	})
	if err := os.Rename(filepath.Join(o.Dir, "jetstream"), filepath.Join(t.TempDir(), "taken")); err != nil {
		t.Fatal(err)
	}
	open.Store(true)
	b.announce("thing.asked", 50, 51)
	bustest.Settle(t, ran, time.Now())
	bustest.Until(t, "the store stands again", nil, func() bool {
		_, err := os.Stat(filepath.Join(o.Dir, "jetstream", "$G", "streams", "EZ"))
		return err == nil && ran.Ready(t.Context()) == nil
	})
	b.announce("thing.asked", 52)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(until(53)...)
}

func TestConsumerThatLeftTheTableKeepsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.Dir = t.TempDir()
	refuse := func(context.Context, *bus.Message) error { return bus.Later(time.Hour, "never") }
	ran, stop := bustest.Start(t, o,
		bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: b.effect},
		bus.Consumer{Name: "former", Names: []string{"thing.asked"}, Handle: refuse})
	b.announce("thing.asked", 1)
	bustest.Until(t, "one of two has done it", ran.Handled(), func() bool { return len(b.effects()) == 1 })
	stop()
	ran, _ = bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: b.effect})
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(1)
}

func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	began, release := make(chan struct{}), make(chan struct{})
	_, stop := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
		close(began)
		<-release
		return b.effect(ctx, m)
	}})
	b.announce("thing.asked", 1)
	<-began
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("the bus ended before its handler")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-stopped
	b.wantOnce(1)
}

func TestOldRowsAreDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.SweepEvery, o.KeepDone = 10*time.Millisecond, 50*time.Millisecond
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(context.Context, *bus.Message) error { return nil }})
	b.announce("thing.asked", until(20)...)
	bustest.Until(t, "rows and receipts are gone", ran.Handled(), func() bool {
		return count(t, b.db, `select (select count(*) from central.outbox)::int + (select count(*) from central.outbox_receipts)::int`) == 0
	})
}
