package pgserver

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	o := startOther(t, dir, true, nil)
	_, url := o.ready(t)
	exec1(t, url, "create table kept (id int); insert into kept values (1)")
	o.kill()
	s := open(t, Options{DataDir: dir, Serve: true})
	if !s.Owner() {
		t.Fatal("got a guest of a dead owner, want the owner")
	}
	if n := count(t, s.AdminURL()); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
}

// A process is killed at twelve moments from initdb to stopping; every time another
// is started right away, and none may fail.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	for i := range 12 {
		o := startOther(t, dir, true, nil)
		if i%4 == 3 { // while it stops
			o.ready(t)
			_ = o.stdin.Close()
		}
		moment := time.Duration(rand.IntN(700)) * time.Millisecond
		if i%4 == 3 {
			moment /= 30
		}
		<-time.After(moment)
		o.kill()
	}
	s := open(t, Options{DataDir: dir, Serve: true})
	exec1(t, s.AdminURL(), "select 1")
	left, err := filepath.Glob(filepath.Join(dir, "postgres", "new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("unfinished clusters are left: %v (%v)", left, err)
	}
}

// The postmaster is killed while a backend computes without ever looking up, which
// keeps the shared memory in use until somebody ends it.
func TestPostmasterKilled(t *testing.T) {
	t.Parallel()
	s := open(t, Options{DataDir: newDir(t), Serve: true})
	pool, err := pgxpool.New(t.Context(), s.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "create table kept (id int); insert into kept values (1)"); err != nil {
		t.Fatal(err)
	}
	busy := connect(t, s.AdminURL())
	go func() {
		_, _ = busy.Exec(context.Background(), "do $$ begin loop end loop; end $$", pgx.QueryExecModeSimpleProtocol)
	}()
	eventually(t, "the busy backend runs", func() bool {
		var n int
		err := pool.QueryRow(t.Context(), "select count(*) from pg_stat_activity where query like 'do $$%'").Scan(&n)
		return err == nil && n == 1
	})
	for range 3 {
		before, _ := s.owner.place.pidFile()
		began := time.Now()
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.Restarted():
		case <-time.After(20 * time.Second):
			t.Fatal("Postgres was not started again")
		}
		eventually(t, "the pool works again", func() bool {
			var n int
			return pool.QueryRow(t.Context(), "select count(*) from kept").Scan(&n) == nil && n == 1
		})
		t.Logf("back after %s", time.Since(began).Round(time.Millisecond))
		if now, _ := s.owner.place.pidFile(); now == before {
			t.Errorf("got the same postmaster %d, want another", now)
		}
		if published(s.owner.opts.DataDir) != s.socket {
			t.Error("the address is not published again")
		}
	}
}

// A Postgres that outlived its owner, as where the kernel does not tell it, is
// stopped and started with today's settings.
func TestOrphanIsReplaced(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first := open(t, Options{DataDir: dir, NoSync: true})
	closeNow(t, first)
	p := first.owner.place
	orphan := exec.Command(filepath.Join(first.owner.bin.Dir, "postgres"), p.arguments(Options{NoSync: true, MaxConnections: 20})...)
	orphan.Dir = "/"
	orphan.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.user.credential()}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	// Its owner is gone, so nobody waits for it: it stays a zombie until the test's end.
	defer func() { _ = orphan.Wait() }()
	eventually(t, "the orphan answers", func() bool { return ping(t.Context(), first.AdminURL()) == nil })
	hanging := connect(t, first.AdminURL())
	defer hanging.Close(context.Background())

	began := time.Now()
	s := open(t, Options{DataDir: dir, NoSync: true})
	t.Logf("took over in %s", time.Since(began).Round(time.Millisecond))
	if now, _ := s.owner.place.pidFile(); now == orphan.Process.Pid {
		t.Error("the orphan still runs")
	}
	var max string
	if err := connect(t, s.AdminURL()).QueryRow(t.Context(), "select current_setting('max_connections')").Scan(&max); err != nil || max != "48" {
		t.Errorf("got max_connections %s (%v), want 48", max, err)
	}
}

// After a reboot the number in postmaster.pid may be any other process of the user.
func TestRecycledProcessNumber(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first := open(t, Options{DataDir: dir, NoSync: true})
	closeNow(t, first)
	p := first.owner.place
	bystander := exec.Command("sleep", "60")
	bystander.Args[0] = "/usr/bin/postgres -D /elsewhere" // another program's Postgres
	bystander.SysProcAttr = &syscall.SysProcAttr{Credential: p.user.credential()}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bystander.Process.Kill(); _ = bystander.Wait() }()
	text := strconv.Itoa(bystander.Process.Pid) + "\n" + p.data + "\n1700000000\n5432\n" + p.socket + "\n\n"
	for _, path := range []string{filepath.Join(p.data, "postmaster.pid"), filepath.Join(p.socket, ".s.PGSQL.5432.lock")} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.user.give(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, Options{DataDir: dir, NoSync: true})
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process that is not Postgres was ended: %v", err)
	}
}
