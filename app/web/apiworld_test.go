package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/dunning"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/idempotency"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/live"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/notify"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/testclock"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/app/worker"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// plant is the whole product behind one handler, with a simulator, a stream and
// everybody who works on it: what the public API needs. Its database is its own,
// because its workers take every event there is.
type plant struct {
	t       testing.TB
	deps    Deps
	handler http.Handler
	sim     string
	clock   *clock.Movable
	house   tenants.Tenant
	hooks   *webhooks.Service
}

// newPlant starts at the given business time, which stands still.
func newPlant(t testing.TB, began time.Time) *plant {
	t.Helper()
	p := &plant{t: t, clock: clock.NewMovable(began, 0)}
	cfg := tenanttest.Fresh(t)
	cfg.Now, cfg.MaxConns, cfg.Log = p.clock.Now, 12, slog.New(slog.DiscardHandler)
	db, err := tenants.Open(t.Context(), cfg)
	p.must(err)
	t.Cleanup(db.Close)
	_, err = db.Migrate(t.Context(), tenants.MigrateOptions{})
	p.must(err)
	p.house, _, err = db.Create(t.Context(), tenants.NewTenant{Name: "EZSCALE", Email: "house@ezscale.test", Slug: "house", House: true}, nil)
	p.must(err)
	p.build(db)
	return p
}

func (p *plant) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) build(db *tenants.DB) {
	key, err := seal.New("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	p.must(err)
	people, err := accounts.New(db, p.clock, time.Now)
	p.must(err)
	quiet, books, money := slog.New(slog.DiscardHandler), ledger.New(db), billing.New(db)
	machines := hosts.New(hosts.Config{DB: db, Key: key, Now: p.clock.Now, Wall: time.Now, Log: quiet, Makers: kasmMakers()})
	p.startSim(machines)
	links := func(t tenants.Tenant, path string) string { return "http://" + t.Host() + path }
	shops := workspaces.New(workspaces.Config{DB: db, Clock: p.clock, Wall: time.Now, Credit: books, Meter: metering.NewService(quiet).PaidFrom(books),
		Fleet: machines, Sealer: key, Log: quiet})
	observer := workspaces.NewReconciler(shops)
	folder, err := mail.NewFolder(p.t.TempDir(), time.Now)
	p.must(err)
	letters, err := notify.New(notify.Config{DB: db, Accounts: people, Sender: folder, Key: key, Links: links, Log: quiet})
	p.must(err)
	stream, err := bus.Open(p.t.Context(), bus.Options{DB: db, Dir: p.t.TempDir(), Clock: p.clock, Log: quiet})
	p.must(err)
	stepper, err := testclock.New(p.t.Context(), db, p.clock, testclock.SimulatorAt(p.sim), quiet)
	p.must(err)
	stepper.Drive(stream, observer)
	workers := p.workers(db, key, books, money, shops, observer, letters)
	p.hooks = workers.Webhooks
	p.deps = Deps{DB: db, Registry: db.Registry(), Accounts: people, Workspaces: shops, Hosts: machines, Ledger: books, Billing: money, Payments: workers.Payments, Wholesale: workers.Wholesale, Dunning: workers.Dunning, Parking: workers.Parking, Bus: stream, Live: live.NewHub(),
		Repeats: idempotency.New(db, key, time.Now), Clock: p.clock, Log: quiet, Links: links, Outbox: folder, TestClock: stepper}
	p.handler, err = New(p.deps)
	p.must(err)
	p.work(stream, observer, worker.Table(workers))
}

func (p *plant) workers(db *tenants.DB, key *seal.Key, books *ledger.Service, money *billing.Service, shops *workspaces.Service, observer *workspaces.Reconciler, letters *notify.Service) worker.Workers {
	quiet := slog.New(slog.DiscardHandler)
	links := func(t tenants.Tenant, path string) string { return "http://" + t.Host() + path }
	cards := payments.New(payments.Config{DB: db, Clock: p.clock, Wall: time.Now, Ledger: books, Billing: money, Sealer: key, Links: links, Log: quiet})
	return worker.Workers{Workspaces: shops, Reconciler: observer, Ledger: books, Billing: money, Payments: cards, Notify: letters,
		Lifecycle: lifecycle.New(lifecycle.Config{DB: db, Clock: p.clock, Log: quiet}),
		Wholesale: wholesale.New(wholesale.Config{DB: db, Shops: lifecycle.New(lifecycle.Config{DB: db, Clock: p.clock, Log: quiet}), Clock: p.clock, Log: quiet}),
		Dunning:   dunning.New(dunning.Config{DB: db, Clock: p.clock, Desktops: shops, Charger: cards, Log: quiet}),
		Parking:   parking.New(parking.Config{DB: db, Clock: p.clock, Desktops: shops, Log: quiet}),
		Webhooks:  webhooks.New(webhooks.Config{DB: db, Sealer: key, Clock: p.clock, Wall: time.Now, Log: quiet, Loopback: true})}
}

func (p *plant) startSim(machines *hosts.Service) {
	sim, err := kasmsim.New(kasmsim.Options{Key: "key", Secret: "secret", StartDelay: -1, StopDelay: -1})
	p.must(err)
	srv := httptest.NewServer(sim.Handler())
	p.t.Cleanup(srv.Close)
	p.sim = srv.URL
	_, err = machines.Ensure(p.t.Context(), hosts.Entry{Name: "sim", URL: srv.URL, Key: "key", Secret: "secret", Simulator: true})
	p.must(err)
}

// work runs everything beside the requests until the test ends.
func (p *plant) work(stream *bus.Bus, observer *workspaces.Reconciler, table []bus.Consumer) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = stream.Run(ctx, table) })
	all.Go(func() { _ = p.deps.Live.Run(ctx, stream) })
	all.Go(func() { _ = observer.Run(ctx) })
	p.t.Cleanup(func() {
		cancel()
		all.Wait()
		_ = stream.Close()
	})
}

