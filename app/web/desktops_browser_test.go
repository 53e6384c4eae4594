package web

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// watched notes what reaches the shop.
type watched struct {
	http.Handler
	mu   sync.Mutex
	seen []string
}

func (o *watched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.seen = append(o.seen, r.Method+" "+r.URL.Path)
	o.mu.Unlock()
	o.Handler.ServeHTTP(w, r)
}

// outside is what reached the shop beside one desktop, since the last call.
func (o *watched) outside(prefix string) (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, line := range o.seen {
		if _, path, _ := strings.Cut(line, " "); !strings.HasPrefix(path, prefix) && path != "/favicon.ico" {
			all = append(all, line)
		}
	}
	o.seen = nil
	return all
}

// A real browser: from the shop's page by the link into the desktop, and over its
// websocket there and back.
func TestADesktopOpensInTheBrowser(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	s := newScreen(t, d.world)
	s.wear(d.ada)
	s.Go(s.address(d.ada.host, "/workspaces/"+d.desk.ID.String()))
	tab := s.Opens(func() { s.Press("Open desktop Developer Basic in a new tab") })
	tab.At(d.path(""))
	tab.Reads("desktop")
	if at := tab.Where(); !strings.HasSuffix(at, d.path("?path=desktop/"+d.desk.ID.String()+"/websockify")) {
		t.Errorf("the desktop stands at %s", at)
	}
	tab.Eval(`(() => {
		const socket = new WebSocket("ws://" + location.host + "/" + new URLSearchParams(location.search).get("path"), ["binary"]);
		socket.binaryType = "arraybuffer";
		socket.onopen = () => socket.send(new Uint8Array([1, 2, 255]));
		socket.onmessage = (m) => { window.back = socket.protocol + " " + new Uint8Array(m.data).join() };
		window.socket = socket;
	})()`)
	tab.See("what was sent", `window.back === "binary 1,2,255"`)
	tab.Eval(`socket.close()`)
	if got := tab.Eval(`String(window.opener) + " " + document.cookie.includes("ez_desktop_")`); got != "null false" {
		t.Errorf("the desktop's page sees an opener or a cookie: %s", got)
	}
	tab.Clean()
	s.Clean()
}

