package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// lockFile is an open file under flock. The kernel drops the lock when the process
// ends in whatever way; the file itself stays, because removing it would let two
// processes hold locks on two files of one name.
type lockFile struct{ f *os.File }

func ownerLockPath(dataDir string) string  { return filepath.Join(dataDir, "postgres.owner.lock") }
func guestsLockPath(dataDir string) string { return filepath.Join(dataDir, "postgres.guests.lock") }

// tryLock takes the lock without waiting; nil, nil means that somebody else has it.
func tryLock(path string, how int) (*lockFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s belongs to another user: run ezscale as the user who made it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == nil {
		return &lockFile{f}, nil
	}
	_ = f.Close()
	if err == syscall.EWOULDBLOCK {
		return nil, nil
	}
	return nil, fmt.Errorf("%s cannot be locked, use a local disk for the data directory: %w", path, err)
}

func (l *lockFile) release() { _ = l.f.Close() }

// publish replaces what the file says; guests read it. The newline marks it complete.
func (l *lockFile) publish(text string) error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	_, err := l.f.WriteAt([]byte(text+"\n"), 0)
	return err
}

// published is the socket folder that the owner of dataDir announces, or nothing.
func published(dataDir string) string {
	b, err := os.ReadFile(ownerLockPath(dataDir))
	text, complete := strings.CutSuffix(string(b), "\n")
	if err != nil || !complete {
		return ""
	}
	return text
}
