package idempotency_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/idempotency"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// library is a book with a clock of its own and one caller.
type library struct {
	*testing.T
	db     *tenants.DB
	shop   tenants.Tenant
	book   *idempotency.Book
	intent uuid.UUID // of the latest call
	user   uuid.UUID
	now    atomic.Int64 // seconds
}

func newLibrary(t *testing.T) *library {
	l := &library{T: t, user: uuid.New()}
	l.db, l.shop = tenanttest.New(t)
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		t.Fatal(err)
	}
	l.book = idempotency.New(l.db, key, l.wall)
	err = l.db.In(t.Context(), l.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into users (id, email, password_hash, created_at) values ($1, 'caller@shop.test', 'x', $2)`, l.user, l.wall())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *library) wall() time.Time {
	return time.Date(2026, 9, 16, 10, 0, 0, 0, time.UTC).Add(time.Duration(l.now.Load()) * time.Second)
}

// begin gives the earlier answer, and whether the call is the caller's to do.
func (l *library) begin(at int64, body string) (answer *idempotency.Answer, mine bool, err error) {
	l.now.Store(at)
	call, err := l.book.Begin(l.Context(), l.shop, l.user, "k1", "/x", []byte(body))
	l.intent = call.Intent
	return call.Answer, call.Answer == nil && err == nil, err
}

func TestARepetitionGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	if _, mine, err := l.begin(0, "a"); !mine {
		t.Fatalf("the first call: %v", err)
	}
	first := l.intent
	if err := l.book.Finish(t.Context(), l.shop, l.user, "k1", idempotency.Answer{Status: 201, Body: json.RawMessage(`{"n":1}`)}); err != nil {
		t.Fatal(err)
	}
	if answer, _, err := l.begin(3600, "a"); err != nil || answer == nil || answer.Status != 201 || string(answer.Body) != `{"n":1}` {
		t.Errorf("the repetition: %+v, %v", answer, err)
	}
	if _, _, err := l.begin(3600, "b"); !fail.Is(err, fail.Conflict) {
		t.Errorf("another body: %v", err)
	}
	if _, mine, err := l.begin(25*3600, "a"); !mine || l.intent == first {
		t.Errorf("after a day: %v, intent %s as before %s", err, l.intent, first)
	}
	today := l.intent
	if err := l.book.Drop(t.Context(), l.shop, l.user, "k1"); err != nil {
		t.Fatal(err)
	}
	if _, mine, err := l.begin(25*3600, "a"); !mine || l.intent == today {
		t.Errorf("after it was given back: %v, intent %s as before %s", err, l.intent, today)
	}
}

// A call that died with its program is taken over soon; one that lives is not.
func TestACallThatDied(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	if _, mine, err := l.begin(0, "a"); !mine {
		t.Fatalf("the first call: %v", err)
	}
	first := l.intent
	if _, _, err := l.begin(3, "a"); !fail.Is(err, fail.Conflict) {
		t.Errorf("while it may live: %v", err)
	}
	if _, mine, err := l.begin(10, "a"); !mine || l.intent != first {
		t.Errorf("after it died: %v, intent %s, want %s", err, l.intent, first)
	}
}

func TestACallThatTakesLong(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	if _, mine, err := l.begin(0, "a"); !mine {
		t.Fatalf("the first call: %v", err)
	}
	release := l.book.Hold(t.Context(), l.shop, l.user, "k1")
	l.now.Store(100)
	l.awaitHeldAt(l.wall())
	if _, _, err := l.begin(103, "a"); !fail.Is(err, fail.Conflict) {
		t.Errorf("it was taken over while it lives: %v", err)
	}
	release()
	if _, mine, err := l.begin(120, "a"); !mine {
		t.Errorf("after it ended without an answer: %v", err)
	}
}

func (l *library) awaitHeldAt(want time.Time) {
	l.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		var at time.Time
		if err := l.db.Read(l.Context(), l.shop, tenants.GetQ(&at, "key", `select created_at from idempotency_keys where key = 'k1'`)); err != nil {
			l.Fatal(err)
		}
		if at.Equal(want) {
			return
		}
	}
	l.Fatal("the call never said that it lives")
}
