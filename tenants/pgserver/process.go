package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

const (
	startLimit = 5 * time.Minute  // recovery after a power cut may take this long
	fastLimit  = 20 * time.Second // SIGINT: disconnect everybody, checkpoint, end
	quitLimit  = 5 * time.Second  // SIGQUIT: end now, recover at the next start
)

// process is one run of the postmaster.
type process struct {
	cmd    *exec.Cmd
	place  place
	exited chan struct{} // closed when it ended
	err    error         // of Wait, to be read after exited
	logAt  int64         // size of the log when it began
}

// spawn starts the postmaster from a thread that waits for it, see runLocked.
func (p place) spawn(bin Binaries, o Options) (*process, error) {
	if err := p.clearSocket(); err != nil {
		return nil, err
	}
	logFile, at, err := p.openLog()
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	cmd := exec.Command(filepath.Join(bin.Dir, "postgres"), p.arguments(o)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	p.asUser(cmd, sigInt)
	proc := &process{cmd: cmd, place: p, exited: make(chan struct{}), logAt: at}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			proc.err = cmd.Wait()
			close(proc.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	return proc, nil
}

// arguments win over postgresql.conf, so a cluster behaves the same whoever made it.
func (p place) arguments(o Options) []string {
	onOff := map[bool]string{true: "on", false: "off"}
	settings := [][2]string{
		{"listen_addresses", ""},
		{"unix_socket_directories", p.socket},
		{"port", port},
		{"cluster_name", p.name},
		{"max_connections", strconv.Itoa(o.MaxConnections)},
		{"max_locks_per_transaction", "1024"}, // migrations over many tenants' schemas
		{"shared_buffers", "128MB"},
		{"timezone", "UTC"},
		{"log_timezone", "UTC"},
		{"log_checkpoints", "off"},
		{"logging_collector", "off"},
		{"log_destination", "stderr"},
		{"jit", "off"}, // our statements are short
		{"fsync", onOff[!o.NoSync]},
		{"synchronous_commit", onOff[!o.NoSync]},
		{"full_page_writes", onOff[!o.NoSync]},
	}
	if smallSharedMemory() {
		settings = append(settings, [2]string{"dynamic_shared_memory_type", "mmap"})
	}
	if runtime.GOOS == "linux" {
		settings = append(settings, [2]string{"recovery_init_sync_method", "syncfs"}) // hundreds of thousands of files
	}
	if o.NoSync {
		settings = append(settings, [2]string{"wal_level", "minimal"}, [2]string{"max_wal_senders", "0"})
	}
	args := []string{"-D", p.data}
	for _, s := range settings {
		args = append(args, "-c", s[0]+"="+s[1])
	}
	return args
}

// clearSocket removes what a killed Postgres left in our private socket folder, where
// a number used again by another process would keep Postgres from starting.
func (p place) clearSocket() error {
	left, _ := filepath.Glob(filepath.Join(p.socket, ".s.PGSQL.*"))
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("socket folder: %w", err)
		}
	}
	return nil
}

// waitReady waits until the database `ezscale` answers, and makes it at the first start.
func (p place) waitReady(ctx context.Context, proc *process) error {
	wait, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := ping(wait, socketURL(p.socket, superuser, database))
		if hasState(err, invalidCatalogName) {
			if err = p.createDatabase(wait); err != nil && wait.Err() == nil {
				return fmt.Errorf("make the database: %w", err)
			}
		}
		if err == nil {
			return nil
		}
		select {
		case <-proc.exited:
			return fmt.Errorf("Postgres did not start: %s (see %s)", proc.reason(), p.logFile())
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("Postgres did not answer within %s (see %s)", startLimit, p.logFile())
		case <-time.After(pollEvery):
		}
	}
}

// stop ends Postgres cleanly, or after a limit without ceremony, which loses nothing
// but makes the next start recover.
func (proc *process) stop() error {
	ask := proc.cmd.Process.Signal
	for _, step := range []struct {
		signal os.Signal
		limit  time.Duration
	}{{syscall.SIGINT, fastLimit}, {syscall.SIGQUIT, quitLimit}, {syscall.SIGKILL, quitLimit}} {
		_ = ask(step.signal) // fails only when it has ended
		select {
		case <-proc.exited:
			if step.signal == syscall.SIGKILL {
				return proc.place.clearLeftovers(context.Background(), discardLog())
			}
			return nil
		case <-time.After(step.limit):
		}
	}
	return errors.New("Postgres could not be stopped: its disk does not answer")
}

// reason is why it ended: killed by whom, else its own last words.
func (proc *process) reason() string {
	var exit *exec.ExitError
	if errors.As(proc.err, &exit) && !exit.Exited() {
		return exit.Error()
	}
	if words := proc.place.lastWords(proc.logAt); words != "" {
		return words
	}
	if proc.err != nil {
		return proc.err.Error()
	}
	return "it was told to stop"
}
