package views

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/assets"
	"github.com/ezscale/ezscale/assets/browsertest"
)

var shots = flag.String("shots", "", "a folder for pictures of the gallery")

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func newTab(t *testing.T) *browsertest.Tab {
	t.Helper()
	return browsertest.Start(t).Tab(t)
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
	paths := []string{}
	for path := range galleryPages() {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			b.Scheme(scheme)
			b.Size(width, 844)
			for _, path := range paths {
				b.Go(server.URL + path)
				name := fmt.Sprintf("%s, %d px, %s", path, width, scheme)
				if got := b.Wrong(); got != "" {
					t.Errorf("%s:\n%s", name, got)
				}
				if said := b.Complaints(); len(said) > 0 {
					t.Errorf("%s: the browser complained: %q", name, said)
				}
				picture(t, b, fmt.Sprintf("%s-%d-%s.png", strings.Trim(path, "/"), width, scheme))
			}
		}
	}
}

func picture(t *testing.T, b *browsertest.Tab, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := b.Picture(filepath.Join(*shots, name)); err != nil {
		t.Fatal(err)
	}
}
