package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/docker/vnctest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
)

// last is the latest request that reached the desktop.
func (d *behind) last() vnctest.Seen {
	d.t.Helper()
	seen := d.vnc.Seen()
	if len(seen) == 0 {
		d.t.Fatal("nothing reached the desktop")
	}
	return seen[len(seen)-1]
}

func TestNothingOfTheVisitorReachesTheDesktop(t *testing.T) {
	t.Parallel()
	d := newBehind(t, func(d *Deps) { d.TrustedProxies = []string{"10.0.0.0/8"} })
	d.enter(d.ada)
	d.vnc.Handle("POST /say", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	sent := http.Header{
		"Authorization": {"Basic bWluZTptaW5l"}, "X-Api-Key": {"k"}, "X-Api-Secret": {"s"}, "Proxy-Authorization": {"x"}, "Referer": {"http://" + d.ada.host + d.path("")},
		"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {d.ada.host}, "Forwarded": {"for=1.2.3.4"}, "X-Real-Ip": {"1.2.3.4"}, "Hx-Request": {"true"}, "Idempotency-Key": {"1"},
		"Accept": {"text/x"}, "Accept-Language": {"de"}, "Range": {"bytes=1-"}, "Content-Type": {"text/plain"},
	}
	r, _ := http.NewRequestWithContext(t.Context(), "POST", "http://x"+d.path("say?a=%2F&b=c+d"), strings.NewReader("hello"))
	r.Host, r.RemoteAddr, r.Header = d.ada.host, d.ip, sent.Clone()
	for _, c := range d.ada.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	if got := d.ada.do(r).want(200); got.body != "hello" {
		t.Errorf("the answer is %q", got.body)
	}
	seen := d.last()
	if seen.Path != "/say" || seen.Query != "a=%2F&b=c+d" || strings.Contains(seen.Host, d.a.Slug) || seen.Method != "POST" {
		t.Errorf("asked for %s %s?%s at %s", seen.Method, seen.Path, seen.Query, seen.Host)
	}
	allowed := []string{"Accept", "Accept-Language", "Range", "Content-Type", "Content-Length", "X-Forwarded-For", "Authorization"}
	for name, values := range seen.Header {
		if !slices.Contains(allowed, name) {
			t.Errorf("the desktop was told %s: %v", name, values)
		}
	}
	if got := seen.Header.Get("X-Forwarded-For"); got != "203.0.113.9" {
		t.Errorf("forwarded for %q", got)
	}
	if seen.Header.Get("Accept") != "text/x" || seen.Header.Get("Range") != "bytes=1-" || strings.Contains(seen.Header.Get("Authorization"), "bWluZTptaW5l") {
		t.Errorf("headers %v", seen.Header)
	}
}

func TestNothingButContentComesBack(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.vnc.Handle("GET /bad", func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Set-Cookie": "ez_session=stolen; Path=/", "Service-Worker-Allowed": "/", "Access-Control-Allow-Origin": "*", "Link": "</x>; rel=preload",
			"Refresh": "0; url=/", "Clear-Site-Data": `"*"`, "Content-Security-Policy": "default-src *", "Reporting-Endpoints": `x="/workspaces"`, "Nel": "{}", "Report-To": "{}",
			"Www-Authenticate": "Basic", "Referrer-Policy": "unsafe-url", "Alt-Svc": "h3", "X-Content-Type-Options": "off", "Trailer": "Set-Cookie", "Server": "KasmVNC/4",
			"Content-Language": "en", "Etag": `"1"`, "Cache-Control": "public, max-age=99"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "x")
		w.Header().Set("Set-Cookie", "ez_session=trailed")
	})
	got := d.enter(d.ada).get(d.path("bad")).want(http.StatusTeapot)
	for name := range got.header {
		if !slices.Contains([]string{"Content-Language", "Etag", "Content-Security-Policy", "Cache-Control", "Content-Type", "Content-Length", "Date", "Permissions-Policy",
			"Referrer-Policy", "X-Content-Type-Options", "X-Request-Id"}, name) {
			t.Errorf("the browser is told %s: %v", name, got.header[name])
		}
	}
	own := "http://" + d.ada.host + d.path("")
	for name, want := range map[string]string{"Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache", "Etag": `"1"`,
		"Content-Security-Policy": deskPolicy("http://"+d.ada.host, strings.TrimSuffix(d.path(""), "/"))} {
		if all := got.header.Values(name); len(all) != 1 || all[0] != want {
			t.Errorf("%s is %q, want %q", name, all, want)
		}
	}
	policy := got.header.Get("Content-Security-Policy")
	for _, part := range []string{"sandbox allow-scripts allow-same-origin", "connect-src " + own + " ws" + strings.TrimPrefix(own, "http") + " data: blob:;", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %q: %s", part, policy)
		}
	}
	if strings.Contains(policy, "'self'") || strings.Contains(policy, "allow-popups") || strings.Contains(policy, "allow-forms") {
		t.Errorf("the policy lets out: %s", policy)
	}
}

