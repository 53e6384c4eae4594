package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ensureCluster makes the cluster unless it is there. initdb works in a folder
// beside it that takes its place when complete, so kill -9 at any moment leaves
// either no cluster or a whole one.
func (p place) ensureCluster(ctx context.Context, bin Binaries, noSync bool, log *slog.Logger) error {
	leftovers, _ := filepath.Glob(filepath.Join(p.home, "new-*"))
	for _, dir := range leftovers {
		if err := os.RemoveAll(dir); err != nil {
			log.Warn("an unfinished database could not be removed", "err", err)
		}
	}
	if _, err := os.Stat(p.data); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	began := time.Now()
	fresh, err := os.MkdirTemp(p.home, "new-*")
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := p.user.give(fresh, 0o700); err != nil {
		return err
	}
	if err := p.initdb(ctx, bin, fresh, noSync); err != nil {
		_ = os.RemoveAll(fresh)
		return err
	}
	if err := os.Rename(fresh, p.data); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	log.Info("made a new database", "cluster", p.data, "postgres", bin.Version, "took", time.Since(began).Round(time.Millisecond))
	return syncDir(p.home)
}

func (p place) initdb(ctx context.Context, bin Binaries, dir string, noSync bool) error {
	args := []string{"-D", dir, "-U", superuser, "-E", "UTF8", "--no-locale", "--data-checksums", "-A", "trust", "--no-instructions"}
	if noSync {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin.Dir, "initdb"), args...)
	p.asUser(cmd, sigKill)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // its children too
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := runLocked(cmd); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("initdb failed in %s: %s", p.home, lastLine(out.String()))
	}
	return nil
}

// asUser prepares a Postgres program: its user, its own process group (Ctrl-C is
// for us), a folder it may stand in, and an environment without our secrets.
// TZ spares initdb a search through all time zones.
func (p place) asUser(cmd *exec.Cmd, onParentDeath deathSignal) {
	cmd.Dir = p.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v := os.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = childAttributes(onParentDeath)
	cmd.SysProcAttr.Credential = p.user.credential()
}

// runLocked runs cmd from one thread that lives as long: Linux sends the signal of
// a parent's death when the thread that forked ends, not the process.
func runLocked(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- cmd.Run()
	}()
	return <-done
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("database folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("database folder: %w", err)
	}
	return nil
}

const (
	invalidCatalogName = "3D000" // SQLSTATE: no such database
	duplicateDatabase  = "42P04"
	pingLimit          = 5 * time.Second
)

// ping opens one connection and closes it.
func ping(ctx context.Context, url string) error {
	return withConn(ctx, url, func(ctx context.Context, c *pgx.Conn) error { return c.Ping(ctx) })
}

// createDatabase makes `ezscale`; that it is there already is fine.
func (p place) createDatabase(ctx context.Context) error {
	err := withConn(ctx, socketURL(p.socket, superuser, "postgres"), func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "create database "+database)
		return err
	})
	if hasState(err, duplicateDatabase) {
		return nil
	}
	return err
}

func withConn(ctx context.Context, url string, fn func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	return fn(ctx, c)
}

func hasState(err error, state string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == state
}
