package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/ezscale/ezscale/app/fail"
)

// errStoreLost says that the embedded store is gone or does not work any more.
var errStoreLost = errors.New("the event store is lost")

// storeLock keeps a second process from the store, which JetStream itself would
// let it open.
type storeLock struct{ f *os.File }

func lockStore(dir string) (*storeLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the event store has no place: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "jetstream.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the event store cannot be locked: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fail.Wrap(err, fail.Unavailable,
			"Another ezscale uses the event store in %s: stop it, or give both EZSCALE_NATS_URL.", dir)
	}
	return &storeLock{f}, nil
}

func (l *storeLock) release() {
	if l != nil {
		_ = l.f.Close()
	}
}

func storePath(dir string) string { return filepath.Join(dir, server.JetStreamStoreDir) }

// storeStands is false when somebody took the stream's folder away. The server
// itself would go on writing into files that no restart finds.
func storeStands(dir string) bool {
	_, err := os.Stat(filepath.Join(storePath(dir), "$G", "streams", streamName))
	return !errors.Is(err, fs.ErrNotExist)
}

// setAside makes room for a fresh store and keeps the last broken one for
// whoever wants to look into it.
func setAside(dir string) error {
	aside := storePath(dir) + ".broken"
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(storePath(dir), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// openEmbedded opens the store in dir. One that cannot be opened is set aside:
// all it held is in the database too.
func (b *Bus) openEmbedded(ctx context.Context) (*link, error) {
	l, err := b.startEmbedded(ctx)
	if err == nil || ctx.Err() != nil {
		return l, err
	}
	b.log.Error("the event store cannot be opened, starting an empty one", "dir", b.opts.Dir, "error", err)
	if err := setAside(b.opts.Dir); err != nil {
		return nil, fmt.Errorf("the broken event store cannot be set aside: %w", err)
	}
	return b.startEmbedded(ctx)
}

func (b *Bus) startEmbedded(ctx context.Context) (l *link, err error) {
	ns, err := server.NewServer(&server.Options{
		ServerName: "ezscale", DontListen: true, JetStream: true, StoreDir: b.opts.Dir, SyncAlways: true,
		JetStreamMaxStore: b.opts.MaxStore, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, fmt.Errorf("event server: %w", err)
	}
	complaints := &serverLog{log: b.log, fatal: make(chan struct{})}
	ns.SetLogger(complaints, false, false)
	ns.Start()
	defer func() {
		if err != nil {
			stopServer(ns)
		}
	}()
	if !complaints.ready(ns) {
		return nil, errors.New("the event server does not start")
	}
	nc, err := nats.Connect("", append(b.natsOptions(), nats.InProcessServer(ns))...)
	if err != nil {
		return nil, fmt.Errorf("event server: %w", err)
	}
	return b.newLink(ctx, nc, ns)
}

func stopServer(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}

// serverLog passes on what the embedded server complains about.
type serverLog struct {
	log   *slog.Logger
	once  sync.Once
	fatal chan struct{} // closed when the server gives up
}

// ready waits until the server serves, or has given up.
func (l *serverLog) ready(ns *server.Server) bool {
	for range 300 {
		if ns.ReadyForConnections(100 * time.Millisecond) {
			return ns.JetStreamEnabled()
		}
		select {
		case <-l.fatal:
			return false
		default:
		}
	}
	return false
}

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error("event server: " + fmt.Sprintf(format, v...))
}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.Errorf(format, v...)
	l.once.Do(func() { close(l.fatal) })
}

func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn("event server: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}
