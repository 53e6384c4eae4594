package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// runner is the user whose processes Postgres and initdb are. They refuse root.
type runner struct {
	uid, gid int
	name     string
	change   bool // we are root and become this user
}

// chooseRunner: not root, ourselves. As root the owner of an existing cluster, else
// the system user `postgres`, else `nobody`, whom every system has. (initdb wants a
// user with an entry in the password file.)
func chooseRunner(data string, exists bool) (runner, error) {
	me := os.Geteuid()
	var owner = -1
	if info, err := os.Stat(data); exists && err == nil {
		owner = ownerOf(info)
		if me != 0 && owner != me {
			return runner{}, fmt.Errorf("the database in %s belongs to user %d: run ezscale as that user or as root", data, owner)
		}
		if me == 0 && owner > 0 {
			return runnerOf(owner, info), nil
		}
	}
	if me != 0 {
		return runner{uid: me, gid: os.Getegid(), name: strconv.Itoa(me)}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 != nil || err2 != nil || uid <= 0 {
			continue
		}
		r := runner{uid: uid, gid: gid, name: name, change: true}
		if owner == 0 { // copied or restored by root
			return r, r.giveAll(data)
		}
		return r, nil
	}
	return runner{}, errors.New("Postgres does not run as root, and there is no user postgres or nobody: add one, or run ezscale as another user")
}

func runnerOf(uid int, info fs.FileInfo) runner {
	r := runner{uid: uid, gid: groupOf(info), name: strconv.Itoa(uid), change: true}
	if u, err := user.LookupId(r.name); err == nil {
		r.name = u.Username
	}
	return r
}

func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func groupOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}

// credential is nil when processes run as ourselves.
func (r runner) credential() *syscall.Credential {
	if !r.change {
		return nil
	}
	return &syscall.Credential{Uid: uint32(r.uid), Gid: uint32(r.gid)}
}

// blocked lists dir and its ancestors that the user may not pass through.
func (r runner) blocked(dir string) []string {
	if !r.change {
		return nil
	}
	var out []string
	for {
		if info, err := os.Stat(dir); err == nil && !r.passes(info) {
			out = append(out, dir)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return out
		}
		dir = parent
	}
}

func (r runner) passes(info fs.FileInfo) bool {
	switch mode := info.Mode().Perm(); {
	case ownerOf(info) == r.uid:
		return mode&0o100 != 0
	case groupOf(info) == r.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// give makes the file the user's, with this mode.
func (r runner) give(path string, mode fs.FileMode) error {
	if r.change {
		if err := os.Lchown(path, r.uid, r.gid); err != nil {
			return fmt.Errorf("database folder: %w", err)
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("database folder: %w", err)
	}
	return nil
}

// giveAll makes everything under root the user's and leaves modes as they are.
func (r runner) giveAll(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, r.uid, r.gid)
	})
}

// privateDir makes a folder that only the user (and root) can enter. One that is
// there already must be ours: in a shared temporary folder anybody could have made it.
func (r runner) privateDir(path string) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("socket folder: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("socket folder: %w", err)
	}
	if uid := ownerOf(info); !info.IsDir() || uid != r.uid && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to somebody else: remove it", path)
	}
	return r.give(path, 0o700)
}
