package bus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ezscale/ezscale/tenants"
)

const (
	batch          = 256
	relayTick      = time.Second
	relayName      = "relay" // stands as the consumer where an event cannot be published
	publishTimeout = 10 * time.Second
	// storeFailures publications in a row without success mean that an embedded
	// store does not recover by itself.
	storeFailures = 5
)

// relay publishes what was committed, woken by the database and by a ticker in
// case a notification was missed.
func (b *Bus) relay(ctx context.Context, l *link) error {
	tick := time.NewTicker(relayTick)
	defer tick.Stop()
	for failures := 0; ; {
		n, err := b.relayOnce(ctx, l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failures++
		if err == nil {
			failures = 0
		} else if err := b.relayFailed(ctx, err, failures); err != nil {
			return err
		}
		if n == batch {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.wakeRelay:
		case <-tick.C:
		}
	}
}

func (b *Bus) relayFailed(ctx context.Context, err error, failures int) error {
	b.log.Warn("events wait to be published", "error", explain(err), "failures", failures)
	if b.embedded() && isPublish(err) && failures >= storeFailures {
		return fmt.Errorf("%w: %w", errStoreLost, err)
	}
	pause(ctx, time.Second)
	return nil
}

// relayOnce publishes one batch and marks it in the same transaction: a crash
// in between publishes the same message ids again, which the stream drops.
func (b *Bus) relayOnce(ctx context.Context, l *link) (int, error) {
	taken := 0
	err := b.db.Central(ctx, func(tx tenants.CentralTx) error {
		rows, err := takeUnpublished(ctx, tx, b.table.Load().names, batch)
		if err != nil {
			return err
		}
		taken = len(rows)
		slices.SortFunc(rows, func(x, y outboxRow) int { return cmp.Compare(x.ID, y.ID) })
		var msgs []*nats.Msg
		for _, r := range rows {
			if why := unsendable(r, l.nc.MaxPayload()); why != "" {
				if err := refuseEvent(ctx, tx, r.ID, why); err != nil {
					return err
				}
				continue
			}
			msgs = append(msgs, ofEvent(r))
		}
		return l.publish(ctx, msgs)
	})
	return taken, err
}

// unsendable finds rows that the stream will never take. They came around
// Append, and must not stop those behind them.
func unsendable(r outboxRow, maxBytes int64) string {
	if !legalName(r.Subject) {
		return fmt.Sprintf("%q is no event name", r.Subject)
	}
	if int64(len(r.Payload)) > maxBytes-4096 {
		return fmt.Sprintf("the payload has %d bytes, more than the stream takes", len(r.Payload))
	}
	return ""
}

// publishError is a failure of the stream, not of the database.
type publishError struct{ cause error }

func (e *publishError) Error() string { return "publish: " + e.cause.Error() }
func (e *publishError) Unwrap() error { return e.cause }

// publish returns when the stream has every message on its disk.
func (l *link) publish(ctx context.Context, msgs []*nats.Msg) error {
	if len(msgs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	futures := make([]jetstream.PubAckFuture, 0, len(msgs))
	for _, m := range msgs {
		f, err := l.js.PublishMsgAsync(m, jetstream.WithStallWait(5*time.Second))
		if err != nil {
			return &publishError{err}
		}
		futures = append(futures, f)
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return &publishError{err}
		case <-ctx.Done():
			return &publishError{ctx.Err()}
		}
	}
	return nil
}
