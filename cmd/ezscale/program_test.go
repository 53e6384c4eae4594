package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// program is the whole product in this process, asked from outside only: by its
// command line and over HTTP.
type program struct {
	t       testing.TB
	dir     string
	environ []string
	address string // of the web server, host:port
	sim     string // the simulator's address
	log     bytes.Buffer
	stop    func()
}

// startProgram boots the program with the simulator and a movable clock, which
// stands at the given time. It is stopped when the test ends. more are further
// settings, such as a desktop host that stands beside the program.
func startProgram(t testing.TB, dir string, began time.Time, more ...string) *program {
	t.Helper()
	p := &program{t: t, dir: dir, environ: append(more, "EZSCALE_DATA_DIR="+dir, "EZSCALE_HTTP_ADDR=127.0.0.1:0", "EZSCALE_KASM_SIM_ADDR=127.0.0.1:0", "EZSCALE_TEST_CLOCK=1")}
	config, err := readConfig(p.environ)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := &console{ctx: ctx, config: config, out: io.Discard, errs: io.Discard, log: log}
	n, err := c.boot(bootOptions{sim: true, began: began})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	p.address, p.sim = n.listener.Addr().String(), n.console.config.KasmURL
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

// newProgram is startProgram in a folder of its own, with desktops that start
// and stop at once and a clock that stands still.
func newProgram(t testing.TB, began time.Time) *program {
	t.Helper()
	p := startProgram(t, pgtest.Dir(t), began)
	p.simSettings(object{"start_delay_ms": 0, "stop_delay_ms": 0})
	p.clock(object{"rate": 0})
	return p
}

// object is a JSON object.
type object = map[string]any

// cli does a command and gives the JSON it printed.
func (p *program) cli(args ...string) object {
	p.t.Helper()
	out, complaint, code := p.command(args...)
	if code != exitDone {
		p.t.Fatalf("ezscale %s: exit %d: %s", strings.Join(args, " "), code, complaint)
	}
	var data object
	if err := json.Unmarshal([]byte(out), &data); err != nil {
		p.t.Fatalf("ezscale %s printed no JSON: %v\n%s", strings.Join(args, " "), err, out)
	}
	return data
}

func (p *program) command(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	folder := p.t.TempDir()
	out, err := os.Create(filepath.Join(folder, "out"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	errs, err := os.Create(filepath.Join(folder, "err"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer errs.Close()
	code = run(context.Background(), args, p.environ, out, errs)
	return p.text(out.Name()), p.text(errs.Name()), code
}

func (p *program) text(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// answer is what came over HTTP.
type answer struct {
	status int
	header http.Header
	body   object
	text   string
}

// send asks a host of the program, whatever address it listens on.
func (p *program) send(method, host, path string, header http.Header, body any) answer {
	p.t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	return p.do(method, "http://"+p.address+path, host, header, reader)
}

func (p *program) do(method, url, host string, header http.Header, body io.Reader) answer {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body) // a page is no JSON
	return a
}

// tryClock moves the business clock, or says why not.
func (p *program) tryClock(to object) answer {
	p.t.Helper()
	return p.send(http.MethodPost, "localhost", "/api/test/clock", nil, to)
}

// clock moves the business clock and gives its time.
func (p *program) clock(to object) time.Time {
	p.t.Helper()
	a := p.tryClock(to)
	if a.status != http.StatusOK {
		p.t.Fatalf("move the clock to %v: %d %s", to, a.status, a.text)
	}
	return timeIn(p.t, a.body, "now")
}

// until lets business time pass until the given time.
func (p *program) until(at time.Time) {
	p.t.Helper()
	if now := p.clock(object{"now": at.Format(time.RFC3339Nano)}); !now.Equal(at) {
		p.t.Fatalf("the clock stands at %s, not %s", now, at)
	}
}

func (p *program) simSettings(to object) {
	p.t.Helper()
	text, err := json.Marshal(to)
	if err != nil {
		p.t.Fatal(err)
	}
	if a := p.do(http.MethodPost, p.sim+"/sim/settings", "", nil, bytes.NewReader(text)); a.status != http.StatusOK {
		p.t.Fatalf("set the simulator: %d %s", a.status, a.text)
	}
}

func timeIn(t testing.TB, o object, name string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(o[name]))
	if err != nil {
		t.Fatalf("%s is no time in %v: %v", name, o, err)
	}
	return at
}

// shop makes a reseller by the command line.
func (p *program) shop(slug, zone string) string {
	p.t.Helper()
	p.cli("tenant", "create", "--name", "Shop "+slug, "--slug", slug, "--email", "owner@"+slug+".test", "--time-zone", zone, "--json")
	return slug
}

// price changes what a shop asks for a plan.
func (p *program) price(shop, plan, perHour string) {
	p.t.Helper()
	p.cli("plan", "set", "--tenant", shop, "--type", plan, "--price-per-hour", perHour, "--json")
}

// buyer is a customer's program, with its key.
type buyer struct {
	p      *program
	shop   string
	id     string
	header http.Header
}

// buyer makes a customer with credit and a key by the command line.
func (p *program) buyer(shop, name string) *buyer {
	p.t.Helper()
	u := p.cli("user", "create", "--tenant", shop, "--email", name+"@"+shop+".test", "--credit", "1000.00", "--api-key", "--json")
	return &buyer{p: p, shop: shop, id: fmt.Sprint(u["id"]),
		header: http.Header{"X-Api-Key": {fmt.Sprint(u["api_key"])}, "X-Api-Secret": {fmt.Sprint(u["api_secret"])}}}
}

func (b *buyer) send(method, path string, body any) answer {
	b.p.t.Helper()
	return b.p.send(method, b.shop+".localhost", "/api/public/"+path, b.header, body)
}

func (b *buyer) want(status int, method, path string, body any) object {
	b.p.t.Helper()
	a := b.send(method, path, body)
	if a.status != status {
		b.p.t.Fatalf("%s %s %v: %d %s", method, path, body, a.status, a.text)
	}
	return a.body
}

func (b *buyer) get(path string) object {
	b.p.t.Helper()
	return b.want(200, http.MethodGet, path, nil)
}

// order takes a desktop that runs.
func (b *buyer) order(plan string) string {
	b.p.t.Helper()
	w := b.want(201, http.MethodPost, "create_workspace", object{"workspace_type": plan})
	return fmt.Sprint(w["workspace_id"])
}

func (b *buyer) start(id string) {
	b.p.t.Helper()
	b.want(200, http.MethodPost, "start_workspace", object{"workspace_id": id})
	b.p.clock(object{"advance": "0s"})
	if s := b.status(id); s["status"] != "running" {
		b.p.t.Fatalf("the desktop is %v after its start", s)
	}
}

func (b *buyer) stop(id string) {
	b.p.t.Helper()
	if s := b.want(200, http.MethodPost, "stop_workspace", object{"workspace_id": id}); s["status"] != "stopped" {
		b.p.t.Fatalf("the desktop is %v after its stop", s)
	}
}

func (b *buyer) status(id string) object {
	b.p.t.Helper()
	return b.get("workspace_status?workspace_id=" + id)
}

// sessions gives all of the buyer's, newest first.
func (b *buyer) sessions() (all []object) {
	b.p.t.Helper()
	return objects(b.get("sessions?limit=200")["sessions"])
}

func (b *buyer) invoices() []object { b.p.t.Helper(); return objects(b.get("invoices")["invoices"]) }

// wantSessions fails the test unless the sessions, oldest first, have these
// blocks and costs: "2 0.10".
func (b *buyer) wantSessions(want ...string) {
	b.p.t.Helper()
	var got []string
	for _, s := range b.sessions() {
		got = append([]string{fmt.Sprintf("%v %v", s["blocks"], s["total_cost"])}, got...)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		b.p.t.Errorf("%s: sessions %q, want %q", b.shop, got, want)
	}
}

// wantLines fails the test unless the invoice has these lines:
// "business_basic 0.20: 8 = 0.40".
func (b *buyer) wantLines(inv object, want ...string) {
	b.p.t.Helper()
	var got []string
	for _, l := range objects(inv["lines"]) {
		got = append(got, fmt.Sprintf("%v %v: %v = %v", l["workspace_type"], l["cost_per_hour"], l["blocks"], l["amount"]))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.p.t.Errorf("%s: lines %q, want %q", b.shop, got, want)
	}
}

// wantInvoices fails the test unless the buyer has invoices of these months and
// totals, oldest first: "2026-09 0.40".
func (b *buyer) wantInvoices(want ...string) (all []object) {
	b.p.t.Helper()
	var got []string
	for _, i := range b.invoices() {
		month := timeIn(b.p.t, i, "period_end").Add(-36 * time.Hour).Format("2006-01")
		got, all = append([]string{fmt.Sprintf("%s %v", month, i["total"])}, got...), append([]object{i}, all...)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		b.p.t.Fatalf("%s: invoices %q, want %q", b.shop, got, want)
	}
	return all
}

func objects(list any) (all []object) {
	items, _ := list.([]any)
	for _, i := range items {
		o, _ := i.(object)
		all = append(all, o)
	}
	return all
}

// reading opens the installation beside the running program, as a command does.
func (p *program) reading(fn func(ctx context.Context, in *installation) error) {
	p.t.Helper()
	config, err := readConfig(p.environ)
	if err != nil {
		p.t.Fatal(err)
	}
	c := &console{ctx: p.t.Context(), config: config, out: io.Discard, errs: io.Discard, log: slog.New(slog.DiscardHandler)}
	if err := c.with(func(in *installation) error { return fn(c.ctx, in) }); err != nil {
		p.t.Fatal(err)
	}
}

// readOne reads one value from a shop's tables.
func readOne(ctx context.Context, in *installation, shop string, dst any, sql string) error {
	t, err := in.tenantBySlug(shop)
	if err != nil {
		return err
	}
	switch dst := dst.(type) {
	case *int:
		return in.db.Read(ctx, t, tenants.GetQ(dst, "value", sql))
	case *decimal.Decimal:
		return in.db.Read(ctx, t, tenants.GetQ(dst, "value", sql))
	}
	return fmt.Errorf("a %T cannot be read", dst)
}
