package workspaces

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func at(seconds int) time.Time {
	return time.Date(2026, 9, 16, 10, 0, seconds, 0, time.UTC)
}

const patience = 3 * time.Minute

// row makes a workspace in the states, last changed at second 0. A desktop is
// there unless the host has none.
func row(d Desired, o Observed, ran bool) *Workspace {
	w := &Workspace{Desired: d, Observed: o, ChangedAt: at(0), Run: 1, DesktopUsed: ran}
	if o != SeenNone && o != SeenGone {
		id := "d1"
		server := uuid.New()
		w.DesktopID, w.ServerID = &id, &server
	}
	if ran {
		when := at(0)
		w.ProvisionedAt = &when
	}
	w.Status = w.status()
	return w
}

func TestStatusFollowsFromWhatWasAskedAndSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		desired  Desired
		observed Observed
		ran      bool
		failure  string
		want     Status
	}{
		{WantRunning, SeenNone, false, "", Provisioning},
		{WantRunning, SeenStarting, true, "", Provisioning},
		{WantRunning, SeenRunning, true, "", Running},
		{WantRunning, SeenStopping, true, "", Provisioning},
		{WantStopped, SeenRunning, true, "", Stopped},
		{WantStopped, SeenStopping, true, "", Stopped},
		{WantStopped, SeenNone, false, "", Stopped},
		{WantStopped, SeenNone, false, "No room.", Failed},
		{WantStopped, SeenGone, true, "No room.", Stopped},
		{WantTerminated, SeenRunning, true, "", Terminated},
	} {
		w := row(c.desired, c.observed, c.ran)
		w.Failure = c.failure
		if got := w.status(); got != c.want {
			t.Errorf("%s, seen %s, ran %v, failure %q: %s, want %s", c.desired, c.observed, c.ran, c.failure, got, c.want)
		}
	}
}

func TestStartStopDestroy(t *testing.T) {
	t.Parallel()
	w := row(WantStopped, SeenStopped, true)
	if asked, err := w.Start(at(1), patience, "customer"); !asked || err != nil || w.Run != 2 || w.Status != Provisioning || w.DeadlineAt == nil {
		t.Fatalf("start: %v %v %+v", asked, err, w)
	}
	if asked, err := w.Start(at(2), patience, "customer"); asked || err != nil || w.Run != 2 {
		t.Errorf("start again: %v %v, run %d", asked, err, w.Run)
	}
	if asked, err := w.Stop(at(3)); !asked || err != nil || w.Status != Stopped || w.DeadlineAt != nil {
		t.Errorf("cancel: %v %v %+v", asked, err, w)
	}
	if asked, err := w.Stop(at(4)); asked || err != nil {
		t.Errorf("stop again: %v %v", asked, err)
	}
	if !w.Destroy(at(5)) || w.Status != Terminated || w.Destroy(at(6)) {
		t.Errorf("destroy: %+v", w)
	}
	if _, err := w.Start(at(7), patience, "customer"); !fail.Is(err, fail.Conflict) {
		t.Errorf("start of a destroyed one: %v", err)
	}
	if _, err := w.Stop(at(8)); !fail.Is(err, fail.Conflict) {
		t.Errorf("stop of a destroyed one: %v", err)
	}
}

// A run that was stopped in the books is never taken up again: it ends on the host
// first, whatever is asked for in between.
func TestStartedBeforeTheHostWasTold(t *testing.T) {
	t.Parallel()
	w := row(WantRunning, SeenRunning, true)
	for n, ask := range []func(now time.Time) (bool, error){
		w.Stop,
		func(now time.Time) (bool, error) { return w.Start(now, patience, "customer") },
		w.Stop,
		func(now time.Time) (bool, error) { return w.Start(now, patience, "customer") },
	} {
		if asked, err := ask(at(n)); !asked || err != nil {
			t.Fatalf("%d: %v %v", n, asked, err)
		}
		if got := w.next(at(n)); got != stepStop {
			t.Errorf("%d: step %d, want a stop", n, got)
		}
	}
	if e := w.see(HostRunning, at(5), patience); e.open || w.Status != Provisioning {
		t.Errorf("charged again: %+v, %s", e, w.Status)
	}
	if e := w.see(HostStopped, at(6), patience); !e.converge || w.next(at(6)) != stepResume {
		t.Errorf("not resumed: %+v, %s", e, w.Observed)
	}
}

