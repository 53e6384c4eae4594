package pgserver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// place is where one cluster lives and the user that runs it.
type place struct {
	home   string // ours, so that the user cannot plant links for root; holds what follows
	data   string // the cluster itself, the user's
	socket string // folder of the Unix socket, open to the user and root only
	name   string // the cluster_name, by which its processes are recognised
	user   runner
}

func (p place) dist() string    { return filepath.Join(p.home, "dist", "bin") }
func (p place) logFile() string { return filepath.Join(p.home, "postgres.log") }

// settle decides on the place for dataDir and makes its folders.
func settle(dataDir string, log *slog.Logger) (place, error) {
	link := filepath.Join(dataDir, "postgres")
	home, err := filepath.EvalSymlinks(link)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return place{}, fmt.Errorf("database folder: %w", err)
	}
	exists := err == nil
	if target, err := os.Readlink(link); err == nil && !exists {
		return place{}, fmt.Errorf("%s leads to %s, which is gone: bring that folder back, or remove the link to begin with an empty database", link, target)
	}
	user, err := chooseRunner(filepath.Join(home, "data"), exists)
	if err != nil {
		return place{}, err
	}
	if exists {
		err = openWay(dataDir, home, user)
	} else {
		home, err = makeHome(dataDir, link, user, log)
	}
	if err != nil {
		return place{}, err
	}
	p := place{home: home, data: filepath.Join(home, "data"), user: user, name: "ezscale-" + shortHash(home)}
	p.socket, err = socketFolder(home, user)
	return p, err
}

// makeHome makes <dataDir>/postgres, or where the user cannot get there (a folder
// of root's on the way) a folder elsewhere, with a link to it.
func makeHome(dataDir, link string, user runner, log *slog.Logger) (string, error) {
	if openWay(dataDir, dataDir, user) == nil {
		return link, makeDir(link)
	}
	outer, err := makeElsewhere(dataDir, user)
	if err != nil {
		return "", err
	}
	home := filepath.Join(outer, "postgres")
	if err := makeDir(home); err != nil {
		return "", err
	}
	if err := os.Symlink(home, link); err != nil {
		return "", fmt.Errorf("database folder: %w", err)
	}
	log.Info("the user that runs Postgres cannot enter the data directory, so the database is kept elsewhere",
		"user", user.name, "data_dir", dataDir, "database", home)
	return home, nil
}

// makeElsewhere makes a folder under /var/lib/ezscale, or for a temporary data
// directory under the temporary folder. It is new each time: one that an earlier
// data directory of this name left behind is not this one's.
func makeElsewhere(dataDir string, user runner) (string, error) {
	base, pattern := "/var/lib/ezscale", shortHash(dataDir)+"-*"
	if temp := filepath.Clean(os.TempDir()); strings.HasPrefix(dataDir, temp+"/") && len(user.blocked(temp)) == 0 {
		base, pattern = temp, "ezscale-"+pattern
	} else if err := os.MkdirAll(base, 0o711); err != nil {
		return "", fmt.Errorf("database folder: %w", err)
	}
	if blocked := user.blocked(base); len(blocked) > 0 {
		return "", blockedError(blocked[0], user)
	}
	outer, err := os.MkdirTemp(base, pattern)
	if err == nil {
		err = os.Chmod(outer, newDirMode())
	}
	if err != nil {
		return "", fmt.Errorf("database folder: %w", err)
	}
	return outer, nil
}

func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("database folder: %w", err)
	}
	if err := os.Chmod(dir, newDirMode()); err != nil { // whatever the umask is
		return fmt.Errorf("database folder: %w", err)
	}
	return nil
}

// openWay makes sure that the user can walk to dir. The data directory and home are
// ours to open for passing through (files keep their own modes); others are not.
func openWay(dataDir, dir string, user runner) error {
	all := user.blocked(dir)
	for _, blocked := range all { // nothing is opened when that would not suffice
		info, err := os.Stat(blocked)
		if blocked != dataDir && blocked != dir || err != nil || ownerOf(info) != 0 {
			return blockedError(blocked, user)
		}
	}
	for _, blocked := range all {
		info, err := os.Stat(blocked)
		if err == nil {
			err = os.Chmod(blocked, info.Mode().Perm()|0o011)
		}
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	return nil
}

func blockedError(dir string, user runner) error {
	return fmt.Errorf("the user %s, who runs Postgres, cannot pass through %s: allow it with chmod o+x, or choose another data directory", user.name, dir)
}

// maxSocketFolder leaves room for "/.s.PGSQL.5432" in the 104 bytes (macOS) or 108
// (Linux) of a socket's address.
const maxSocketFolder = 86

// socketFolder makes a private folder for the socket: in home, or where that path
// is too long or has characters that lists of folders give a meaning, a short one.
func socketFolder(home string, user runner) (string, error) {
	inside := filepath.Join(home, "run")
	if len(inside) <= maxSocketFolder && !strings.ContainsAny(inside, `,"'\@`+" \t\n") {
		return inside, user.privateDir(inside)
	}
	err := errors.New("no temporary folder is short enough")
	for _, base := range []string{"/run", os.TempDir(), "/tmp"} {
		dir := filepath.Join(base, "ezscale-"+shortHash(home))
		if base == "/run" && os.Geteuid() != 0 || len(dir) > maxSocketFolder || len(user.blocked(base)) > 0 {
			continue
		}
		if err = user.privateDir(dir); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no folder for the Postgres socket: %w", err)
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:5])
}

// major is the version of the cluster, 0 when there is none yet.
func (p place) major() (int, error) {
	b, err := os.ReadFile(filepath.Join(p.data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("database folder: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s does not hold a Postgres version: restore the data directory from a backup", filepath.Join(p.data, "PG_VERSION"))
	}
	return n, nil
}
