package pgserver

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// privateDir is a data directory in a folder that only we can enter, as mktemp -d
// makes it. What lies elsewhere because of that is removed at the end.
func privateDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(newDir(t), "private", "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if target, err := os.Readlink(filepath.Join(dir, "postgres")); err == nil {
			_ = os.RemoveAll(filepath.Dir(target))
		}
	})
	return dir
}

func TestUnreachableDataDirectory(t *testing.T) {
	t.Parallel()
	dir := privateDir(t)
	for range 2 {
		s := open(t, Options{DataDir: dir, NoSync: true})
		exec1(t, s.AdminURL(), "create table if not exists kept (id int); insert into kept values (1)")
		closeNow(t, s)
	}
	s := open(t, Options{DataDir: dir, NoSync: true})
	if n := count(t, s.AdminURL()); n != 2 {
		t.Errorf("got %d rows, want 2: the database was not found again", n)
	}
	if os.Geteuid() != 0 {
		return
	}
	target, err := os.Readlink(filepath.Join(dir, "postgres"))
	if err != nil || strings.HasPrefix(target, dir) {
		t.Errorf("got %q (%v), want a link to a folder elsewhere", target, err)
	}
	closeNow(t, s)
	if err := os.RemoveAll(filepath.Dir(target)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "which is gone") {
		t.Errorf("got %v, want a refusal to begin an empty database in place of a lost one", err)
	}
}

func TestPrivateDataDirectoryIsOpenedForPassing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	closeNow(t, open(t, Options{DataDir: dir, NoSync: true}))
	if info, err := os.Lstat(filepath.Join(dir, "postgres")); err != nil || !info.IsDir() {
		t.Fatalf("want the database inside the data directory (%v)", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, Options{DataDir: dir, NoSync: true})
}

func TestRestoredByRoot(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := open(t, Options{DataDir: dir, NoSync: true})
	closeNow(t, s)
	if err := (runner{uid: os.Geteuid(), gid: os.Getegid()}).giveAll(s.owner.place.data); err != nil {
		t.Fatal(err)
	}
	open(t, Options{DataDir: dir, NoSync: true})
}

func TestAwkwardPaths(t *testing.T) {
	t.Parallel()
	for name, sub := range map[string]string{
		"too long for a socket": strings.Repeat("long", 30),
		"a comma":               "a,b",
		"spaces and quotes":     `my "data" it's %41 ü`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{DataDir: filepath.Join(newDir(t), sub), NoSync: true})
			if len(s.socket) > maxSocketFolder || strings.ContainsAny(s.socket, `, "`) {
				t.Errorf("got the socket folder %q, want a short plain one", s.socket)
			}
			guest := open(t, Options{DataDir: s.owner.opts.DataDir})
			exec1(t, guest.URL(superuser), "select 1")
			closeNow(t, guest)
			closeNow(t, s)
			_ = os.RemoveAll(s.socket)
		})
	}
}

func TestSocketFolderOfSomebodyElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(newDir(t), "run")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := runner{uid: os.Geteuid(), gid: os.Getegid(), name: "me"}
	if err := r.privateDir(path); err == nil {
		t.Error("a file was taken for the socket folder")
	}
}

func TestWrongMajor(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := open(t, Options{DataDir: dir, NoSync: true})
	closeNow(t, s)
	if err := os.WriteFile(filepath.Join(s.owner.place.data, "PG_VERSION"), []byte("12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "the database is of Postgres 12, but only version") || !strings.Contains(err.Error(), "install Postgres 12") {
		t.Errorf("got %v, want a sentence that names both versions", err)
	}
}

func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	p := place{home: t.TempDir()}
	if err := os.WriteFile(p.logFile(), bytes.Repeat([]byte("line\n"), maxLog/5+100), 0o600); err != nil {
		t.Fatal(err)
	}
	f, at, err := p.openLog()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at != 0 {
		t.Errorf("got a log of %d bytes, want an empty one", at)
	}
	if info, err := os.Stat(p.logFile() + ".1"); err != nil || info.Size() != maxLog {
		t.Errorf("the older log is not kept (%v)", err)
	}
	for _, line := range []string{"x LOG:  starting\n", "x FATAL:  could not bind\n", "x LOG:  database system is shut down\n"} {
		if _, err := f.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.lastWords(at); got != "could not bind" {
		t.Errorf("got %q, want the fatal line", got)
	}
}
