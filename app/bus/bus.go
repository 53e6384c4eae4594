// Package bus carries what happened in the product to those who act on it.
//
// A domain announces an event, or asks for a due time, as a row of the database
// in the transaction that causes it. The bus takes the rows to a JetStream
// stream and from there to the consumers, each of which leaves a receipt (or
// ends the due time) in the transaction of its effect. Postgres is the truth:
// the stream may be lost at any moment, and rows without all their receipts are
// sent again. Effects therefore happen once, deliveries at least once.
//
// Subjects are ez.<tenant id>.<noun>.<verb>. Any number of nodes may run the
// same table of consumers on one database and one stream; without the address
// of a NATS server the stream lives inside this process, on its own disk.
package bus

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Options say where the bus works. Zero durations and sizes mean the defaults.
type Options struct {
	DB    *tenants.DB
	URL   string // of NATS servers; empty is the embedded one
	Dir   string // of the embedded store; one process at a time
	Clock clock.Clock
	Log   *slog.Logger

	OnDeadLetter func(ctx context.Context, d DeadLetter) // alerts somebody; after the commit

	Backoff     func(failures int) time.Duration // before the next try; doubling from 1 s to 90 s
	ResendAfter time.Duration                    // an event not done by then is published again; 2 min
	SweepEvery  time.Duration                    // 15 s
	KeepDone    time.Duration                    // how long done events and receipts stay; 24 h
	Lease       time.Duration                    // of a due time on its way; 30 s
	AckWait     time.Duration                    // until the messages of a dead node go to another; 30 s
	Drain       time.Duration                    // for handlers to end at shutdown; 10 s
	MaxStore    int64                            // bytes of the embedded store; 2 GiB
}

// Bus is one node's part in carrying events.
type Bus struct {
	opts Options
	db   *tenants.DB
	log  *slog.Logger

	mu      sync.Mutex
	link    *link
	renewed chan struct{} // closed when link is replaced
	guard   *storeLock

	table     atomic.Pointer[table]
	handled   chan struct{}
	wakeRelay chan struct{}
	wakeDue   chan struct{}
	finisher  *finisher
}

// Open connects to the stream, or opens the embedded one. A directory in use by
// another process, or servers that do not answer, are fail.Unavailable.
func Open(ctx context.Context, o Options) (*Bus, error) {
	b := &Bus{
		opts: withDefaults(o), db: o.DB,
		renewed: make(chan struct{}), handled: make(chan struct{}, 1),
		wakeRelay: make(chan struct{}, 1), wakeDue: make(chan struct{}, 1),
	}
	b.log = b.opts.Log
	b.table.Store(&table{})
	b.finisher = newFinisher(b)
	if b.embedded() {
		guard, err := lockStore(o.Dir)
		if err != nil {
			return nil, err
		}
		b.guard = guard
	}
	l, err := b.connect(ctx)
	if err != nil {
		b.guard.release()
		return nil, err
	}
	b.link = l
	return b, nil
}

func withDefaults(o Options) Options {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.ResendAfter = or(o.ResendAfter, 2*time.Minute)
	o.SweepEvery = or(o.SweepEvery, 15*time.Second)
	o.KeepDone = or(o.KeepDone, 24*time.Hour)
	o.Lease = or(o.Lease, 30*time.Second)
	o.AckWait = or(o.AckWait, 30*time.Second)
	o.Drain = or(o.Drain, 10*time.Second)
	o.MaxStore = cmp.Or(o.MaxStore, 2<<30)
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Clock == nil {
		o.Clock = clock.Wall{}
	}
	return o
}

// backoff doubles from 1 s to 90 s, a quarter more or less, so that many
// messages that failed together do not come back together.
func backoff(failures int) time.Duration {
	d := min(time.Second<<min(max(failures-1, 0), 10), 90*time.Second)
	return d*3/4 + rand.N(d/2)
}

// Close lets the stream go. Run and Watch must have returned.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.link.close()
	b.guard.release()
	return nil
}

func (b *Bus) embedded() bool { return b.opts.URL == "" }

// Handled gets a signal after each handled message. Signals that nobody took
// melt into one.
func (b *Bus) Handled() <-chan struct{} { return b.handled }

// WakeDue looks for due times now, because the business clock has moved.
func (b *Bus) WakeDue() { wake(b.wakeDue) }

// Idle is true when everything up to the business time at has had its effect:
// no due time is left and every event has its receipts.
func (b *Bus) Idle(ctx context.Context, at time.Time) (bool, error) {
	return isIdle(ctx, b.db, *b.table.Load(), at)
}

// NextDue is the first due time after a business time; false when none is set.
func (b *Bus) NextDue(ctx context.Context, after time.Time) (time.Time, bool, error) {
	next, err := nextDue(ctx, b.db, after)
	if err != nil || next == nil {
		return time.Time{}, false, err
	}
	return *next, true, nil
}

// Ready is nil when the stream answers, else fail.Unavailable.
func (b *Bus) Ready(ctx context.Context) error {
	l, _ := b.current()
	if _, err := l.js.Stream(ctx, streamName); err != nil {
		return fail.Wrap(err, fail.Unavailable, "The event stream does not answer.")
	}
	return nil
}

func (b *Bus) current() (*link, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.link, b.renewed
}

func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// pause waits, and is false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// patiently repeats until it succeeds or the context ends.
func (b *Bus) patiently(ctx context.Context, what string, fn func() error) error {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := fn()
		if err == nil || ctx.Err() != nil || errors.Is(err, errStoreLost) {
			return cmp.Or(err, ctx.Err())
		}
		b.log.Warn(what+" failed, trying again", "error", explain(err))
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// explain is an error's text for the log, with the cause that a sentence for
// people leaves out.
func explain(err error) string {
	var said *fail.Error
	if errors.As(err, &said) && said.Cause != nil {
		return err.Error() + " " + said.Cause.Error()
	}
	return err.Error()
}
