package web

import (
	"bufio"
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

// The isolation of shops as it is seen from outside: two shops whose people have
// the same address, and a mark in everything that belongs to one of them. What the
// database refuses by itself is tested beside package tenants, single hosts and
// headers in hosts_test.go, every route with foreign ids in leak_test.go.

const sameAddress = "twin@example.com"

// twins are the same person, as far as an address says, in two shops, and what
// each shop's pages say and must never say.
type twin struct {
	shop        tenants.Tenant
	have        belongings
	mine, yours string
}

func (w *world) twins() [2]twin {
	w.t.Helper()
	return [2]twin{{w.a, w.belongingsOf(w.a, sameAddress, "MARK-A"), "MARK-A", "MARK-B"}, {w.b, w.belongingsOf(w.b, sameAddress, "MARK-B"), "MARK-B", "MARK-A"}}
}

// visitorOf is a request of the twin's own: a page that carries the mark, by the
// cookie of a sign-in or by a key.
func (tw twin) request(w *world, cookie *http.Cookie, i int) *http.Request {
	paths := []string{"/", "/invoices", "/invoices/" + tw.have.invoice, "/sessions", "/workspaces/" + tw.have.workspace.String(), "/api/public/workspaces", "/api/public/invoices"}
	path := paths[i%len(paths)]
	r := httptest.NewRequest(http.MethodGet, "http://placeholder.test"+path, nil)
	r.Host, r.RemoteAddr = w.host(tw.shop), w.ip
	if strings.HasPrefix(path, "/api/") {
		r.Header.Set("X-API-Key", tw.have.keyID)
		r.Header.Set("X-API-Secret", tw.have.keySecret)
	} else {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	return r
}

// crowded makes n requests of both twins, 64 at once.
func crowded(n int, request func(i int)) {
	var all sync.WaitGroup
	numbers := make(chan int)
	for range 64 {
		all.Go(func() {
			for i := range numbers {
				request(i)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
}

// TestMixedRequestsSeeTheirOwnShop has many visitors of two shops at once, a fifth
// of whom hang up at some moment.
func TestMixedRequestsSeeTheirOwnShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := w.twins()
	var cookies [2]*http.Cookie
	for k, tw := range both {
		cookies[k] = w.at(tw.shop).signIn("", sameAddress).cookies["ez_session"]
	}
	crowded(3_000, func(i int) {
		k := rand.IntN(2)
		tw := both[k]
		r := tw.request(w, cookies[k], i)
		ctx, hangUp := context.WithCancel(r.Context())
		defer hangUp()
		if i%5 == 0 {
			time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, hangUp)
		}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r.WithContext(ctx))
		body := rec.Body.String()
		if ctx.Err() == nil && (rec.Code != http.StatusOK && rec.Code != http.StatusTooManyRequests || rec.Code == http.StatusOK && !strings.Contains(body, tw.mine)) {
			t.Errorf("%s at %s: status %d without its own mark", r.URL.Path, tw.shop.Slug, rec.Code)
		}
		if strings.Contains(body, tw.yours) {
			t.Errorf("%s at %s gives away %s", r.URL.Path, tw.shop.Slug, tw.yours)
		}
	})
	for k, tw := range both {
		for i := range 7 {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, tw.request(w, cookies[k], i))
			if strings.Contains(rec.Body.String(), tw.yours) {
				t.Errorf("after the crowd %s gives away %s", tw.shop.Slug, tw.yours)
			}
		}
	}
}

// TestLinksOfOneShopAreNothingInAnother tries mailed links where they were not
// made: the answer is that for a link nobody ever made.
func TestLinksOfOneShopAreNothingInAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.person(w.a, sameAddress, accounts.Customer), w.person(w.b, sameAddress, accounts.Customer)
	for _, link := range []struct{ path, purpose string }{{"/reset/", accounts.PurposeReset}, {"/verify/", accounts.PurposeVerify}} {
		raw := w.link(w.a, a.ID, link.purpose)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			form := url.Values{"password": {"another correct horse"}}
			there, never := w.at(w.b).send(method, link.path+raw, form, nil), w.at(w.b).send(method, link.path+"never-made", form, nil)
			if there.status != never.status || there.text() != never.text() {
				t.Errorf("%s %s: %d %q for a link of another shop, %d %q for one that was never made", method, link.path, there.status, there.text(), never.status, never.text())
			}
		}
	}
	w.at(w.b).signIn("", b.Email)
	w.at(w.a).signIn("", a.Email)
}

