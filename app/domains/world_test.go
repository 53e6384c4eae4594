package domains

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// zone is a name system of a test's own.
type zone struct {
	mu     sync.Mutex
	cname  map[string]string
	txt    map[string][]string
	addrs  map[string][]netip.Addr
	caa    map[string][]names.CAA
	broken bool
	asked  int
}

func (z *zone) set(fn func(z *zone)) { z.mu.Lock(); defer z.mu.Unlock(); fn(z) }

func (z *zone) say() error {
	z.asked++
	if z.broken {
		return fmt.Errorf("%w: SERVFAIL", names.ErrNoAnswer)
	}
	return nil
}

func (z *zone) CNAME(_ context.Context, name string) (string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.cname[name], z.say()
}

func (z *zone) TXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.txt[name], z.say()
}

func (z *zone) Addrs(_ context.Context, name string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for range 10 {
		to, ok := z.cname[name]
		if !ok {
			break
		}
		name = to
	}
	return z.addrs[name], z.say()
}

func (z *zone) CAA(_ context.Context, name string) ([]names.CAA, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.caa[name], z.say()
}

// world is an installation with an edge on this machine, two shops and a name system.
type world struct {
	*testing.T
	db    *tenants.DB
	a, b  tenants.Tenant
	zone  *zone
	clock *clock.Movable
	s     *Service
	base  string // a registered name that no other test has
}

const edge = "edge.provider.test"

var began = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewMovable(began, 0), base: "s" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16] + ".test",
		zone: &zone{cname: map[string]string{}, txt: map[string][]string{}, addrs: map[string][]netip.Addr{}, caa: map[string][]names.CAA{}}}
	w.db, w.a = tenanttest.New(t, tenanttest.WithClock(w.clock.Now), tenanttest.WithName("Northwind"))
	b := func() tenants.Tenant {
		_, other := tenanttest.New(t)
		if err := w.db.Registry().Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		known, _ := w.db.Registry().ByID(other.ID)
		return known
	}
	w.b = b()
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		t.Fatal(err)
	}
	w.s = New(Config{DB: w.db, Names: w.zone, Signer: key, Clock: w.clock, Wall: time.Now, Log: slog.New(slog.DiscardHandler),
		EdgeHost: edge, EdgeIPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	w.serve(false)
	return w
}

// serve answers at the edge as the product does; with https its plain part leads there.
func (w *world) serve(https bool) {
	w.Helper()
	handler := func(w2 http.ResponseWriter, r *http.Request) {
		if token, ok := strings.CutPrefix(r.URL.Path, ProbePath); ok {
			text, _ := w.s.Answer(r.Host, token)
			_, _ = w2.Write([]byte(text))
			return
		}
		if https && r.TLS == nil {
			name, _, _ := net.SplitHostPort(r.Host)
			http.Redirect(w2, r, "https://"+name+r.URL.Path, http.StatusPermanentRedirect)
			return
		}
		w2.Header().Set("Strict-Transport-Security", "max-age=1")
	}
	plain := httptest.NewServer(http.HandlerFunc(handler))
	w.Cleanup(plain.Close)
	w.s.HTTPPort = portOf(w, plain.URL)
	if https {
		server := httptest.NewUnstartedServer(http.HandlerFunc(handler))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(w.T, "shop."+w.base)}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
		w.Cleanup(server.Close)
		w.s.HTTPS, w.s.HTTPSPort = true, portOf(w, server.URL)
	}
}

func portOf(w *world, address string) int {
	u, err := url.Parse(address)
	if err != nil {
		w.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

// leads makes a CNAME for a shop's own host at the edge.
func (w *world) leads(name string, t tenants.Tenant) {
	w.zone.set(func(z *zone) {
		z.cname[name] = t.Slug + "." + edge
		z.addrs[t.Slug+"."+edge] = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	})
}

func (w *world) add(t tenants.Tenant, name string) Domain {
	w.Helper()
	d, err := w.s.Add(w.Context(), t, name, "test")
	if err != nil {
		w.Fatal(err)
	}
	return d
}

func (w *world) check(t tenants.Tenant, name string) Domain {
	w.Helper()
	d, err := w.s.Check(w.Context(), t, name, "test")
	if err != nil {
		w.Fatal(err)
	}
	return d
}

// states are the states of a name's steps, in a line.
func states(d Domain) string {
	words := make([]string, len(d.Steps))
	for i, s := range d.Steps {
		words[i] = s.Name + " " + s.State
		if s.Sentence == "" || s.OK != (s.State == Good) {
			words[i] += "?"
		}
	}
	return strings.Join(words, ", ")
}

// announced counts a shop's events of one name in the outbox.
func (w *world) announced(t tenants.Tenant, event string) (payloads []string) {
	w.Helper()
	err := w.db.CentralRead(w.Context(), tenants.ListQ(&payloads, `select payload::text from central.outbox where schema_name = $1 and subject = $2 order by id`, t.Schema(), event))
	if err != nil {
		w.Fatal(err)
	}
	return payloads
}

func (w *world) served(name string) bool {
	_, _, ok := w.db.Registry().ByHost(name)
	return ok
}

// due is when a name is looked at next.
func (w *world) due(d Domain) (at []time.Time) {
	w.Helper()
	if err := w.db.CentralRead(w.Context(), tenants.ListQ(&at, `select due_at from central.due where kind = 'domain' and key = $1`, d.ID.String())); err != nil {
		w.Fatal(err)
	}
	return at
}

// passes lets business time pass and does what becomes due, as the bus would.
func (w *world) passes(t tenants.Tenant, d Domain, by time.Duration) {
	w.Helper()
	until := w.clock.Now().Add(by)
	for {
		at := w.due(d)
		if len(at) == 0 || at[0].After(until) {
			break
		}
		w.clock.Set(at[0], 0)
		f := w.s.quietLook(w.Context(), t, d)
		_, _ = w.s.acted(w.Context(), t, d.ID, f, "domain", func(tenants.CentralTx) error { return nil })
	}
	w.clock.Set(until, 0)
}

func ptr[T any](v T) *T { return &v }

func domainAt(created time.Time, verified, release *time.Time) tenants.Domain {
	d := tenants.Domain{CreatedAt: created, VerifiedAt: verified, ReleaseAt: release}
	if release != nil {
		d.LapsedAt = verified
	}
	return d
}
