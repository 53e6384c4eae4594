package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// Install gets Postgres onto this machine: as root where there is apt-get the
// distribution's package, without the cluster that the package would make and start
// by itself; elsewhere binaries are fetched into dist. major 0 means any.
func Install(ctx context.Context, major int, dist string) error {
	apt, err := exec.LookPath("apt-get")
	if err == nil && runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return installPackage(ctx, apt, major, "/etc/postgresql-common/createcluster.conf")
	}
	return fetch(major, filepath.Dir(dist), embedded.DefaultConfig())
}

func installPackage(ctx context.Context, apt string, major int, conf string) error {
	if err := forbidMainCluster(conf); err != nil {
		return err
	}
	name := "postgresql"
	if major != 0 {
		name = fmt.Sprintf("postgresql-%d", major)
	}
	for _, args := range [][]string{{"update"}, {"-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold", "install", "-y", "--no-install-recommends", name}} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s failed (%s): %w", strings.Join(args, " "), lastLine(string(out)), err)
		}
	}
	return nil
}

// forbidMainCluster keeps Debian's package from starting a Postgres of its own on
// port 5432. A file that somebody wrote before is left as it is.
func forbidMainCluster(conf string) error {
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		return fmt.Errorf("install Postgres: %w", err)
	}
	f, err := os.OpenFile(conf, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("install Postgres: %w", err)
	}
	if _, err := f.WriteString("create_main_cluster = false\n"); err != nil {
		_ = f.Close()
		return fmt.Errorf("install Postgres: %w", err)
	}
	return f.Close()
}

// fetch unpacks binaries into <dir>/bin and the folders beside it. The library has
// no call that only fetches, and cannot start a server as root: it is given an empty
// cluster, so that its start ends right after unpacking, and what counts is whether
// the programs are there. from says where they are had.
func fetch(major int, dir string, from embedded.Config) error {
	versions := map[int]embedded.PostgresVersion{0: embedded.V17,
		15: embedded.V15, 16: embedded.V16, 17: embedded.V17, 18: embedded.V18}
	version, ok := versions[major]
	if !ok {
		return fmt.Errorf("Postgres %d cannot be fetched: install it from your distribution", major)
	}
	scratch, err := os.MkdirTemp("", "ezscale-fetch-*")
	if err != nil {
		return fmt.Errorf("fetch Postgres: %w", err)
	}
	defer os.RemoveAll(scratch)
	empty := filepath.Join(scratch, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		return fmt.Errorf("fetch Postgres: %w", err)
	}
	if err := os.WriteFile(filepath.Join(empty, "PG_VERSION"), []byte(strings.SplitN(string(version), ".", 2)[0]), 0o600); err != nil {
		return fmt.Errorf("fetch Postgres: %w", err)
	}
	err = embedded.NewDatabase(from.Version(version).Port(0).Logger(io.Discard).
		BinariesPath(dir).CachePath(filepath.Join(scratch, "cache")).
		RuntimePath(filepath.Join(scratch, "run")).DataPath(empty)).Start()
	if !executable(filepath.Join(dir, "bin", "postgres")) || !executable(filepath.Join(dir, "bin", "initdb")) {
		return fmt.Errorf("Postgres could not be fetched, install it from your distribution: %w", err)
	}
	return nil
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