// TestForeignIdsAnswerLikeUnknownOnes compares what a stranger's id answers with
// what no id at all answers: nothing may tell them apart.
func TestForeignIdsAnswerLikeUnknownOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := w.twins()
	visitor := w.at(w.a).signIn("", sameAddress)
	w.person(w.a, "staff@example.com", accounts.Owner)
	desk := w.at(w.a).signIn("/reseller", "staff@example.com")
	far, unknown := both[1].have, uuid.NewString()
	for _, pair := range []struct {
		by             *browser
		theirs, nobody string
	}{
		{visitor, "/workspaces/" + far.workspace.String(), "/workspaces/" + unknown},
		{visitor, "/invoices/" + far.invoice, "/invoices/MARK-C-INV"},
		{visitor, "/invoices/" + far.invoice + ".pdf", "/invoices/MARK-C-INV.pdf"},
		{visitor, "/sessions/" + far.session.String() + "/blocks", "/sessions/" + unknown + "/blocks"},
		{desk, "/reseller/customers/" + far.user.String(), "/reseller/customers/" + unknown},
		{desk, "/reseller/invoices/" + far.invoice, "/reseller/invoices/MARK-C-INV"},
	} {
		theirs, nobody := pair.by.get(pair.theirs), pair.by.get(pair.nobody)
		if theirs.status != http.StatusNotFound || nobody.status != http.StatusNotFound {
			t.Errorf("%s: status %d and %d, want 404 twice", pair.theirs, theirs.status, nobody.status)
		}
		if a, b := sameButRequest(theirs), sameButRequest(nobody); a != b {
			t.Errorf("%s answers otherwise than an unknown id:\n%s\n%s", pair.theirs, a, b)
		}
	}
}

// sameButRequest is an answer's text without the request's own id.
func sameButRequest(a *answer) string {
	return strings.ReplaceAll(a.text(), a.header.Get("X-Request-Id"), "")
}

// TestSearchAndFilesStayInTheirShop looks for the other shop's mark with every
// search and every export that the console has.
func TestSearchAndFilesStayInTheirShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.twins()
	w.person(w.a, "staff@example.com", accounts.Owner)
	desk, visitor := w.at(w.a).signIn("/reseller", "staff@example.com"), w.at(w.a).signIn("", sameAddress)
	for _, r := range Routes() {
		if r.Method != http.MethodGet || strings.Contains(r.Path, ":") || strings.Contains(r.Path, "*") || r.Path == "/events" || r.on == central {
			continue
		}
		b := visitor
		if strings.HasPrefix(r.Path, "/reseller") {
			b = desk
		}
		for _, q := range []string{"", "MARK-B", w.b.Slug, "twin"} {
			got := b.get(r.Path + "?" + url.Values{"q": {q}, "search": {q}, "customer": {q}, "cursor": {""}}.Encode())
			if got.status >= 500 && got.status != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d", r.Path, got.status)
			}
			if n := strings.Count(got.body, "MARK-B"); n > strings.Count(got.body, `value="MARK-B"`)+strings.Count(got.body, "=MARK-B") && q != "MARK-B" {
				t.Errorf("%s?q=%s gives away the other shop's mark", r.Path, q)
			}
			if strings.Contains(got.body, "Contoso Cloud") {
				t.Errorf("%s?q=%s names the other shop", r.Path, q)
			}
		}
	}
}

// TestEventsOfOneShopDoNotReachAnother opens the stream of one shop and moves the
// other a thousand times.
func TestEventsOfOneShopDoNotReachAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := w.twins()
	visitor := w.at(w.a).signIn("", sameAddress)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = visitor.host
	r.AddCookie(visitor.cookies["ez_session"])
	r.Header.Set("Last-Event-ID", "1")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the stream answers %d", res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	said := func(shop tenants.Tenant, user, desk uuid.UUID) {
		w.deps.Live.Event(shop.ID, "block.charged", []byte(`{"user_id":"`+user.String()+`","workspace_id":"`+desk.String()+`"}`))
	}
	for range 1000 {
		said(both[1].shop, both[1].have.user, both[1].have.workspace)
		said(both[1].shop, both[0].have.user, both[1].have.workspace) // another shop cannot speak to ours by naming its person
	}
	own := both[0].have
	said(both[0].shop, own.user, own.workspace)
	for lines.Scan() {
		name, isEvent := strings.CutPrefix(lines.Text(), "event: ")
		if !isEvent {
			continue
		}
		if name != "workspace-"+own.workspace.String() {
			t.Errorf("the stream of one shop says %q", name)
		}
		return
	}
	t.Error("the stream ended without its own event")
}
