package web

import (
	"context"
	"flag"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
)

var update = flag.Bool("update", false, "write the golden files anew")

// linkHost is a desktop host that gives links; nothing else is asked of it here.
type linkHost struct {
	workspaces.Driver
	link string
	err  error
}

func (h *linkHost) Link(context.Context, string, string) (workspaces.Link, error) {
	return workspaces.Link(h.link), h.err
}

// Room is not known, so everything fits.
func (h *linkHost) Room(context.Context) (workspaces.Room, error) { return workspaces.Room{}, nil }

// Keeps says what most hosts say.
func (h *linkHost) Keeps(context.Context) (workspaces.Keeping, error) {
	return workspaces.KeepsDisk, nil
}

func withHost(id uuid.UUID, h *linkHost) func(*Deps) {
	return func(d *Deps) {
		d.Workspaces.Fleet = workspaces.Hosts{{ID: id, Name: "kasm", Kind: "kasm", Active: true, Driver: h}}
	}
}

func TestAnOrderLeadsToADesktopThatIsGettingReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, b := w.ada(t)
	form := b.get("/kasm/order").want(200).says("Developer Basic", "$0.15 an hour", "2 vCPU", "4 GB", "$0.0375 per 15 min", "Ubuntu with VS Code", "Full office suite")
	form.find("input", "name", "workspace_type", "value", "business_enterprise", "type", "radio")
	got := b.post("/kasm/order", url.Values{"workspace_type": {"developer_pro"}, "template": {"Multi-IDE with Docker"}}).want(303)
	service := got.header.Get("Location")
	if !strings.HasPrefix(service, "/services/") {
		t.Fatalf("sent to %q", service)
	}
	desk := b.get(service).want(303).header.Get("Location")
	page := b.get(desk).want(200).says("Developer Pro", "Workspace is being provisioned…", "Multi-IDE with Docker", "Getting ready", "Nothing is charged until the desktop runs")
	card := page.find("article", "hx-get", desk+"/card")
	if trigger, _ := attrOf(card, "hx-trigger"); !strings.Contains(trigger, "every 3s") || !strings.Contains(trigger, "workspace-"+strings.TrimPrefix(desk, "/workspaces/")+" from:body") {
		t.Errorf("the card asks on %q", trigger)
	}
	page.find("form", "action", desk+"/stop")
	b.get("/").want(200).says("One desktop is getting ready.")
}

func TestAnOrderThatDoesNotFitKeepsWhatWasChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, b := w.ada(t)
	got := b.post("/kasm/order", url.Values{"workspace_type": {"business_pro"}, "template": {"Ubuntu with VS Code"}}).want(422)
	if said := got.fieldError("template"); !strings.Contains(said, "developer plans") {
		t.Errorf("beside the template: %q", said)
	}
	got.find("input", "value", "business_pro", "checked", "")
	got.find("input", "value", "Ubuntu with VS Code", "checked", "")
	got.find("a", "href", "#field-template")
	got = b.post("/kasm/order", url.Values{"workspace_type": {"yacht"}}).want(422)
	if got.fieldError("workspace_type") == "" {
		t.Error("nothing is said about the plan")
	}
	b.get("/").want(200).says("You have no desktop yet")
}

func TestAnOrderNeedsCreditAndAVerifiedAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := desksIn(w, w.a)
	user := w.person(w.a, "ada@example.com", accounts.Customer)
	b := w.at(w.a).signIn("", "ada@example.com")
	order := url.Values{"workspace_type": {"developer_basic"}, "template": {"Ubuntu with VS Code"}}
	b.post("/kasm/order", order).want(402).says("Add credits or a payment method first.").find("input", "value", "developer_basic", "checked", "")

	d.credit(user, "4.99")
	b.post("/kasm/order", order).want(402)
	d.credit(user, "0.01")
	d.exec(`update users set email_verified_at = null where id = $1`, user.ID)
	refused := b.post("/kasm/order", order).want(403).says("Verify your e-mail address")
	refused.find("form", "action", "/verify", "method", "post")
	d.exec(`update users set email_verified_at = now() where id = $1`, user.ID)
	b.post("/kasm/order", order).want(303)
}

func TestStartAndStopAnswerTheCardOrAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.runs(desk, at(11, 0), at(11, 50))
	path := "/workspaces/" + desk.ID.String()

	card := b.htmx("POST", path+"/stop?next=%2F", nil).want(200)
	root := card.find("article", "id", "workspace-"+desk.ID.String(), "hx-get", path+"/card?next=%2F")
	if trigger, _ := attrOf(root, "hx-trigger"); !strings.Contains(trigger, "every") {
		t.Error("a desktop that is stopping is not asked about")
	}
	card.says("Stopping")
	if strings.Contains(card.body, "<header") {
		t.Error("a whole page was sent")
	}
	b.htmx("POST", path+"/stop", nil).want(200) // again: the same state
	b.post(path+"/stop", nil).goesTo(path)
	b.post(path+"/stop?next=%2F", nil).goesTo("/")
	b.post(path+"/stop?next=https%3A%2F%2Fevil.example", nil).goesTo(path)

	d.exec(`update kasm_workspaces set observed_state = 'stopped' where id = $1`, desk.ID)
	b.htmx("GET", path+"/card", nil).want(200).says("Stopped", "Start")
	b.htmx("POST", path+"/start", nil).want(200).says("Workspace is starting…").find("form", "hx-post", path+"/stop")
	b.htmx("POST", path+"/start", nil).want(200) // again: the same state
	b.post(path+"/start", nil).goesTo(path)
}

func TestAStartWithoutCreditSaysSoAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), time.Hour)
	d.exec(`update ledger_accounts set balance = 1 where user_id = $1`, ada.ID)
	path := "/workspaces/" + desk.ID.String()
	got := b.htmx("POST", path+"/start", nil).want(402).says("Add credits or a payment method first.")
	if got.header.Get("HX-Retarget") != "#notice" {
		t.Errorf("the sentence goes to %q", got.header.Get("HX-Retarget"))
	}
	b.post(path+"/start", nil).want(402).says("Add credits or a payment method first.")
	b.get(path + "/card").want(200).says("Stopped today 10:00")
}

func TestADestroyedDesktopStaysDestroyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, at(9, 0), time.Hour)
	path := "/workspaces/" + desk.ID.String()
	page := b.get(path).want(200).says("Destroy Developer Basic?", "gone for good")
	page.find("form", "action", path+"/destroy", "method", "post")
	b.post(path+"/destroy", nil).goesTo("/")
	b.get("/").want(200).says("The desktop was destroyed.", "You have no desktop yet")
	b.get(path).want(200).says("Destroyed")
	b.htmx("POST", path+"/start", nil).want(409).says("This workspace was destroyed", "Destroyed").find("article", "id", "workspace-"+desk.ID.String())
	b.post(path+"/start", nil).want(409)
	b.get("/sessions").want(200).says("Developer Basic")
}

func TestLaunchLeadsOnWithoutATrace(t *testing.T) {
	t.Parallel()
	const secret = "https://kasm.example/#/go?token=verysecret"
	server, host := uuid.New(), &linkHost{link: secret}
	var log strings.Builder
	w := newWorld(t, withHost(server, host), withLog(&log))
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	path := "/workspaces/" + desk.ID.String() + "/launch"
	b.get(path).want(409).says("not running", "Workspace is being provisioned…")

	d.runs(desk, at(11, 0), at(11, 50))
	d.exec(`update kasm_workspaces set kasm_server_id = $2, kasm_user_id = 'u', kasm_workspace_id = $1::text where id = $1::uuid`, desk.ID.String(), server)
	got := b.get(path).goesTo(secret)
	if got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", got.header)
	}
	if strings.Contains(log.String(), "verysecret") {
		t.Error("the link was logged")
	}
	host.err = &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "down"}
	b.get(path).want(503).hides("verysecret")
	d.stops(desk, at(11, 55))
	stopped := b.get(path).want(409).says("start it first")
	stopped.find("form", "action", "/workspaces/"+desk.ID.String()+"/start")
}