// shop makes a reseller.
func (p *plant) shop(name string) tenants.Tenant {
	p.t.Helper()
	t, _, err := p.deps.DB.Create(context.Background(), tenants.NewTenant{Name: name, Email: "owner@" + name + ".test", Slug: name},
		func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
			return uuid.Nil, p.deps.Billing.EnsureCycleDue(ctx, tx)
		})
	p.must(err)
	return t
}

// caller is a program with somebody's key.
type caller struct {
	p      *plant
	shop   tenants.Tenant
	user   accounts.User
	host   string
	header http.Header
}

// caller adds a person with credit to a shop, and their key.
func (p *plant) caller(t tenants.Tenant, name string, role accounts.Role, credit string) *caller {
	p.t.Helper()
	ctx := context.Background()
	user, _, err := p.deps.Accounts.Create(ctx, t, accounts.NewUser{Email: name + "@" + t.Slug + ".test", Name: name, Role: role, Password: password, Actor: "test"})
	p.must(err)
	if credit != "" {
		p.must(p.deps.Ledger.Grant(ctx, t, "test", user.ID, decimal.RequireFromString(credit), "Welcome", uuid.NewString()))
	}
	return p.withKey(t, user)
}

func (p *plant) withKey(t tenants.Tenant, user accounts.User) *caller {
	p.t.Helper()
	key, secret, err := p.deps.Accounts.CreateKey(context.Background(), t, user.ID, "test")
	p.must(err)
	return &caller{p: p, shop: t, user: user, host: t.Slug + "." + tenanttest.Domain,
		header: http.Header{"X-Api-Key": {key.Key}, "X-Api-Secret": {secret}, "Content-Type": {"application/json"}}}
}

// with is the same caller who sends a header more; an empty value takes one away.
func (c *caller) with(name, value string) *caller {
	other := *c
	other.header = c.header.Clone()
	if other.header.Set(name, value); value == "" {
		other.header.Del(name)
	}
	return &other
}

