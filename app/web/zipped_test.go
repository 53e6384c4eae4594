package web

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
)

// A browser takes zipped answers, for which short ones are held back until the
// handler is done. The session must be saved all the same.
func TestASignInWhoseAnswerIsHeldBackForZipping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	b := w.at(w.a)
	zipped := http.Header{"Accept-Encoding": {"gzip"}}
	b.send("POST", "/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}}, zipped).goesTo("/")
	b.get("/usage").want(200)
	b.send("POST", "/sign-out", nil, zipped).goesTo("/")
	b.get("/usage").goesTo("/sign-in?next=%2Fusage")
}
