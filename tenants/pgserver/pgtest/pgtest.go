// Package pgtest gives tests a real Postgres without any preparation: the one named
// by TEST_DATABASE_URL, else a throw-away cluster of the test process's own.
//
// The throw-away cluster is a copy of a template that is made once a machine, starts
// in well under a second without fsync, and ends with the process in whatever way
// that ends: the kernel stops Postgres, a waiting shell removes the folder, and what
// survives even that is removed by the next test process.
package pgtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ezscale/ezscale/tenants/pgserver"
)

// shared is the cluster of this test process, started by the first who asks.
var shared = sync.OnceValues(start)

// URL is the superuser's address of a Postgres for tests. Nothing in it may be relied
// on: make a database or schema with a name of your own. It fails the test, and says
// what to install, when this machine has no Postgres.
func URL(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("TEST_DATABASE_URL"); url != "" {
		return url
	}
	c, err := shared()
	if err != nil {
		t.Fatalf("tests need Postgres 15 or newer (apt-get install postgresql), or TEST_DATABASE_URL: %v", err)
	}
	return c.server.AdminURL()
}

// Dir is a fresh data directory for a program that brings up its own Postgres,
// removed at the test's end. Unlike t.TempDir it can be entered by the user that
// runs Postgres when the test is root, and its path is short.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(temp(), "ezs-*")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the data directory: %v", err)
		}
	})
	return dir
}

// temp is a folder that every user can enter; root's own may be private.
func temp() string {
	if os.Geteuid() == 0 {
		return "/tmp"
	}
	return os.TempDir()
}

// cluster is kept for the life of the process: its open files hold the lock and
// tell the shell when we end.
type cluster struct {
	server *pgserver.Server
	lock   *os.File
	alive  *os.File
}

func start() (*cluster, error) {
	ctx := context.Background()
	bin, err := pgserver.Find(ctx, 0)
	if err != nil {
		return nil, err
	}
	base := filepath.Join(temp(), fmt.Sprintf("ezscale-pgtest-%d", os.Getuid()))
	if err := ensureBase(base); err != nil {
		return nil, err
	}
	template, dir, lock, err := prepare(ctx, base, bin)
	if err != nil {
		return nil, err
	}
	c := &cluster{lock: lock}
	if c.alive, err = removeAfterUs(dir); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(template, "postgres"), dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the template cluster: %s", out)
	}
	c.server, err = pgserver.Open(ctx, options(dir))
	return c, err
}

func options(dir string) pgserver.Options {
	return pgserver.Options{DataDir: dir, Serve: true, NoSync: true, MaxConnections: 100}
}

func ensureBase(base string) error {
	if err := os.Mkdir(base, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(base)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to somebody else: remove it", base)
	}
	return os.Chmod(base, 0o711)
}

// prepare, one process at a time, removes what dead processes left, sees to the
// template and makes this process's locked folder.
func prepare(ctx context.Context, base string, bin pgserver.Binaries) (template, dir string, lock *os.File, err error) {
	turn, err := lockFile(filepath.Join(base, "turn"), syscall.LOCK_EX)
	if err != nil {
		return "", "", nil, err
	}
	defer turn.Close()
	sweep(base)
	sum := sha256.Sum256([]byte(bin.Dir + bin.Version))
	template = filepath.Join(base, fmt.Sprintf("template-%x", sum[:5]))
	if _, err := os.Stat(template); errors.Is(err, fs.ErrNotExist) {
		if err := makeTemplate(ctx, base, template); err != nil {
			return "", "", nil, err
		}
	}
	if dir, err = os.MkdirTemp(base, "run-*"); err != nil {
		return "", "", nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", "", nil, err
	}
	lock, err = lockFile(filepath.Join(dir, "lock"), syscall.LOCK_EX)
	return template, dir, lock, err
}

// sweep removes the folders whose process is no more. A Postgres that still runs in
// one ends by itself when it misses its files.
func sweep(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, "run-*"))
	for _, dir := range dirs {
		lock, err := lockFile(filepath.Join(dir, "lock"), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(dir)
		_ = lock.Close()
	}
}

func makeTemplate(ctx context.Context, base, template string) error {
	unfinished := filepath.Join(base, "unfinished")
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	s, err := pgserver.Open(ctx, options(unfinished))
	if err != nil {
		return err
	}
	if err := s.Close(ctx); err != nil {
		return err
	}
	return os.Rename(unfinished, template)
}

func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// removeAfterUs starts a shell that waits for the end of the returned pipe, which is
// the end of this process, lets Postgres stop, and removes dir.
func removeAfterUs(dir string) (*os.File, error) {
	script := strings.Join([]string{
		`read _`,
		`i=0; while [ -e "$0/postgres/data/postmaster.pid" ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done`,
		`rm -rf "$0"`,
	}, "\n")
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command("sh", "-c", script, dir)
	cmd.Stdin, cmd.Dir = r, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return w, cmd.Process.Release()
}
