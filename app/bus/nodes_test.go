package bus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
)

// natsServer is a server of its own, as EZSCALE_NATS_URL would name one.
func natsServer(t *testing.T) string {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	return ns.ClientURL()
}

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, c := b.standing()
	o.URL = natsServer(t)
	var events, dues [2]atomic.Int32
	node := func(i int) *bus.Bus {
		ran, _ := bustest.Start(t, o,
			bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
				events[i].Add(1)
				return b.effect(ctx, m)
			}},
			bus.Consumer{Name: "block", Names: []string{"block.due"}, Handle: func(context.Context, *bus.Message) error {
				dues[i].Add(1)
				return nil
			}})
		return ran
	}
	one, two := node(0), node(1)
	for k := range 40 {
		b.due("block", fmt.Sprint(k), epoch().Add(time.Minute))
	}
	for n := range 40 {
		b.announce("thing.asked", n)
	}
	c.Set(epoch().Add(time.Minute), 0)
	one.WakeDue()
	two.WakeDue()
	bustest.Settle(t, one, c.Now())
	b.wantOnce(until(40)...)
	if n := dues[0].Load() + dues[1].Load(); n != 40 {
		t.Errorf("40 due times came %d times", n)
	}
	t.Logf("events %d and %d, due times %d and %d", events[0].Load(), events[1].Load(), dues[0].Load(), dues[1].Load())
}

// TestDuplicatesAndStrangers puts on the stream what a relay that died before
// it could mark its rows, another that sent twice, and somebody else would.
func TestDuplicatesAndStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.URL = natsServer(t)
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked", "block.due"}, Handle: b.effect})
	b.announce("thing.asked", 1)
	bustest.Settle(t, ran, time.Now())
	id := count(t, b.db, `select id::int from central.outbox where subject = 'thing.asked'`)

	nc, err := nats.Connect(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	subject := "ez." + b.shop.ID.String() + ".thing.asked"
	send := func(subject, body, msgID string, head map[string]string) bool {
		m := nats.NewMsg(subject)
		m.Data = []byte(body)
		m.Header.Set("Ez-Tenant", b.shop.ID.String())
		for k, v := range head {
			m.Header.Set(k, v)
		}
		ack, err := js.PublishMsg(m, nats.MsgId(msgID))
		if err != nil {
			t.Fatal(err)
		}
		return ack.Duplicate
	}
	again := map[string]string{"Ez-Outbox": fmt.Sprint(id), "Ez-Send": "1"}
	if !send(subject, `{"n":1}`, fmt.Sprint(id), again) {
		t.Error("a second publication before the mark was not dropped")
	}
	for i := range 5 {
		send(subject, `{"n":1}`, fmt.Sprint("copy", i), again)
	}
	send(subject, "\x00\xff", "s1", nil)
	send("ez.nobody.thing.asked", `{}`, "s2", nil)
	send("ez."+b.shop.ID.String()+".block.due", `{}`, "s3", map[string]string{"Ez-Key": "%zz"})
	send(subject, `{"n":1}`, "s4", map[string]string{"Ez-Tenant": uuid.NewString(), "Ez-Outbox": "5", "Ez-Send": "1"})
	bustest.Until(t, "the strangers are dead letters", ran.Handled(), func() bool {
		return count(t, b.db, `select count(*)::int from central.dead_letters`) == 4
	})
	b.announce("thing.asked", 2)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(1, 2)
}

// TestLostMessageIsSentAgain takes a published message from the stream.
func TestLostMessageIsSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.URL, o.ResendAfter, o.SweepEvery = natsServer(t), 100*time.Millisecond, 20*time.Millisecond
	hold := make(chan struct{})
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Parallel: 1, Handle: func(ctx context.Context, m *bus.Message) error {
		<-hold
		return b.effect(ctx, m)
	}})
	b.announce("thing.asked", until(100)...)
	bustest.Until(t, "all are published", nil, func() bool {
		return count(t, b.db, `select count(*)::int from central.outbox where published_at is null`) == 0
	})
	nc, err := nats.Connect(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := js.PurgeStream("EZ"); err != nil {
		t.Fatal(err)
	}
	close(hold)
	bustest.Settle(t, ran, time.Now())
	b.wantOnce(until(100)...)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ran, _ := bustest.Start(t, b.options(), bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: b.effect})
	ctx, cancel := context.WithCancel(t.Context())
	saw, ended := make(chan string, 100), make(chan error, 1)
	go func() {
		ended <- ran.Watch(ctx, func(tenant uuid.UUID, name string, payload json.RawMessage) {
			if tenant == b.shop.ID {
				saw <- name + string(payload)
			}
		})
	}()
	n := 0
	bustest.Until(t, "the event and its effect are seen", nil, func() bool {
		b.announce("thing.asked", n) // until the watch has begun
		n++
		seen := map[string]bool{}
		for range len(saw) {
			s := <-saw
			seen[s[:11]] = true
		}
		return seen["thing.asked"] && seen["effect.made"]
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServersThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	if _, err := bus.Open(t.Context(), bus.Options{URL: "nats://127.0.0.1:1"}); err == nil {
		t.Error("opened without a server")
	}
}

// TestOneCopyIsTriedAtATime has an event that is published again and again
// while it waits: older copies make way, so that copies do not add up.
func TestOneCopyIsTriedAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.ResendAfter, o.SweepEvery = 30*time.Millisecond, 20*time.Millisecond
	var calls atomic.Int32
	var open atomic.Bool
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
		calls.Add(1)
		if !open.Load() {
			return bus.Later(20*time.Millisecond, "not yet")
		}
		return b.effect(ctx, m)
	}})
	b.announce("thing.asked", 1)
	bustest.Until(t, "it was sent ten times", nil, func() bool {
		return count(t, b.db, `select coalesce(max(sends), 0)::int from central.outbox where subject = 'thing.asked'`) >= 10
	})
	before := calls.Load()
	open.Store(true)
	bustest.Settle(t, ran, time.Now())
	if after := calls.Load(); after > before+5 || before > 60 {
		t.Errorf("%d calls while it waited, %d when it was let go", before, after-before)
	}
	b.wantOnce(1)
}
