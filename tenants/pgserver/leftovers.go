package pgserver

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clearLeftovers stops every process of this cluster that an owner which is no more
// left running: a whole Postgres, or backends whose postmaster was killed (they hold
// the shared memory, and Postgres refuses to start beside them).
//
// They are recognised by their command lines, because /proc/<pid>/exe of another
// user cannot be read by the root of a container, and the number in postmaster.pid
// may belong to something else by now. A zombie has no command line, which is right.
func (p place) clearLeftovers(ctx context.Context, log *slog.Logger) error {
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{{syscall.SIGINT, fastLimit}, {syscall.SIGQUIT, quitLimit}, {syscall.SIGKILL, quitLimit}} {
		left, err := p.running()
		if err != nil {
			return err
		}
		if len(left.all) == 0 {
			return p.clearPidFile()
		}
		if step.signal == syscall.SIGINT && left.postmaster == 0 {
			continue // to a lone backend SIGINT means: cancel the statement
		}
		log.Info("stopping a Postgres that lost its ezscale", "processes", len(left.all), "signal", step.signal.String())
		p.signal(left, step.signal)
		if err := p.waitGone(ctx, step.limit); err != nil {
			return err
		}
	}
	if left, err := p.running(); err != nil || len(left.all) > 0 {
		return fmt.Errorf("a Postgres of an earlier run on %s could not be stopped: end its processes %v", p.data, left.all)
	}
	return p.clearPidFile()
}

// family is the processes of one cluster.
type family struct {
	postmaster int // 0 when it is gone
	all        []int
}

func (p place) running() (family, error) {
	table, err := processes()
	if err != nil {
		return family{}, fmt.Errorf("list processes: %w", err)
	}
	var f family
	for pid, command := range table {
		switch {
		case strings.Contains(command+" ", "/postgres -D "+p.data+" "):
			f.all = append(f.all, pid)
			if recorded, _ := p.pidFile(); f.postmaster == 0 || pid == recorded {
				f.postmaster = pid
			}
		case strings.HasPrefix(command, "postgres: "+p.name+": "):
			f.all = append(f.all, pid)
		}
	}
	return f, nil
}

// signal asks the postmaster to end its children; without one, or to kill, each of them.
func (p place) signal(f family, s syscall.Signal) {
	if f.postmaster != 0 && s != syscall.SIGKILL {
		_ = syscall.Kill(f.postmaster, s)
		return
	}
	for _, pid := range f.all {
		_ = syscall.Kill(pid, s)
	}
}

func (p place) waitGone(ctx context.Context, limit time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		left, err := p.running()
		if err != nil || len(left.all) == 0 {
			return err
		}
		if !pause(wait) {
			return ctx.Err()
		}
	}
}

// pidFile is the process number in postmaster.pid, or 0, and the cluster's path
// when that process began.
func (p place) pidFile() (pid int, data string) {
	b, err := os.ReadFile(filepath.Join(p.data, "postmaster.pid"))
	if err != nil {
		return 0, ""
	}
	lines := strings.SplitN(string(b), "\n", 3)
	pid, err = strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || len(lines) < 2 {
		return 0, ""
	}
	return pid, lines[1]
}

// clearPidFile removes a postmaster.pid whose number another program has by now (an
// unrelated Postgres even), which would keep ours from starting. In every other case
// the file stays: it is Postgres' own guard, and the only sign of one that still runs
// on a data directory that was moved under it.
func (p place) clearPidFile() error {
	pid, data := p.pidFile()
	if pid <= 0 {
		return nil
	}
	table, err := processes()
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	command, alive := table[pid]
	if !alive || strings.Contains(command+" ", "/postgres -D "+data+" ") {
		return nil
	}
	if err := os.Remove(filepath.Join(p.data, "postmaster.pid")); err != nil {
		return fmt.Errorf("database folder: %w", err)
	}
	return nil
}