func TestRedirectsOfTheDesktopStayInside(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.vnc.Handle("GET /go/{n}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	d.enter(d.ada)
	for to, want := range map[string]string{
		"/vnc.html?x=1#y": d.path("vnc.html?x=1#y"), "next": d.path("go/next"), "../a/": d.path("a/"), d.host.up.URL + "/z": d.path("z"), "/../../settings/keys": d.path("settings/keys"), "?q": d.path("go/1?q"),
		"https://evil.example/": "", "//evil.example/": "", "http://" + d.ada.host + "/settings/keys": "", "javascript:alert(1)": "", "https://u:p@" + strings.TrimPrefix(d.host.up.URL, "https://") + "/": "", "%": "",
	} {
		got := d.ada.get(d.path("go/1?to=" + url.QueryEscape(to)))
		if want == "" && (got.status != 502 || got.header.Get("Location") != "") || want != "" && got.header.Get("Location") != want {
			t.Errorf("%q leads to %d %q, want %q", to, got.status, got.header.Get("Location"), want)
		}
	}
}

func TestTheDesktopsOwnInterfaceIsOutOfReach(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	d.vnc.Forget()
	for _, path := range []string{"api/get_screenshot", "api/", "api", "API/get_users", "./api/x", "x/../api/x", "/api/x", "//api//x", "%61pi/x", "%2561pi/x", "%252561pi/x", "a/%2e%2e/api/x", "%2e/api/x", "%5capi/x", "api%2fget_users", "%252e%252e%252fapi/x"} {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			if got := d.ada.send(method, d.path(path), nil, nil); got.status != 404 && got.status != 400 {
				t.Errorf("%s %s: %d", method, path, got.status)
			}
		}
	}
	d.ada.send("HEAD", d.path("enter?ticket=x"), nil, nil).want(404)
	if seen := d.vnc.Seen(); len(seen) != 0 {
		t.Errorf("reached the desktop: %v", seen)
	}
	d.ada.get(d.path("apis/x")).want(404)
	if d.last().Path != "/apis/x" {
		t.Error("a page that only begins like it is not passed on")
	}
}