// at is the same caller at another host.
func (c *caller) at(host string) *caller {
	other := *c
	other.host = host
	return &other
}

type object = map[string]any

// reply is what the API answered.
type reply struct {
	status int
	header http.Header
	text   string
	body   object
}

func (c *caller) send(method, path string, body any) reply {
	c.p.t.Helper()
	text, raw := body.(string)
	if !raw && body != nil {
		b, err := json.Marshal(body)
		c.p.must(err)
		text = string(b)
	}
	r := httptest.NewRequest(method, "http://placeholder.test/api/"+path, bytes.NewReader([]byte(text)))
	r.Host, r.Header = c.host, c.header.Clone()
	rec := httptest.NewRecorder()
	c.p.handler.ServeHTTP(rec, r)
	got := reply{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &got.body)
	return got
}

func (c *caller) get(path string) reply { c.p.t.Helper(); return c.send("GET", "public/"+path, nil) }

func (c *caller) post(path string, body any) reply {
	c.p.t.Helper()
	return c.send("POST", "public/"+path, body)
}

// want fails the test on another status, and on fields beside those named.
func (r reply) want(t testing.TB, status int, fields ...string) object {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.text)
	}
	if len(fields) > 0 {
		wantFields(t, r.body, fields...)
	}
	return r.body
}

// wantFields fails the test unless an object has exactly these fields.
func wantFields(t testing.TB, o object, fields ...string) {
	t.Helper()
	left := map[string]bool{}
	for name := range o {
		left[name] = true
	}
	for _, f := range fields {
		if !left[f] {
			t.Errorf("%q is missing in %v", f, o)
		}
		delete(left, f)
	}
	for name := range left {
		t.Errorf("%q is not of the contract: %v", name, o)
	}
}

func wantValues(t testing.TB, o, want object) {
	t.Helper()
	for name, value := range want {
		if o[name] != value {
			t.Errorf("%s is %v, want %v", name, o[name], value)
		}
	}
}

// refused fails the test unless the answer is an error of this shape, status and
// code, about these fields.
func (r reply) refused(t testing.TB, status int, code string, fields ...string) {
	t.Helper()
	r.want(t, status, "error")
	e, _ := r.body["error"].(object)
	if e["code"] != code || e["message"] == "" || e["request_id"] != r.header.Get("X-Request-Id") || e["request_id"] == "" {
		t.Errorf("error %v, want code %s", e, code)
	}
	said, _ := e["fields"].(object)
	if len(said) != len(fields) {
		t.Errorf("fields %v, want %v", said, fields)
	}
	for _, f := range fields {
		if text, _ := said[f].(string); text == "" {
			t.Errorf("nothing is said about %s: %v", f, said)
		}
	}
}

// order takes a desktop that runs.
func (c *caller) order(body object) string {
	c.p.t.Helper()
	if body["workspace_type"] == nil {
		body["workspace_type"] = "business_basic"
	}
	return fmt.Sprint(c.post("create_workspace", body).want(c.p.t, 201)["workspace_id"])
}

// pass lets business time pass.
func (p *plant) pass(d time.Duration) {
	p.t.Helper()
	_, err := p.deps.TestClock.Move(context.Background(), testclock.Move{Advance: &d})
	p.must(err)
}

// simSettings changes how the simulator behaves.
func (p *plant) simSettings(to object) {
	p.t.Helper()
	text, err := json.Marshal(to)
	p.must(err)
	res, err := http.Post(p.sim+"/sim/settings", "application/json", bytes.NewReader(text))
	p.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("the simulator's settings: %d", res.StatusCode)
	}
}

func list(t testing.TB, o object, name string) (all []object) {
	t.Helper()
	items, ok := o[name].([]any)
	if !ok {
		t.Fatalf("%s is no list in %v", name, o)
	}
	for _, i := range items {
		one, _ := i.(object)
		all = append(all, one)
	}
	return all
}
