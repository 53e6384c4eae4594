package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/tenants"
)

// Run makes the consumers' durables, then publishes and handles until the
// context ends; handlers under way are waited for, up to the drain time. An
// error means that the table of consumers is wrong; everything else is tried
// again. Run once for a Bus.
func (b *Bus) Run(ctx context.Context, consumers []Consumer) error {
	consumers, err := checked(consumers)
	if err != nil {
		return err
	}
	t := tableOf(consumers)
	b.table.Store(&t)

	var beside errgroup.Group
	listening, stopListening := context.WithCancel(ctx)
	beside.Go(func() error {
		return b.db.Listen(listening, "ezscale_outbox", func(string) { wake(b.wakeRelay) })
	})
	beside.Go(func() error { return b.db.Listen(listening, "ezscale_due", func(string) { wake(b.wakeDue) }) })
	finishing, stopFinishing := context.WithCancel(context.WithoutCancel(ctx))
	beside.Go(func() error { return b.finisher.run(finishing) })

	for ctx.Err() == nil {
		b.serveOnce(ctx, consumers)
	}
	stopListening()
	stopFinishing()
	_ = beside.Wait() // both end only because they were stopped
	return nil
}

// serveOnce works until the context ends or the stream breaks, which it mends.
func (b *Bus) serveOnce(ctx context.Context, consumers []Consumer) {
	l, _ := b.current()
	err := b.session(ctx, l, consumers)
	switch {
	case ctx.Err() != nil:
	case b.embedded() && errors.Is(err, errStoreLost):
		b.log.Error("the event store is lost: starting an empty one and sending again what is not done", "error", err)
		if err := b.renew(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("the event store cannot be made", "error", explain(err))
			pause(ctx, time.Second)
		}
		pause(ctx, 100*time.Millisecond)
	default:
		b.log.Error("the event stream failed, beginning again", "error", err)
		pause(ctx, time.Second)
	}
}

// renew replaces the embedded server by one with an empty store.
func (b *Bus) renew(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.link.close()
	if err := setAside(b.opts.Dir); err != nil {
		return fmt.Errorf("the event store cannot be set aside: %w", err)
	}
	l, err := b.openEmbedded(ctx)
	if err != nil {
		return err
	}
	b.link = l
	close(b.renewed)
	b.renewed = make(chan struct{})
	return nil
}

// session is one life of a link: durables first, so that nothing is published
// that nobody waits for.
func (b *Bus) session(ctx context.Context, l *link, consumers []Consumer) error {
	if err := b.begin(ctx, l); err != nil {
		return err
	}
	var durables []jetstream.Consumer
	err := b.patiently(ctx, "making the consumers", func() (err error) {
		durables, err = b.ensureConsumers(ctx, l, consumers)
		return b.lostOr(ctx, err)
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for i, c := range consumers {
		g.Go(func() error { return newRunner(b, c, durables[i]).run(ctx) })
	}
	g.Go(func() error { return b.relay(ctx, l) })
	g.Go(func() error { return b.runDue(ctx, l) })
	g.Go(func() error { return b.sweep(ctx) })
	if b.embedded() {
		g.Go(func() error { return b.watchStore(ctx, l) })
	}
	return g.Wait()
}

// begin sends everything again that is not done when the stream is embedded:
// then no other process can be at it, and waiting for it would be in vain.
func (b *Bus) begin(ctx context.Context, l *link) error {
	if !b.embedded() {
		return b.patiently(ctx, "looking for the event stream", func() error {
			return l.ensureStream(ctx, b.opts.MaxStore/2)
		})
	}
	return b.patiently(ctx, "looking for what is not done", func() error {
		return b.db.Central(ctx, func(tx tenants.CentralTx) error { return reopenAll(ctx, tx) })
	})
}

// lostOr takes any error of an embedded store, which has nothing to wait for,
// as its loss.
func (b *Bus) lostOr(ctx context.Context, err error) error {
	if err != nil && b.embedded() && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errStoreLost, err)
	}
	return err
}

// watchStore ends the session when the embedded store goes away beneath it.
func (b *Bus) watchStore(ctx context.Context, l *link) error {
	for pause(ctx, time.Second) {
		if !storeStands(b.opts.Dir) {
			return fmt.Errorf("%w: its folder is gone", errStoreLost)
		}
		if !l.ns.JetStreamEnabled() {
			return fmt.Errorf("%w: it has stopped", errStoreLost)
		}
	}
	return ctx.Err()
}