func TestWhatCustomersMadeIsOnlySaved(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.vnc.Handle("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Disposition", "inline")
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	})
	d.enter(d.ada)
	for path, name := range map[string]string{"Downloads/evil.html": "evil.html", "downloads/a.svg": "a.svg", "Downloads/sub/index/": "index", "Downloads/": "Downloads", "x/../Downloads/b.js": "b.js",
		"%44ownloads/c.html": "c.html", "%2544ownloads/d.html": "d.html", "Downloads/na%20me%22%0a.html": "", "Downloads/%C3%A4.html": ""} {
		got := d.ada.get(d.path(path)).want(200)
		disposition := got.header.Get("Content-Disposition")
		if !strings.HasPrefix(disposition, "attachment") || name != "" && disposition != "attachment; filename="+name || len(got.header.Values("Content-Disposition")) != 1 {
			t.Errorf("%s: %q", path, disposition)
		}
		if got.header.Get("Content-Security-Policy") != filePolicy || got.header.Get("Content-Type") != "application/octet-stream" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, got.header)
		}
	}

	d.exec(`update plans set allow_download = false`)
	d.wall.Set(d.wall.Now().Add(2*upstreamFor), 1) // by when the way is asked for again
	if got := d.ada.get(d.path("Downloads/evil.html")).want(403); strings.Contains(got.body, "alert") {
		t.Error("a plan without downloads lets files out")
	}
	d.ada.get(d.path("app.js")).want(200)
}

func TestADesktopThatIsNotWhatItsHostSaysIsNotBelieved(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada).get(d.path("")).want(200)
	for name, c := range map[string]struct {
		change func(*workspaces.Upstream, *error)
		status int
		logged string
	}{
		"another certificate": {func(u *workspaces.Upstream, _ *error) { u.Certificate[0] ^= 1 }, 502, "another certificate"},
		"no certificate":      {func(u *workspaces.Upstream, _ *error) { u.Certificate = [32]byte{} }, 502, "another certificate"},
		"another password":    {func(u *workspaces.Upstream, _ *error) { u.Password = "wrong" }, 502, "does not take the password"},
		"nobody listens":      {func(u *workspaces.Upstream, _ *error) { u.URL = "https://127.0.0.1:1" }, 502, "refused"},
		"no address":          {func(u *workspaces.Upstream, _ *error) { u.URL = "://" }, 502, "missing protocol scheme"},
		"the host is away":    {func(_ *workspaces.Upstream, err *error) { *err = errors.New("engine gone") }, 503, "engine gone"},
		"not ready": {func(_ *workspaces.Upstream, err *error) {
			*err = &workspaces.HostError{Kind: workspaces.HostNotReady, Message: "no port yet"}
		}, 503, "no port yet"},
	} {
		good := d.host.up
		d.host.set(c.change)
		d.wall.Set(d.wall.Now().Add(upstreamFor), 1)
		got := d.ada.get(d.path("")).want(c.status).says("The desktop is not reachable now")
		got.hides("127.0.0.1", "engine", "certificate", "password", vnctest.Username)
		if !strings.HasPrefix(got.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") || got.header.Get("X-Request-Id") == "" || !strings.Contains(got.body, "Northwind Desktops") {
			t.Errorf("%s: not the shop's own page: %v", name, got.header)
		}
		if !strings.Contains(d.log.String(), c.logged) || !strings.Contains(d.log.String(), "level=WARN") {
			t.Errorf("%s: the log does not say %q", name, c.logged)
		}
		if part := d.ada.send("GET", d.path("app.js"), nil, http.Header{"Sec-Fetch-Mode": {"no-cors"}}); part.status != c.status || strings.Contains(part.body, "<") {
			t.Errorf("%s: a script gets %d %s", name, part.status, part.body)
		}
		d.host.set(func(u *workspaces.Upstream, err *error) { *u, *err = good, nil })
		d.ada.get(d.path("")).want(200) // the host was asked again at once
	}
	if strings.Contains(d.log.String(), desktopPassword) {
		t.Error("the log holds the password")
	}
}

func TestTheHostIsNotAskedForEveryRequest(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	for range 20 {
		d.ada.get(d.path("")).want(200)
	}
	if d.host.asked != 1 {
		t.Errorf("asked %d times", d.host.asked)
	}
}

func TestAFirstPageIsToldWhereItsSocketIs(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	navigates := http.Header{"Sec-Fetch-Mode": {"navigate"}}
	to := d.path("?path=desktop/" + d.desk.ID.String() + "/websockify")
	d.ada.send("GET", d.path(""), nil, navigates).goesTo(to)
	d.ada.send("GET", to, nil, navigates).want(200)
	if seen := d.last(); seen.Query != "path=desktop/"+d.desk.ID.String()+"/websockify" {
		t.Errorf("the query is %q", seen.Query)
	}
}

