package bus

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

const (
	sweepRows   = 1000 // in one transaction
	sweepRounds = 20   // transactions in one sweep
	finishEvery = 10 * time.Millisecond
	finishAgain = time.Second // while the database is away
	finishMost  = 100_000     // events that are remembered meanwhile
)

// sweep sends again what was published and never finished, and clears away
// what was finished long ago.
func (b *Bus) sweep(ctx context.Context) error {
	for pause(ctx, b.opts.SweepEvery) {
		if err := b.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("sweeping events failed", "error", explain(err))
		}
	}
	return ctx.Err()
}

func (b *Bus) sweepOnce(ctx context.Context) error {
	err := b.db.Central(ctx, func(tx tenants.CentralTx) error {
		n, err := reopen(ctx, tx, *b.table.Load(), b.opts.ResendAfter.Seconds(), sweepRows)
		if n > 0 {
			b.log.Debug("events looked at again", "rows", n)
		}
		return err
	})
	if err != nil {
		return err
	}
	wake(b.wakeRelay)
	for range sweepRounds {
		var n int64
		err := b.db.Central(ctx, func(tx tenants.CentralTx) (err error) {
			n, err = dropOld(ctx, tx, b.opts.KeepDone.Seconds(), sweepRows)
			return err
		})
		if err != nil || n < sweepRows {
			return err
		}
	}
	return nil
}

// finisher marks events as done soon after their last receipt, many at once.
// What it misses in a crash the sweep finds: receipts are the truth.
type finisher struct {
	b    *Bus
	mu   sync.Mutex
	ids  []int64
	wake chan struct{}
}

func newFinisher(b *Bus) *finisher { return &finisher{b: b, wake: make(chan struct{}, 1)} }

func (f *finisher) add(outboxID int64) {
	f.mu.Lock()
	f.ids = append(f.ids, outboxID)
	f.mu.Unlock()
	wake(f.wake)
}

// run ends after a last look when the context does.
func (f *finisher) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			f.flush(context.WithoutCancel(ctx))
			return ctx.Err()
		case <-f.wake:
			if f.flush(context.WithoutCancel(ctx)) {
				pause(ctx, finishEvery)
				continue
			}
			pause(ctx, finishAgain)
			wake(f.wake)
		}
	}
}

// flush is false when some events could not be marked; they are kept for the next.
func (f *finisher) flush(ctx context.Context) (all bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	f.mu.Lock()
	ids := f.ids
	f.ids = nil
	f.mu.Unlock()
	all = true
	for part := range slices.Chunk(ids, sweepRows) {
		err := f.b.db.Central(ctx, func(tx tenants.CentralTx) error {
			_, err := markDone(ctx, tx, *f.b.table.Load(), part)
			return err
		})
		if err != nil {
			f.b.log.Debug("events were not marked as done yet", "error", explain(err))
			f.keep(part)
			all = false
		}
	}
	return all
}

func (f *finisher) keep(ids []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ids) < finishMost { // the sweep finds the others
		f.ids = append(f.ids, ids...)
	}
}
