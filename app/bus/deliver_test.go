package bus_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/tenants"
)

func TestEveryEventHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: b.effect})
	for n := range 50 {
		b.announce("thing.asked", n)
	}
	b.announce("thing.ignored", 1000)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(until(50)...)
	bustest.Until(t, "all rows are marked as done", nil, func() bool {
		return count(t, b.db, `select count(*)::int from central.outbox where done_at is null`) == 0
	})
}

func TestHandlerThatCommittedAndThenFailedIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int32
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
		calls.Add(1)
		if err := b.effect(ctx, m); err != nil {
			return err
		}
		return errHandler // as if the process had died before the message was acknowledged
	}})
	b.announce("thing.asked", until(20)...)
	bustest.Settle(t, ran, time.Now())
	bustest.Until(t, "all events are marked as done", ran.Handled(), func() bool {
		s, err := ran.Stats(t.Context())
		return err == nil && s.Undone == 0
	})
	b.wantOnce(until(20)...)
	if calls.Load() != 20 {
		t.Errorf("%d calls, want 20: what is done is not handled again", calls.Load())
	}
}

func TestReceiptOfHandlerWithoutDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int32
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "mail", Names: []string{"thing.asked"}, Handle: func(context.Context, *bus.Message) error {
		calls.Add(1)
		return nil
	}})
	b.announce("thing.asked", 1, 2, 3)
	bustest.Settle(t, ran, time.Now())
	if n := count(t, b.db, `select count(*)::int from central.outbox_receipts where consumer = 'mail'`); n != 3 || calls.Load() != 3 {
		t.Errorf("%d receipts of %d calls, want 3 of 3", n, calls.Load())
	}
}

func TestEveryConsumerOfAnEventGetsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	slow := func(ctx context.Context, m *bus.Message) error {
		<-release
		return b.effect(ctx, m)
	}
	quickly := func(context.Context, *bus.Message) error { return nil }
	ran, _ := bustest.Start(t, b.options(),
		bus.Consumer{Name: "quick", Names: []string{"thing.asked"}, Handle: quickly},
		bus.Consumer{Name: "slow", Names: []string{"thing.asked", "thing.other"}, Handle: slow})
	b.announce("thing.asked", 1)
	bustest.Until(t, "the quick one has its receipt", ran.Handled(), func() bool {
		return count(t, b.db, `select count(*)::int from central.outbox_receipts`) == 1
	})
	if idle, err := ran.Idle(t.Context(), time.Now()); idle || err != nil {
		t.Errorf("idle is %v, %v while one consumer has not finished", idle, err)
	}
	close(release)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(1)
}

func TestFailuresPanicsAndRetriesOfADeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var broken atomic.Bool
	broken.Store(true)
	var tries sequence
	o := b.options()
	alerts := make(chan bus.DeadLetter, 10)
	o.OnDeadLetter = func(_ context.Context, d bus.DeadLetter) { alerts <- d; panic("the alert fails too") }
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Tries: 3, Handle: func(ctx context.Context, m *bus.Message) error {
		if m.LastTry {
			tries.add("last")
		} else {
			tries.add(string(rune('0' + m.Try)))
		}
		if broken.Load() && m.Try == 2 {
			panic("a bug")
		}
		if broken.Load() {
			return errHandler
		}
		return b.effect(ctx, m)
	}})
	b.announce("thing.asked", 7)
	letter := <-alerts
	if letter.Reason != errHandler.Error() || letter.Failures != 3 || letter.Consumer != "make" || letter.Name != "thing.asked" {
		t.Errorf("dead letter: %+v", letter)
	}
	if got := strings.Join(tries.all(), " "); got != "1 2 last" {
		t.Errorf("tries: %s", got)
	}
	bustest.Settle(t, ran, time.Now())
	b.wantOnce()

	broken.Store(false)
	letters, err := ran.DeadLetters(t.Context(), true, 10)
	if err != nil || len(letters) != 1 || letters[0].ID != letter.ID {
		t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	if err := ran.RetryDeadLetter(t.Context(), letter.ID); err != nil {
		t.Fatal(err)
	}
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(7)
	if err := ran.RetryDeadLetter(t.Context(), letter.ID); err == nil {
		t.Error("a dead letter was retried twice")
	}
	if letters, err = ran.DeadLetters(t.Context(), true, 10); err != nil || len(letters) != 0 {
		t.Errorf("dead letters after the retry: %+v, %v", letters, err)
	}
}

func TestRetryGoesToItsConsumerAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var others, mine atomic.Int32
	ran, _ := bustest.Start(t, b.options(),
		bus.Consumer{Name: "other", Names: []string{"thing.asked"}, Handle: func(context.Context, *bus.Message) error { others.Add(1); return nil }},
		bus.Consumer{Name: "mine", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
			if mine.Add(1) == 1 {
				return bus.Permanent(errHandler)
			}
			return b.effect(ctx, m)
		}})
	b.announce("thing.asked", 1)
	bustest.Settle(t, ran, time.Now())
	letters, err := ran.DeadLetters(t.Context(), true, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	if err := ran.RetryDeadLetter(t.Context(), letters[0].ID); err != nil {
		t.Fatal(err)
	}
	bustest.Settle(t, ran, time.Now())
	if others.Load() != 1 || mine.Load() != 2 {
		t.Errorf("the other was called %d times, mine %d; want 1 and 2", others.Load(), mine.Load())
	}
	b.wantOnce(1)
}

func TestPoisonBlocksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Parallel: 1, Tries: 2, Handle: b.effect})
	b.in(b.shop, func(tx tenants.Tx) error { return bus.Append(t.Context(), tx, "thing.asked", "no object") })
	b.central(`insert into central.outbox (schema_name, tenant_id, subject) values
		('tenant_gone', gen_random_uuid(), 'thing.asked'), ('tenant_gone', gen_random_uuid(), 'not a name > *')`)
	b.announce("thing.asked", 1)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(1)
	letters, err := ran.DeadLetters(t.Context(), true, 10)
	if err != nil || len(letters) != 3 {
		t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	for _, l := range letters {
		if l.TenantID == b.shop.ID {
			continue
		}
		if err := ran.RetryDeadLetter(t.Context(), l.ID); err == nil {
			t.Errorf("a message of no tenant was retried: %+v", l)
		}
	}
}

func TestLaterCountsNoTry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int32
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Tries: 2, Handle: func(ctx context.Context, m *bus.Message) error {
		if m.Try != 1 {
			t.Errorf("try %d, want 1", m.Try)
		}
		if calls.Add(1) < 6 {
			return bus.Later(time.Millisecond, "not yet")
		}
		return b.effect(ctx, m)
	}})
	b.announce("thing.asked", 1)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(1)
}

func TestDoneBelongsToTheTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := bustest.Shop(t, b.db, "other")
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
		return b.db.In(ctx, other, func(tx tenants.Tx) error { return m.Done(ctx, tx) })
	}})
	b.announce("thing.asked", 1)
	bustest.Settle(t, ran, time.Now())
	if letters, err := ran.DeadLetters(t.Context(), true, 10); err != nil || len(letters) != 1 {
		t.Errorf("dead letters: %+v, %v", letters, err)
	}
}

func TestTenantsSeeTheirOwnRowsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := bustest.Shop(t, b.db, "other")
	for _, shop := range []tenants.Tenant{b.shop, other} {
		b.in(shop, func(tx tenants.Tx) error {
			return errors.Join(bus.Append(t.Context(), tx, "thing.asked", nil), bus.Due(t.Context(), tx, "block", "k", time.Now(), nil))
		})
	}
	b.in(b.shop, func(tx tenants.Tx) error {
		for _, table := range []string{"outbox", "due"} {
			schemas, err := tenants.List[string](t.Context(), tx, `select schema_name from central.`+table)
			if err != nil || len(schemas) != 1 || schemas[0] != b.shop.Schema() {
				t.Errorf("%s: %v, %v", table, schemas, err)
			}
		}
		return bus.Undue(t.Context(), tx, "block", "k")
	})
	if n := count(t, b.db, `select count(*)::int from central.due where schema_name = $1`, other.Schema()); n != 1 {
		t.Errorf("the other shop has %d due times, want 1", n)
	}
	err := b.db.In(t.Context(), b.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into central.outbox_receipts (outbox_id, consumer, schema_name) values (1, 'make', $1)`, other.Schema())
		return err
	})
	if !tenants.IsDenied(err) {
		t.Errorf("a receipt in another's name: %v, want a refusal", err)
	}
}

func TestNamesAndPayloadsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in(b.shop, func(tx tenants.Tx) error {
		for _, name := range []string{"", "thing", "Thing.asked", "thing.*", "thing.>", "thing..asked", "thing. asked", "block.due"} {
			if err := bus.Append(t.Context(), tx, name, nil); err == nil {
				t.Errorf("%q was taken as a name", name)
			}
		}
		if err := bus.Append(t.Context(), tx, "thing.asked", strings.Repeat("x", 1<<20)); err == nil {
			t.Error("a megabyte was taken as a payload")
		}
		if err := bus.Due(t.Context(), tx, "*", "k", time.Now(), nil); err == nil {
			t.Error("* was taken as a kind")
		}
		return nil
	})
	ok := func(context.Context, *bus.Message) error { return nil }
	ran, err := bus.Open(t.Context(), bus.Options{DB: b.db, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer ran.Close()
	for what, table := range map[string][]bus.Consumer{
		"no handler":    {{Name: "a", Names: []string{"thing.asked"}}},
		"no names":      {{Name: "a", Handle: ok}},
		"bad name":      {{Name: "a b", Names: []string{"thing.asked"}, Handle: ok}},
		"bad event":     {{Name: "a", Names: []string{"thing.*"}, Handle: ok}},
		"twice":         {{Name: "a", Names: []string{"thing.asked"}, Handle: ok}, {Name: "a", Names: []string{"thing.other"}, Handle: ok}},
		"two for a due": {{Name: "a", Names: []string{"block.due"}, Handle: ok}, {Name: "b", Names: []string{"block.due"}, Handle: ok}},
	} {
		if err := ran.Run(t.Context(), table); err == nil {
			t.Errorf("%s: the table was taken", what)
		}
	}
}
