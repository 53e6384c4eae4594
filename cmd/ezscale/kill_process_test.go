package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one life of the real program, to be killed.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait, after exited
	errs   string
}

// spawn starts the program with nothing in its environment but what is given.
// What it says goes to the end of the file errs.
func spawn(environ []string, stdout, errs string, args ...string) (*process, error) {
	path, err := exec.LookPath("ezscale")
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(path, args...), exited: make(chan struct{}), errs: errs}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, environ...)
	p.cmd.SysProcAttr = dieWithUs()
	for name, to := range map[string]func(*os.File){stdout: func(f *os.File) { p.cmd.Stdout = f }, errs: func(f *os.File) { p.cmd.Stderr = f }} {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		to(f)
	}
	started := make(chan error, 1)
	go func() {
		// The signal at our death comes with the death of the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.exited)
		}
	}()
	return p, <-started
}

// kill ends it as a power cut would, and is false when it had ended before.
func (p *process) kill() bool {
	select {
	case <-p.exited:
		return false
	default:
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// ends waits for a process that was asked to stop, and says how long that took.
func (p *process) ends(limit time.Duration) (time.Duration, error) {
	asked := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.exited:
		return time.Since(asked), p.err
	case <-timer.C:
		return limit, fmt.Errorf("it still runs %s after it was asked to stop", limit)
	}
}

// firstLine waits for what the program prints when it is ready.
func firstLine(t *testing.T, p *process, stdout string, to any) {
	t.Helper()
	var text []byte
	soon(t, "the program prints where it is", 30*time.Second, func() bool {
		text, _ = os.ReadFile(stdout)
		return bytes.HasSuffix(text, []byte("\n"))
	})
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("it printed no JSON: %v\n%s", err, text)
	}
}

// soon polls until something is so, and fails the test when it takes too long.
func soon(t testing.TB, what string, limit time.Duration, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// command does one short command of the program and reads the JSON it prints.
func (k *killing) command(to any, args ...string) {
	k.t.Helper()
	path, err := exec.LookPath("ezscale")
	if err != nil {
		k.t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, "--json")...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, k.environ...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, to)
	}
	if err != nil {
		k.t.Fatalf("ezscale %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
}

// postmaster is the process number of the database, 0 when it is not there.
func (k *killing) postmaster() (pid int) {
	text, err := os.ReadFile(filepath.Join(k.dir, "postgres", "data", "postmaster.pid"))
	if err == nil {
		_, _ = fmt.Sscan(string(text), &pid)
	}
	return pid
}

// alive is true for a process that has not ended.
func alive(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) == nil }
