package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// childEnv makes this test binary a process that opens the data directory named in
// it, says "ready" and its role, and closes when its standard input ends.
const childEnv = "PGSERVER_TEST_DATA_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

func child(dir string) int {
	ctx := context.Background()
	s, err := Open(ctx, Options{DataDir: dir, Serve: os.Getenv("PGSERVER_TEST_SERVE") != ""})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("ready", s.Owner(), s.AdminURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Close(ctx); err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

// other is a second process with its own Open.
type other struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func startOther(t *testing.T, dir string, serve bool, as *syscall.Credential) *other {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if as != nil { // the folder of test binaries is private
		program = copyProgram(t, program)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	if serve {
		cmd.Env = append(cmd.Env, "PGSERVER_TEST_SERVE=1")
	}
	cmd.Dir, cmd.Stderr = "/", os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &other{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	t.Cleanup(func() { o.kill() })
	return o
}

func copyProgram(t *testing.T, program string) string {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(newDir(t), "child")
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

// ready waits for the process to be up and tells whether it owns Postgres.
func (o *other) ready(t *testing.T) (owner bool, url string) {
	t.Helper()
	line, err := o.out.ReadString('\n')
	words := strings.Fields(line)
	if err != nil || words[0] != "ready" {
		t.Fatalf("got %q (%v), want ready", line, err)
	}
	return words[1] == "true", words[2]
}

func (o *other) kill() {
	if o.cmd.ProcessState == nil {
		_ = o.cmd.Process.Kill()
		_ = o.cmd.Wait()
	}
}

// end lets the process close.
func (o *other) end(t *testing.T) {
	t.Helper()
	_ = o.stdin.Close()
	if err := o.cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
}

// newDir is a data directory that every user can reach.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ezs-*")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func open(t *testing.T, o Options) *Server {
	t.Helper()
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func closeNow(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func exec1(t *testing.T, url, sql string) {
	t.Helper()
	c := connect(t, url)
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	_ = c.Close(t.Context())
}

func count(t *testing.T, url string) (n int) {
	t.Helper()
	c := connect(t, url)
	if err := c.QueryRow(t.Context(), "select count(*) from kept").Scan(&n); err != nil {
		t.Fatal(err)
	}
	_ = c.Close(t.Context())
	return n
}

// eventually polls until ok, or fails the test after 20 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !ok() {
		if !pause(ctx) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// unprivileged is a user to become; only root can, others are one already.
func unprivileged(t *testing.T) (uid int, as *syscall.Credential) {
	t.Helper()
	if os.Geteuid() != 0 {
		return os.Geteuid(), nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	return id, &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}
}
