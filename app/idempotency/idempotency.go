// Package idempotency answers a repeated API call with the first one's answer:
// the same key and body replay for a day, another body under the same key is
// refused. Answers may hold a desktop's password, so they are kept sealed.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// lifetime is how long a key remembers, in wall time.
	lifetime = 24 * time.Hour
	// abandoned is how long after its last sign of life an unanswered call counts
	// as dead, so that a repetition may take it over. A living one says so every
	// third of it: a caller whose call died with the program need not wait long.
	abandoned = 6 * time.Second
	// MaxKey is the longest key a caller may choose, in bytes.
	MaxKey = 255

	purpose = "api-answer"
)

// Answer is what a call was answered with.
type Answer struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// Book remembers calls. Wall time measures it: moving the business clock must
// not make a call happen twice.
type Book struct {
	db   *tenants.DB
	key  *seal.Key
	wall func() time.Time
}

// New makes the book of all shops.
func New(db *tenants.DB, key *seal.Key, wall func() time.Time) *Book {
	return &Book{db: db, key: key, wall: wall}
}

// Call is what a key stands for: an answer that was given already, or else the
// intent that the caller is to carry out. What it creates gets the intent's id, so
// that whoever takes over a call that died creates nothing twice.
type Call struct {
	Answer *Answer
	Intent uuid.UUID
}

// Begin takes a key for a call with this body. It gives the earlier answer when
// there is one; fail.Conflict "idempotency_mismatch" when the key was used for
// another body; fail.Conflict while the first call is still under way.
func (b *Book) Begin(ctx context.Context, t tenants.Tenant, user uuid.UUID, key, route string, body []byte) (Call, error) {
	if len(key) > MaxKey {
		return Call{}, fail.Fields{"Idempotency-Key": fmt.Sprintf("Use at most %d characters.", MaxKey)}.Err()
	}
	hash := sha256.Sum256(append([]byte(route+"\n"), body...))
	now := b.wall()
	var first entry
	var mine bool
	var intent uuid.UUID
	err := b.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		if err := forget(ctx, tx, user, now.Add(-lifetime)); err != nil {
			return err
		}
		if intent, mine, err = take(ctx, tx, user, key, hash[:], now, now.Add(-abandoned)); err != nil || mine {
			return err
		}
		first, err = lookup(ctx, tx, user, key)
		return err
	})
	switch {
	case err != nil:
		return Call{}, err
	case mine:
		return Call{Intent: intent}, nil
	case string(first.RequestHash) != string(hash[:]):
		return Call{}, fail.Coded(fail.Conflict, "idempotency_mismatch", "This Idempotency-Key was used for another request. Use a new key.")
	case first.Status == nil:
		return Call{}, fail.New(fail.Conflict, "The first request with this Idempotency-Key is still being done. Try again in a moment.")
	}
	answer, err := b.open(t, first)
	return Call{Answer: answer}, err
}

// Await is Begin that waits for a first call which is still under way, so that
// calls sent at the same time get the same answer. It waits for patience in wall
// time at most.
func (b *Book) Await(ctx context.Context, t tenants.Tenant, user uuid.UUID, key, route string, body []byte, patience time.Duration) (Call, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for wait := shortWait; ; wait = min(2*wait, longWait) {
		earlier, err := b.Begin(ctx, t, user, key, route, body)
		if !underWay(err) {
			return earlier, err
		}
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-limit.C:
			return Call{}, err
		case <-ctx.Done():
			return Call{}, ctx.Err()
		}
	}
}

// How often Await asks again.
const (
	shortWait = 50 * time.Millisecond
	longWait  = time.Second
)

// underWay tells the refusal of a call that may be answered in a moment.
func underWay(err error) bool {
	var refused *fail.Error
	return errors.As(err, &refused) && refused.Kind == fail.Conflict && refused.Code == ""
}

func (b *Book) open(t tenants.Tenant, e entry) (*Answer, error) {
	plain, err := b.key.Open(e.Body, seal.Context(t.ID, purpose))
	if err != nil {
		return nil, fmt.Errorf("open a kept answer: %w", err)
	}
	return &Answer{Status: *e.Status, Body: plain}, nil
}

// Hold says that the call which took a key is alive, until release is called.
func (b *Book) Hold(ctx context.Context, t tenants.Tenant, user uuid.UUID, key string) (release func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(abandoned / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// One that fails is made up for by the next, or the key is taken over,
			// which the intent's id makes harmless.
			_ = b.db.In(ctx, t, func(tx tenants.Tx) error { return hold(ctx, tx, user, key, b.wall()) })
		}
	}()
	return func() { cancel(); <-ended }
}

// Finish keeps the answer. Answers that may be different next time (5xx, 429)
// are not kept: give the key back with Drop instead.
func (b *Book) Finish(ctx context.Context, t tenants.Tenant, user uuid.UUID, key string, a Answer) error {
	sealed := b.key.Seal(a.Body, seal.Context(t.ID, purpose))
	return b.db.In(ctx, t, func(tx tenants.Tx) error { return answer(ctx, tx, user, key, a.Status, sealed) })
}

// Drop frees the key of a call that had no lasting effect.
func (b *Book) Drop(ctx context.Context, t tenants.Tenant, user uuid.UUID, key string) error {
	return b.db.In(ctx, t, func(tx tenants.Tx) error { return drop(ctx, tx, user, key) })
}
