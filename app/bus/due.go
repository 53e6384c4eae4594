package bus

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ezscale/ezscale/tenants"
)

const (
	dueInFlight = 2048                  // due times leased at once, over all nodes
	duePoll     = 5 * time.Second       // at the longest, in case a wake-up was missed
	dueSoon     = 20 * time.Millisecond // while more is due than may be leased
)

// runDue publishes what has become due, the earliest first, and sleeps until
// the next due time, the end of a lease, or a wake-up.
func (b *Bus) runDue(ctx context.Context, l *link) error {
	var last time.Time
	for failures := 0; ; {
		now := b.opts.Clock.Now()
		n, err := b.dueOnce(ctx, l, now)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n == batch && err == nil {
			failures = 0
			continue
		}
		wait := time.Second
		if err == nil {
			failures = 0
			wait, err = b.untilDue(ctx, now, now.Equal(last))
		}
		if err != nil {
			if failures++; b.embedded() && isPublish(err) && failures >= storeFailures {
				return errors.Join(errStoreLost, err)
			}
			b.log.Warn("due times wait to be published", "error", explain(err))
			wait = time.Second
		}
		last = now
		b.sleepDue(ctx, wait)
	}
}

func isPublish(err error) bool {
	var p *publishError
	return errors.As(err, &p)
}

func (b *Bus) sleepDue(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-b.wakeDue:
	case <-timer.C:
	}
}

// dueOnce leases one batch, commits, and publishes it. After a crash in between
// the leases end by themselves.
func (b *Bus) dueOnce(ctx context.Context, l *link, now time.Time) (int, error) {
	var rows []dueRow
	err := b.db.Central(ctx, func(tx tenants.CentralTx) (err error) {
		rows, err = claimDue(ctx, tx, now, b.table.Load().kinds, b.opts.Lease, batch, dueInFlight)
		return err
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	slices.SortFunc(rows, func(x, y dueRow) int {
		return cmp.Or(x.DueAt.Compare(y.DueAt), cmp.Compare(x.Version, y.Version))
	})
	msgs, versions := make([]*nats.Msg, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		msgs[i], versions[i] = ofDue(r), r.Version
	}
	if err := l.publish(ctx, msgs); err != nil {
		released := b.db.Central(ctx, func(tx tenants.CentralTx) error { return releaseDue(ctx, tx, versions) })
		return len(rows), errors.Join(err, released)
	}
	return len(rows), nil
}

// untilDue is how long nothing becomes due. A clock that stands still says
// nothing about that, so only a wake-up or a lease counts then.
func (b *Bus) untilDue(ctx context.Context, now time.Time, standing bool) (time.Duration, error) {
	ahead, err := lookAhead(ctx, b.db, now, b.table.Load().kinds)
	if err != nil {
		return 0, err
	}
	wait := duePoll
	if ahead.Ready {
		wait = dueSoon
	}
	if ahead.Lease != nil {
		wait = min(wait, time.Duration(*ahead.Lease*float64(time.Second)))
	}
	if ahead.Next != nil && !standing {
		wait = min(wait, ahead.Next.Sub(b.opts.Clock.Now()))
	}
	return max(wait, time.Millisecond), nil
}
