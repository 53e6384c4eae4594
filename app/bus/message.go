package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// Message is one event, or one due time that has come, as a consumer receives
// it. It may come more than once; Done tells the times apart.
type Message struct {
	Tenant   tenants.Tenant
	Name     string    // "workspace.ordered", or "<kind>.due"
	Key      string    // for a due time: whose
	DueAt    time.Time // for a due time: business time
	OutboxID int64     // for an event; 0 for a due time
	Payload  json.RawMessage
	Try      int  // 1 is the first; only failures count
	LastTry  bool // another failure makes it a dead letter

	consumer string
	version  int64
	done     bool
}

// Handler does what a message asks for. Its effect and m.Done belong in one
// transaction. Returning nil without Done is for effects that bear repetition:
// the bus then writes the receipt itself, afterwards. An error counts as a
// failure and is tried again with growing pauses, unless the database itself is
// away (which the bus finds out) or it is a Later or Permanent one. The context
// ends with the consumer's timeout.
type Handler func(ctx context.Context, m *Message) error

// Consumer is one row of the table of consumers. Its name is durable: giving a
// consumer another name makes it another consumer.
type Consumer struct {
	Name     string   // letters, digits and dashes, "metering-block"
	Names    []string // what it reacts to: "workspace.running", "block.due"
	Handle   Handler
	Tries    int           // failures until a dead letter; 8 when zero
	Parallel int           // handlers at once on each node; 4 when zero
	Timeout  time.Duration // for one call of Handle; 60 s when zero
}

// ErrAlreadyDone says that the effect was committed before, or that the due
// time was moved or called off meanwhile. A handler returns it to roll its
// transaction back; the bus counts it as success.
var ErrAlreadyDone = errors.New("the effect of this message is committed already")

// Decode reads the payload into v. A payload that does not fit never will, so
// the error is Permanent.
func (m *Message) Decode(v any) error {
	if err := json.Unmarshal(m.Payload, v); err != nil {
		return Permanent(fmt.Errorf("the payload of %s is not readable: %w", m.Name, err))
	}
	return nil
}

// Done records in the transaction of the effect that the effect happened: the
// receipt of an event, or the end of a due time. Setting the same due time anew
// or calling it off, before or after Done in the same transaction, is part of
// the effect. It returns ErrAlreadyDone when there is nothing left to do.
func (m *Message) Done(ctx context.Context, tx tenants.Tx) error {
	if tx.Tenant().ID != m.Tenant.ID {
		return Permanent(fmt.Errorf("%s of %s was handled in a transaction of %s", m.Name, m.Tenant.Slug, tx.Tenant().Slug))
	}
	return m.settled(ctx, tx)
}

// DoneFor is Done in a transaction of the provider's, for effects that are written
// there and not in the shop.
func (m *Message) DoneFor(ctx context.Context, tx tenants.CentralTx) error { return m.settled(ctx, tx) }

func (m *Message) settled(ctx context.Context, tx tenants.Querier) error {
	fresh, err := m.settle(ctx, tx)
	if err != nil {
		return err
	}
	if !fresh {
		return ErrAlreadyDone
	}
	m.done = true
	return nil
}

func (m *Message) settle(ctx context.Context, tx tenants.Querier) (bool, error) {
	if m.isDue() {
		return endDue(ctx, tx, m.Tenant.Schema(), m.Name, m.Key, m.version)
	}
	return insertReceipt(ctx, tx, m.Tenant.Schema(), m.OutboxID, m.consumer)
}

func (m *Message) isDue() bool { return m.OutboxID == 0 }

type laterError struct {
	after time.Duration
	why   string
}

func (e *laterError) Error() string { return "later: " + e.why }

// Later is a handler's way to wait without failing: an event comes again after
// d of wall time (or once it is published again, after two minutes, if that is
// sooner), a due time is moved to d of business time from now. Waits of minutes
// belong in a due time. why is for the log.
func Later(d time.Duration, why string) error { return &laterError{after: d, why: why} }

type permanentError struct{ cause error }

func (e *permanentError) Error() string { return e.cause.Error() }
func (e *permanentError) Unwrap() error { return e.cause }

// Permanent marks an error that no further try will mend: the message becomes a
// dead letter at once.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{cause: err}
}
