package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	srv := httptest.NewServer(w.handler)
	defer srv.Close()
	ask := func(method, path string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = w.host(w.a)
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	if res := ask(http.MethodHead, "/sign-in"); res.StatusCode != http.StatusOK || res.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("HEAD /sign-in: status %d", res.StatusCode)
	}
	if res := ask(http.MethodHead, "/nowhere"); res.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD /nowhere: status %d", res.StatusCode)
	}
	if res := ask(http.MethodHead, "/events"); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD /events: status %d, want 405: a stream has no end", res.StatusCode)
	}
}
