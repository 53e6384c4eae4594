package kasm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
)

var _ workspaces.Driver = (*kasm.Driver)(nil)

func newDriver(t *testing.T) (d *kasm.Driver, url string) {
	t.Helper()
	sim, err := kasmsim.New(kasmsim.Options{StartDelay: -1, StopDelay: -1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	c, err := kasm.New(kasm.Config{URL: server.URL, Key: sim.Key(), Secret: sim.Secret()})
	if err != nil {
		t.Fatal(err)
	}
	return kasm.NewDriver(c, time.Now), server.URL
}

func turn(t *testing.T, url string, settings map[string]any) {
	t.Helper()
	turnAt(t, url+"/sim/settings", settings)
}

func turnAt(t *testing.T, url string, body map[string]any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d", url, resp.StatusCode)
	}
}

func ensure(t *testing.T, d *kasm.Driver, name string) string {
	t.Helper()
	id, err := d.EnsureUser(t.Context(), workspaces.HostUser{Username: name, Password: "Ez-Secret-7a"})
	if err != nil || id == "" {
		t.Fatalf("account: %q, %v", id, err)
	}
	return id
}

func TestDriverMakesAnAccountOnce(t *testing.T) {
	t.Parallel()
	d, _ := newDriver(t)
	first := ensure(t, d, "ez.acme.1")
	if again := ensure(t, d, "EZ.acme.1"); again != first {
		t.Errorf("a second account %s beside %s", again, first)
	}
	if other := ensure(t, d, "ez.acme.2"); other == first {
		t.Error("two customers share an account")
	}
}

func TestDriverFindsImages(t *testing.T) {
	t.Parallel()
	d, _ := newDriver(t)
	want := kasmsim.ImageID("ubuntu-vscode", 4, 8192)
	for _, c := range []struct {
		template    string
		vcpu, ramMB int
		want        string
	}{
		{"ezscale/ubuntu-vscode", 4, 8192, want},
		{"ezscale/ubuntu-vscode", 4, 8000, want},
		{"ezscale/ubuntu-vscode", 4, 8590, want}, // 8192 MiB are 8590 million bytes
		{"ezscale/ubuntu-vscode:4x8192", 4, 8192, want},
		{want, 4, 8192, want},
		{"ezscale/ubuntu-vscode", 3, 8192, ""},
		{"ezscale/ubuntu-vscode", 4, 6144, ""},
		{"ezscale/nothing", 4, 8192, ""},
		{"ubuntu-vscode", 4, 8192, ""},
	} {
		got, err := d.FindImage(t.Context(), c.template, c.vcpu, c.ramMB)
		if got != c.want || (c.want == "") != (err != nil && workspaces.HostKindOf(err) == workspaces.HostNotFound) {
			t.Errorf("%s %d vCPU %d MB: %q, %v; want %q", c.template, c.vcpu, c.ramMB, got, err, c.want)
		}
	}
}

func TestDriverLeadsADesktopThroughItsLife(t *testing.T) {
	t.Parallel()
	d, url := newDriver(t)
	ctx := t.Context()
	user := ensure(t, d, "ez.acme.1")
	image, err := d.FindImage(ctx, "ezscale/custom", 2, 4096)
	if err != nil {
		t.Fatal(err)
	}
	id, err := d.Request(ctx, workspaces.Wish{UserID: user, ImageID: image})
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		l, err := d.List(ctx)
		if err != nil || l.CurrentTime.IsZero() {
			t.Fatalf("list: %v", err)
		}
		for _, k := range l.Desktops {
			if k.ID == id && k.UserID == user && k.Username == "ez.acme.1" && k.ImageID == image && !k.Created.IsZero() {
				return k.State
			}
		}
		return ""
	}
	if got := state(); got != workspaces.HostRunning {
		t.Fatalf("the desktop is %q", got)
	}
	link, err := d.Link(ctx, user, id)
	if err != nil || !strings.HasPrefix(link.Reveal(), url) {
		t.Errorf("link: %v", err)
	}
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"keepalive", func() error { return d.Keepalive(ctx, id) }, workspaces.HostRunning},
		{"resume what runs", func() error { return d.Resume(ctx, user, id) }, workspaces.HostRunning},
		{"stop", func() error { return d.Stop(ctx, user, id) }, workspaces.HostStopped},
		{"stop again", func() error { return d.Stop(ctx, user, id) }, workspaces.HostStopped},
		{"resume", func() error { return d.Resume(ctx, user, id) }, workspaces.HostRunning},
		{"destroy", func() error { return d.Destroy(ctx, user, id) }, ""},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := state(); got != c.want {
			t.Errorf("after %s it is %q, want %q", c.name, got, c.want)
		}
	}
	for name, err := range map[string]error{"stop": d.Stop(ctx, user, id), "resume": d.Resume(ctx, user, id), "destroy": d.Destroy(ctx, user, id)} {
		if workspaces.HostKindOf(err) != workspaces.HostNotFound {
			t.Errorf("%s of one that is gone: %v", name, err)
		}
	}
}

func TestDriverSortsWhatTheHostSays(t *testing.T) {
	t.Parallel()
	d, url := newDriver(t)
	ctx := t.Context()
	user := ensure(t, d, "ez.acme.1")
	image, err := d.FindImage(ctx, "ezscale/custom", 2, 4096)
	if err != nil {
		t.Fatal(err)
	}
	request := func() workspaces.HostKind {
		_, err := d.Request(ctx, workspaces.Wish{UserID: user, ImageID: image})
		var host *workspaces.HostError
		if !errors.As(err, &host) {
			t.Fatalf("request: %v", err)
		}
		return host.Kind
	}
	for _, c := range []struct {
		settings map[string]any
		want     workspaces.HostKind
	}{
		{map[string]any{"capacity": 0}, workspaces.HostNoCapacity},
		{map[string]any{"capacity": -1, "per_user_limit": 0}, workspaces.HostLimit},
		{map[string]any{"per_user_limit": -1, "licence_limit": 0}, workspaces.HostLimit},
		{map[string]any{"licence_limit": -1, "error_rate": 1, "error_style": "json"}, workspaces.HostUnavailable},
		{map[string]any{"error_style": "ok_error"}, workspaces.HostUnavailable},
		{map[string]any{"error_style": "html500"}, workspaces.HostUnavailable},
		{map[string]any{"error_rate": 0, "unreachable": true}, workspaces.HostUnavailable},
	} {
		turn(t, url, c.settings)
		if got := request(); got != c.want {
			t.Errorf("%v: %s, want %s", c.settings, got, c.want)
		}
	}
	turn(t, url, map[string]any{"unreachable": false})
	user = strings.Repeat("0", 32)
	if got := request(); got != workspaces.HostNotFound {
		t.Errorf("an account that is not there: %s", got)
	}
	user = ensure(t, d, "ez.acme.1")
	image = strings.Repeat("0", 32)
	if got := request(); got != workspaces.HostRefused {
		t.Errorf("an image that is not there: %s", got)
	}
}

// A server without these calls answers 404 with a page: that is a refusal, not an
// outage, so that the desktop is destroyed instead of running on.
func TestDriverTellsAMissingCallFromAnOutage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c, err := kasm.New(kasm.Config{URL: server.URL, Key: "key", Secret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	d := kasm.NewDriver(c, time.Now)
	id := strings.Repeat("a", 32)
	if got := workspaces.HostKindOf(d.Stop(t.Context(), id, id)); got != workspaces.HostRefused {
		t.Errorf("stop: %s", got)
	}
}
