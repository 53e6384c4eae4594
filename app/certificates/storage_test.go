package certificates

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func newStorage(t testing.TB) *storage {
	t.Helper()
	db := tenanttest.DB(t)
	return &storage{db: db, key: testKey(t), locks: newLocks(db, slog.New(slog.DiscardHandler))}
}

func testKey(t testing.TB) *seal.Key {
	t.Helper()
	key, err := seal.New(strings.Repeat("a secret for tests ", 3))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestStorageKeepsValuesSealed(t *testing.T) {
	t.Parallel()
	s, ctx := newStorage(t), context.Background()
	base := "kept-" + t.Name()
	key, value := base+"/sites/a_b.test/a.key", []byte("PRIVATE KEY")
	if _, err := s.Load(ctx, key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a key that is not there gave %v", err)
	}
	for _, v := range [][]byte{[]byte("older"), value} {
		if err := s.Store(ctx, key, v); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Load(ctx, key)
	if err != nil || string(got) != string(value) {
		t.Fatalf("loaded %q, %v", got, err)
	}
	sealed, _, err := loadValue(ctx, s.db, key)
	if err != nil || strings.Contains(string(sealed), "PRIVATE") {
		t.Fatalf("the value lies in the database in clear (%v)", err)
	}
	if err := storeValue(ctx, s.db, base+"/other", sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(ctx, base+"/other"); !errors.Is(err, seal.ErrBroken) {
		t.Fatalf("a value under another key opened: %v", err)
	}
}

func TestStorageListsLikeFolders(t *testing.T) {
	t.Parallel()
	s, ctx := newStorage(t), context.Background()
	base := "listed-" + t.Name()
	for _, key := range []string{"/a", "/dir/b", "/dir/deep/c", "/dir/deep/d", "/dirx/e", "/d_r/f"} {
		if err := s.Store(ctx, base+key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		path      string
		recursive bool
		want      []string
	}{
		{base, false, []string{"/a", "/d_r", "/dir", "/dirx"}},
		{base + "/dir", false, []string{"/dir/b", "/dir/deep"}},
		{base + "/dir", true, []string{"/dir/b", "/dir/deep/c", "/dir/deep/d"}},
		{base + "/d_r", true, []string{"/d_r/f"}},
	}
	for _, c := range cases {
		got, err := s.List(ctx, c.path, c.recursive)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], base)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("list of %s (all: %t) is %v, not %v", c.path, c.recursive, got, c.want)
		}
	}
	info, err := s.Stat(ctx, base+"/dir")
	if err != nil || info.IsTerminal {
		t.Errorf("a folder is %+v, %v", info, err)
	}
	if info, err = s.Stat(ctx, base+"/dir/b"); err != nil || !info.IsTerminal || info.Size == 0 || info.Modified.IsZero() {
		t.Errorf("a value is %+v, %v", info, err)
	}
	if err := s.Delete(ctx, base+"/dir"); err != nil {
		t.Fatal(err)
	}
	if s.Exists(ctx, base+"/dir") || s.Exists(ctx, base+"/dir/deep/c") || !s.Exists(ctx, base+"/dirx") || !s.Exists(ctx, base+"/d_r/f") {
		t.Error("a deleted folder is there, or its neighbour is not")
	}
	if err := s.Delete(ctx, base+"/dir"); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
}

func TestLocksKeepNodesApart(t *testing.T) {
	t.Parallel()
	name := t.Name()
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 3 {
		node := newStorage(t)
		for range 3 {
			all.Go(func() {
				if err := node.Lock(context.Background(), name); err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				inside.Add(-1)
				if err := node.Unlock(context.Background(), name); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d held the lock at once", most.Load())
	}
}

func TestLockOutlivesItsLeaseAndDiesWithItsHolder(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	holder, other := newStorage(t), newStorage(t)
	holder.locks.lease, other.locks.lease = 600*time.Millisecond, 600*time.Millisecond
	if err := holder.Lock(ctx, t.Name()); err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer cancel()
	if err := other.Lock(waiting, t.Name()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("another took a lock that is held: %v", err)
	}
	if ok, err := other.TryLock(ctx, t.Name()); ok || err != nil {
		t.Fatalf("try: %t, %v", ok, err)
	}
	holder.locks.held[t.Name()].stop() // as if killed: nobody renews or unlocks
	taking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := other.Lock(taking, t.Name()); err != nil {
		t.Fatalf("a dead holder's lock was not taken over: %v", err)
	}
	if err := holder.Unlock(ctx, t.Name()); err != nil {
		t.Fatal(err)
	}
	if ok, err := holder.TryLock(ctx, t.Name()); ok || err != nil {
		t.Fatalf("the late unlock of the dead holder freed the other's lock: %t, %v", ok, err)
	}
	if err := other.Unlock(ctx, t.Name()); err != nil {
		t.Fatal(err)
	}
}
