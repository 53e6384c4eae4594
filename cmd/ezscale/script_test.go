package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// TestScripts does what people and their scripts do with the command line. Each
// script has an installation of its own; one whose name begins with "first" makes
// its database itself, as a first start does.
func TestScripts(t *testing.T) {
	t.Parallel()
	made := sync.OnceValues(func() (string, error) { return template(t) })
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return furnish(env, made) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"boot": boot, "quit": quit, "http": httpCall, "json": jsonCheck, "keep": jsonKeep, "lines": lineCount, "status": exitStatus,
		},
	})
}

// template is a data directory with a migrated database, for scripts to copy:
// making one takes seconds.
func template(t *testing.T) (string, error) {
	dir := pgtest.Dir(t)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		return "", err
	}
	defer out.Close()
	if code := run(context.Background(), []string{"migrate"}, environ(dir), out, out); code != exitDone {
		text, _ := os.ReadFile(out.Name())
		return "", fmt.Errorf("make the template: exit %d: %s", code, text)
	}
	return dir, nil
}

func environ(dir string) []string {
	return []string{"EZSCALE_DATA_DIR=" + dir, "EZSCALE_HTTP_ADDR=127.0.0.1:0", "EZSCALE_KASM_SIM_ADDR=127.0.0.1:0"}
}

// furnish gives a script its data directory, which the user that runs Postgres
// must be able to enter.
func furnish(env *testscript.Env, made func() (string, error)) error {
	dir, err := os.MkdirTemp("", "ezs-*")
	if os.Geteuid() == 0 {
		_ = os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "ezs-*")
	}
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	env.Vars = append(env.Vars, environ(dir)...)
	env.Vars = append(env.Vars, "DATA="+dir)
	env.Values[serversKey{}], env.Values[jarsKey{}] = map[string]*server{}, map[string]http.CookieJar{}
	if first, _ := filepath.Match("script-first*", filepath.Base(env.WorkDir)); first {
		return nil
	}
	from, err := made()
	if err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from+"/.", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the template: %s", out)
	}
	return nil
}

// server is a program that a script started and that goes on beside it.
type server struct {
	cmd   *exec.Cmd
	errs  *lockedBuffer
	ended chan error
}

// Keys of what the commands of one script share.
type (
	serversKey struct{}
	jarsKey    struct{}
)

// boot starts a program and waits until it says that it is ready: with one line
// of JSON, which becomes the script's stdout, or in its log. With -until it waits
// for a file instead.
//
//	boot [-until GLOB] NAME program args...
func boot(ts *testscript.TestScript, neg bool, args []string) {
	glob := ""
	if len(args) > 2 && args[0] == "-until" {
		glob, args = args[1], args[2:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: boot [-until GLOB] NAME program args...")
	}
	s := &server{cmd: exec.Command(lookPath(ts, args[1]), args[2:]...), errs: &lockedBuffer{}, ended: make(chan error, 1)}
	out := &lockedBuffer{}
	s.cmd.Env, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = childEnviron(ts), ts.MkAbs("."), out, s.errs
	ts.Check(s.cmd.Start())
	go func() { s.ended <- s.cmd.Wait() }()
	servers(ts)[args[0]] = s
	ts.Defer(func() { s.end(os.Kill) })
	limit := time.After(90 * time.Second)
	for {
		line, ready := readiness(out.String(), s.errs.String())
		if glob != "" {
			found, _ := filepath.Glob(glob)
			ready = len(found) > 0
		}
		if ready {
			fmt.Fprintln(ts.Stdout(), line)
			return
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			ts.Fatalf("%s ended before it was ready: %v\n%s", args[0], err, s.errs.String())
		case <-limit:
			ts.Fatalf("%s is not ready after 90 s\n%s", args[0], s.errs.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var inLog = regexp.MustCompile(`msg=ready address=(http://\S+)`)

func readiness(out, log string) (string, bool) {
	if line, _, whole := bytes.Cut([]byte(out), []byte("\n")); whole && bytes.HasPrefix(line, []byte("{")) {
		return string(line), true
	}
	if found := inLog.FindStringSubmatch(log); found != nil {
		return fmt.Sprintf(`{"central":%q}`, found[1]), true
	}
	return "", false
}

// quit presses Ctrl-C, and expects the program to end well and soon.
//
//	quit NAME
func quit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || servers(ts)[args[0]] == nil {
		ts.Fatalf("usage: quit NAME, of a program that was booted")
	}
	s := servers(ts)[args[0]]
	began := time.Now()
	if err := s.end(os.Interrupt); err != nil {
		ts.Fatalf("%s did not end well: %v\n%s", args[0], err, s.errs.String())
	}
	ts.Logf("%s ended in %s", args[0], time.Since(began).Round(time.Millisecond))
	fmt.Fprint(ts.Stderr(), s.errs.String())
	delete(servers(ts), args[0])
}

// end signals the program and waits; after half a minute it is killed.
func (s *server) end(signal os.Signal) error {
	select {
	case err := <-s.ended:
		s.ended <- err
		return err
	default:
	}
	_ = s.cmd.Process.Signal(signal)
	select {
	case err := <-s.ended:
		s.ended <- err
		return err
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		return fmt.Errorf("it did not end within 30 s: %w", <-s.ended)
	}
}

// servers are the programs that a script has running, by the name it gave them.
func servers(ts *testscript.TestScript) map[string]*server {
	all, _ := ts.Value(serversKey{}).(map[string]*server)
	return all
}

// childEnviron is the script's environment, as far as the program looks at it.
func childEnviron(ts *testscript.TestScript) (all []string) {
	names := []string{"PATH", "HOME", "TMPDIR"}
	for name := range knownNames() {
		names = append(names, name)
	}
	for _, name := range names {
		if value := ts.Getenv(name); value != "" {
			all = append(all, name+"="+value)
		}
	}
	return all
}

func lookPath(ts *testscript.TestScript, program string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, program); isFile(path) {
			return path
		}
	}
	ts.Fatalf("there is no program %s", program)
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// lockedBuffer is written by a program and read by the script.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