func TestWhatASightingMeans(t *testing.T) {
	t.Parallel()
	type after struct {
		observed Observed
		status   Status
	}
	for _, c := range []struct {
		name  string
		w     *Workspace
		state string
		now   int
		want  effect
		after after
	}{
		{"it came up", row(WantRunning, SeenRequested, false), HostRunning, 3, effect{changed: true, open: true, first: true}, after{SeenRunning, Running}},
		{"it came up again", row(WantRunning, SeenStarting, true), HostRunning, 3, effect{changed: true, open: true}, after{SeenRunning, Running}},
		{"it still runs", row(WantRunning, SeenRunning, true), HostRunning, 3, effect{prove: true}, after{SeenRunning, Running}},
		{"it is on its way", row(WantRunning, SeenRequested, false), HostStarting, 3, effect{}, after{SeenRequested, Provisioning}},
		{"a word not known", row(WantRunning, SeenRunning, true), "saving", 3, effect{}, after{SeenRunning, Running}},
		{"killed", row(WantRunning, SeenRunning, true), absent, 3, effect{changed: true, close: "gone"}, after{SeenGone, Stopped}},
		{"being deleted", row(WantRunning, SeenRunning, true), HostDeleting, 3, effect{changed: true, close: "host"}, after{SeenGone, Stopped}},
		{"stopped on the host", row(WantRunning, SeenRunning, true), HostStopped, 3, effect{changed: true, close: "host"}, after{SeenStopped, Stopped}},
		{"paused on the host", row(WantRunning, SeenRunning, true), HostPaused, 3, effect{changed: true, close: "host"}, after{SeenStopped, Stopped}},
		{"restarted on the host", row(WantRunning, SeenRunning, true), HostStarting, 3, effect{changed: true, close: "host", deadline: true}, after{SeenStarting, Provisioning}},
		{"not listed yet", row(WantRunning, SeenRequested, false), absent, 2, effect{}, after{SeenRequested, Provisioning}},
		{"lost before it ran", row(WantRunning, SeenRequested, false), absent, 9, effect{changed: true, converge: true}, after{SeenNone, Provisioning}},
		{"the resume was lost", row(WantRunning, SeenStarting, true), HostStopped, 9, effect{changed: true, converge: true}, after{SeenStopped, Provisioning}},
		{"the old run is being ended", row(WantRunning, SeenStopping, true), HostRunning, 3, effect{}, after{SeenStopping, Provisioning}},
		{"the old run has ended", row(WantRunning, SeenStopping, true), HostStopped, 3, effect{changed: true, converge: true}, after{SeenStopped, Provisioning}},
		{"the stop before was lost", row(WantRunning, SeenStopping, true), HostRunning, 30, effect{converge: true}, after{SeenStopping, Provisioning}},
		{"the cancelled start still comes up", row(WantRunning, SeenStopping, false), HostStarting, 30, effect{converge: true}, after{SeenStopping, Provisioning}},
		{"the cancelled start is gone", row(WantRunning, SeenStopping, false), absent, 1, effect{changed: true, converge: true}, after{SeenNone, Provisioning}},
		{"the stop is confirmed", row(WantStopped, SeenStopping, true), HostStopped, 3, effect{changed: true, confirmed: true}, after{SeenStopped, Stopped}},
		{"stopped by deletion", row(WantStopped, SeenStopping, true), absent, 3, effect{changed: true, confirmed: true}, after{SeenGone, Stopped}},
		{"the stop takes its time", row(WantStopped, SeenStopping, true), HostRunning, 3, effect{}, after{SeenStopping, Stopped}},
		{"the stop was lost", row(WantStopped, SeenStopping, true), HostRunning, 30, effect{converge: true}, after{SeenStopping, Stopped}},
		{"it woke up by itself", row(WantStopped, SeenStopped, true), HostRunning, 3, effect{changed: true, converge: true}, after{SeenRunning, Stopped}},
		{"destroyed", row(WantTerminated, SeenStopping, true), absent, 3, effect{changed: true, confirmed: true}, after{SeenGone, Terminated}},
		{"destroyed but stopped", row(WantTerminated, SeenStopping, true), HostStopped, 30, effect{converge: true}, after{SeenStopping, Terminated}},
		{"no desktop", row(WantStopped, SeenNone, false), absent, 3, effect{}, after{SeenNone, Stopped}},
	} {
		got := c.w.see(c.state, at(c.now), patience)
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if (after{c.w.Observed, c.w.Status}) != c.after {
			t.Errorf("%s: seen %s, status %s; want %+v", c.name, c.w.Observed, c.w.Status, c.after)
		}
	}
}

func TestTheNextStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		w    *Workspace
		now  int
		want step
	}{
		{"ordered", row(WantRunning, SeenNone, false), 1, stepRequest},
		{"on its way", row(WantRunning, SeenRequested, false), 1, stepNone},
		{"kept and wanted", row(WantRunning, SeenStopped, true), 1, stepResume},
		{"wanted while it is being stopped", row(WantRunning, SeenStopping, true), 1, stepNone},
		{"wanted while the stop is lost", row(WantRunning, SeenStopping, true), 60, stepStop},
		{"wanted before the cancelled start is gone", row(WantRunning, SeenStopping, false), 1, stepDestroy},
		{"running and wanted", row(WantRunning, SeenRunning, true), 1, stepNone},
		{"cancelled with nothing there", row(WantStopped, SeenNone, false), 1, stepNone},
		{"cancelled before it ran", row(WantStopped, SeenRequested, false), 1, stepDestroy},
		{"cancelled while it came back", row(WantStopped, SeenStarting, true), 1, stepStop},
		{"stopped", row(WantStopped, SeenRunning, true), 1, stepStop},
		{"being stopped", row(WantStopped, SeenStopping, true), 1, stepNone},
		{"being stopped for long", row(WantStopped, SeenStopping, true), 60, stepStop},
		{"kept", row(WantStopped, SeenStopped, true), 60, stepNone},
		{"destroyed", row(WantTerminated, SeenStopped, true), 1, stepDestroy},
		{"destroyed and gone", row(WantTerminated, SeenGone, true), 1, stepNone},
	} {
		if got := c.w.next(at(c.now)); got != c.want {
			t.Errorf("%s: step %d, want %d", c.name, got, c.want)
		}
	}
}

// Whatever people ask and hosts report: a session is open exactly while the
// status is running, and nothing but that is ever charged.
func TestOnlyWhatRunsIsCharged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := row(WantRunning, SeenNone, false)
		now, open := at(0), false
		states := []string{absent, HostRequested, HostStarting, HostRunning, HostStopped, HostPaused, HostDeleting, "saving"}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "wait")) * time.Second)
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				_, _ = w.Start(now, patience, "customer")
			case 1:
				if asked, _ := w.Stop(now); asked {
					open = false
				}
			case 2:
				if w.DesktopID == nil && w.next(now) == stepRequest {
					w.claim(now, uuid.New(), Account{HostUserID: "u"}, "d")
				}
			default:
				e := w.see(rapid.SampledFrom(states).Draw(t, "state"), now, patience)
				if e.prove && !open || e.open && open || e.close != "" && !open {
					t.Fatalf("effect %+v while open is %v", e, open)
				}
				open = open && e.close == "" || e.open
			}
			if open != (w.Status == Running) || w.Status != w.status() {
				t.Fatalf("open %v, status %s", open, w.Status)
			}
		}
	})
}

func TestTheTimeOfASighting(t *testing.T) {
	t.Parallel()
	sent, received := at(10), at(12)
	for _, c := range []struct {
		name       string
		host, want time.Time
	}{
		{"the host's clock", at(11), at(11)},
		{"finer than it counts", at(11).Add(1234567), at(11).Add(1 * time.Millisecond)},
		{"the host is behind", at(1), at(10)},
		{"the host is ahead", at(99), at(12)},
		{"the host does not say", time.Time{}, at(12)},
	} {
		if got := seenAt(c.host, sent, received); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestNamesOnTheHost(t *testing.T) {
	t.Parallel()
	user := uuid.New()
	name := hostUsername(tenants.Tenant{Slug: "acme-two"}, user)
	slug, got, ok := parseUsername(strings.ToUpper(name))
	if !ok || slug != "acme-two" || got != user {
		t.Errorf("%s reads as %s, %s, %v", name, slug, got, ok)
	}
	for _, other := range []string{"", "admin@kasm.local", "ez.acme", "ez.acme.short", "ex.acme." + strings.Repeat("0", 32), "ez.acme." + strings.Repeat("z", 32)} {
		if _, _, ok := parseUsername(other); ok {
			t.Errorf("%q is taken for ours", other)
		}
	}
}

func TestALinkPrintsAsNothing(t *testing.T) {
	t.Parallel()
	l := Link("https://host/#/connect/secret")
	j, _ := json.Marshal(map[string]any{"link": l})
	if all := fmt.Sprintf("%s %v %#v %q %s", l, l, l, l, j); strings.Contains(all, "secret") {
		t.Errorf("printed: %s", all)
	}
	if l.Reveal() != "https://host/#/connect/secret" {
		t.Error("reveal gives something else")
	}
	u := HostUser{Username: "u", Password: "secret"}
	if all := fmt.Sprintf("%v %+v %#v", u, u, u); strings.Contains(all, "secret") {
		t.Errorf("printed: %s", all)
	}
}
