package assets

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestStyleStaysInItsBudget(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	style := s.byName[Style]
	if got, limit := len(style.plain), 68_000; got > limit {
		t.Errorf("the style sheet has %d bytes, the budget is %d", got, limit)
	}
	if got, limit := len(style.gz), 15_000; got > limit {
		t.Errorf("the compressed style sheet has %d bytes, the budget is %d", got, limit)
	}
	t.Logf("style sheet: %d bytes, %d compressed", len(style.plain), len(style.gz))
}

func TestStyleStartsWithItsLayers(t *testing.T) {
	t.Parallel()
	style := string(loaded(t).byName[Style].plain)
	want := "@layer reset, tokens, base, parts, pages, utilities, brand;"
	if !strings.HasPrefix(style, want) {
		t.Errorf("the style sheet starts with %.80q, want %q", style, want)
	}
	if strings.Contains(style, "/*") {
		t.Error("comments are sent to the browser")
	}
	if open, shut := strings.Count(style, "{"), strings.Count(style, "}"); open != shut {
		t.Errorf("%d braces are opened and %d closed", open, shut)
	}
	for _, banned := range []string{"@import", "http:", "https:", "!important"} {
		if strings.Contains(style, banned) {
			t.Errorf("the style sheet contains %q", banned)
		}
	}
}

func TestVendoredFilesAreUnchanged(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (js/\S+) \| [^|]+ \| [\d.]+ \| [^|]+ \| ([0-9a-f]{64}) \| \S+ \|$`).FindAllStringSubmatch(string(list), -1)
	if len(rows) != 2 {
		t.Fatalf("VENDOR.md lists %d files, want 2", len(rows))
	}
	listed := map[string]bool{}
	for _, row := range rows {
		listed[strings.TrimPrefix(row[1], "js/")] = true
		text, err := os.ReadFile(row[1])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:]); got != row[2] {
			t.Errorf("%s has checksum %s, VENDOR.md says %s", row[1], got, row[2])
		}
	}
	for name := range loaded(t).byName {
		if strings.HasSuffix(name, ".min.js") && !listed[name] {
			t.Errorf("%s is not listed in VENDOR.md", name)
		}
	}
}

func TestOwnScriptsAreShort(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"app.js", "cost-timer.js", "own-zone.js", "run-hint.js"} {
		text := loaded(t).byName[name].plain
		if got := strings.Count(string(text), "\n"); got > 65 {
			t.Errorf("%s has %d lines", name, got)
		}
		for _, banned := range []string{"eval(", "innerHTML", "Function(", ".style", "document.write"} {
			if strings.Contains(string(text), banned) {
				t.Errorf("%s uses %s", name, banned)
			}
		}
	}
}

func TestServing(t *testing.T) {
	t.Parallel()
	h, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, path, accept string
		status                     int
		encoding, kind             string
	}{
		{"style, compressed", "GET", URL(Style), "br, gzip;q=0.8", 200, "gzip", "text/css; charset=utf-8"},
		{"style, plain", "GET", URL(Style), "", 200, "", "text/css; charset=utf-8"},
		{"gzip refused", "GET", URL(Style), "gzip;q=0, identity", 200, "", "text/css; charset=utf-8"},
		{"script", "GET", URL("htmx.min.js"), "gzip", 200, "gzip", "text/javascript; charset=utf-8"},
		{"head", "HEAD", URL("app.js"), "gzip", 200, "gzip", "text/javascript; charset=utf-8"},
		{"an older hash", "GET", "/assets/app.000000000000.css", "", 404, "", ""},
		{"without a hash", "GET", "/assets/app.css", "", 404, "", ""},
		{"the list of licences", "GET", "/assets/VENDOR.md", "", 404, "", ""},
		{"post", "POST", URL("app.js"), "", 405, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Accept-Encoding", tt.accept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Fatalf("%s %s answered %d, want %d", tt.method, tt.path, w.Code, tt.status)
			}
			if tt.status != http.StatusOK {
				return
			}
			if got := w.Header().Get("Content-Encoding"); got != tt.encoding {
				t.Errorf("encoding %q, want %q", got, tt.encoding)
			}
			if got := w.Header().Get("Content-Type"); got != tt.kind {
				t.Errorf("type %q, want %q", got, tt.kind)
			}
			if got := w.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("cache %q", got)
			}
			if tt.method == "HEAD" {
				return
			}
			checkBody(t, w.Body, tt.encoding, tt.path)
		})
	}
}

func checkBody(t *testing.T, body io.Reader, encoding, path string) {
	t.Helper()
	if encoding == "gzip" {
		zip, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = zip
	}
	got, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(got)
	if !strings.Contains(path, "."+hex.EncodeToString(sum[:6])+".") {
		t.Errorf("%s does not carry the hash of what it answers", path)
	}
}

func loaded(t *testing.T) *set {
	t.Helper()
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
