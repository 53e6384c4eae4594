package views

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/assets"
)

var shots = flag.String("shots", "", "a folder for pictures of the gallery")

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// tab is a browser tab that remembers what its pages complained about.
type tab struct {
	ctx  context.Context
	mu   sync.Mutex
	said []string
}

func newTab(t *testing.T) *tab {
	t.Helper()
	limit, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	browser, quit := chromedp.NewExecAllocator(limit, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	ctx, shut := chromedp.NewContext(browser)
	t.Cleanup(func() { shut(); quit(); stop() })
	b := &tab{ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("no Chromium answers; install chromium or put it into PATH: %v", err)
	}
	return b
}

func (b *tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		b.said = append(b.said, ev.Entry.Text+" "+ev.Entry.URL)
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if ev.ExceptionDetails.Exception != nil {
			text += " " + ev.ExceptionDetails.Exception.Description
		}
		b.said = append(b.said, text)
	case *runtime.EventConsoleAPICalled:
		for _, a := range ev.Args {
			b.said = append(b.said, fmt.Sprintf("%s %s %s", ev.Type, a.Value, a.Description))
		}
	}
}

func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.said
	b.said = nil
	return said
}

func (b *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func (b *tab) waitFor(t *testing.T, what, expression string) {
	t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingTimeout(15*time.Second))); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func (b *tab) eval(t *testing.T, expression string) string {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *tab) scheme(t *testing.T, name string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// site serves the gallery as the product would: strict policy, hashed assets.
func site(t *testing.T, more map[string]http.HandlerFunc) *httptest.Server {
	t.Helper()
	static, err := assets.Handler()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(assets.Prefix, static)
	if _, taken := more["/brand.css"]; !taken {
		mux.HandleFunc("/brand.css", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/css")
			_, _ = w.Write(branding.CSS(northwind()))
		})
	}
	mux.HandleFunc("/favicon.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write(branding.Mark(northwind()))
	})
	for path, h := range more {
		mux.HandleFunc(path, h)
	}
	for path, page := range galleryPages() {
		if path == "/" {
			path = "/{$}"
		}
		if _, taken := more[path]; !taken {
			mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { _ = page.Render(r.Context(), w) })
		}
	}
	if _, taken := more["/events"]; !taken {
		mux.HandleFunc("/events", quietStream)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server
}

func quietStream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// Every page of the gallery, on a phone and on a desk, in both schemes: no
// complaint of the browser, nothing wider than the screen, readable text,
// targets large enough, every control named.
func TestGalleryIsCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	server, b := site(t, nil), newTab(t)
	checks, err := os.ReadFile("testdata/checks.js")
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{}
	for path := range galleryPages() {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			b.scheme(t, scheme)
			b.do(t, chromedp.EmulateViewport(width, 844))
			for _, path := range paths {
				b.do(t, chromedp.Navigate(server.URL+path), chromedp.WaitReady(chromedp.CSS("main")))
				name := fmt.Sprintf("%s, %d px, %s", path, width, scheme)
				if got := b.eval(t, string(checks)); got != "" {
					t.Errorf("%s:\n%s", name, got)
				}
				if said := b.complaints(); len(said) > 0 {
					t.Errorf("%s: the browser complained: %q", name, said)
				}
				b.picture(t, fmt.Sprintf("%s-%d-%s.png", strings.Trim(path, "/"), width, scheme))
			}
		}
	}
}

func (b *tab) picture(t *testing.T, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name), png, 0o600); err != nil {
		t.Fatal(err)
	}
}
