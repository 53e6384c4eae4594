package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	superuser = "ezscale"
	database  = "ezscale"
	port      = "5432" // only part of the socket's file name

	serveWait = 15 * time.Second // for a command that owns Postgres to leave, unless Options say
	guestWait = 90 * time.Second // for another's Postgres to answer; longer than leaveWait
	leaveWait = 60 * time.Second // for guests to leave before a command stops Postgres
	pollEvery = 15 * time.Millisecond
)

// Options says which data directory Postgres serves, and how.
type Options struct {
	DataDir        string       // the program's data directory; the cluster is <DataDir>/postgres
	Serve          bool         // a long-running server: it must be the owner, and does not wait for guests
	Install        bool         // binaries may be fetched when there are none
	NoSync         bool         // no fsync: for tests, whose data may be lost in a power cut
	MaxConnections int          // 0 means 48
	Log            *slog.Logger // nil discards

	serveWait time.Duration // 0 means serveWait; tests are less patient
}

// Server is a running Postgres, our own child or another process's.
type Server struct {
	socket string
	guests *lockFile // guest: held shared
	owner  *owner    // nil for a guest
	once   sync.Once
	err    error
}

// Open gives a Postgres that answers for o.DataDir: it becomes the owner of the
// cluster or the guest of the process that owns it (see the package comment).
// Every error is one sentence that says what to do.
func Open(ctx context.Context, o Options) (*Server, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if o.Serve {
		return openServe(ctx, o)
	}
	return openShort(ctx, o)
}

func (o Options) complete() (Options, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 48
	}
	if o.serveWait == 0 {
		o.serveWait = serveWait
	}
	if o.DataDir == "" {
		return o, errors.New("no data directory was given for Postgres")
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return o, fmt.Errorf("data directory: %w", err)
	}
	if err := os.MkdirAll(dir, newDirMode()); err != nil {
		return o, fmt.Errorf("data directory: %w", err)
	}
	if o.DataDir, err = filepath.EvalSymlinks(dir); err != nil {
		return o, fmt.Errorf("data directory: %w", err)
	}
	return o, nil
}

// newDirMode lets the user that runs Postgres pass through a directory that root makes.
func newDirMode() os.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

func openServe(ctx context.Context, o Options) (*Server, error) {
	wait, cancel := context.WithTimeout(ctx, o.serveWait)
	defer cancel()
	for {
		lock, err := tryLock(ownerLockPath(o.DataDir), exclusive)
		if err != nil {
			return nil, err
		}
		if lock != nil {
			return openOwner(ctx, o, lock)
		}
		if !pause(wait) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("another ezscale is running on %s", o.DataDir)
		}
	}
}

func openShort(ctx context.Context, o Options) (*Server, error) {
	wait, cancel := context.WithTimeout(ctx, guestWait)
	defer cancel()
	for {
		lock, err := tryLock(ownerLockPath(o.DataDir), exclusive)
		if err != nil {
			return nil, err
		}
		if lock != nil {
			return openOwner(ctx, o, lock)
		}
		s, err := tryGuest(wait, o.DataDir)
		if s != nil || err != nil {
			return s, err
		}
		if !pause(wait) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("the Postgres of another ezscale on %s did not answer within %s", o.DataDir, guestWait)
		}
	}
}

func openOwner(ctx context.Context, o Options, lock *lockFile) (*Server, error) {
	own, err := startOwner(ctx, o, lock)
	if err != nil {
		lock.release()
		return nil, err
	}
	return &Server{socket: own.place.socket, owner: own}, nil
}

// tryGuest joins the running Postgres of another process; nil, nil means not now.
func tryGuest(ctx context.Context, dataDir string) (*Server, error) {
	lock, err := tryLock(guestsLockPath(dataDir), shared)
	if lock == nil || err != nil {
		return nil, err
	}
	socket := published(dataDir)
	if socket == "" || ping(ctx, socketURL(socket, superuser, database)) != nil || published(dataDir) != socket {
		lock.release()
		return nil, nil
	}
	return &Server{socket: socket, guests: lock}, nil
}

// AdminURL is the address of the database `ezscale` for the superuser `ezscale`.
func (s *Server) AdminURL() string { return s.URL(superuser) }

// URL is the same address for another login role: whoever can enter the socket's
// folder (this user and root) is trusted and gives no password.
func (s *Server) URL(user string) string { return socketURL(s.socket, user, database) }

// Owner tells whether Postgres is this process's child.
func (s *Server) Owner() bool { return s.owner != nil }

// Restarted gets a value after Postgres died and was started again, so that pools
// can drop their dead connections. A guest's channel is nil and never receives.
func (s *Server) Restarted() <-chan struct{} {
	if s.owner == nil {
		return nil
	}
	return s.owner.restarted
}

// Close lets go. An owner stops Postgres; when it is a short command it first waits
// until the guests have left, one minute at most or until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.once.Do(func() {
		if s.owner != nil {
			s.err = s.owner.close(ctx)
			return
		}
		s.guests.release()
	})
	return s.err
}

func socketURL(socket, user, db string) string {
	q := url.Values{"host": {socket}, "port": {port}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + db, RawQuery: q.Encode()}
	return u.String()
}

// pause waits one polling step and tells whether ctx still goes on.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pollEvery):
		return true
	}
}
