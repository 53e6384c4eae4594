//go:build docker

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/net/websocket"

	"github.com/ezscale/ezscale/app/docker/enginetest"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

const buyerPassword = "a long walk home"

// TestEngineSellsADesktop is a provider who owns one machine: a customer orders a
// desktop, looks into it through the shop's web server, stops it, starts it, and
// gives it up; the engine is asked what became of it each time.
func TestEngineSellsADesktop(t *testing.T) {
	if !enginetest.Alone() {
		t.Fatal("run this by .ci/docker, which gives the engine a network of its own")
	}
	e := enginetest.Start(t)
	t.Log(e.Describe(t.Context()))
	const image = "ezscale-test/desktop:1"
	e.Build(t, enginetest.Program(t), image)
	p := startPlain(t)
	shop := p.shop("box", "Europe/Berlin")
	p.reading(func(ctx context.Context, in *installation) error {
		if _, err := in.hosts.Add(ctx, hosts.Entry{Name: "this machine", Kind: hosts.Docker, URL: e.URL}, "operator@box.test"); err != nil {
			return err
		}
		shopOf, err := in.tenantBySlug(shop)
		if err != nil {
			return err
		}
		return in.db.In(ctx, shopOf, func(tx tenants.Tx) error {
			if _, err := tx.Exec(ctx, `update plans set driver = 'docker', vcpu = 1, ram_mb = 256`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `update kasm_workspace_templates set kasm_template_id = $1`, image)
			return err
		})
	})
	u := p.cli("user", "create", "--tenant", shop, "--email", "ada@box.test", "--password", buyerPassword, "--credit", "100.00", "--api-key", "--json")
	b := &buyer{p: p, shop: shop, id: fmt.Sprint(u["id"]), header: http.Header{"X-Api-Key": {fmt.Sprint(u["api_key"])}, "X-Api-Secret": {fmt.Sprint(u["api_secret"])}}}
	d := &sold{t: t, p: p, b: b, e: e}
	d.order()
	d.lookInside()
	d.restAndBack()
	d.killed()
	d.givenUp()
	d.silent()
}

// startPlain boots the program as a provider does who has no Kasm: without the
// simulator and without a movable clock.
func startPlain(t *testing.T) *program {
	t.Helper()
	dir := pgtest.Dir(t)
	p := &program{t: t, dir: dir, environ: []string{"EZSCALE_DATA_DIR=" + dir, "EZSCALE_HTTP_ADDR=127.0.0.1:0"}}
	config, err := readConfig(p.environ)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	n, err := (&console{ctx: ctx, config: config, out: io.Discard, errs: io.Discard, log: log}).boot(bootOptions{})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	p.address = n.listener.Addr().String()
	wait, err := n.start(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := false
	p.stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := wait(); err != nil {
			t.Errorf("the program did not end well: %v", err)
		}
		if t.Failed() {
			t.Logf("the log:\n%s", p.log.String())
		}
	}
	t.Cleanup(p.stop)
	return p
}

// sold is the desktop that the customer bought.
type sold struct {
	t  *testing.T
	p  *program
	b  *buyer
	e  *enginetest.Engine
	id string // workspace

	person http.Client
}

func (d *sold) becomes(status string) time.Duration {
	d.t.Helper()
	began := time.Now()
	soon(d.t, "the desktop is "+status, 30*time.Second, func() bool { return d.b.status(d.id)["status"] == status })
	return time.Since(began)
}

// container is the engine's state of the desktop; "" when there is none.
func (d *sold) container() (id, state string) {
	d.t.Helper()
	l, err := d.e.Client.ContainerList(d.t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", "ezscale.workspace="+d.id)})
	if err != nil || len(l.Items) > 1 {
		d.t.Fatalf("%d containers of one workspace, %v", len(l.Items), err)
	}
	if len(l.Items) == 0 {
		return "", ""
	}
	return l.Items[0].ID, string(l.Items[0].State)
}

func (d *sold) order() {
	var began time.Time
	var w answer
	soon(d.t, "the running program takes notice of the new host", 30*time.Second, func() bool {
		began = time.Now()
		w = d.b.send(http.MethodPost, "create_workspace", object{"workspace_type": "developer_basic"})
		return w.status != http.StatusServiceUnavailable
	})
	if w.status != http.StatusCreated {
		d.t.Fatalf("order: %d %s", w.status, w.text)
	}
	d.id = fmt.Sprint(w.body["workspace_id"])
	d.becomes("running")
	d.t.Logf("from the order to running: %v", time.Since(began).Round(time.Millisecond))
	if _, state := d.container(); state != "running" {
		d.t.Errorf("the engine says %q", state)
	}
	s := d.b.status(d.id)
	if s["cpu_usage_percent"] == nil || s["ram_usage_mb"] == nil {
		d.t.Errorf("its use is not told: %v", s)
	}
	d.t.Logf("status: %v", s)
	if all := d.b.sessions(); len(all) != 1 || fmt.Sprint(all[0]["blocks"]) != "1" {
		d.t.Errorf("sessions %v", all)
	}
}

// lookInside signs in as a person does and goes through the launch.
func (d *sold) lookInside() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.person = http.Client{Jar: jar, Transport: here(), Timeout: 20 * time.Second}
	_, port, _ := strings.Cut(d.p.address, ":")
	site := "http://" + d.b.shop + ".localhost:" + port
	d.signIn(site)
	began := time.Now()
	res, err := d.person.Get(site + "/workspaces/" + d.id + "/launch")
	if err != nil {
		d.t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(page), "noVNC_container") || !strings.HasPrefix(res.Request.URL.Path, "/desktop/"+d.id+"/") {
		d.t.Fatalf("launch: %d at %s: %.300s, %v", res.StatusCode, res.Request.URL.Path, page, err)
	}
	d.t.Logf("from the launch to the desktop's page: %v", time.Since(began).Round(time.Millisecond))
	d.socket(site)
	stranger := http.Client{Transport: here(), Timeout: 20 * time.Second}
	res, err = stranger.Get(site + "/desktop/" + d.id + "/")
	if err != nil {
		d.t.Fatal(err)
	}
	page, err = io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || strings.Contains(string(page), "noVNC_container") {
		d.t.Errorf("somebody without the cookie is let in: %d at %s, %v", res.StatusCode, res.Request.URL.Path, err)
	}
}

