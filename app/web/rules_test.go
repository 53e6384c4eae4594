package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// runningSince gives ada a desktop at 0.20 an hour that runs since 11:23.
func (d desktops) runningSince(ada accounts.User) (path string, w workspaces.Workspace) {
	d.t.Helper()
	d.price("developer_basic", "0.20")
	w = d.order(ada, "developer_basic")
	d.runs(w, at(11, 23), at(11, 53))
	return "/workspaces/" + w.ID.String(), w
}

// atNoon makes what is written happen at noon, too.
func atNoon(t testing.TB) func(*Deps) {
	return func(d *Deps) {
		d.Workspaces.DB = tenanttest.DB(t, tenanttest.WithClock(func() time.Time { return noon }))
	}
}

func TestACountdownIsPutOffByOneTap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, atNoon(t))
	d, ada, b := w.ada(t)
	path, desk := d.runningSince(ada)
	d.counting(desk)
	const counts = "Nobody is connected. Stops at 12:04, in 4:12 ."
	for _, page := range []string{path, "/", path + "/card", path + "/card?next=%2F"} {
		got := b.get(page).want(200).says(counts, "Keep it for 15 minutes more ($0.05 at most)")
		got.find("cost-timer", "data-stops-at", "2026-11-20T12:04:12Z")
		got.find("span", "data-show", "stops")
	}
	card := b.htmx("POST", path+"/extend", nil).want(200).hides("Nobody is connected")
	card.says("You keep it until 12:19 in any case.").find("article", "id", "workspace-"+desk.ID.String())

	d.counting(desk)
	d.exec(`update kasm_workspaces set extended_until = null, extended_at = null where id = $1`, desk.ID)
	b.post(path+"/extend?next=%2F", nil).goesTo("/")
	b.get("/").want(200).hides("Nobody is connected")
	d.stops(desk, at(11, 55))
	b.htmx("POST", path+"/extend", nil).want(409).says("Stopped").find("form", "action", path+"/start")
	b.post(path+"/extend", nil).want(409).says("Stopped today 11:55").find("form", "action", path+"/start")
}

// Somebody who was seen a moment ago is connected, however short the rule is.
func TestNobodyIsToldThatTheyAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	path, desk := d.runningSince(ada)
	d.exec(`update kasm_workspaces set idle_stop_minutes = 5, last_used_at = $2 where id = $1`, desk.ID, noon.Add(-20*time.Second))
	card := b.get(path + "/card").want(200).says("Stops by itself after 5 minutes without anybody connected.").hides("Nobody is connected")
	if trigger, _ := attrOf(card.find("article"), "hx-trigger"); !strings.Contains(trigger, "every 60s") {
		t.Errorf("the card asks on %q", trigger)
	}
	d.exec(`update kasm_workspaces set idle_stop_minutes = 60 where id = $1`, desk.ID)
	card = b.get(path + "/card").want(200)
	if trigger, _ := attrOf(card.find("article"), "hx-trigger"); !strings.Contains(trigger, "every 2980s") {
		t.Errorf("50 minutes before the countdown the card asks on %q", trigger)
	}
}

func TestTheIdleStopIsChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, atNoon(t))
	d, ada, b := w.ada(t)
	d.exec(`update plans set idle_stop_minutes = 30 where service_type = 'developer_basic'`)
	path, _ := d.runningSince(ada)
	page := b.get(path).want(200).says("Stops by itself after 30 minutes without anybody connected.", "As the plan says (after 30 minutes)", "After 8 hours")
	page.find("form", "action", path+"/idle", "method", "post", "hx-post", path+"/idle")

	row := b.htmx("POST", path+"/idle", url.Values{"idle_stop_minutes": {"120"}}).want(200).says("Stops by itself after 2 hours without anybody connected.")
	row.find("option", "value", "120", "selected", "")
	if got := row.header.Get("HX-Trigger"); !strings.Contains(got, "rules-changed") || strings.Contains(row.body, "<header") {
		t.Errorf("answered with the trigger %q:\n%s", got, row.body)
	}
	b.htmx("POST", path+"/idle", url.Values{"idle_stop_minutes": {"0"}}).want(200).says("Keeps running when nobody is connected.")
	b.post(path+"/idle", url.Values{"idle_stop_minutes": {""}}).goesTo(path)
	b.get(path).want(200).says("It is saved when your desktop stops by itself.", "Stops by itself after 30 minutes without")
	for _, wrong := range []string{"soon", "-5", "99999999"} {
		got := b.htmx("POST", path+"/idle", url.Values{"idle_stop_minutes": {wrong}}).want(422)
		if got.fieldError("idle_stop_minutes") == "" {
			t.Errorf("%q: nothing is said beside the field", wrong)
		}
		got.find("details", "open", "")
		b.post(path+"/idle", url.Values{"idle_stop_minutes": {wrong}}).want(422).find("a", "href", "#field-idle_stop_minutes")
	}
	b.get(path).want(200).says("Stops by itself after 30 minutes without")
}

func TestARunIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, atNoon(t))
	d, ada, b := w.ada(t)
	path, desk := d.runningSince(ada)
	page := b.get(path).want(200).says("Runs until you stop it.", "60 minutes cost $0.20 at most.", "$0.20 buys 1 hour, in blocks of 15 minutes.")
	page.find("form", "action", path+"/limit", "method", "post")

	b.htmx("POST", path+"/limit", url.Values{"run_until": {"time"}, "run_for": {"60"}, "run_budget": {"9"}}).want(200).says("Stops at 12:23, after 1 hour.")
	b.get(path + "/card").want(200).says("Stops at 12:23, after 1 hour.").hides("Stops by itself at")
	b.get("/").want(200).says("Stops at 12:23, after 1 hour.")
	row := b.htmx("POST", path+"/limit", url.Values{"run_until": {"budget"}, "run_budget": {"0.30"}}).want(200).says("Stops at 12:53, when $0.30 is spent.")
	if got := row.value("run_budget"); got != "0.30" {
		t.Errorf("the budget is shown as %q", got)
	}
	b.post(path+"/limit", url.Values{"run_for": {"50"}}).goesTo(path) // what is filled in counts
	b.get(path).want(200).says("Stops at 12:13, after 50 minutes.", "The limit of this run is saved.")

	for _, wrong := range []url.Values{
		{"run_until": {"time"}, "run_for": {"a while"}}, {"run_until": {"time"}}, {"run_until": {"time"}, "run_for": {"0"}}, {"run_for": {"20"}},
		{"run_until": {"budget"}, "run_budget": {"1e3"}}, {"run_until": {"budget"}, "run_budget": {"-1"}}, {"run_until": {"budget"}, "run_budget": {"0.01"}}, {"run_for": {"60"}, "run_budget": {"1"}},
	} {
		got := b.htmx("POST", path+"/limit", wrong).want(422)
		if got.fieldError("run_for")+got.fieldError("run_budget") == "" || got.value("run_for") != wrong.Get("run_for") {
			t.Errorf("%v: the form comes back as\n%s", wrong, got.body)
		}
		b.post(path+"/limit", wrong).want(422).says("Stops at 12:13")
	}
	b.htmx("POST", path+"/limit", url.Values{"run_until": {"stop"}}).want(200).says("Runs until you stop it.")
	d.exec(`update kasm_workspaces set session_duration = 7200 where id = $1`, desk.ID)
	b.get(path + "/card").want(200).says("Stops at 13:23, after 2 h 00 min, as it was ordered.")
	d.stops(desk, at(11, 55))
	b.htmx("POST", path+"/limit", url.Values{"run_for": {"45"}}).want(409)
	b.post(path+"/limit", url.Values{"run_for": {"45"}}).want(409)
}

func TestAStartMayHaveALimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, atNoon(t))
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), time.Hour)
	path := "/workspaces/" + desk.ID.String()
	b.get(path).want(200).says("Run until…", "60 minutes cost $0.15 at most.")
	got := b.htmx("POST", path+"/start", url.Values{"run_until": {"budget"}, "run_budget": {"much"}}).want(422).says("Stopped")
	if got.fieldError("run_budget") == "" || got.value("run_budget") != "much" {
		t.Errorf("the card is\n%s", got.body)
	}
	b.post(path+"/start", url.Values{"run_for": {"-3"}}).want(422).find("details", "open", "")
	b.htmx("POST", path+"/start", url.Values{"run_until": {"budget"}, "run_budget": {"0.15"}}).want(200).says("Workspace is starting…", "It stops by itself when $0.15 is spent.")
	d.exec(`update kasm_workspaces set run = 1 where id = $1`, desk.ID)
	d.exec(`update kasm_workspaces set status = 'running', observed_state = 'running', last_started_at = $2 where id = $1`, desk.ID, noon)
	b.get(path).want(200).says("Stops at 13:00, when $0.15 is spent.")
}

func TestAScheduleIsSetAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, atNoon(t))
	d, ada, b := w.ada(t)
	path, _ := d.runningSince(ada)
	page := b.get(path).want(200).says("It can start in the morning")
	page.find("own-zone")
	page.find("option", "value", "UTC", "selected", "")
	office := url.Values{"start_time": {"09:00"}, "stop_time": {"18:00"}, "weekdays": {"mon", "tue", "wed", "thu", "fri"}, "time_zone": {"Asia/Kathmandu"}}
	row := b.htmx("POST", path+"/schedule", office).want(200).says("Starts at 09:00 and stops at 18:00, Monday to Friday, Asia/Kathmandu time.", "Next: it stops at 18:00.")
	row.find("option", "value", "Asia/Kathmandu", "selected", "")
	if got := row.value("start_time"); got != "09:00" {
		t.Errorf("the start is shown as %q", got)
	}
	page = b.get(path).want(200).says("Monday to Friday")
	if len(page.all("own-zone")) != 0 {
		t.Error("a zone that was chosen is guessed again")
	}
	page.find("form", "action", path+"/schedule/remove", "method", "post")

	for field, wrong := range map[string]url.Values{
		"start_time": {"start_time": {"soon"}, "weekdays": {"sat"}, "time_zone": {"UTC"}}, "weekdays": {"start_time": {"08:30"}, "time_zone": {"UTC"}},
		"time_zone": {"start_time": {"08:30"}, "weekdays": {"sat"}, "time_zone": {"Mars/Olympus"}},
	} {
		got := b.htmx("POST", path+"/schedule", wrong).want(422)
		if got.fieldError(field) == "" || got.value("start_time") != wrong.Get("start_time") {
			t.Errorf("%s: the form comes back as\n%s", field, got.body)
		}
		if got.find("input", "value", "sat", "type", "checkbox"); wrong.Has("weekdays") {
			got.find("input", "value", "sat", "checked", "")
		}
		b.post(path+"/schedule", wrong).want(422).find("a", "href", "#field-"+field)
	}
	b.htmx("POST", path+"/schedule/remove", nil).want(200).says("It can start in the morning").hides("Kathmandu time")
	b.post(path+"/schedule", office).goesTo(path)
	b.get(path).want(200).says("The schedule is saved.")
	b.post(path+"/schedule/remove", nil).goesTo(path)
	b.get(path).want(200).says("The schedule is removed.", "It can start in the morning")
}

func TestADesktopThatDoesNotComeUpMayBeStartedAfresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), time.Hour)
	path := "/workspaces/" + desk.ID.String()
	b.get(path).want(200).hides("afresh")
	d.exec(`update kasm_workspaces set failure = 'It did not come up.', kasm_server_id = $2, kasm_user_id = 'u', kasm_workspace_id = 'old' where id = $1`, desk.ID, uuid.New())
	page := b.get(path).want(200).says("Try again", "Start afresh", "the files of the old desktop are lost for good")
	page.find("form", "action", path+"/fresh", "method", "post", "hx-target", "#workspace-"+desk.ID.String())
	b.htmx("POST", path+"/fresh", nil).want(200).says("Workspace is starting…").hides("afresh")
	b.post(path+"/fresh", nil).goesTo(path)
}

