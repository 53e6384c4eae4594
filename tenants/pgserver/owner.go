package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	healthyAfter = time.Minute // a Postgres that ran this long is started again without back-off
	maxBackoff   = 10 * time.Second
	trimEvery    = time.Minute
)

// owner keeps one Postgres alive. After startOwner only its own goroutine touches
// the process; close talks to it through stopping and done.
type owner struct {
	opts      Options
	log       *slog.Logger
	lock      *lockFile
	place     place
	bin       Binaries
	restarted chan struct{}
	stopping  chan struct{}
	done      chan error
}

func startOwner(ctx context.Context, o Options, lock *lockFile) (*owner, error) {
	if err := lock.publish(""); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	own := &owner{opts: o, log: o.Log, lock: lock,
		restarted: make(chan struct{}, 1), stopping: make(chan struct{}), done: make(chan error, 1)}
	var err error
	if own.place, err = settle(o.DataDir, o.Log); err != nil {
		return nil, err
	}
	if own.bin, err = own.binaries(ctx); err != nil {
		return nil, err
	}
	if err := own.place.clearLeftovers(ctx, o.Log); err != nil {
		return nil, err
	}
	if err := own.place.ensureCluster(ctx, own.bin, o.NoSync, o.Log); err != nil {
		return nil, err
	}
	p, err := own.start(ctx)
	if err != nil {
		return nil, err
	}
	go own.keep(p)
	return own, nil
}

// binaries picks the installed Postgres for the cluster, or gets one.
func (own *owner) binaries(ctx context.Context) (Binaries, error) {
	major, err := own.place.major()
	if err != nil {
		return Binaries{}, err
	}
	bin, err := Find(ctx, major, own.place.dist())
	if err == nil || !own.opts.Install || !errors.Is(err, ErrNotFound) {
		return bin, err
	}
	own.log.Info("installing Postgres")
	if err := Install(ctx, major, own.place.dist()); err != nil {
		return Binaries{}, err
	}
	return Find(ctx, major, own.place.dist())
}

// start runs Postgres until it answers, and only then publishes its address.
func (own *owner) start(ctx context.Context) (*process, error) {
	begin := time.Now()
	p, err := own.place.spawn(own.bin, own.opts)
	if err != nil {
		return nil, err
	}
	if err := own.place.waitReady(ctx, p); err != nil {
		_ = p.stop()
		return nil, err
	}
	if err := own.lock.publish(own.place.socket); err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("lock: %w", err)
	}
	own.log.Info("Postgres is ready", "major", own.bin.Major, "cluster", own.place.data,
		"took", time.Since(begin).Round(time.Millisecond))
	return p, nil
}

// keep starts Postgres again whenever it ends, until close is called.
func (own *owner) keep(p *process) {
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	began, backoff := time.Now(), time.Duration(0)
	for {
		select {
		case <-own.stopping:
			own.done <- p.stop()
			return
		case <-trim.C:
			own.place.trimLog()
		case <-p.exited:
			if time.Since(began) > healthyAfter {
				backoff = 0
			}
			own.log.Warn("Postgres ended and is started again", "reason", p.reason())
			if p, backoff = own.revive(backoff); p == nil {
				own.done <- nil
				return
			}
			began = time.Now()
			own.tellRestarted()
		}
	}
}

// revive tries until Postgres answers again; nil means that close came first.
func (own *owner) revive(backoff time.Duration) (*process, time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-own.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := own.lock.publish(""); err != nil {
		own.log.Warn("the Postgres address could not be withdrawn", "err", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil, 0
		case <-time.After(backoff):
		}
		backoff = min(max(2*backoff, 250*time.Millisecond), maxBackoff)
		err := own.place.clearLeftovers(ctx, own.log)
		if err == nil {
			var p *process
			if p, err = own.start(ctx); err == nil {
				return p, backoff
			}
		}
		if ctx.Err() == nil {
			own.log.Error("Postgres could not be started again", "err", err, "next_try", backoff)
		}
	}
}

func (own *owner) tellRestarted() {
	select {
	case own.restarted <- struct{}{}:
	default:
	}
}

// close stops Postgres and gives the locks back.
func (own *owner) close(ctx context.Context) error {
	defer own.lock.release()
	if err := own.lock.publish(""); err != nil {
		own.log.Warn("the Postgres address could not be withdrawn", "err", err)
	}
	if !own.opts.Serve {
		if guests := own.waitForGuests(ctx); guests != nil {
			defer guests.release()
		}
	}
	close(own.stopping)
	return <-own.done
}

// waitForGuests gives the guests lock, or nil when they did not leave in time.
func (own *owner) waitForGuests(ctx context.Context) *lockFile {
	wait, cancel := context.WithTimeout(ctx, leaveWait)
	defer cancel()
	for {
		lock, err := tryLock(guestsLockPath(own.opts.DataDir), exclusive)
		if lock != nil {
			return lock
		}
		if err != nil || !pause(wait) {
			own.log.Warn("Postgres is stopped while another command uses it", "err", err)
			return nil
		}
	}
}