func (d *sold) signIn(site string) {
	d.t.Helper()
	res, err := d.person.PostForm(site+"/sign-in", url.Values{"email": {"ada@box.test"}, "password": {buyerPassword}})
	if err != nil {
		d.t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK || strings.HasSuffix(res.Request.URL.Path, "/sign-in") {
		d.t.Fatalf("sign in: %d at %s: %.300s", res.StatusCode, res.Request.URL.Path, text)
	}
}

func (d *sold) socket(site string) {
	d.t.Helper()
	at, err := url.Parse(site + "/desktop/" + d.id + "/websockify")
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := websocket.NewConfig("ws://"+d.p.address+at.Path, site)
	if err != nil {
		d.t.Fatal(err)
	}
	c.Location.Host = at.Host
	c.Protocol = []string{"binary"}
	var cookies []string
	for _, k := range d.person.Jar.Cookies(at) {
		cookies = append(cookies, k.Name+"="+k.Value)
	}
	c.Header = http.Header{"Cookie": {strings.Join(cookies, "; ")}, "Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("kasm_user:guess"))}}
	raw, err := (here().(*http.Transport)).DialContext(d.t.Context(), "tcp", at.Host)
	if err != nil {
		d.t.Fatal(err)
	}
	s, err := websocket.NewClient(c, raw)
	if err != nil {
		d.t.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	var back []byte
	if err := websocket.Message.Send(s, []byte("RFB 003.008\n")); err != nil {
		d.t.Fatal(err)
	}
	if err := websocket.Message.Receive(s, &back); err != nil || string(back) != "RFB 003.008\n" {
		d.t.Fatalf("%q came back, %v", back, err)
	}
	d.t.Logf("a frame to the desktop and back: %v", time.Since(began).Round(10*time.Microsecond))
}

func (d *sold) restAndBack() {
	before, _ := d.container()
	d.b.want(200, http.MethodPost, "stop_workspace", object{"workspace_id": d.id})
	d.becomes("stopped")
	soon(d.t, "the container has ended", 20*time.Second, func() bool { _, state := d.container(); return state == "exited" })
	d.b.want(200, http.MethodPost, "start_workspace", object{"workspace_id": d.id})
	d.t.Logf("started again after %v", d.becomes("running").Round(time.Millisecond))
	if after, state := d.container(); after != before || state != "running" {
		d.t.Errorf("it came back as %s %s, not as %s", after, state, before)
	}
}

// killed: what ends on the machine ends in the books, and can be started again.
func (d *sold) killed() {
	id, _ := d.container()
	if _, err := d.e.Client.ContainerKill(d.t.Context(), id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		d.t.Fatal(err)
	}
	d.t.Logf("killed by hand, seen after %v", d.becomes("stopped").Round(time.Millisecond))
	d.b.want(200, http.MethodPost, "start_workspace", object{"workspace_id": d.id})
	d.becomes("running")
}

func (d *sold) givenUp() {
	d.b.want(200, http.MethodPost, "destroy_workspace", object{"workspace_id": d.id})
	soon(d.t, "container and volume are gone", 20*time.Second, func() bool {
		_, state := d.container()
		v, err := d.e.Client.VolumeList(d.t.Context(), client.VolumeListOptions{})
		return err == nil && state == "" && len(v.Items) == 0
	})
	d.t.Logf("sessions: %v", d.b.sessions())
}

// silent: nothing of a secret stands in the log.
func (d *sold) silent() {
	d.p.stop()
	log := d.p.log.String()
	for _, word := range []string{"VNC_PW", "Ez-", "ticket=", "kasm_user:"} {
		if strings.Contains(log, word) {
			d.t.Errorf("the log tells %q", word)
		}
	}
}
