package web

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// roomyHost is a desktop host that says what room it has and what a stop keeps.
type roomyHost struct {
	workspaces.Driver
	room  workspaces.Room
	keeps workspaces.Keeping
}

func (h *roomyHost) Room(context.Context) (workspaces.Room, error) { return h.room, nil }

func (h *roomyHost) Keeps(context.Context) (workspaces.Keeping, error) { return h.keeps, nil }

// fetching is a host that downloads what a desktop is made from.
type fetching struct{ linkHost }

func (*fetching) Prepare(context.Context, string) error { return nil }

func (*fetching) Preparing(string) (workspaces.Progress, bool) {
	return workspaces.Progress{Percent: 43, Sentence: "Downloading the desktop's image: 43 % of 1.2 GB."}, true
}

// withRoomy gives the world one host of Kasm's kind. What it says is never believed
// for longer than one question, because a minute passes between any two.
func withRoomy(h *roomyHost) func(*Deps) {
	return func(d *Deps) {
		var minutes atomic.Int64
		d.Workspaces.Wall = func() time.Time { return noon.Add(time.Duration(minutes.Add(1)) * time.Minute) }
		d.Workspaces.Fleet = workspaces.Hosts{{ID: uuid.New(), Name: "kasm", Kind: "kasm", Active: true, Driver: h}}
	}
}

// small has room for the smallest desktops only.
func small() workspaces.Room {
	return workspaces.Room{Known: true, Free: -1, Spaces: []workspaces.Space{{MilliCPU: 2000, RAMMB: 4096}}}
}

// none has no room at all.
func none() workspaces.Room { return workspaces.Room{Known: true, Free: 0} }

// counting makes a running desktop stop by itself in about four minutes, when nobody
// was connected for 30.
func (d desktops) counting(w workspaces.Workspace) {
	d.t.Helper()
	d.exec(`update kasm_workspaces set idle_stop_minutes = 30, last_used_at = $2, idle_warned_at = $3 where id = $1`,
		w.ID, noon.Add(-25*time.Minute-48*time.Second), noon.Add(-5*time.Minute))
}

// The pages about what starts and stops a desktop, and the order form when there is
// little room, on a phone and on a large screen, in both schemes.
func TestRulesAreCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	host := &roomyHost{keeps: workspaces.KeepsProfile}
	w := newWorld(t, withRoomy(host))
	brand := tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#F59E0B", SupportEmail: "help@northwind.example"}
	if err := w.deps.DB.SetBranding(t.Context(), w.a.ID, brand); err != nil {
		t.Fatal(err)
	}
	d, ada, b := w.ada(t)
	d.price("developer_basic", "0.20")
	idle, limited, lost := d.order(ada, "developer_basic"), d.order(ada, "developer_basic"), d.order(ada, "business_pro")
	d.runs(idle, at(11, 23), at(11, 53))
	d.counting(idle)
	d.runs(limited, at(11, 23), at(11, 53))
	d.exec(`update kasm_workspaces set run_limit = 5400, run_budget = 0.3, idle_stop_minutes = 60, last_used_at = $2 where id = $1`, limited.ID, noon)
	d.ran(lost, at(9, 0), time.Hour)
	d.exec(`update kasm_workspaces set failure = 'The desktop did not come up. Nothing was charged.', kasm_workspace_id = 'd-1', kasm_user_id = 'u' where id = $1`, lost.ID)
	timetable, err := workspaces.ParseSchedule("09:00", "18:00", []string{"mon", "tue", "wed", "thu", "fri"}, "Europe/Berlin")
	if err == nil {
		err = w.deps.Workspaces.SetSchedule(t.Context(), w.a, workspaces.Who{UserID: ada.ID}, limited.ID, timetable)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, w)
	s.wear(b)
	pages := []struct {
		name, path, submit string
		room, then         workspaces.Room // when the page is drawn, and when its form is sent
	}{
		{name: "rules-idle", path: "/workspaces/" + idle.ID.String()}, {name: "rules-limited", path: "/workspaces/" + limited.ID.String()},
		{name: "rules-lost", path: "/workspaces/" + lost.ID.String()}, {name: "rules-dashboard", path: "/"},
		{name: "rules-wrong", path: "/workspaces/" + idle.ID.String(), submit: `form[action$="/schedule"]`},
		{name: "order-little-room", path: "/kasm/order", room: small(), then: small()}, {name: "order-full", path: "/kasm/order", room: none()},
		{name: "order-refused", path: "/kasm/order", then: none(), submit: "form.order"},
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			s.emulate(scheme, width)
			for _, p := range pages {
				host.room = p.room
				s.Go(s.address(b.host, p.path))
				host.room = p.then
				if p.submit == "form.order" {
					s.Click("#order")
					s.Reads("The order was not taken")
				} else if p.submit != "" {
					s.submit(p.submit)
				}
				s.check(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
			}
		}
	}
}

// A start that no host has room for is answered where it was asked, in the place of
// the card and without another page.
func TestAFullHostAnswersInTheCard(t *testing.T) {
	t.Parallel()
	host := &roomyHost{keeps: workspaces.KeepsDisk}
	w := newWorld(t, withRoomy(host))
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), time.Hour)
	host.room = none()
	s := newScreen(t, w)
	s.wear(b)
	s.emulate("light", 390)
	for _, path := range []string{"/", "/workspaces/" + desk.ID.String()} {
		s.Go(s.address(b.host, path))
		s.Eval("document.body.dataset.same = 'yes'")
		s.Press("Start Developer Basic")
		s.See("the reason in the card, and the focus on its button", `document.querySelector(".desk .notice")?.textContent.includes("Nothing was charged") &&
			document.activeElement?.id.endsWith("-start") && document.body.dataset.same === "yes"`)
		if wrong := s.Wrong(); wrong != "" {
			t.Errorf("%s:\n%s", path, wrong)
		}
		s.Clean("503")
	}
}
