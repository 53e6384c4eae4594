package workspaces_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

func TestOrderRunStopStartDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.order()
	if ws.Status != workspaces.Provisioning || !strings.Contains(ws.AccessURL, "/workspaces/"+ws.ID.String()+"/launch") {
		t.Fatalf("ordered: %+v", ws)
	}
	c := w.reach(ws.ID, workspaces.Running)
	if c.ServiceStatus != "active" || c.ProvisionedAt == nil || c.LastStartedAt == nil || w.dues("deadline") != 0 {
		t.Errorf("running: %+v", c)
	}
	name, password, err := w.service.Credentials(w.ctx, w.shop, w.who(), ws.ID)
	if err != nil || !strings.HasPrefix(name, "ez.acme.") || len(password) < 20 {
		t.Errorf("credentials %q, %d characters, %v", name, len(password), err)
	}
	w.advance(22 * time.Minute)
	if got := w.sessions(ws.ID)[0]; got.Charged != 2 || !got.Running() {
		t.Errorf("after 22 minutes %d blocks", got.Charged)
	}
	stopped, err := w.service.Stop(w.ctx, w.shop, w.who(), ws.ID, "customer")
	if err != nil || stopped.Status != workspaces.Stopped {
		t.Fatalf("stop: %v %+v", err, stopped)
	}
	s := w.sessions(ws.ID)[0]
	if s.Running() || s.StoppedAt.Sub(s.StartedAt) != 22*time.Minute || s.TotalCost.String() != "0.1" || *s.EndedBy != "customer" {
		t.Errorf("the session ends at once: %+v", s)
	}
	w.settle()
	w.round()
	if c := w.card(ws.ID); c.Observed != workspaces.SeenStopped || c.DesktopID == nil || w.live() != 0 {
		t.Errorf("the host: %s, %d live", c.Observed, w.live())
	}
	kept := *w.card(ws.ID).DesktopID
	w.advance(time.Hour)
	again, err := w.service.Start(w.ctx, w.shop, w.who(), ws.ID, "customer")
	if err != nil || again.Run != 2 {
		t.Fatalf("start: %v %+v", err, again)
	}
	if c := w.reach(ws.ID, workspaces.Running); *c.DesktopID != kept || w.host.count() != 1 {
		t.Errorf("resumed %s after %d requests, want the kept desktop", *c.DesktopID, w.host.count())
	}
	w.advance(time.Minute)
	gone, err := w.service.Destroy(w.ctx, w.shop, w.who(), ws.ID, "customer")
	if err != nil || gone.Status != workspaces.Terminated {
		t.Fatalf("destroy: %v %+v", err, gone)
	}
	w.settle()
	w.round()
	if c := w.card(ws.ID); c.Observed != workspaces.SeenGone || c.DesktopID != nil || c.ServiceStatus != "terminated" {
		t.Errorf("destroyed: %+v", c)
	}
	if l, _ := w.host.List(w.ctx); len(l.Desktops) != 0 {
		t.Errorf("the host still lists %d desktops", len(l.Desktops))
	}
	if n := len(w.sessions(ws.ID)); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
	w.checkBooks()
	if first := w.announced("workspace.running"); len(first) != 2 || !first[0].First || first[1].First {
		t.Errorf("announced running %+v", first)
	}
	for _, kind := range []string{"block", "deadline", "limit", "converge"} {
		if n := w.dues(kind); n != 0 {
			t.Errorf("%d %s times are left", n, kind)
		}
	}
}

func TestOrdersThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := func(o workspaces.Order) error {
		if o.UserID == uuid.Nil {
			o.UserID = w.user
		}
		_, err := w.service.Order(w.ctx, w.shop, o)
		return err
	}
	field := func(err error, name string) bool {
		var e *fail.Error
		return errors.As(err, &e) && e.Kind == fail.Invalid && e.Fields[name] != ""
	}
	code := func(err error) string {
		var e *fail.Error
		_ = errors.As(err, &e)
		if e == nil {
			return ""
		}
		return e.Code
	}
	if err := order(workspaces.Order{PlanType: "mega"}); !field(err, "workspace_type") {
		t.Errorf("no such plan: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic", Template: "nothing such"}); !field(err, "template") {
		t.Errorf("no such template: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic", Template: "ubuntu with vs code"}); !field(err, "template") {
		t.Errorf("a template of another type: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic", SessionDuration: -1}); !field(err, "session_duration") {
		t.Errorf("a negative duration: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic", UserID: w.newUser("active", false)}); code(err) != "email_unverified" {
		t.Errorf("not verified: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic", UserID: w.newUser("suspended", true)}); !fail.Is(err, fail.Forbidden) {
		t.Errorf("suspended: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic", UserID: uuid.New()}); !fail.Is(err, fail.NotFound) {
		t.Errorf("nobody: %v", err)
	}
	w.credit.set(true)
	if err := order(workspaces.Order{PlanType: "business_basic"}); !fail.Is(err, fail.PaymentRequired) {
		t.Errorf("no credit: %v", err)
	}
	w.credit.set(false)
	w.exec(`insert into settings (key, value) values ('workspaces_per_user', '1')`)
	if err := order(workspaces.Order{PlanType: "developer_basic", Template: "uBuNtU with VS Code"}); err != nil {
		t.Errorf("a template in another case: %v", err)
	}
	if err := order(workspaces.Order{PlanType: "business_basic"}); code(err) != "workspace_limit" {
		t.Errorf("one too many: %v", err)
	}
}

func TestForeignWorkspacesAreMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	other := workspaces.Who{UserID: w.newUser("active", true)}
	_, start := w.service.Start(w.ctx, w.shop, other, c.ID, "customer")
	_, stop := w.service.Stop(w.ctx, w.shop, other, c.ID, "customer")
	_, destroy := w.service.Destroy(w.ctx, w.shop, other, c.ID, "customer")
	_, launch := w.service.Launch(w.ctx, w.shop, other, c.ID)
	_, _, secret := w.service.Credentials(w.ctx, w.shop, other, c.ID)
	_, unknown := w.service.Stop(w.ctx, w.shop, w.who(), uuid.New(), "customer")
	var card workspaces.Card
	read := w.db.Read(w.ctx, w.shop, workspaces.CardQ(&card, other.UserID, c.ID))
	for name, err := range map[string]error{"start": start, "stop": stop, "destroy": destroy, "launch": launch, "credentials": secret, "unknown": unknown, "card": read} {
		if !fail.Is(err, fail.NotFound) {
			t.Errorf("%s: %v, want missing", name, err)
		}
	}
	if got := w.card(c.ID); got.Status != workspaces.Running {
		t.Errorf("a stranger changed it to %s", got.Status)
	}
	if _, err := w.service.Stop(w.ctx, w.shop, workspaces.Who{UserID: other.UserID, Staff: true}, c.ID, "staff"); err != nil {
		t.Errorf("staff: %v", err)
	}
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	link, err := w.service.Launch(w.ctx, w.shop, w.who(), c.ID)
	if err != nil || !strings.HasPrefix(link.Link.Reveal(), w.simURL+"/#/connect/") {
		t.Errorf("launch: %v", err)
	}
	w.set(map[string]any{"unreachable": true})
	if _, err := w.service.Launch(w.ctx, w.shop, w.who(), c.ID); !fail.Is(err, fail.Unavailable) {
		t.Errorf("unreachable: %v", err)
	}
	w.set(map[string]any{"unreachable": false})
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.Launch(w.ctx, w.shop, w.who(), c.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("stopped: %v", err)
	}
}

func TestTwoStartsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(time.Minute)
	if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.round()
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if ws, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil || ws.Run != 2 {
				t.Errorf("start: %v, run %d", err, ws.Run)
			}
		})
	}
	wg.Wait()
	w.reach(c.ID, workspaces.Running)
	if n := len(w.announced("workspace.start_requested")); n != 1 || len(w.sessions(c.ID)) != 2 || w.live() != 1 {
		t.Errorf("%d starts, %d sessions, %d desktops", n, len(w.sessions(c.ID)), w.live())
	}
}

func TestCancelledWhileItComesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(map[string]any{"start_delay_ms": 3_600_000})
	ws := w.order()
	bustest.Until(w, "the desktop is asked for", w.bus.Handled(), func() bool { return w.host.count() == 1 })
	stopped, err := w.service.Stop(w.ctx, w.shop, w.who(), ws.ID, "customer")
	if err != nil || stopped.Status != workspaces.Stopped {
		t.Fatalf("cancel: %v %+v", err, stopped)
	}
	w.settle()
	w.round()
	if c := w.card(ws.ID); c.Status != workspaces.Stopped || c.DesktopID != nil || w.live() != 0 {
		t.Errorf("after the cancel: %s, %d live", c.Status, w.live())
	}
	if len(w.sessions(ws.ID)) != 0 || w.dues("deadline") != 0 {
		t.Errorf("V10: %d sessions", len(w.sessions(ws.ID)))
	}
	w.set(map[string]any{"start_delay_ms": 0})
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), ws.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.reach(ws.ID, workspaces.Running)
}

func TestAnAgeLimitStopsExactly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic", SessionDuration: 1800, StartedBy: "api"})
	if err != nil {
		t.Fatal(err)
	}
	w.reach(ws.ID, workspaces.Running)
	w.advance(2 * time.Hour)
	s := w.sessions(ws.ID)[0]
	if s.Running() || s.StoppedAt.Sub(s.StartedAt) != 30*time.Minute || s.Charged != 2 || *s.EndedBy != "limit" {
		t.Errorf("the session: %+v", s)
	}
	if w.live() != 0 {
		t.Error("the desktop runs on")
	}
	w.checkBooks()
}

// Without any round of its own accord, a block that begins asks for its proof.
func TestADueBlockAsksForItsProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	for n := 2; n < 5; n++ {
		w.clock.Set(w.clock.Now().Add(15*time.Minute+time.Millisecond), 0)
		w.setSimClock()
		w.bus.WakeDue()
		w.settle()
		if s := w.sessions(c.ID)[0]; s.Charged != n {
			t.Fatalf("%d blocks, want %d", s.Charged, n)
		}
	}
	w.checkBooks()
}

func TestASuspendedShopFinishesThePaidBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(5 * time.Minute)
	if err := w.db.SetStatus(w.ctx, w.shop.ID, tenants.Suspended, "unpaid"); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Registry().Refresh(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.shop, _ = w.db.Registry().ByID(w.shop.ID)
	if _, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "business_basic"}); !fail.Is(err, fail.Unavailable) {
		t.Errorf("an order: %v", err)
	}
	w.advance(time.Minute)
	if got := w.card(c.ID); got.Status != workspaces.Running {
		t.Errorf("inside the paid block: %s", got.Status)
	}
	w.advance(time.Hour)
	s := w.sessions(c.ID)[0]
	if s.Running() || s.Charged != 1 || s.StoppedAt.Sub(s.StartedAt) != 15*time.Minute {
		t.Errorf("the session: %+v", s)
	}
	if _, err := w.service.Start(w.ctx, w.shop, w.who(), c.ID, "customer"); !fail.Is(err, fail.Unavailable) {
		t.Errorf("a start: %v", err)
	}
}

func TestReadModels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	var list, page, shop []workspaces.Card
	var one, byService workspaces.Card
	var plans []workspaces.Plan
	var templates []workspaces.Template
	err := w.db.Read(w.ctx, w.shop, workspaces.ListQ(&list, w.user), workspaces.PageQ(&page, w.user, nil, nil, 5), workspaces.ShopQ(&shop, 5),
		workspaces.ByIDQ(&one, c.ID), workspaces.ByServiceQ(&byService, w.user, c.ServiceID), workspaces.PlansQ(&plans), workspaces.TemplatesQ(&templates))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || len(page) != 1 || len(shop) != 1 || one.ID != c.ID || byService.ID != c.ID || len(plans) != 6 || len(templates) < 6 || len(templates[0].Apps) == 0 {
		t.Errorf("%d %d %d, %d plans, %d templates", len(list), len(page), len(shop), len(plans), len(templates))
	}
	var next []workspaces.Card
	if err := w.db.Read(w.ctx, w.shop, workspaces.PageQ(&next, w.user, &page[0].CreatedAt, &page[0].ID, 5)); err != nil || len(next) != 0 {
		t.Errorf("next page: %d, %v", len(next), err)
	}
	if all, err := w.service.Attention(w.ctx); err != nil || len(all) != 0 {
		t.Errorf("attention: %+v, %v", all, err)
	}
}
