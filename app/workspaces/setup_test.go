package workspaces_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// world is the whole of the product that a desktop needs, with the simulator as
// its host and a clock that stands still until it is moved.
type world struct {
	*testing.T
	ctx     context.Context
	db      *tenants.DB
	shop    tenants.Tenant
	clock   *clock.Movable
	sim     *kasmsim.Sim
	simURL  string
	host    *host
	fleet   *fleet
	credit  *credit
	books   *ledger.Service // nil where everybody pays later
	service *workspaces.Service
	rounds  *workspaces.Reconciler
	bus     *bus.Bus
	user    uuid.UUID
}

// credit lets everybody start unless told otherwise.
type credit struct {
	mu     sync.Mutex
	refuse bool
}

func (c *credit) MayStart(context.Context, tenants.Tx, uuid.UUID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse {
		return fail.Coded(fail.PaymentRequired, "payment_required", "Add credits or a payment method first.")
	}
	return nil
}

func (c *credit) set(refuse bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = refuse
}

// host is the true driver, with a place to put a crash or a pause into.
type host struct {
	workspaces.Driver
	mu        sync.Mutex
	requests  int
	requested func(desktop string, err error) (string, error)
	stopping  func() error
}

func (h *host) Request(ctx context.Context, wish workspaces.Wish) (string, error) {
	id, err := h.Driver.Request(ctx, wish)
	h.mu.Lock()
	h.requests++
	after := h.requested
	h.mu.Unlock()
	if after != nil {
		return after(id, err)
	}
	return id, err
}

func (h *host) Stop(ctx context.Context, user, desktop string) error {
	h.mu.Lock()
	before := h.stopping
	h.mu.Unlock()
	if before != nil {
		return before()
	}
	return h.Driver.Stop(ctx, user, desktop)
}

func (h *host) afterRequest(fn func(string, error) (string, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requested = fn
}

func (h *host) insteadOfStop(fn func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = fn
}

func (h *host) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests
}

// start of every world's clock, near real time, as the simulator's begins there.
func begin() time.Time { return time.Now().UTC().Truncate(time.Second).Add(time.Minute) }

func newWorld(t *testing.T) *world {
	t.Helper()
	return makeWorld(t, false)
}

// makeWorld makes a world in which blocks are paid from credit, or later.
func makeWorld(t *testing.T, prepaid bool) *world {
	t.Helper()
	c := clock.NewMovable(begin(), 0)
	db, shop := bustest.Fresh(t, c.Now)
	w := &world{T: t, ctx: t.Context(), db: db, shop: shop, clock: c, credit: &credit{}}
	if prepaid {
		w.books = ledger.New(db)
	}
	w.startSim()
	w.build()
	w.startBus()
	w.user = w.newUser("active", true)
	return w
}

