package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/docker/vnctest"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
)

// doorHost is a desktop host whose desktops are reached through our web server.
type doorHost struct {
	linkHost
	mu    sync.Mutex
	up    workspaces.Upstream
	upErr error
	asked int
	use   func(context.Context) (workspaces.Gauge, error)
}

func (h *doorHost) Upstream(context.Context, string, string) (workspaces.Upstream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	return h.up, h.upErr
}

func (h *doorHost) Gauge(ctx context.Context, _, _ string) (workspaces.Gauge, error) {
	return h.use(ctx)
}

// set changes where the desktop listens.
func (h *doorHost) set(fn func(*workspaces.Upstream, *error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn(&h.up, &h.upErr)
}

// journal is a log that a test reads while others write it.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

const desktopPassword = "vnc-secret-4711"

var testKey = func() *seal.Key {
	key, _ := seal.New("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	return key
}()

// behind is a shop with one running desktop behind our web server.
type behind struct {
	desktops
	user accounts.User
	ada  *browser
	desk workspaces.Workspace
	host *doorHost
	vnc  *vnctest.Server
	wall *clock.Movable
	log  *journal
}

func newBehind(t testing.TB, change ...func(*Deps)) *behind {
	t.Helper()
	d := &behind{host: &doorHost{}, vnc: vnctest.New(desktopPassword), wall: clock.NewMovable(time.Now(), 1), log: &journal{}}
	at := d.vnc.Start(t)
	d.host.up = workspaces.Upstream{URL: at.URL, Username: vnctest.Username, Password: desktopPassword, Certificate: at.Certificate}
	server := uuid.New()
	w := newWorld(t, append([]func(*Deps){func(deps *Deps) {
		deps.Workspaces.Fleet = workspaces.Hosts{{ID: server, Name: "engine", Kind: "docker", Active: true, Driver: d.host}}
		deps.Key, deps.Wall, deps.Log = testKey, d.wall, slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}}, change...)...)
	d.desktops, d.user, d.ada = w.ada(t)
	d.exec(`update plans set driver = 'docker'`)
	d.desk = d.another(server, d.user)
	return d
}

// another is one more running desktop of a customer on the host.
func (d *behind) another(server uuid.UUID, user accounts.User) workspaces.Workspace {
	d.t.Helper()
	desk := d.order(user, "developer_basic")
	d.runs(desk, at(11, 0), at(11, 50))
	d.exec(`update kasm_workspaces set kasm_server_id = $2, kasm_user_id = 'u', kasm_workspace_id = $1::text where id = $1::uuid`, desk.ID.String(), server)
	return desk
}

func (d *behind) path(rest string) string { return "/desktop/" + d.desk.ID.String() + "/" + rest }

// ticket launches the desktop and gives the link that leads into it.
func (d *behind) ticket() string {
	d.t.Helper()
	got := d.ada.get("/workspaces/" + d.desk.ID.String() + "/launch").want(303)
	to := got.header.Get("Location")
	if !strings.HasPrefix(to, d.path("enter?ticket=")) || got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("Cache-Control") != "no-store" {
		d.t.Fatalf("launched to %q with %v", to, got.header)
	}
	return to
}

// enter brings a browser into the desktop.
func (d *behind) enter(b *browser) *browser {
	d.t.Helper()
	b.get(d.ticket()).goesTo(d.path("?path=desktop/" + d.desk.ID.String() + "/websockify"))
	return b
}

func TestALaunchLeadsThroughATicketAndACookieToTheDesktop(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	other := d.at(d.a) // the link is enough
	got := other.get(d.ticket())
	if len(got.cookies) != 1 || got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("entered with %v, %v", got.cookies, got.header)
	}
	c := got.cookies[0]
	if c.Name != "ez_desktop_"+d.desk.ID.String() || c.Path != d.path("") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Domain != "" || c.MaxAge != 12*3600 {
		t.Errorf("the cookie: %+v", c)
	}
	page := other.get(got.header.Get("Location")).want(200)
	if page.body != vnctest.Page || page.header.Get("Content-Type") != "text/html" {
		t.Errorf("the page: %v %s", page.header, page.body)
	}
	if seen := d.vnc.Authorizations(); len(seen) != 1 || seen[0] != "Basic "+base64.StdEncoding.EncodeToString([]byte(vnctest.Username+":"+desktopPassword)) {
		t.Errorf("the desktop was sent %q", seen)
	}
	page.hides(desktopPassword)
	d.ada.get("/workspaces/"+d.desk.ID.String()).want(200).says("There is no password to keep").hides(desktopPassword, "Show user name and password")
	for _, secret := range []string{"ticket=", c.Value, desktopPassword} {
		if strings.Contains(d.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestBehindTLSTheCookieIsSecure(t *testing.T) {
	t.Parallel()
	d := newBehind(t, func(d *Deps) { d.Secure = true })
	got := d.ada.get(d.ticket()).want(303)
	if c := got.cookies[0]; c.Name != "__Secure-ez_desktop_"+d.desk.ID.String() || !c.Secure || c.Path != d.path("") {
		t.Errorf("the cookie: %+v", c)
	}
	page := d.ada.get(d.path("")).want(200)
	own := "https://" + d.ada.host + d.path("")
	if p := page.header.Get("Content-Security-Policy"); !strings.Contains(p, "connect-src "+own+" wss"+strings.TrimPrefix(own, "https")+" ") || page.header.Get("Cross-Origin-Opener-Policy") != "" {
		t.Errorf("headers %v", page.header)
	}
}

func TestATicketWorksOnceInItsPlaceAndItsTime(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	refused := func(name string, b *browser, path string) {
		t.Helper()
		got := b.get(path)
		if got.status != 403 || len(got.cookies) != 0 || !strings.Contains(got.text(), "This link works no more") {
			t.Errorf("%s: %d, %v", name, got.status, got.cookies)
		}
		got.hides(d.desk.ID.String())
	}
	used := d.ticket()
	d.ada.get(used).want(303)
	refused("used", d.ada, used)
	refused("used, by somebody else", d.at(d.a), used)

	fresh := d.ticket()
	refused("in another shop", d.at(d.b), fresh)
	elsewhere := d.another(*d.read().ServerID, d.user)
	refused("for another desktop", d.ada, strings.ReplaceAll(fresh, d.desk.ID.String(), elsewhere.ID.String()))
	refused("no ticket", d.ada, d.path("enter"))
	_, text, _ := strings.Cut(fresh, "ticket=")
	for at := 0; at < len(text); at += 7 {
		changed := []byte(text)
		if changed[at]++; changed[at] > 'y' {
			changed[at] = 'a'
		}
		refused("forged", d.ada, d.path("enter?ticket="+url.QueryEscape(string(changed))))
	}
	cookie := d.ada.cookies["ez_desktop_"+d.desk.ID.String()].Value
	refused("a cookie as a ticket", d.ada, d.path("enter?ticket="+cookie))
	d.ada.get(fresh).want(303) // none of that spent it

	late := d.ticket()
	d.wall.Set(d.wall.Now().Add(ticketFor), 1)
	refused("too late", d.ada, late)

	before := d.ticket()
	d.exec(`update kasm_workspaces set run = run + 1 where id = $1`, d.desk.ID)
	refused("of the run before", d.ada, before)
}

func (d *behind) read() workspaces.Workspace {
	d.t.Helper()
	var card workspaces.Card
	if err := d.deps.DB.Read(d.t.Context(), d.shop, workspaces.CardQ(&card, d.user.ID, d.desk.ID)); err != nil {
		d.t.Fatal(err)
	}
	return card.Workspace
}

func TestATicketIsSpentOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	link := d.ticket()
	var wg sync.WaitGroup
	var mu sync.Mutex
	entered := 0
	for range 8 {
		b := d.at(d.a)
		wg.Go(func() {
			if b.get(link).status == 303 {
				mu.Lock()
				defer mu.Unlock()
				entered++
			}
		})
	}
	if wg.Wait(); entered != 1 {
		t.Errorf("%d entered by one ticket", entered)
	}
}

func TestWithoutAPassOneIsLedToWhereThereIsOne(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	launch := "/workspaces/" + d.desk.ID.String() + "/launch"
	d.ada.get(d.path("")).goesTo(launch)
	d.at(d.a).get(d.path("")).goesTo("/sign-in?next=" + url.QueryEscape(d.path("")))
	d.person(d.a, "eve@example.com", accounts.Customer)
	d.person(d.a, "staff@example.com", accounts.Staff)
	d.person(d.b, "far@example.com", accounts.Customer)
	d.at(d.a).signIn("", "eve@example.com").get(d.path("")).want(404)
	d.at(d.a).signIn("", "staff@example.com").get(d.path("")).want(404)
	d.at(d.b).signIn("", "far@example.com").get(d.path("")).want(404)
	d.at(d.b).get(d.path("")).goesTo("/sign-in?next=" + url.QueryEscape(d.path("")))
	for name, extra := range map[string]http.Header{"a socket": {"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}, "a script": {"Sec-Fetch-Mode": {"cors"}}, "an image": {"Sec-Fetch-Mode": {"no-cors"}}} {
		if got := d.ada.send("GET", d.path("websockify"), nil, extra); got.status != 401 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	d.ada.post(d.path("x"), nil).want(401)
	d.ada.get("/desktop/no-id/").want(404)
	if len(d.vnc.Seen()) != 0 {
		t.Error("somebody reached the desktop")
	}
}

// What ends a pass, beside its own end.
func TestACookieCountsAsLongAsItsRunAndItsSignIn(t *testing.T) {
	t.Parallel()
	launch := func(d *behind) string { return "/workspaces/" + d.desk.ID.String() + "/launch" }
	for name, c := range map[string]struct {
		ends func(*behind)
		to   func(*behind) string
	}{
		"stopped":        {func(d *behind) { d.stops(d.desk, at(11, 55)) }, launch},
		"another run":    {func(d *behind) { d.exec(`update kasm_workspaces set run = run + 1 where id = $1`, d.desk.ID) }, launch},
		"twelve hours":   {func(d *behind) { d.wall.Set(d.wall.Now().Add(cookieFor), 1) }, launch},
		"signed out":     {func(d *behind) { d.ada.post("/sign-out", nil).goesTo("/") }, signIn},
		"new password":   {func(d *behind) { d.exec(`update users set session_epoch = session_epoch + 1 where id = $1`, d.user.ID) }, signIn},
		"account closed": {func(d *behind) { d.exec(`update users set status = 'suspended' where id = $1`, d.user.ID) }, signIn},
		"forged a little": {func(d *behind) {
			c := d.ada.cookies["ez_desktop_"+d.desk.ID.String()]
			c.Value = c.Value[:20] + "A" + c.Value[21:]
		}, launch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newBehind(t)
			d.enter(d.ada).get(d.path("")).want(200)
			c.ends(d)
			d.wall.Set(d.wall.Now().Add(believedFor), 1)
			d.ada.get(d.path("")).goesTo(c.to(d))
		})
	}
}

func signIn(d *behind) string { return "/sign-in?next=" + url.QueryEscape(d.path("")) }

func TestOneDesktopsCookieIsNoneForAnother(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	other := d.another(*d.read().ServerID, d.user).ID.String()
	d.ada.cookies["ez_desktop_"+other] = d.ada.cookies["ez_desktop_"+d.desk.ID.String()]
	d.ada.get("/desktop/" + other + "/").goesTo("/workspaces/" + other + "/launch")
	far := d.at(d.b)
	far.cookies = d.ada.cookies
	far.get(d.path("")).goesTo("/sign-in?next=" + url.QueryEscape(d.path("")))
}

func TestADesktopThatDoesNotRunIsNotLaunched(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.stops(d.desk, at(11, 55))
	d.ada.get("/workspaces/" + d.desk.ID.String() + "/launch").want(409)
}
