// Package enginetest starts a Docker engine of its own for tests, with everything
// it keeps in one temporary directory, and gives it a small image to make desktops
// of. It needs root, and is best run in namespaces of its own, as .ci/docker does,
// so that neither firewall rules nor bridges stay behind.
package enginetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// Engine is a Docker engine that ends with the test.
type Engine struct {
	URL    string // for docker.Config
	Client *client.Client

	dir     string
	storage string
	process *exec.Cmd
	ended   chan struct{}
}

const patience = 60 * time.Second

// Start begins an engine, or fails the test.
func Start(t *testing.T) *Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "ezdocker") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{URL: "unix://" + filepath.Join(dir, "d.sock"), dir: dir}
	if e.Client, err = client.New(client.WithHost(e.URL)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Stop(t)
		if err := e.Client.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the engine left something behind: %v", err)
		}
	})
	for _, e.storage = range []string{"overlay2", "vfs"} {
		if e.try(t) {
			return e
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	t.Fatalf("no Docker engine starts here:\n%s", log)
	return nil
}

func (e *Engine) try(t *testing.T) bool {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	e.process = exec.Command("dockerd", "--data-root", filepath.Join(e.dir, "data"), "--exec-root", filepath.Join(e.dir, "exec"),
		"-H", e.URL, "--pidfile", filepath.Join(e.dir, "pid"), "--bridge=none", "--storage-driver", e.storage,
		"--exec-opt", "native.cgroupdriver=cgroupfs") // systemd would not know our process ids
	e.process.Stdout, e.process.Stderr = log, log
	if err := e.process.Start(); err != nil {
		t.Fatalf("dockerd: %v", err)
	}
	e.ended = make(chan struct{})
	go func(p *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = p.Wait() // how it ended stands in its log
	}(e.process, e.ended)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err := e.Client.Ping(t.Context(), client.PingOptions{}); err == nil {
			return true
		}
		select {
		case <-e.ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return false
}

// Restart ends the engine, with every container as an engine's restart does, and
// begins it anew.
func (e *Engine) Restart(t *testing.T) {
	t.Helper()
	e.Stop(t)
	if !e.try(t) {
		t.Fatal("the engine did not start again")
	}
}

// Stop ends the engine and waits for it; one that has ended is fine.
func (e *Engine) Stop(t *testing.T) {
	t.Helper()
	select {
	case <-e.ended:
		return
	default:
	}
	if err := e.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("end the engine: %v", err)
	}
	select {
	case <-e.ended:
	case <-time.After(patience):
		t.Error("the engine does not end; it is killed")
		_ = e.process.Process.Kill()
		<-e.ended
	}
}

// Describe tells what engine it is.
func (e *Engine) Describe(ctx context.Context) string {
	v, err := e.Client.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return err.Error()
	}
	info, err := e.Client.Info(ctx, client.InfoOptions{})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("Docker %s (API %s), %s, cgroup v%s, %d CPUs, %d MB", v.Version, v.APIVersion, info.Info.Driver, info.Info.CgroupVersion, info.Info.NCPU, info.Info.MemTotal>>20)
}

// Alone tells whether the test has a network of its own: nothing but loopback is up.
func Alone() bool {
	all, err := net.Interfaces()
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
			return false
		}
	}
	return err == nil
}
