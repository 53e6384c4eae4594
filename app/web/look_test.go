package web

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/assets/browsertest"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

var shots = flag.String("shots", "", "a folder for pictures of the pages")

// screen is a real browser before the whole program, whose shops it finds by
// their names.
type screen struct {
	*browsertest.Tab
	t    *testing.T
	port string
}

func newScreen(t *testing.T, w *world) *screen {
	t.Helper()
	server := httptest.NewServer(w.handler)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return &screen{t: t, port: at.Port(), Tab: browsertest.Start(t, tenanttest.Domain).Tab(t)}
}

func (s *screen) address(host, path string) string { return "http://" + host + ":" + s.port + path }

// wear takes over the cookies of a signed-in visitor.
func (s *screen) wear(b *browser) {
	s.t.Helper()
	for _, c := range b.cookies {
		s.Cookie(s.address(b.host, "/"), c.Name, c.Value)
	}
}

func (s *screen) emulate(scheme string, width int64) {
	s.t.Helper()
	s.Scheme(scheme)
	s.Size(width, 844)
}

// check looks at the page with everything on it opened: nothing wider than the screen, readable text, named
// controls, and no complaint of the browser but that a form was refused.
func (s *screen) check(name string) {
	s.t.Helper()
	s.Eval(`document.querySelectorAll("details").forEach((d) => { d.open = true })`)
	if wrong := s.Wrong(); wrong != "" {
		s.t.Errorf("%s:\n%s", name, wrong)
	}
	s.Clean("status of 4", "status of 5")
	if *shots == "" {
		return
	}
	if err := s.Picture(filepath.Join(*shots, name+".png")); err != nil {
		s.t.Fatal(err)
	}
}

// Every page before the desk, on a phone and on a large screen, in both schemes.
func TestPagesAreCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	outbox, err := mail.NewFolder(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, withBus(t), func(d *Deps) { d.Outbox = outbox })
	err = outbox.Send(t.Context(), mail.Message{Key: "1", From: "desk@example.com", FromName: "Northwind Desktops", To: "ada@example.com", Subject: "Confirm your e-mail address",
		Text: "Hello Ada,\n\nplease follow http://" + w.host(w.a) + "/verify/abc.\n\nUntil soon", HTML: "<p>Hello</p>"})
	if err != nil {
		t.Fatal(err)
	}
	brand := tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#F59E0B", SupportEmail: "help@northwind.example", SupportPhone: "+353 1 234 5678"}
	if err := w.deps.DB.SetBranding(t.Context(), w.a.ID, brand); err != nil {
		t.Fatal(err)
	}
	w.person(w.a, "owner@northwind.example", accounts.Owner)
	for i, name := range []string{"ada", "grace", "a.customer.with.a.very.long.address.indeed"} {
		w.person(w.a, name+"@example.com", accounts.Customer)
		if i == 0 {
			w.grant("ada@example.com", "20.00")
		}
	}
	kasmHost, dockerHost := w.machines()
	owner := w.at(w.a).signIn("/reseller", "owner@northwind.example")
	operator := w.central().signIn("/admin", w.operator().Email)
	w.deadLetter(w.a, "gave up: the desktop host answered nonsense")

	s := newScreen(t, w)
	s.wear(owner)
	s.wear(operator)
	shop := w.host(w.a)
	pages := []struct{ name, host, path, submit string }{
		{"central", tenanttest.Domain, "/", ""}, {"sign-in", shop, "/sign-in", ""},
		{"sign-up", shop, "/sign-up", ""}, {"sign-up-wrong", shop, "/sign-up", `form[action="/sign-up"]`}, {"forgot", shop, "/forgot", ""},
		{"verify", shop, "/verify/abc", ""}, {"ended", shop, "/reset/abc", ""}, {"console", shop, "/reseller", ""}, {"nobody", shop, "/reseller?q=zebra", ""},
		{"admin-door", tenanttest.Domain, "/admin/sign-in", ""}, {"admin", tenanttest.Domain, "/admin", ""}, {"resellers", tenanttest.Domain, "/admin/resellers", ""},
		{"resellers-wrong", tenanttest.Domain, "/admin/resellers", `form[method=post][action="/admin/resellers"]`},
		{"hosts", tenanttest.Domain, "/admin/servers", ""}, {"hosts-wrong", tenanttest.Domain, "/admin/servers", `form[action="/admin/servers"]`},
		{"host-kasm", tenanttest.Domain, serverPath(kasmHost), ""}, {"host-docker", tenanttest.Domain, serverPath(dockerHost), ""},
		{"outbox", tenanttest.Domain, "/demo/mail", ""}, {"missing", shop, "/nothing/here", ""}, {"nowhere", "nobody." + tenanttest.Domain, "/", ""},
	}
	// The owner is signed in to the shop, so its front and doors need somebody who is not.
	front := w.host(w.b)
	for i := range pages {
		if strings.HasPrefix(pages[i].name, "sign-") {
			pages[i].host = front
		}
	}
	pages = append(pages, struct{ name, host, path, submit string }{"front", front, "/", ""})
	if entries, err := outbox.List(); err == nil {
		pages = append(pages, struct{ name, host, path, submit string }{"letter", tenanttest.Domain, "/demo/mail/" + entries[0].ID, ""})
	}
	if err := w.deps.DB.SetBranding(t.Context(), w.b.ID, brand); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			s.emulate(scheme, width)
			for _, p := range pages {
				s.Go(s.address(p.host, p.path))
				if p.submit != "" {
					s.submit(p.submit)
				}
				s.check(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
			}
		}
	}
}

// submit sends a form as it stands, without the browser's own checks.
func (s *screen) submit(form string) {
	s.t.Helper()
	script := fmt.Sprintf(`(() => { const f = document.querySelector(%q); f.noValidate = true; f.submit(); return ""; })()`, form)
	s.Eval(script)
	s.See("what was wrong", `document.querySelector(".form-errors") && document.readyState === "complete"`)
}
