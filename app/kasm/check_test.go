package kasm_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
)

// bad gives the names of the checks that did not pass: those that the product
// cannot do without, and the others.
func bad(checks []workspaces.HostCheck) (failed, warned []string) {
	for _, c := range checks {
		switch {
		case c.OK:
		case c.Warning:
			warned = append(warned, c.Name)
		default:
			failed = append(failed, c.Name)
		}
	}
	return failed, warned
}

func (h *house) test() ([]workspaces.HostCheck, []string, []string) {
	h.Helper()
	checks := h.driver.Test(h.Context(), h.wall())
	for _, c := range checks {
		if c.Name == "" || !strings.HasSuffix(c.Sentence, ".") || strings.Contains(c.Sentence, h.sim.Secret()) {
			h.Errorf("%+v", c)
		}
	}
	failed, warned := bad(checks)
	return checks, failed, warned
}

func TestAWholeServerPassesItsTest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	user := ensure(t, h.driver, "ez.acme.1")
	h.start(user, basic())
	before, err := h.client.Users(t.Context())
	h.must(err)
	checks, failed, warned := h.test()
	if len(checks) < 20 || failed != nil || !slices.Equal(warned, []string{"TLS"}) { // the simulator speaks plain http here
		t.Errorf("%d checks, failed %q, warned %q", len(checks), failed, warned)
	}
	after, err := h.client.Users(t.Context())
	h.must(err)
	images, err := h.client.Images(t.Context())
	h.must(err)
	groups, err := h.client.Groups(t.Context())
	h.must(err)
	if len(after) != len(before) || len(images) != len(kasmsim.DefaultImages()) || len(groups) != 3 {
		t.Errorf("the test left %d accounts, %d images, %d groups", len(after), len(images), len(groups))
	}
}

func TestEachMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lacking       string
		failed, warns []string
	}{
		{"Users View", []string{"Users View"}, nil}, {"Users Create", []string{"Users Create"}, nil}, {"Users Modify", []string{"Users Modify"}, nil},
		{"Users Auth Session", []string{"Users Auth Session", "User"}, []string{"stop and resume"}}, {"User", []string{"User"}, []string{"stop and resume"}},
		{"Sessions View", []string{"Sessions View"}, []string{"clock"}}, {"Images View", []string{"Images View"}, nil}, {"Images Create", nil, []string{"Images Create"}},
		{"Groups View", []string{"Groups View"}, []string{"keepalive_expiration"}}, {"Groups Create", []string{"Groups Create"}, nil}, {"Groups Modify", []string{"Groups Modify"}, nil},
		{"Agents View", nil, []string{"Agents View"}}, {"Reports View", nil, []string{"Reports View"}}, {"Licenses View", nil, []string{"Licenses View", "licence"}},
	} {
		h := newHouse(t, kasmsim.Options{})
		h.permit(most(c.lacking)...)
		_, failed, warned := h.test()
		if want := append([]string{"TLS"}, c.warns...); !slices.Equal(failed, c.failed) || !slices.Equal(warned, want) {
			t.Errorf("without %s: failed %q, warned %q", c.lacking, failed, warned)
		}
	}
}

func TestAWrongKeyIsToldFromOneThatMayLittle(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	wrong, err := kasm.New(kasm.Config{URL: h.url, Key: h.sim.Key(), Secret: "not-the-secret"})
	h.must(err)
	failed, _ := bad(kasm.NewDriver(wrong, time.Now).Test(t.Context(), time.Now()))
	if !slices.Contains(failed, "key") || slices.Contains(failed, "reachable") {
		t.Errorf("a wrong secret: %q", failed)
	}
	h.permit("Images View")
	if _, failed, _ := h.test(); slices.Contains(failed, "key") || !slices.Contains(failed, "Users View") || slices.Contains(failed, "Images View") {
		t.Errorf("a key that may little: %q", failed)
	}
}

func TestWhatElseATestSees(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	user := ensure(t, h.driver, "ez.acme.1")
	h.start(user, basic())
	groups, err := h.client.Groups(t.Context())
	h.must(err)
	for _, g := range groups {
		if g.Name == basic().Group {
			h.must(h.client.SetGroupSetting(t.Context(), g.ID, "keepalive_expiration", "3600"))
		}
	}
	turn(t, h.url, map[string]any{"stop_calls": "missing"})
	h.pass(10 * time.Minute)
	if _, failed, warned := h.test(); failed != nil || !slices.Equal(warned, []string{"TLS", "stop and resume", "keepalive_expiration", "clock"}) {
		t.Errorf("failed %q, warned %q", failed, warned)
	}
	turn(t, h.url, map[string]any{"unreachable": true})
	if _, failed, _ := h.test(); len(failed) == 0 {
		t.Error("a server that is away passes")
	}
}

func TestAnUntrustedCertificateIsNamed(t *testing.T) {
	t.Parallel()
	sim, err := kasmsim.New(kasmsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(sim.Handler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, c := range []struct {
		insecure     bool
		http         *http.Client
		failed, warn []string
	}{{false, nil, []string{"TLS"}, nil}, {true, nil, nil, nil}, {false, server.Client(), nil, nil}} {
		client, err := kasm.New(kasm.Config{URL: server.URL, Key: sim.Key(), Secret: sim.Secret(), Insecure: c.insecure, HTTP: c.http})
		if err != nil {
			t.Fatal(err)
		}
		failed, warned := bad(kasm.NewDriver(client, time.Now).Test(t.Context(), time.Now()))
		if !slices.Equal(failed, c.failed) || !slices.Equal(warned, c.warn) {
			t.Errorf("%+v: failed %q, warned %q", c, failed, warned)
		}
	}
	nobody, err := kasm.New(kasm.Config{URL: "http://127.0.0.1:1", Key: "key", Secret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if failed, _ := bad(kasm.NewDriver(nobody, time.Now).Test(t.Context(), time.Now())); !slices.Equal(failed, []string{"reachable"}) {
		t.Errorf("an address without a server: %q", failed)
	}
}

func TestDriverMakesMissingSizes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	id, err := h.driver.CreateImage(t.Context(), "ezscale/custom", 16, 65536)
	h.must(err)
	if found, err := h.driver.FindImage(t.Context(), "ezscale/custom", 16, 65536); err != nil || found != id {
		t.Error(found, err)
	}
	if again, err := h.driver.CreateImage(t.Context(), "ezscale/custom", 16, 65536); err != nil || again != id {
		t.Error("a second of the same size", again, err)
	}
	images, err := h.driver.Images(t.Context())
	h.must(err)
	if i := slices.IndexFunc(images, func(i workspaces.HostImage) bool { return i.ID == id }); i < 0 || images[i].FriendlyName != "Custom (16 vCPU, 64 GB)" || !images[i].Makes("ezscale/custom", 16, 65536) {
		t.Errorf("%+v", images)
	}
	if _, err := h.driver.CreateImage(t.Context(), "ezscale/nothing", 2, 4096); workspaces.HostKindOf(err) != workspaces.HostNotFound {
		t.Error(err)
	}
	h.permit(most("Images Create")...)
	if _, err := h.driver.CreateImage(t.Context(), "ezscale/custom", 32, 65536); workspaces.HostKindOf(err) != workspaces.HostRefused {
		t.Error(err)
	}
}
