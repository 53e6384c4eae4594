package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// MinMajor is the oldest major version of Postgres that EZSCALE runs on.
const MinMajor = 15

// ErrNotFound says that this machine has no Postgres that would do.
var ErrNotFound = errors.New(`no Postgres 15 or newer was found; run "apt-get install postgresql", or start with --install`)

// Binaries is a folder with `postgres` and `initdb` of one version.
type Binaries struct {
	Dir     string
	Major   int
	Version string // as the program says it, such as 15.18
}

// usualFolders are patterns where packages put the server's programs, which are
// often not on PATH.
func usualFolders() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                            // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                     // packages of the Postgres project for Fedora, RHEL
		"/usr/lib/postgresql*/bin", "/usr/libexec/postgresql*", // SUSE, Alpine
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
		"/opt/homebrew/opt/postgresql/bin", "/usr/local/opt/postgresql/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin",
	}
}

// Find gives the Postgres to use: of the given major version for an existing
// cluster, or with major 0 the newest. It looks in extra folders, then where
// packages put it, then on PATH. The error is ErrNotFound, or names the versions
// that are there when none of them fits the cluster.
func Find(ctx context.Context, major int, extra ...string) (Binaries, error) {
	all := findAll(ctx, extra)
	if len(all) == 0 {
		if major != 0 {
			return Binaries{}, fmt.Errorf("the database is of Postgres %d: %w", major, ErrNotFound)
		}
		return Binaries{}, ErrNotFound
	}
	if major == 0 {
		return all[0], nil
	}
	var have []int
	for _, b := range all {
		if b.Major == major {
			return b, nil
		}
		have = append(have, b.Major)
	}
	return Binaries{}, fmt.Errorf("the database is of Postgres %d, but only version %v is installed: install Postgres %d", major, slices.Compact(have), major)
}

// findAll lists what is installed, newest major first, earlier places first.
func findAll(ctx context.Context, extra []string) []Binaries {
	dirs := slices.Clone(extra)
	for _, pattern := range usualFolders() {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	seen := map[string]bool{}
	var all []Binaries
	for _, dir := range dirs {
		b, ok := probe(ctx, dir, seen)
		if ok && b.Major >= MinMajor {
			all = append(all, b)
		}
	}
	slices.SortStableFunc(all, func(a, b Binaries) int { return cmp.Compare(b.Major, a.Major) })
	return all
}

// probe asks the `postgres` in dir for its version. PATH may hold a link or a
// wrapper, so the link is followed and initdb must lie beside what it leads to.
func probe(ctx context.Context, dir string, seen map[string]bool) (Binaries, bool) {
	program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil || !filepath.IsAbs(program) || seen[program] {
		return Binaries{}, false
	}
	seen[program] = true
	dir = filepath.Dir(program)
	if filepath.Base(program) != "postgres" || !executable(program) || !executable(filepath.Join(dir, "initdb")) {
		return Binaries{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return Binaries{}, false
	}
	version, major := parseVersion(string(out))
	return Binaries{Dir: dir, Major: major, Version: version}, major > 0
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// parseVersion reads "postgres (PostgreSQL) 15.18 (Debian …)", also "18beta1" and "17devel".
func parseVersion(line string) (version string, major int) {
	m := regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)\S*)`).FindStringSubmatch(line)
	if m == nil {
		return "", 0
	}
	major, err := strconv.Atoi(m[2])
	if err != nil {
		return "", 0
	}
	return m[1], major
}