func TestTheShopAndADesktopAskNothingOfEachOther(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	from := func(path string) http.Header {
		return http.Header{"Referer": {"http://" + d.ada.host + path}, "Sec-Fetch-Mode": {"cors"}}
	}
	other := "/desktop/0198a3a0-0000-7000-8000-000000000001/"
	for _, c := range []struct {
		method, path, from string
		refused            bool
	}{
		{"POST", "/settings/keys", d.path("vnc.html"), true},
		{"GET", "/settings/keys", d.path(""), true},
		{"GET", "/invoices", d.path("Downloads/x"), true},
		{"POST", d.path("x"), "/settings/keys", true},
		{"GET", d.path("app.js"), "/settings/keys", true},
		{"GET", d.path("app.js"), other, true},
		{"GET", d.path("app.js"), d.path(""), false},
		{"GET", "/brand.css", d.path(""), false},
		{"GET", "/settings/keys", "/", false},
	} {
		if got := d.ada.send(c.method, c.path, url.Values{"name": {"x"}}, from(c.from)); (got.status == 403) != c.refused {
			t.Errorf("%s %s from %s: %d", c.method, c.path, c.from, got.status)
		}
	}
	d.ada.send("GET", "/settings/keys", nil, http.Header{"Referer": {"http://" + d.ada.host + d.path("")}, "Sec-Fetch-Mode": {"navigate"}}).want(200)
	d.ada.send("GET", d.path("worker.js"), nil, http.Header{"Service-Worker": {"script"}}).want(403)
	d.ada.send("POST", d.path("x"), nil, http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}).want(403)
}

func TestBodiesToADesktopHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	d.enter(d.ada)
	d.vnc.Handle("POST /put", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if n > 2<<20 {
			w.WriteHeader(http.StatusCreated)
		}
	})
	send := func(body io.Reader) *answer {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "http://x"+d.path("put"), body)
		r.Host, r.RemoteAddr = d.ada.host, d.ip
		if r.ContentLength == 0 {
			r.ContentLength = -1 // as a server has it
		}
		for _, c := range d.ada.cookies {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		return d.ada.do(r)
	}
	send(bytes.NewReader(make([]byte, 3<<20))).want(201)
	send(bytes.NewReader(make([]byte, maxDesktopBody+1))).want(413).says("16 MB")
	unsaid := io.MultiReader(bytes.NewReader(make([]byte, maxDesktopBody+1))) // of a length that is not told
	send(unsaid).want(413)
	d.ada.send("POST", "/settings/keys", nil, http.Header{"Content-Length": {"1"}}).want(422)
}

func TestFindingADesktopFailsInSentences(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	ctx, shops := t.Context(), d.deps.Workspaces
	if _, _, err := shops.Upstream(ctx, d.b, d.desk.ID); !fail.Is(err, fail.NotFound) {
		t.Errorf("in another shop: %v", err)
	}
	u, w, err := shops.Upstream(ctx, d.a, d.desk.ID)
	if err != nil || u.URL != d.host.up.URL || u.Password != d.host.up.Password || !u.Downloads || w.ID != d.desk.ID || w.Run != 1 {
		t.Errorf("got %v %v %v", u, w.ID, err)
	}
	d.host.set(func(_ *workspaces.Upstream, err *error) { *err = &workspaces.HostError{Kind: workspaces.HostNotFound} })
	if _, _, err := shops.Upstream(ctx, d.a, d.desk.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("a desktop that is gone: %v", err)
	}
	d.stops(d.desk, at(11, 55))
	if _, _, err := shops.Upstream(ctx, d.a, d.desk.ID); !fail.Is(err, fail.Conflict) {
		t.Errorf("a desktop that is off: %v", err)
	}
}
