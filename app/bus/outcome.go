package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// databaseWait is how long a message waits that failed for want of a database.
const databaseWait = time.Second

// process brings one message to its end: handled, put off, or given up.
func (r *runner) process(ctx context.Context, msg jetstream.Msg) {
	d, err := readDelivery(msg, r.c.Name)
	if err != nil {
		r.abandon(ctx, msg, d, fmt.Errorf("unreadable: %w", err))
		return
	}
	if d.target != "" && d.target != r.c.Name {
		r.ack(msg)
		return
	}
	known, err := r.b.tenant(ctx, d)
	if err != nil {
		r.putOff(msg, d, databaseWait, err)
		return
	}
	if !known {
		r.abandon(ctx, msg, d, fmt.Errorf("there is no tenant %s", d.tenantID))
		return
	}
	if d.message.Tenant.Gone() { // with all that was to happen in it
		r.ack(msg)
		return
	}
	if settled, err := r.settledBefore(ctx, d); err != nil {
		r.putOff(msg, d, databaseWait, err)
		return
	} else if settled {
		r.succeeded(msg, &d.message)
		return
	}
	d.message.Try = d.failures + 1
	d.message.LastTry = d.message.Try >= r.c.Tries
	r.settle(ctx, msg, d, r.call(ctx, &d.message))
}

// settledBefore looks at the database only where the message may have been
// handled before: a first delivery costs nothing.
func (r *runner) settledBefore(ctx context.Context, d *delivery) (bool, error) {
	if !d.repeated() {
		return false, nil
	}
	if d.message.isDue() {
		stands, err := dueStands(ctx, r.b.db, &d.message)
		return !stands, err
	}
	s, err := stateOf(ctx, r.b.db, d.message.OutboxID, r.c.Name)
	d.failures = s.Failures
	// A copy sent later takes the place of one that comes back. The first time
	// every copy counts: behind a long queue there is always a later one.
	return s.Settled || (d.again && s.Sends > d.send), err
}

func (r *runner) settle(ctx context.Context, msg jetstream.Msg, d *delivery, err error) {
	m := &d.message
	var later *laterError
	var permanent *permanentError
	switch {
	case err == nil && !m.done:
		if err := r.b.settleAfter(ctx, m); err != nil {
			r.putOff(msg, d, databaseWait, err)
			return
		}
		r.succeeded(msg, m)
	case err == nil, errors.Is(err, ErrAlreadyDone):
		r.succeeded(msg, m)
	case ctx.Err() != nil:
		_ = msg.Nak() // cut short by the shutdown, which is no failure
	case errors.As(err, &later):
		r.later(ctx, msg, d, later)
	case errors.As(err, &permanent):
		r.abandon(ctx, msg, d, err)
	case r.b.databaseAway(ctx, m.Tenant, err):
		r.putOff(msg, d, databaseWait, err)
	default:
		r.failed(ctx, msg, d, err)
	}
}

// settleAfter leaves the receipt of a handler that did not.
func (b *Bus) settleAfter(ctx context.Context, m *Message) error {
	return b.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if !m.isDue() {
			return insertLoneReceipt(ctx, tx, m.OutboxID, m.consumer)
		}
		_, err := m.settle(ctx, tx)
		return err
	})
}

func (r *runner) succeeded(msg jetstream.Msg, m *Message) {
	if !m.isDue() {
		r.b.finisher.add(m.OutboxID)
	}
	r.ack(msg)
}

func (r *runner) ack(msg jetstream.Msg) {
	wake(r.b.handled)
	if err := msg.Ack(); err != nil {
		r.b.log.Debug("a message was not acknowledged and will come again", "consumer", r.c.Name, "error", err)
	}
}

// putOff lets the message come again without counting a failure.
func (r *runner) putOff(msg jetstream.Msg, d *delivery, wait time.Duration, why error) {
	r.b.log.Debug("a message waits", "consumer", r.c.Name, "event", d.message.Name, "wait", wait, "why", explain(why))
	_ = msg.NakWithDelay(wait)
	wake(r.b.handled)
}

func (r *runner) later(ctx context.Context, msg jetstream.Msg, d *delivery, why *laterError) {
	m := &d.message
	if !m.isDue() {
		r.putOff(msg, d, why.after, why)
		return
	}
	err := r.b.db.Central(ctx, func(tx tenants.CentralTx) error {
		return moveDue(ctx, tx, m, r.b.opts.Clock.Now().Add(why.after))
	})
	if err != nil {
		r.putOff(msg, d, databaseWait, err)
		return
	}
	r.ack(msg)
}

// failed counts the failure in the database. While that cannot be done, it is
// the database that failed.
func (r *runner) failed(ctx context.Context, msg jetstream.Msg, d *delivery, err error) {
	m := &d.message
	if m.LastTry {
		r.abandon(ctx, msg, d, err)
		return
	}
	wait := r.b.opts.Backoff(m.Try)
	r.b.log.Warn("a message failed", "consumer", r.c.Name, "event", m.Name, "tenant", m.Tenant.Slug,
		"id", m.OutboxID, "try", m.Try, "again_in", wait, "error", explain(err))
	counted := r.b.db.Central(ctx, func(tx tenants.CentralTx) error {
		if m.isDue() {
			return failDue(ctx, tx, m, wait)
		}
		return countFailure(ctx, tx, m.OutboxID, r.c.Name, explain(err))
	})
	switch {
	case counted != nil:
		r.putOff(msg, d, databaseWait, counted)
	case m.isDue():
		r.ack(msg) // the row comes again when its lease ends
		wake(r.b.wakeDue)
	default:
		r.putOff(msg, d, wait, err)
	}
}

// databaseAway tells a database that is not there, or a tenant that is being
// migrated, from a handler that failed. Neither costs a try.
func (b *Bus) databaseAway(ctx context.Context, t tenants.Tenant, err error) bool {
	if isDisconnect(err) {
		return true
	}
	if !fail.Is(err, fail.Unavailable) {
		return false
	}
	return probe(ctx, b.db, t) != nil
}

// tenant fills in whose message it is. One that is not in memory may have been
// created a moment ago.
func (b *Bus) tenant(ctx context.Context, d *delivery) (bool, error) {
	t, ok := b.db.Registry().ByID(d.tenantID)
	if !ok && d.tenantID != uuid.Nil {
		if err := b.db.Registry().Refresh(ctx); err != nil {
			return false, err
		}
		t, ok = b.db.Registry().ByID(d.tenantID)
	}
	d.message.Tenant = t
	return ok, nil
}