// hostile is a page that a desktop might serve once somebody else rules there. It
// tries all it knows to act for the customer in the shop, and then says so.
const hostile = `<!doctype html><title>desktop</title><body><script>
const tries = {}, note = (name) => (got) => { tries[name] = String(got?.status ?? got) };
const attempt = async (name, fn) => { try { note(name)(await fn()) } catch (e) { note(name)("refused") } };
const inside = location.pathname.split("/").slice(0, 3).join("/") + "/";
const form = () => new URLSearchParams({ name: "stolen" });
const answers = (w) => new Promise((done) => { w.onmessage = (m) => done(m.data); w.onerror = () => done("refused") });
const thief = 'fetch(self.shop ?? "/settings/keys").then((r) => postMessage("got " + r.status), () => postMessage("refused"))';
const loaded = (tag, attrs) => new Promise((done) => {
	const e = Object.assign(document.createElement(tag), attrs); e.onload = () => done(tag === "iframe" ? (e.contentDocument?.body?.innerText || "refused") : "loaded");
	e.onerror = () => done("refused"); document.body.append(e) });
(async () => {
	await attempt("read", () => fetch("/settings/keys"));
	await attempt("post", () => fetch("/settings/keys", { method: "POST", body: form() }));
	await attempt("post under another name", () => { history.pushState({}, "", "/settings/keys"); return fetch("/settings/keys", { method: "POST", body: form(), referrer: "/settings/keys" }) });
	history.pushState({}, "", inside + "hostile.html?path=x");
	await attempt("through a redirect", () => fetch(inside + "go"));
	await attempt("xhr", () => new Promise((done) => { const x = new XMLHttpRequest(); x.onload = () => done("got"); x.onerror = () => done("refused"); x.open("POST", "/sign-out"); x.send() }));
	await attempt("beacon", () => { navigator.sendBeacon("/sign-out", form()); return "sent or not" });
	await attempt("events", () => new Promise((done) => { const e = new EventSource("/events"); e.onopen = () => done("got"); e.onerror = () => { e.close(); done("refused") } }));
	await attempt("socket elsewhere", () => new Promise((done) => { const w = new WebSocket("ws://" + location.host + "/events"); w.onopen = () => done("got"); w.onerror = () => done("refused") }));
	await attempt("window", () => open("/settings/keys") === null ? "refused" : "got");
	await attempt("frame", () => loaded("iframe", { src: "/settings/keys" }));
	await attempt("empty frame", () => { const f = document.createElement("iframe"); document.body.append(f); return f.contentWindow.fetch("/settings/keys") });
	await attempt("frame of text", () => { const f = Object.assign(document.createElement("iframe"), { srcdoc: "x" }); document.body.append(f); return f.contentWindow.fetch("/settings/keys") });
	await attempt("script", () => loaded("script", { src: "/brand.css" }));
	await attempt("module", () => import("/assets/x.js"));
	await attempt("image", () => loaded("img", { src: "/sign-out" }));
	await attempt("style", () => loaded("link", { rel: "stylesheet", href: "/brand.css" }));
	await attempt("worker", () => answers(new Worker(inside + "thief.js")));
	await attempt("worker of a blob", () => answers(new Worker(URL.createObjectURL(new Blob(["self.shop = " + JSON.stringify(location.origin + "/settings/keys") + ";" + thief])))));
	await attempt("ping", () => { const a = Object.assign(document.createElement("a"), { href: "#", ping: "/sign-out" }); document.body.append(a); a.click(); return "clicked" });
	await attempt("form", () => { const f = Object.assign(document.createElement("form"), { method: "post", action: "/sign-out" }); document.body.append(f); f.submit(); return "sent or not" });
	await attempt("own page", async () => (await fetch(inside + "own")).text());
	await attempt("own worker", () => answers(new Worker(inside + "own.js")));
	await attempt("own storage", () => { localStorage.setItem("x", "kept"); return localStorage.getItem("x") });
	await attempt("own code", async () => (await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))) && "compiled");
	window.tries = tries;
})();
</script>`

func TestAHostileDesktopDoesNothingInTheShop(t *testing.T) {
	t.Parallel()
	d := newBehind(t)
	for path, body := range map[string]string{"hostile.html": hostile, "own": "mine", "own.js": `postMessage("mine")`,
		"thief.js": `fetch("/settings/keys").then((r) => postMessage("got " + r.status), () => postMessage("refused"))`} {
		d.vnc.Handle("GET /"+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", map[bool]string{true: "text/javascript", false: "text/html"}[strings.HasSuffix(path, ".js")])
			w.Header().Set("Content-Security-Policy", "default-src * 'unsafe-inline'")
			_, _ = io.WriteString(w, body)
		})
	}
	d.vnc.Handle("GET /go", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://"+d.ada.host+"/settings/keys")
		w.WriteHeader(http.StatusFound)
	})
	d.enter(d.ada)
	shop := &watched{Handler: d.handler}
	d.handler = shop
	s := newScreen(t, d.world)
	s.wear(d.ada)
	s.Go(s.address(d.ada.host, d.path("hostile.html?path=x")))
	s.See("the end of all tries", `window.tries`)
	want := map[string]string{"beacon": "sent or not", "form": "sent or not", "ping": "clicked", "through a redirect": "502",
		"own page": "mine", "own worker": "mine", "own storage": "kept", "own code": "compiled"}
	for _, name := range strings.Split(s.Eval(`Object.keys(tries).join("|")`), "|") {
		expected, special := want[name]
		if !special {
			expected = "refused"
		}
		if got := s.Eval(`tries["` + name + `"]`); got != expected {
			t.Errorf("%s: %s, want %s", name, got, expected)
		}
	}
	if n := s.Eval(`Object.keys(tries).length`); n != "24" {
		t.Errorf("%s tries were made", n)
	}
	if out := shop.outside(d.path("")); len(out) > 0 {
		t.Errorf("reached the shop: %q", out)
	}
	s.Go(s.address(d.ada.host, "/settings/keys")) // signed in still, with no key but their own
	s.Reads("Keys")
}
