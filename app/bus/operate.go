package bus

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Lag is how far a consumer is behind the stream.
type Lag struct {
	Consumer string
	Waiting  uint64 // not given to it yet
	Open     int    // given and not settled
	Again    int    // of these, given more than once
}

// Lags says how far each consumer is behind, by name. fail.Unavailable when the
// stream does not answer.
func (b *Bus) Lags(ctx context.Context) ([]Lag, error) {
	l, _ := b.current()
	if l == nil {
		return nil, fail.New(fail.Unavailable, "The event stream does not answer.")
	}
	stream, err := l.js.Stream(ctx, streamName)
	if err != nil {
		return nil, fail.Wrap(err, fail.Unavailable, "The event stream does not answer.")
	}
	var lags []Lag
	list := stream.ListConsumers(ctx)
	for info := range list.Info() {
		lags = append(lags, Lag{info.Name, info.NumPending, info.NumAckPending, info.NumRedelivered})
	}
	return lags, list.Err()
}

// TimerKind sums up the due times of one kind.
type TimerKind struct {
	Kind    string    `db:"kind"`
	N       int       `db:"n"`
	Overdue int       `db:"overdue"` // more than a minute, by the business clock
	Failing int       `db:"failing"`
	Next    time.Time `db:"next"`
}

// Timer is one due time.
type Timer struct {
	TenantID uuid.UUID `db:"tenant_id"`
	Kind     string    `db:"kind"`
	Key      string    `db:"key"`
	DueAt    time.Time `db:"due_at"`
	Failures int       `db:"failures"`
}

// DiscardDeadLetter puts a dead letter aside for good. It is fail.NotFound when
// there is none, and fail.Conflict when it was retried or put aside before.
func (b *Bus) DiscardDeadLetter(ctx context.Context, id int64, by string) error {
	return b.db.Central(ctx, func(tx tenants.CentralTx) error {
		letter, err := deadForUpdate(ctx, tx, id)
		if err != nil {
			return err
		}
		if letter.RetriedAt != nil {
			return fail.New(fail.Conflict, "This message was dealt with already.")
		}
		return discardDead(ctx, tx, letter, by)
	})
}

// hurried are the kinds that may run before their time: what they do is a look at
// how things stand, and a look too early changes nothing.
func hurried(kind string) bool {
	switch kind {
	case "converge", "domain", "payment_sweep", "card_sweep", "bounds":
		return true
	}
	return false
}

// Hurries reports whether a timer of the kind may be run before its time.
func Hurries(kind string) bool { return hurried(kind) }

// Hurry makes a timer due now. fail.Conflict when its kind has to wait for its
// time, fail.NotFound when it has run meanwhile.
func (b *Bus) Hurry(ctx context.Context, t tenants.Tenant, kind, key, by string) error {
	if !hurried(kind) {
		return fail.New(fail.Conflict, "Timers of this kind run at their time only, because money or a deadline hangs on it.")
	}
	err := b.db.Central(ctx, func(tx tenants.CentralTx) error {
		return hurryDue(ctx, tx, t, kind, key, by, b.opts.Clock.Now())
	})
	if err == nil {
		b.WakeDue()
	}
	return err
}
