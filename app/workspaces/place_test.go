package workspaces_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// fleet is a list of hosts that a test may change.
type fleet struct {
	mu    sync.Mutex
	hosts workspaces.Hosts
}

func (f *fleet) Hosts(context.Context) ([]workspaces.Host, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.hosts), nil
}

func (f *fleet) change(i int, fn func(*workspaces.Host)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(&f.hosts[i])
}

// roomy is a driver whose room a test decides, and that may have to fetch its images.
type roomy struct {
	workspaces.Driver
	mu        sync.Mutex
	room      workspaces.Room
	asked     int
	preparing bool
	refusal   error // of a request
}

func (r *roomy) Room(context.Context) (workspaces.Room, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return r.room, nil
}

func (r *roomy) Request(ctx context.Context, w workspaces.Wish) (string, error) {
	r.mu.Lock()
	preparing, refusal := r.preparing, r.refusal
	r.mu.Unlock()
	switch {
	case preparing:
		return "", &workspaces.HostError{Kind: workspaces.HostPreparing, Message: "the image is being fetched"}
	case refusal != nil:
		return "", refusal
	}
	return r.Driver.Request(ctx, w)
}

func (r *roomy) Prepare(context.Context, string) error { return nil }

func (r *roomy) Preparing(string) (workspaces.Progress, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return workspaces.Progress{Percent: 43, Sentence: "Downloading the image: 43 %."}, r.preparing
}

func (r *roomy) set(fn func(*roomy)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(r)
}

// secondHost adds another server, with nothing on it.
func (w *world) secondHost() *roomy {
	w.Helper()
	sim, err := kasmsim.New(kasmsim.Options{StartDelay: -1, StopDelay: -1})
	if err != nil {
		w.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	w.Cleanup(server.Close)
	client, err := kasm.New(kasm.Config{URL: server.URL, Key: sim.Key(), Secret: sim.Secret()})
	if err != nil {
		w.Fatal(err)
	}
	second := &roomy{Driver: kasm.NewDriver(client, time.Now)}
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	w.fleet.hosts = append(w.fleet.hosts, workspaces.Host{ID: uuid.New(), Name: "second", Kind: "kasm", Active: true, Driver: second})
	return second
}

// firstRoom puts a decided room before the first host.
func (w *world) firstRoom(room workspaces.Room) *roomy {
	first := &roomy{Driver: w.host, room: room}
	w.fleet.change(0, func(h *workspaces.Host) { h.Driver = first })
	return first
}

func (w *world) hostOf(c workspaces.Card) string {
	w.Helper()
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	for _, h := range w.fleet.hosts {
		if c.ServerID != nil && *c.ServerID == h.ID {
			return h.Name
		}
	}
	return "nowhere"
}

var full = workspaces.Room{Known: true}

func TestANewDesktopGoesWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.secondHost()
	first := w.firstRoom(full)
	if on := w.hostOf(w.running()); on != "second" {
		t.Errorf("the first host is full, and the desktop is on %s", on)
	}
	// A small machine beside a large one: the large desktop fits the second only.
	first.set(func(r *roomy) {
		r.room = workspaces.Room{Known: true, Free: -1, Spaces: []workspaces.Space{{MilliCPU: 2000, RAMMB: 4096}}}
	})
	ws, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_enterprise", StartedBy: "customer"})
	if err != nil {
		t.Fatal(err)
	}
	if on := w.hostOf(w.reach(ws.ID, workspaces.Running)); on != "second" {
		t.Errorf("the large desktop is on %s", on)
	}
	w.fleet.change(1, func(h *workspaces.Host) { h.Active = false })
	if on := w.hostOf(w.running()); on != "simulator" {
		t.Errorf("the second host is draining, and a new desktop is on %s", on)
	}
}

func TestAHostThatRefusesSendsTheStartToTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.secondHost()
	w.firstRoom(workspaces.Room{Known: true, Free: 1 << 19}) // preferred, and wrong about itself
	w.set(map[string]any{"capacity": 0})
	if on := w.hostOf(w.running()); on != "second" {
		t.Errorf("the desktop is on %s", on)
	}
}

// A request whose answer was lost may have made a desktop, so no other host is asked
// for the same start.
func TestAnUncertainRequestStaysWithItsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.secondHost()
	lost := false
	w.host.afterRequest(func(id string, err error) (string, error) {
		if !lost {
			lost = true
			w.fleet.change(0, func(h *workspaces.Host) { h.Active = false }) // which alone would send it elsewhere
			return "", &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "the answer was lost"}
		}
		return id, err
	})
	w.firstRoom(workspaces.Room{Known: true, Free: 1 << 19})
	c := w.reach(w.order().ID, workspaces.Running)
	if on := w.hostOf(c); on != "simulator" || w.host.count() != 1 {
		t.Errorf("after %d requests the desktop is on %s", w.host.count(), on)
	}
}

func TestAFullHouseIsSaidBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.firstRoom(full)
	order := workspaces.Order{UserID: w.user, PlanType: "business_basic", StartedBy: "customer"}
	_, err := w.service.Order(w.ctx, w.shop, order)
	var refused *fail.Error
	if !errors.As(err, &refused) || refused.Kind != fail.Unavailable || refused.Code != workspaces.CodeNoCapacity {
		t.Fatalf("an order without room: %v", err)
	}
	if n := w.rows(); n != 0 {
		t.Errorf("%d workspaces were written", n)
	}
	if rooms := w.service.Rooms(w.ctx); rooms.Fits("kasm", 2, 4096) || rooms.None("kasm") || !rooms.None("docker") {
		t.Errorf("the rooms are %+v", rooms)
	}
	// Room that has just come free is seen, although the answer before is young.
	first.set(func(r *roomy) { r.room = workspaces.Room{} })
	bustest.Until(w, "the room is asked for again", w.bus.Handled(), func() bool {
		ws, err := w.service.Order(w.ctx, w.shop, order)
		return err == nil && ws.Status == workspaces.Provisioning
	})

	order.PlanType = "no_such_plan"
	first.set(func(r *roomy) { r.room = full })
	if _, err := w.service.Order(w.ctx, w.shop, order); !fail.Is(err, fail.Invalid) {
		t.Errorf("a wrong order is told what is wrong first: %v", err)
	}
	w.exec(`update plans set driver = 'docker' where service_type = 'business_basic'`)
	order.PlanType = "business_basic"
	if _, err := w.service.Order(w.ctx, w.shop, order); !fail.Is(err, fail.Unavailable) {
		t.Errorf("a plan without any host: %v", err)
	}
}

func TestAStoppedDesktopWaitsForRoomOnItsOwnHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.secondHost()
	w.fleet.change(1, func(h *workspaces.Host) { h.Active = false })
	c := w.running()
	w.fleet.change(1, func(h *workspaces.Host) { h.Active = true })
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	bustest.Until(w, "the host has stopped it", w.bus.Handled(), func() bool {
		_ = w.rounds.Round(w.ctx)
		return w.card(c.ID).Observed == workspaces.SeenStopped
	})
	w.firstRoom(full)
	bustest.Until(w, "the old answer about the room is forgotten", w.bus.Handled(), func() bool {
		rooms := w.service.Rooms(w.ctx)
		return len(rooms) == 2 && rooms[0].Room.Known
	})
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); !fail.Is(err, fail.Unavailable) {
		t.Errorf("its own host is full: %v", err)
	}
	if got := w.card(c.ID); got.Status != workspaces.Stopped {
		t.Errorf("the workspace is %s", got.Status)
	}
	if got, err := w.service.StartFresh(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil || got.Status != workspaces.Provisioning {
		t.Fatalf("a fresh start needs no particular host: %v", err)
	}
	fresh := w.reach(c.ID, workspaces.Running)
	if w.hostOf(fresh) != "second" || *fresh.DesktopID == *c.DesktopID {
		t.Errorf("the fresh desktop is on %s", w.hostOf(fresh))
	}
	bustest.Until(w, "the old desktop is gone", w.bus.Handled(), func() bool { return w.live() == 0 })
	if n := len(w.sessions(c.ID)); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

func TestTheOperatorsCapacityHoldsForOrdersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fleet.change(0, func(h *workspaces.Host) { h.Capacity = 3 })
	w.round() // which counts
	var wait sync.WaitGroup
	for range 8 {
		user := w.newUser("active", true)
		wait.Go(func() {
			_, _ = w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: user, PlanType: "business_basic", StartedBy: "customer"})
		})
	}
	wait.Wait()
	w.settle()
	w.advance(time.Minute)
	if n := w.live(); n != 3 {
		t.Errorf("%d desktops on a host that is meant to have 3", n)
	}
}

func TestAStartWaitsForItsImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.firstRoom(workspaces.Room{})
	first.set(func(r *roomy) { r.preparing = true })
	ws := w.order()
	bustest.Until(w, "the image is being fetched", w.bus.Handled(), func() bool {
		p, waits := w.service.Preparing(w.ctx, w.card(ws.ID).Workspace)
		return waits && p.Percent == 43
	})
	w.advance(20 * time.Minute) // long past the time that a start may usually take
	if c := w.card(ws.ID); c.Status != workspaces.Provisioning || c.Tries != 0 {
		t.Fatalf("the start is %s after %d tries: %s", c.Status, c.Tries, c.Failure)
	}
	first.set(func(r *roomy) { r.preparing = false })
	w.advance(10 * time.Second)
	c := w.reach(ws.ID, workspaces.Running)
	if _, waits := w.service.Preparing(w.ctx, c.Workspace); waits {
		t.Error("it still says that it waits")
	}
}

func TestAnImageThatNeverComesEndsTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.firstRoom(workspaces.Room{}).set(func(r *roomy) { r.preparing = true })
	ws := w.order()
	w.settle()
	w.advance(70 * time.Minute)
	if c := w.card(ws.ID); c.Status != workspaces.Failed || c.FailureCode != workspaces.CodeDeadline {
		t.Errorf("the start is %s (%s)", c.Status, c.FailureCode)
	}
	if n := len(w.sessions(ws.ID)); n != 0 {
		t.Errorf("%d sessions of a desktop that never ran", n)
	}
}

// A resume that does not come up bills nothing, and the fresh start that is offered
// then gives the old desktop up.
func TestAResumeThatNeverComesUpOffersAFreshStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	bustest.Until(w, "it is off", w.bus.Handled(), func() bool {
		_ = w.rounds.Round(w.ctx)
		return w.card(c.ID).Observed == workspaces.SeenStopped
	})
	w.set(map[string]any{"resume_delay_ms": 3_600_000})
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.advance(5 * time.Minute)
	late := w.card(c.ID)
	if late.Status != workspaces.Stopped || late.FailureCode != workspaces.CodeDeadline || len(w.sessions(c.ID)) != 1 {
		t.Fatalf("after the deadline it is %s (%s)", late.Status, late.FailureCode)
	}
	if _, err := w.service.StartFresh(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	fresh := w.reach(c.ID, workspaces.Running)
	if *fresh.DesktopID == *c.DesktopID || w.live() != 1 {
		t.Errorf("%d desktops live", w.live())
	}
	if n := len(w.sessions(c.ID)); n != 2 {
		t.Errorf("%d sessions; the resume that failed is none", n)
	}
}

func (w *world) rows() (n int) {
	w.Helper()
	if err := w.db.Read(w.ctx, w.shop, tenants.GetQ(&n, "count", `select count(*) from kasm_workspaces`)); err != nil {
		w.Fatal(err)
	}
	return n
}
