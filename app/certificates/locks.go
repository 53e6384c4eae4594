package certificates

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// A lock is a lease: its holder renews it three times as often as it would end, so
// that a node that dies stops nobody for longer than leaseTime.
const (
	leaseTime = 15 * time.Second
	lockPoll  = 250 * time.Millisecond
)

// locks are the leases of this node. Each carries an identity of its own, so that two
// parts of one process keep each other out like two nodes do.
type locks struct {
	db    *tenants.DB
	log   *slog.Logger
	lease time.Duration

	mu   sync.Mutex
	held map[string]*lease
}

type lease struct {
	holder uuid.UUID
	stop   context.CancelFunc
	ended  chan struct{}
}

func newLocks(db *tenants.DB, log *slog.Logger) *locks {
	return &locks{db: db, log: log, lease: leaseTime, held: map[string]*lease{}}
}

func (l *locks) lock(ctx context.Context, name string) error {
	again := time.NewTicker(lockPoll)
	defer again.Stop()
	for {
		if ok, err := l.tryLock(ctx, name); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock of %s: %w", name, ctx.Err())
		case <-again.C:
		}
	}
}

func (l *locks) tryLock(ctx context.Context, name string) (bool, error) {
	holder := uuid.New()
	taken, err := takeLease(ctx, l.db, name, holder, l.lease)
	if err != nil || !taken {
		return false, err
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	mine := &lease{holder: holder, stop: stop, ended: make(chan struct{})}
	l.mu.Lock()
	l.held[name] = mine
	l.mu.Unlock()
	go l.keep(keeping, name, mine)
	return true, nil
}

func (l *locks) keep(ctx context.Context, name string, mine *lease) {
	defer close(mine.ended)
	again := time.NewTicker(l.lease / 3)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		kept, err := renewLease(ctx, l.db, name, mine.holder, l.lease)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.log.Warn("the lock of a certificate was not renewed", "name", name, "error", err)
		case !kept:
			l.log.Warn("the lock of a certificate was lost to another node", "name", name)
			return
		}
	}
}

func (l *locks) unlock(ctx context.Context, name string) error {
	l.mu.Lock()
	mine := l.held[name]
	delete(l.held, name)
	l.mu.Unlock()
	if mine == nil {
		return fmt.Errorf("the lock of %s is not held", name)
	}
	mine.stop()
	<-mine.ended
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return endLease(ctx, l.db, name, mine.holder)
}
