package bus

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// DeadLetter is a message that was given up, for an operator to look at.
type DeadLetter struct {
	ID        int64           `db:"id"`
	TenantID  uuid.UUID       `db:"tenant_id"` // uuid.Nil when the message named none
	Consumer  string          `db:"consumer"`
	Name      string          `db:"name"`
	OutboxID  *int64          `db:"outbox_id"` // nil for a due time
	Key       string          `db:"key"`       // of a due time
	DueAt     *time.Time      `db:"due_at"`    // of a due time
	Payload   json.RawMessage `db:"payload"`
	Reason    string          `db:"reason"`
	Failures  int             `db:"failures"`
	CreatedAt time.Time       `db:"created_at"`
	RetriedAt *time.Time      `db:"retried_at"`
}

// abandon makes the message a dead letter and leaves its receipt (or ends its
// due time) in one transaction. Until that is committed the message comes again.
func (r *runner) abandon(ctx context.Context, msg jetstream.Msg, d *delivery, reason error) {
	if d == nil {
		d = &delivery{message: Message{Name: msg.Subject(), consumer: r.c.Name}}
	}
	letter := letterOf(msg, d, r.c.Name, explain(reason))
	var added bool
	err := r.b.db.Central(ctx, func(tx tenants.CentralTx) (err error) {
		added, err = insertDead(ctx, tx, d, &letter)
		return err
	})
	if err != nil {
		r.putOff(msg, d, databaseWait, err)
		return
	}
	if added {
		r.b.log.Error("a message was given up", "consumer", letter.Consumer, "event", letter.Name,
			"tenant", letter.TenantID, "dead_letter", letter.ID, "reason", letter.Reason)
		r.b.alert(ctx, letter)
	}
	r.succeeded(msg, &d.message)
}

func letterOf(msg jetstream.Msg, d *delivery, consumer, reason string) DeadLetter {
	m := &d.message
	letter := DeadLetter{
		TenantID: d.tenantID, Consumer: consumer, Name: m.Name, Key: m.Key,
		Payload: json.RawMessage(msg.Data()), Reason: clean(reason), Failures: m.Try,
	}
	if !json.Valid(letter.Payload) {
		letter.Payload, _ = json.Marshal(map[string]string{"unreadable": clean(string(msg.Data()))})
	}
	if m.OutboxID > 0 {
		letter.OutboxID = &m.OutboxID
	} else if !m.DueAt.IsZero() {
		letter.DueAt = &m.DueAt
	}
	return letter
}

func (b *Bus) alert(ctx context.Context, letter DeadLetter) {
	if b.opts.OnDeadLetter == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("the alert of a dead letter panicked", "panic", p)
		}
	}()
	b.opts.OnDeadLetter(ctx, letter)
}

// DeadLetters lists the newest, at most limit; with open only those that nobody
// has tried again.
func (b *Bus) DeadLetters(ctx context.Context, open bool, limit int) ([]DeadLetter, error) {
	return listDead(ctx, b.db, open, limit)
}

// RetryDeadLetter gives a dead letter to its consumer once more, with all its
// tries. It is fail.NotFound when there is none, and fail.Conflict when it was
// retried before or nobody could handle it.
func (b *Bus) RetryDeadLetter(ctx context.Context, id int64) error {
	return b.db.Central(ctx, func(tx tenants.CentralTx) error {
		letter, err := deadForUpdate(ctx, tx, id)
		if err != nil {
			return err
		}
		if letter.RetriedAt != nil {
			return fail.New(fail.Conflict, "This message was tried again already.")
		}
		t, ok := b.db.Registry().ByID(letter.TenantID)
		if !ok || letter.Consumer == relayName || (letter.OutboxID == nil && letter.DueAt == nil) {
			return fail.New(fail.Conflict, "This message belongs to nobody and cannot be tried again.")
		}
		return reviveDead(ctx, tx, t, letter)
	})
}

// Stats is how much waits, for the health page and the operators' console.
type Stats struct {
	Unpublished   int64   `db:"unpublished"`    // events not on the stream yet
	Undone        int64   `db:"undone"`         // events without all their receipts
	OldestSeconds float64 `db:"oldest_seconds"` // age of the oldest event that is not done
	DueLate       int64   `db:"due_late"`       // due times more than a minute past, by the business clock
	DeadLetters   int64   `db:"dead_letters"`   // that nobody has tried again
}

// Stats counts what waits.
func (b *Bus) Stats(ctx context.Context) (Stats, error) {
	return readStats(ctx, b.db, b.opts.Clock.Now().Add(-time.Minute))
}