func (w *world) startSim() {
	sim, err := kasmsim.New(kasmsim.Options{StartDelay: -1, StopDelay: -1})
	if err != nil {
		w.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	w.Cleanup(server.Close)
	w.sim, w.simURL = sim, server.URL
	w.setSimClock()
}

func (w *world) build() {
	client, err := kasm.New(kasm.Config{URL: w.simURL, Key: w.sim.Key(), Secret: w.sim.Secret()})
	if err != nil {
		w.Fatal(err)
	}
	w.host = &host{Driver: kasm.NewDriver(client, time.Now)}
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		w.Fatal(err)
	}
	id, err := hosts.New(hosts.Config{DB: w.db, Key: key, Now: w.clock.Now, Wall: time.Now, Log: slog.New(slog.DiscardHandler)}).Ensure(w.ctx,
		hosts.Entry{Name: "simulator", URL: w.simURL, Key: "k", Secret: "s", Simulator: true})
	if err != nil {
		w.Fatal(err)
	}
	w.fleet = &fleet{hosts: workspaces.Hosts{{ID: id, Name: "simulator", Kind: "kasm", Active: true, Driver: w.host}}}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(w.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	w.service = workspaces.New(workspaces.Config{
		DB: w.db, Clock: w.clock, Wall: time.Now, Credit: w.credit, Meter: metering.NewService(log), Sealer: key, Log: log,
		Fleet: w.fleet,
	})
	if w.books != nil {
		w.service.Credit, w.service.Meter = w.books, metering.NewService(log).PaidFrom(w.books)
	}
	w.rounds = workspaces.NewReconciler(w.service)
}

func (w *world) startBus() {
	w.bus, _ = bustest.Start(w, bus.Options{DB: w.db, Clock: w.clock, Log: w.service.Log},
		bus.Consumer{Name: "provisioning", Handle: w.service.OnChange, Names: []string{
			workspaces.EventOrdered, workspaces.EventStartRequested, workspaces.EventStopRequested, workspaces.EventDestroyRequested}},
		bus.Consumer{Name: "converge", Handle: w.service.OnConvergeDue, Names: []string{"converge.due"}},
		bus.Consumer{Name: "deadline", Handle: w.rounds.OnDeadlineDue, Names: []string{"deadline.due"}},
		bus.Consumer{Name: "limit", Handle: w.rounds.OnLimitDue, Names: []string{"limit.due"}},
		bus.Consumer{Name: "idle", Handle: w.rounds.OnIdleDue, Names: []string{"idle.due"}},
		bus.Consumer{Name: "schedule", Handle: w.service.OnScheduleDue, Names: []string{"schedule.due"}},
		bus.Consumer{Name: "block", Handle: w.rounds.OnBlockDue, Names: []string{"block.due"}},
		bus.Consumer{Name: "reserve", Handle: w.service.OnReserveDue, Names: []string{"reserve.due"}, Parallel: 16},
		bus.Consumer{Name: "funds", Handle: w.service.OnFunds, Names: []string{"credit.granted", "credit.added", "funds.changed"}},
		bus.Consumer{Name: "keepalive", Handle: w.service.OnBlockCharged, Names: []string{"block.charged"}},
		bus.Consumer{Name: "keepalive-due", Handle: w.service.OnKeepaliveDue, Names: []string{"keepalive.due"}},
	)
}

func (w *world) post(path string, body any) {
	w.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	resp, err := http.Post(w.simURL+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Fatalf("POST %s: status %d", path, resp.StatusCode)
	}
}

func (w *world) setSimClock() {
	w.Helper()
	w.post("/sim/clock", map[string]any{"now": w.clock.Now().Format(time.RFC3339Nano), "rate": 0})
}

func (w *world) set(settings map[string]any) {
	w.Helper()
	w.post("/sim/settings", settings)
}

// settle waits until everything that is due has had its effect.
func (w *world) settle() {
	w.Helper()
	bustest.Settle(w, w.bus, w.clock.Now())
}

// advance moves the clock from due time to due time, as the demonstration does.
func (w *world) advance(d time.Duration) {
	w.Helper()
	target := w.clock.Now().Add(d)
	for w.clock.Now().Before(target) {
		w.settle()
		next, found, err := w.bus.NextDue(w.ctx, w.clock.Now())
		if err != nil {
			w.Fatal(err)
		}
		if !found || next.After(target) {
			next = target
		}
		w.clock.Set(next, 0)
		w.setSimClock()
		_ = w.rounds.Round(w.ctx)
		w.bus.WakeDue()
		w.settle()
	}
}

func (w *world) round() {
	w.Helper()
	if err := w.rounds.Round(w.ctx); err != nil {
		w.Fatal(err)
	}
	w.settle()
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	err := w.db.In(w.ctx, w.shop, func(tx tenants.Tx) error { _, err := tx.Exec(w.ctx, sql, args...); return err })
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) newUser(status string, verified bool) uuid.UUID {
	w.Helper()
	id := uuid.New()
	w.exec(`insert into users (id, email, name, password_hash, status, email_verified_at, created_at) values ($1, $2, 'Ada Lowell', 'x', $3, case when $4 then $5::timestamptz end, $5)`,
		id, id.String()+"@example.com", status, verified, w.clock.Now())
	return id
}

func (w *world) order() workspaces.Workspace {
	w.Helper()
	ws, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic", StartedBy: "customer"})
	if err != nil {
		w.Fatal(err)
	}
	return ws
}

func (w *world) who() workspaces.Who { return workspaces.Who{UserID: w.user} }

func (w *world) card(id uuid.UUID) workspaces.Card {
	w.Helper()
	var c workspaces.Card
	if err := w.db.Read(w.ctx, w.shop, workspaces.CardQ(&c, w.user, id)); err != nil {
		w.Fatal(err)
	}
	return c
}

// reach makes rounds until the workspace is in the status.
func (w *world) reach(id uuid.UUID, want workspaces.Status) workspaces.Card {
	w.Helper()
	var c workspaces.Card
	bustest.Until(w, "the workspace is "+string(want), w.bus.Handled(), func() bool {
		_ = w.rounds.Round(w.ctx)
		c = w.card(id)
		return c.Status == want
	})
	w.settle()
	return w.card(id)
}

func (w *world) running() workspaces.Card {
	w.Helper()
	return w.reach(w.order().ID, workspaces.Running)
}

func (w *world) sessions(id uuid.UUID) []metering.Session {
	w.Helper()
	var list []metering.Session
	if err := w.db.Read(w.ctx, w.shop, metering.SessionsQ(&list, w.user, metering.Page{Limit: 50, WorkspaceID: id})); err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *world) dues(kind string) (n int) {
	w.Helper()
	if err := w.db.CentralRead(w.ctx, tenants.GetQ(&n, "count", `select count(*) from central.due where kind = $1`, kind)); err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) announced(name string) (list []workspaces.Happened) {
	w.Helper()
	var raw []json.RawMessage
	if err := w.db.CentralRead(w.ctx, tenants.ListQ(&raw, `select payload from central.outbox where subject like '%' || $1 order by id`, name)); err != nil {
		w.Fatal(err)
	}
	for _, r := range raw {
		var h workspaces.Happened
		if err := json.Unmarshal(r, &h); err != nil {
			w.Fatal(err)
		}
		list = append(list, h)
	}
	return list
}

// live counts the desktops that the host has running or on their way.
func (w *world) live() (n int) {
	w.Helper()
	l, err := w.host.List(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	for _, d := range l.Desktops {
		if d.State == workspaces.HostRunning || d.State == workspaces.HostStarting || d.State == workspaces.HostRequested {
			n++
		}
	}
	return n
}

// checkBooks holds every closed session against the simulator's own record.
func (w *world) checkBooks() {
	w.Helper()
	var all []metering.Session
	if err := w.db.Read(w.ctx, w.shop, metering.RecentQ(&all, w.user, 100)); err != nil {
		w.Fatal(err)
	}
	runs := w.sim.Record().Runs
	for _, s := range all {
		want := max(1, metering.Blocks(s.StartedAt, s.LastProofAt, s.BlockSeconds))
		if s.StoppedAt != nil {
			want = metering.Blocks(s.StartedAt, *s.StoppedAt, s.BlockSeconds)
		}
		if s.Charged != want {
			w.Errorf("session %s has %d blocks, want %d", s.ID, s.Charged, want)
		}
		inside := false
		for _, r := range runs {
			from, to := r.RunningFrom.Time, w.clock.Now()
			if r.RunningTo != nil {
				to = r.RunningTo.Time
			}
			end := s.LastProofAt
			if s.StoppedAt != nil {
				end = s.StoppedAt.Truncate(time.Millisecond)
			}
			inside = inside || !s.StartedAt.Before(from) && !end.After(to)
		}
		if !inside {
			w.Errorf("session %s from %s lies in no recorded run", s.ID, s.StartedAt)
		}
	}
}