// What a host without room says is said before the order and at every button.
func TestFullHostsAreSaidBeforeTheOrder(t *testing.T) {
	t.Parallel()
	host := &roomyHost{room: small(), keeps: workspaces.KeepsDisk}
	w := newWorld(t, withRoomy(host))
	d, _, b := w.ada(t)
	page := b.get("/kasm/order?workspace_type=developer_pro").want(200).says("Full right now Choose another size, or come back in a while.")
	page.find("input", "value", "developer_pro", "disabled", "")
	page.find("input", "value", "developer_basic", "checked", "")
	if off := page.all("button", "id", "order", "disabled", ""); len(off) != 0 {
		t.Error("nothing can be ordered, although one size has room")
	}

	order := url.Values{"workspace_type": {"developer_pro"}, "template": {"Multi-IDE with Docker"}, "run_until": {"time"}, "run_for": {"45"}}
	got := b.post("/kasm/order", order).want(503).says("The order was not taken", "Nothing was charged")
	got.find("input", "value", "developer_pro", "checked", "")
	got.find("input", "value", "Multi-IDE with Docker", "checked", "")
	if len(got.all("input", "value", "developer_pro", "disabled", "")) != 0 || got.value("run_for") != "45" {
		t.Error("what was chosen is lost")
	}
	host.room = none()
	closed := b.get("/kasm/order").want(200).says("Every size is full right now.", "Come back in a while.")
	closed.find("button", "id", "order", "disabled", "")
	closed.find("a", "href", "/kasm/order?template=&workspace_type=developer_basic")
	b.post("/kasm/order", order).want(503).says("Nothing was charged")
	b.get("/").want(200).says("You have no desktop yet")

	d.exec(`update plans set driver = 'docker' where workspace_type = 'business'`)
	host.room = workspaces.Room{}
	b.get("/kasm/order").want(200).says("This shop cannot start desktops of this kind yet.").hides("Full right now").find("input", "value", "business_pro", "disabled", "")
	d.exec(`update plans set driver = 'docker'`)
	b.get("/kasm/order").want(200).says("This shop cannot start desktops yet.").find("button", "id", "order", "disabled", "")
}

func TestAStartOnAFullHostSaysSoInTheCard(t *testing.T) {
	t.Parallel()
	host := &roomyHost{keeps: workspaces.KeepsDisk}
	w := newWorld(t, withRoomy(host))
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), time.Hour)
	host.room = none()
	path := "/workspaces/" + desk.ID.String()
	card := b.htmx("POST", path+"/start?next=%2F", nil).want(503).says("Nothing was charged", "Stopped today 10:00")
	if card.header.Get("HX-Retarget") != "#workspace-"+desk.ID.String() || card.header.Get("HX-Reswap") != "outerHTML" || card.header.Get("Retry-After") == "" {
		t.Errorf("headers: %v", card.header)
	}
	b.post(path+"/start", nil).want(503).says("Nothing was charged", "Stopped today 10:00", "Developer Basic").find("form", "action", path+"/start")
	b.get("/sessions").want(200).hides("running")
}

// One sentence names what a stop keeps, beside Stop and among the facts.
func TestThePageSaysWhatAStopKeeps(t *testing.T) {
	t.Parallel()
	host := &roomyHost{}
	w := newWorld(t, withRoomy(host))
	d, ada, b := w.ada(t)
	path, _ := d.runningSince(ada)
	for keeps, said := range map[workspaces.Keeping]string{
		workspaces.KeepsDisk: "A stop keeps the whole disk", workspaces.KeepsProfile: "A stop keeps your home folder; programs", workspaces.KeepsNothing: "A stop keeps nothing: files and programs",
	} {
		host.keeps = keeps
		if got := strings.Count(b.get(path).want(200).text(), said); got != 2 {
			t.Errorf("%s: said %d times, want beside Stop and among the facts", keeps, got)
		}
		b.get(path + "/card").want(200).says(said)
		b.get("/").want(200).hides(said)
	}
}

func TestRulesOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, _ := w.ada(t)
	path, _ := d.runningSince(ada)
	w.person(w.a, "eve@example.com", accounts.Customer)
	w.person(w.b, "eve@example.com", accounts.Customer)
	forms := map[string]url.Values{
		"/extend": nil, "/fresh": nil, "/schedule/remove": nil, "/idle": {"idle_stop_minutes": {"15"}}, "/limit": {"run_for": {"45"}}, "/start": {"run_for": {"45"}},
		"/schedule": {"start_time": {"09:00"}, "weekdays": {"mon"}, "time_zone": {"UTC"}},
	}
	for _, v := range []*browser{w.at(w.a).signIn("", "eve@example.com"), w.at(w.b).signIn("", "eve@example.com")} {
		for action, form := range forms {
			for _, sent := range []url.Values{form, {"idle_stop_minutes": {"x"}, "run_for": {"x"}, "start_time": {"x"}}} {
				v.post(path+action, sent).want(404)
				v.htmx("POST", path+action, sent).want(404)
			}
		}
	}
	w.at(w.a).post(path+"/extend", nil).goesTo("/sign-in")
}
