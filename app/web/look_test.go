package web

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

var shots = flag.String("shots", "", "a folder for pictures of the pages")

// screen is a real browser before the whole program, whose shops it finds by
// their names.
type screen struct {
	t    *testing.T
	ctx  context.Context
	port string
	mu   sync.Mutex
	said []string
}

func newScreen(t *testing.T, w *world) *screen {
	t.Helper()
	server := httptest.NewServer(w.handler)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	limit, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("host-resolver-rules", "MAP *."+tenanttest.Domain+" 127.0.0.1, MAP "+tenanttest.Domain+" 127.0.0.1"))
	browser, quit := chromedp.NewExecAllocator(limit, options...)
	ctx, shut := chromedp.NewContext(browser)
	t.Cleanup(func() { shut(); quit(); stop(); server.CloseClientConnections(); server.Close() })
	s := &screen{t: t, ctx: ctx, port: at.Port()}
	err = chromedp.Listen(ctx, func(ev any) {
		if ev, ok := ev.(*log.EventEntryAdded); ok {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.said = append(s.said, ev.Entry.Text+" "+ev.Entry.URL)
		}
	})
	if err != nil {
		t.Fatalf("no Chromium answers; install chromium or put it into PATH: %v", err)
	}
	return s
}

func (s *screen) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, steps...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) address(host, path string) string { return "http://" + host + ":" + s.port + path }

// wear takes over the cookies of a signed-in visitor.
func (s *screen) wear(b *browser) {
	s.t.Helper()
	for _, c := range b.cookies {
		if _, err := chromedp.Call(s.ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: s.address(b.host, "/")}); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *screen) emulate(scheme string, width int64) {
	s.t.Helper()
	_, err := chromedp.Call(s.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(chromedp.EmulateViewport(width, 844))
}

// check looks at the page with everything on it opened: nothing wider than the screen, readable text, named
// controls, and no complaint of the browser.
func (s *screen) check(name, checks string) {
	s.t.Helper()
	got, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.querySelectorAll("details").forEach((d) => { d.open = true }); `+checks))
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	said := s.said
	s.said = nil
	s.mu.Unlock()
	if got != "" {
		s.t.Errorf("%s:\n%s", name, got)
	}
	for _, line := range said {
		if !strings.Contains(line, "status of 4") && !strings.Contains(line, "status of 5") { // a refused form is one
			s.t.Errorf("%s: the browser complained: %s", name, line)
		}
	}
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// Every page before the desk, on a phone and on a large screen, in both schemes.
func TestPagesAreCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	checks, err := os.ReadFile("../../views/testdata/checks.js")
	if err != nil {
		t.Fatal(err)
	}
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
	if _, err := workspaces.EnsureServer(t.Context(), w.deps.DB, workspaces.ServerSpec{Name: "kasm", URL: "http://127.0.0.1:8090", Key: "k", Secret: []byte("s"), Simulator: true}); err != nil {
		t.Fatal(err)
	}
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
		{"resellers-wrong", tenanttest.Domain, "/admin/resellers", `form[action="/admin/resellers"]`},
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
				s.do(chromedp.Navigate(s.address(p.host, p.path)), chromedp.WaitReady(chromedp.CSS("main")))
				if p.submit != "" {
					s.submit(p.submit)
				}
				s.check(fmt.Sprintf("%s-%d-%s", p.name, width, scheme), string(checks))
			}
		}
	}
}

// submit sends a form as it stands, without the browser's own checks.
func (s *screen) submit(form string) {
	s.t.Helper()
	script := fmt.Sprintf(`(() => { const f = document.querySelector(%q); f.noValidate = true; f.submit(); return ""; })()`, form)
	if _, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](script)); err != nil {
		s.t.Fatal(err)
	}
	s.do(chromedp.WaitReady(chromedp.CSS(".form-errors")))
}
