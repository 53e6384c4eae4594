package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/assets"
	"github.com/ezscale/ezscale/tenants"
)

func TestTheBrandsStyleSheet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.deps.DB.SetBranding(t.Context(), w.a.ID, tenants.Branding{PrimaryColor: "#0F766E", SecondaryColor: "#F59E0B"}); err != nil {
		t.Fatal(err)
	}
	page := w.at(w.a).get("/")
	var href string
	for _, link := range page.all("link", "rel", "stylesheet") {
		if at, _ := attrOf(link, "href"); strings.HasPrefix(at, "/brand.css") {
			href = at
		}
	}
	sheet := w.at(w.a).get(href).want(200)
	if !strings.Contains(sheet.body, "--primary-color: #0f766e") || sheet.header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(sheet.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v\n%s", sheet.header, sheet.body)
	}
	// Another shop's address for it, or an old one, is not kept.
	other := w.at(w.b).get(href).want(200)
	if strings.Contains(other.body, "#0f766e") || other.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the other shop answers %v\n%s", other.header, other.body)
	}
	again := w.at(w.a)
	again.header.Set("If-None-Match", sheet.header.Get("ETag"))
	again.get("/brand.css").want(http.StatusNotModified)
	mark := w.at(w.a).get("/favicon.svg").want(200)
	if mark.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(mark.body, ">ND<") {
		t.Errorf("the mark is %s", mark.body)
	}
}

func TestAssetsAreServedOnAnyHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.atHost("10.1.2.3").get(assets.URL("app.css")).want(200)
	if !strings.Contains(got.header.Get("Cache-Control"), "immutable") || len(got.cookies) != 0 {
		t.Errorf("%v", got.header)
	}
	w.at(w.a).get("/assets/nothing.css").want(404)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var broken error
	w := newWorld(t, func(d *Deps) { d.Ready = func(context.Context) error { return broken } })
	anywhere := w.atHost("10.1.2.3")
	anywhere.get("/healthz").want(200)
	anywhere.get("/readyz").want(200)
	broken = errors.New("dial tcp 10.9.9.9:5432: secret detail")
	anywhere.get("/healthz").want(200)
	anywhere.get("/readyz").want(503).hides("10.9.9.9")
}

func TestMetricsAreForThisMachineOrTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) {
		d.MetricsToken = "let me count"
		d.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	})
	outside := w.atHost("10.1.2.3")
	outside.get("/metrics").want(404)
	outside.header.Set("Authorization", "Bearer wrong")
	outside.get("/metrics").want(404)
	outside.header.Set("Authorization", "Bearer let me count")
	if got := outside.get("/metrics").want(200); got.body != "up 1\n" {
		t.Errorf("%q", got.body)
	}
	w.ip = "127.0.0.1:1234"
	w.atHost("10.1.2.3").get("/metrics").want(200)
	proxied := w.atHost("10.1.2.3")
	proxied.header.Set("X-Forwarded-For", "203.0.113.9")
	proxied.get("/metrics").want(404)
	newWorld(t).central().get("/metrics").want(404)
}

func TestTheDemonstrationsLetters(t *testing.T) {
	t.Parallel()
	newWorld(t).central().get("/demo/mail").want(404)
	newWorld(t).central().get("/demo/mail/x").want(404)
	outbox, err := mail.NewFolder(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(d *Deps) { d.Outbox = outbox })
	w.central().get("/demo/mail").want(200).says("No letters yet")
	letter := mail.Message{Key: "1", From: "desk@example.com", FromName: "Northwind", To: "ada@example.com", Subject: "Hello <b>Ada</b>",
		Text: "See http://shop.test/verify/abc?x=1&y=2. <script>alert(1)</script>", HTML: "<script>alert(2)</script>"}
	if err := outbox.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	list := w.central().get("/demo/mail").want(200).says("Hello <b>Ada</b>", "ada@example.com")
	var href string
	for _, a := range list.all("a") {
		if at, _ := attrOf(a, "href"); strings.HasPrefix(at, "/demo/mail/") {
			href = at
		}
	}
	one := w.central().get(href).want(200).says("See http://shop.test/verify/abc?x=1&y=2 .", "<script>alert(1)</script>").hides("alert(2)", "<script>alert")
	one.find("a", "href", "http://shop.test/verify/abc?x=1&y=2")
	w.central().get("/demo/mail/..%2Fsecret").want(404)
	w.at(w.a).get("/demo/mail").want(404)
}
