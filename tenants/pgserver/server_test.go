package pgserver

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestDataSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := open(t, Options{DataDir: dir, Serve: true})
	if !s.Owner() {
		t.Fatal("got a guest, want the owner")
	}
	exec1(t, s.AdminURL(), "create table kept (id int); insert into kept values (1)")
	exec1(t, s.AdminURL(), "create role app login")
	closeNow(t, s)
	closeNow(t, s) // twice is harmless

	s = open(t, Options{DataDir: dir, Serve: true})
	if n := count(t, s.AdminURL()); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
	var who string
	if err := connect(t, s.URL("app")).QueryRow(t.Context(), "select current_user").Scan(&who); err != nil || who != "app" {
		t.Errorf("got %q (%v), want app", who, err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := open(t, Options{DataDir: newDir(t), MaxConnections: 33})
	for name, want := range map[string]string{
		"listen_addresses": "", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
		"max_connections": "33", "max_locks_per_transaction": "1024", "TimeZone": "UTC",
		"data_checksums": "on", "server_encoding": "UTF8", "lc_collate": "C",
	} {
		var got string
		sql := "select current_setting($1)"
		if name == "lc_collate" {
			sql = "select datcollate from pg_database where datname = current_database() and $1 <> ''"
		}
		if err := connect(t, s.AdminURL()).QueryRow(t.Context(), sql, name).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, want)
		}
	}
	info, err := os.Stat(s.socket)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder: got %v (%v), want mode 0700", info.Mode(), err)
	}
}

func TestGuestBesideServer(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	server := open(t, Options{DataDir: dir, Serve: true, NoSync: true})
	guest := open(t, Options{DataDir: dir})
	if guest.Owner() {
		t.Fatal("got a second owner, want a guest")
	}
	if guest.AdminURL() != server.AdminURL() {
		t.Errorf("got %s, want %s", guest.AdminURL(), server.AdminURL())
	}
	exec1(t, guest.AdminURL(), "select 1")
	closeNow(t, server) // a server does not wait for guests
	closeNow(t, guest)
	if s := open(t, Options{DataDir: dir}); !s.Owner() {
		t.Error("got a guest, want the owner when nobody else is there")
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	open(t, Options{DataDir: dir, Serve: true, NoSync: true})
	_, err := Open(t.Context(), Options{DataDir: dir, Serve: true, serveWait: 200 * time.Millisecond})
	if err == nil || err.Error() != "another ezscale is running on "+dir {
		t.Errorf("got %v, want the sentence that another is running", err)
	}
}

func TestCommandWaitsForItsGuests(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	command := open(t, Options{DataDir: dir, NoSync: true})
	guest := open(t, Options{DataDir: dir})
	conn := connect(t, guest.AdminURL())
	closed := make(chan error, 1)
	go func() { closed <- command.Close(context.Background()) }()
	eventually(t, "the address is withdrawn", func() bool { return published(dir) == "" })
	if _, err := conn.Exec(t.Context(), "select 1"); err != nil {
		t.Fatalf("Postgres left under its guest: %v", err)
	}
	select {
	case <-closed:
		t.Fatal("the command stopped Postgres before its guest left")
	default:
	}
	closeNow(t, guest)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

func TestServerWaitsForCommand(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	command := startOther(t, dir, false, nil)
	command.ready(t)
	server := make(chan *Server, 1)
	go func() {
		s, err := Open(t.Context(), Options{DataDir: dir, Serve: true})
		if err != nil {
			t.Error(err)
		}
		server <- s
	}()
	command.end(t)
	if s := <-server; s == nil || !s.Owner() {
		t.Error("want the server to own Postgres after the command")
	} else {
		closeNow(t, s)
	}
}

func TestCommandsAtOnceWithoutServer(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	closeNow(t, func() *Server {
		s := open(t, Options{DataDir: dir})
		exec1(t, s.AdminURL(), "create table kept (id int)")
		return s
	}())
	const each, rounds = 4, 3
	var wg sync.WaitGroup
	for range each {
		wg.Go(func() {
			for range rounds {
				o := startOther(t, dir, false, nil)
				_, url := o.ready(t)
				exec1(t, url, "insert into kept values (1)")
				o.end(t)
			}
		})
	}
	wg.Wait()
	if n := count(t, open(t, Options{DataDir: dir}).AdminURL()); n != each*rounds {
		t.Errorf("got %d rows, want %d", n, each*rounds)
	}
}

func TestUnprivilegedUser(t *testing.T) {
	t.Parallel()
	uid, as := unprivileged(t)
	dir := newDir(t)
	if as != nil {
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		o := startOther(t, dir, true, as)
		if owner, _ := o.ready(t); !owner {
			t.Fatal("got a guest, want the owner")
		}
		o.end(t)
	}
	info, err := os.Stat(filepath.Join(dir, "postgres", "data"))
	if err != nil || ownerOf(info) != uid {
		t.Errorf("the cluster is not the user's: %v", err)
	}
}

func TestCancelledOpenLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	for limit := 10 * time.Millisecond; limit < 2*time.Second; limit *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		if s, err := Open(ctx, Options{DataDir: dir}); err == nil {
			closeNow(t, s)
		}
		cancel()
		p := place{data: filepath.Join(dir, "postgres", "data"), name: "ezscale-" + shortHash(filepath.Join(dir, "postgres"))}
		if left, err := p.running(); err != nil || len(left.all) > 0 {
			t.Fatalf("after %s processes %v are left (%v)", limit, left.all, err)
		}
	}
	open(t, Options{DataDir: dir})
}

func TestStartFailureSaysWhy(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	closeNow(t, open(t, Options{DataDir: dir, NoSync: true}))
	if err := os.Remove(filepath.Join(dir, "postgres", "data", "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "could not find the database system") {
		t.Errorf("got %v, want Postgres' own words", err)
	}
	// The failed start holds no lock.
	lock, err := tryLock(ownerLockPath(dir), syscall.LOCK_EX)
	if lock == nil || err != nil {
		t.Errorf("the owner lock is still held (%v)", err)
	} else {
		lock.release()
	}
}