// Nobody sees, changes or even learns of somebody else's things, in this shop or
// another.
func TestForeignThingsAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	d.ran(desk, time.Date(2026, time.October, 5, 9, 0, 0, 0, time.UTC), time.Hour)
	invoice := d.bill(time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC))[0]
	key, _, err := w.deps.Accounts.CreateKey(t.Context(), w.a, ada.ID, "mine")
	if err != nil {
		t.Fatal(err)
	}
	w.person(w.a, "eve@example.com", accounts.Customer)
	w.person(w.b, "eve@example.com", accounts.Customer)
	w.person(w.a, "owner@example.com", accounts.Owner)
	visitors := []*browser{w.at(w.a).signIn("", "eve@example.com"), w.at(w.b).signIn("", "eve@example.com"), w.at(w.a).signIn("", "owner@example.com")}
	id := desk.ID.String()
	gets := []string{"/workspaces/" + id, "/workspaces/" + id + "/card", "/workspaces/" + id + "/launch", "/services/" + desk.ServiceID.String(),
		"/invoices/" + invoice.Number, "/sessions?workspace=" + id, "/workspaces/no-id-at-all", "/invoices/INV-9"}
	for _, path := range gets {
		if !strings.Contains(path, "no-id") && !strings.Contains(path, "INV-9") && !strings.Contains(path, "launch") {
			if got := b.get(path); got.status >= 400 {
				t.Errorf("the owner of it gets %d at %s", got.status, path)
			}
		}
		for _, v := range visitors {
			v.get(path).want(404)
			v.htmx("GET", path, nil).want(404)
		}
	}
	for _, path := range []string{"/workspaces/" + id + "/start", "/workspaces/" + id + "/stop", "/workspaces/" + id + "/destroy", "/settings/keys/" + key.ID.String() + "/revoke"} {
		for _, v := range visitors {
			v.post(path, nil).want(404)
		}
	}
	b.get("/settings/keys").want(200).says("mine")
}

// The card of a desktop in each of its states, as it is drawn.
func TestCardsLookAsTheyDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, b := w.ada(t)
	d.price("developer_basic", "0.20")
	ids := d.busy(ada)
	stopping := d.order(ada, "business_basic")
	d.runs(stopping, at(11, 0), at(11, 30))
	d.exec(`update kasm_workspaces set desired_state = 'stopped', status = 'stopped', last_stopped_at = $2 where id = $1`, stopping.ID, at(11, 40))
	ids["stopping"] = stopping.ID.String()
	starting := d.order(ada, "business_basic")
	d.exec(`update kasm_workspaces set provisioned_at = $2, observed_state = 'starting' where id = $1`, starting.ID, at(8, 0))
	ids["starting"] = starting.ID.String()
	for state, id := range ids {
		got := b.htmx("GET", "/workspaces/"+id+"/card?next=%2F", nil).want(http.StatusOK)
		golden(t, "card-"+state+".html", strings.ReplaceAll(got.body, id, "00000000-0000-0000-0000-000000000001"))
	}
}

// golden compares HTML with a file, one tag a line.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = regexp.MustCompile(`>\s*<`).ReplaceAllString(got, ">\n<") + "\n"
	if _, err := html.Parse(strings.NewReader(got)); err != nil {
		t.Fatal(err)
	}
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; run with -update if that is meant\n%s", path, got)
	}
}

func TestTheDesktopsOwnSignInIsShownToItsCustomerOnly(t *testing.T) {
	t.Parallel()
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(d *Deps) { d.Workspaces.Sealer = key })
	d, ada, b := w.ada(t)
	desk := d.order(ada, "developer_basic")
	path := "/workspaces/" + desk.ID.String()
	b.get(path).want(200).says("made together with the desktop")
	sealed := key.Seal([]byte("Ez-verysecret-7a"), seal.Context(w.a.ID, seal.DesktopPassword))
	d.exec(`update kasm_workspaces set username = 'ez.ada', password_encrypted = $2 where id = $1`, desk.ID, sealed)
	page := b.get(path).want(200).says("Show user name and password")
	for id, want := range map[string]string{"desktop-user": "ez.ada", "desktop-password": "Ez-verysecret-7a"} {
		if got, _ := attrOf(page.find("input", "id", id, "readonly", ""), "value"); got != want {
			t.Errorf("%s is %q", id, got)
		}
	}
	b.get("/").want(200).hides("verysecret")
	b.htmx("GET", path+"/card", nil).want(200).hides("verysecret")
}
