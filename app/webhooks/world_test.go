package webhooks

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

var began = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)

// world is a shop with its stream, and receivers of its own.
type world struct {
	*testing.T
	*Service
	db    *tenants.DB
	shop  tenants.Tenant
	clock *clock.Movable
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewMovable(began, 0)}
	w.db, w.shop = bustest.Fresh(t, w.clock.Now)
	key, err := seal.New(strings.Repeat("k", 40))
	w.must(err)
	c := Config{DB: w.db, Sealer: key, Clock: w.clock, Wall: time.Now, Log: slog.New(slog.DiscardHandler), Loopback: true}
	for _, fn := range change {
		fn(&c)
	}
	w.Service = New(c)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// works runs the stream until the test ends.
func (w *world) works() {
	w.Helper()
	stream, err := bus.Open(w.Context(), bus.Options{DB: w.db, Dir: w.TempDir(), Clock: w.clock, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		_ = stream.Run(ctx, []bus.Consumer{{Name: "webhooks-event", Names: Names(), Handle: w.OnEvent}, {Name: "webhooks-send", Names: []string{"webhook.due"}, Handle: w.OnDue, Parallel: 8},
			{Name: "webhooks-slow", Names: []string{"webhook_slow.due"}, Handle: w.OnDue, Parallel: 8}})
	})
	w.Cleanup(func() { cancel(); all.Wait(); _ = stream.Close() })
}

func (w *world) happens(name string, payload any) {
	w.Helper()
	w.must(w.db.In(w.Context(), w.shop, func(tx tenants.Tx) error { return bus.Append(w.Context(), tx, name, payload) }))
}

// due is in which lanes something is due.
func (w *world) due() (kinds []string) {
	w.Helper()
	w.must(w.db.CentralRead(w.Context(), tenants.ListQ(&kinds, `select kind from central.due where tenant_id = $1 and kind like 'webhook%' order by kind`, w.shop.ID)))
	return kinds
}

func (w *world) add(url string, events ...string) (Endpoint, string) {
	w.Helper()
	e, secret, err := w.Add(w.Context(), w.shop, "test", Draft{URL: url, Events: events})
	w.must(err)
	return e, secret
}

func (w *world) endpoint(id uuid.UUID) (e Endpoint) {
	w.Helper()
	w.must(w.db.Read(w.Context(), w.shop, EndpointQ(&e, id)))
	return e
}

func (w *world) deliveries(id uuid.UUID) (list []Delivery) {
	w.Helper()
	w.must(w.db.Read(w.Context(), w.shop, DeliveriesQ(&list, id, uuid.Nil, 100)))
	return list
}

// until waits for something that others do.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for late := time.After(20 * time.Second); !ok(); {
		select {
		case <-late:
			w.Fatalf("in vain: %s", what)
		case <-again.C:
		}
	}
}

// letter is what a receiver got.
type letter struct {
	id, stamp, signature, body string
}

func (l letter) data() (kind string, data map[string]any) {
	var m struct {
		Type string         `json:"type"`
		Data map[string]any `json:"data"`
	}
	_ = json.Unmarshal([]byte(l.body), &m)
	return m.Type, m.Data
}

// receiver is somebody's system.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []letter
	how func(n int, w http.ResponseWriter, r *http.Request) // the n-th, from 1
}

func (w *world) receiver(how func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	w.Helper()
	rec := &receiver{how: how}
	rec.Server = httptest.NewServer(http.HandlerFunc(rec.take))
	w.Cleanup(rec.Close)
	return rec
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	r.got = append(r.got, letter{q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), q.Header.Get("webhook-signature"), string(body)})
	n := len(r.got)
	r.mu.Unlock()
	if r.how != nil {
		r.how(n, w, q)
	}
}

func (r *receiver) all() []letter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) ids() map[string]int {
	ids := map[string]int{}
	for _, l := range r.all() {
		ids[l.id]++
	}
	return ids
}

func answers(status int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}
