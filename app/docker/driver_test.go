package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/docker"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/app/workspaces/drivertest"
)

const (
	template = "kasmweb/desktop"
	image    = "kasmweb/desktop:1.16.0#1x256"
	secret   = "Ez-unit-7A"
)

func driverOf(t *testing.T, c docker.Config) *docker.Driver {
	t.Helper()
	if c.Tag == "" {
		c.Tag = "1.16.0"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d, err := docker.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func unitWish() workspaces.Wish {
	return workspaces.Wish{
		UserID: "ez.acme.1", User: workspaces.HostUser{Username: "ez.acme.1", Password: secret}, ImageID: image, VCPU: 1, RAMMB: 256,
		Labels: workspaces.Labels{Tenant: "acme", Workspace: uuid.New(), Run: 1},
		Rights: workspaces.Rights{Group: "ez.acme.basic", Clipboard: true},
	}
}

func ask(t *testing.T, d *docker.Driver, w workspaces.Wish) string {
	t.Helper()
	id, err := d.Request(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func listed(t *testing.T, d *docker.Driver, id string) workspaces.Desktop {
	t.Helper()
	l, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range l.Desktops {
		if one.ID == id {
			return one
		}
	}
	return workspaces.Desktop{}
}

func TestDriverKeepsThePromises(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T) drivertest.Subject {
		f := newFake(t)
		return drivertest.Subject{
			Driver: driverOf(t, docker.Config{URL: f.url}), Unreachable: driverOf(t, docker.Config{URL: "unix:///nowhere/at/all.sock"}),
			Template: template, VCPU: 1, RAMMB: 256, Unknown: "kasmweb/nothing",
			Missing: strings.Repeat("0123456789abcdef", 4), Intents: true, Patience: 20 * time.Second, Every: 5 * time.Millisecond,
		}
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, network string
		fine         bool
	}{
		{"", "", true},
		{"unix:///run/user/1000/docker.sock", "", true},
		{"tcp://127.0.0.1:2375", "desktops", true},
		{"tcp://10.0.0.5:2375", "", false},
		{"ssh://root@10.0.0.5", "", false},
		{"", "host", false},
		{"", "none", false},
		{"", "bridge", false},
	} {
		if _, err := docker.New(docker.Config{URL: c.url, Network: c.network}); (err == nil) != c.fine {
			t.Errorf("engine %q, network %q: %v", c.url, c.network, err)
		}
	}
}

func TestFindImageCompletesNames(t *testing.T) {
	t.Parallel()
	d := driverOf(t, docker.Config{})
	for given, want := range map[string]string{
		"kasmweb/desktop":                 "kasmweb/desktop:1.16.0#2x4096",
		"kasmweb/desktop:1.19.0":          "kasmweb/desktop:1.19.0#2x4096",
		"docker.io/kasmweb/desktop":       "kasmweb/desktop:1.16.0#2x4096",
		"registry.example:5000/a/desktop": "registry.example:5000/a/desktop:1.16.0#2x4096",
		"Not A Name":                      "",
		"":                                "",
	} {
		got, err := d.FindImage(t.Context(), given, 2, 4096)
		if got != want || (want == "") != (workspaces.HostKindOf(err) == workspaces.HostNotFound && err != nil) {
			t.Errorf("%q: %q, %v; want %q", given, got, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		vcpu, ram := rapid.IntRange(1, 64).Draw(t, "vcpu"), rapid.IntRange(1, 1<<20).Draw(t, "ram")
		one, err := d.FindImage(context.Background(), template, vcpu, ram)
		other, again := d.FindImage(context.Background(), template, vcpu+1, ram)
		if err != nil || again != nil || one == other {
			t.Fatalf("%s and %s, %v %v", one, other, err, again)
		}
	})
}

func TestContainerIsMadeAsThePlanSays(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := driverOf(t, docker.Config{URL: f.url, ShmMB: 1024, Network: "desks"})
	w := unitWish()
	w.VCPU, w.RAMMB, w.Rights.Clipboard = 2, 4096, false
	id := ask(t, d, w)
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.containers[id]
	if b.host.NanoCPUs != 2e9 || b.host.Memory != 4<<30 || b.host.MemorySwap != 4<<30 || b.host.ShmSize != 1<<30 || b.host.NetworkMode != "desks" {
		t.Errorf("made with %+v", b.host.Resources)
	}
	env := strings.Join(b.config.Env, "\n")
	for _, want := range []string{"VNC_PW=", "VNC_VIEW_ONLY_PW=", "KASM_SVC_SEND_CUT_TEXT=-SendCutText 0", "KASM_SVC_ACCEPT_CUT_TEXT=-AcceptCutText 0", "KASM_SVC_UPLOADS=0", "KASM_SVC_DOWNLOADS=0"} {
		if !strings.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	if pw := b.password(); len(pw) < 20 || strings.Contains(env, secret) || strings.Contains(env, "VNC_VIEW_ONLY_PW="+pw) {
		t.Error("the container has no password of its own")
	}
	if n := f.networks["desks"]; n.Options["com.docker.network.bridge.enable_icc"] != "false" || n.Driver != "bridge" {
		t.Errorf("network %+v", n)
	}
	if b.host.Mounts[0].Source != "ezscale-home-"+w.Labels.Workspace.String() || b.host.Mounts[0].Target != "/home/kasm-user" {
		t.Errorf("mounts %+v", b.host.Mounts)
	}
}

func TestANetworkThatIsNotSeparateIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.networks["ezscale"] = network.Inspect{Network: network.Network{Name: "ezscale", ID: "x", Driver: "bridge"}}
	_, err := driverOf(t, docker.Config{URL: f.url}).Request(t.Context(), unitWish())
	if workspaces.HostKindOf(err) != workspaces.HostRefused || !strings.Contains(err.Error(), "reach each other") {
		t.Errorf("request: %v", err)
	}
}

// A program that died between making a container and starting it leaves one that
// counts as off; the next request for the intent starts it.
func TestWhatWasMadeAndNotStartedIsTakenUp(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := driverOf(t, docker.Config{URL: f.url})
	w := unitWish()
	id := ask(t, d, w)
	f.change(func() {
		f.containers[id].off()
		f.containers[id].state = container.StateCreated
	})
	if got := listed(t, d, id).State; got != workspaces.HostStopped {
		t.Errorf("before, it is %q", got)
	}
	if again := ask(t, d, w); again != id {
		t.Errorf("taken up %s, want %s", again, id)
	}
	if got := listed(t, d, id).State; got != workspaces.HostRunning {
		t.Errorf("after, it is %q", got)
	}
	f.change(func() { f.containers[id].config.Labels["ezscale.intent"] = "another" })
	if _, err := d.Request(t.Context(), w); workspaces.HostKindOf(err) != workspaces.HostRefused {
		t.Errorf("a container of somebody else's with our name: %v", err)
	}
}

func TestEnginesWordsBecomeKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		status       int
		message      string
		want         workspaces.HostKind
		leftovers    int
	}{
		{"POST", "/create", 400, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", workspaces.HostNoCapacity, 0},
		{"POST", "/start", 500, "driver failed programming external connectivity: Bind for 127.0.0.1:32768 failed: port is already allocated", workspaces.HostNoCapacity, 0},
		{"POST", "/start", 500, "mkdir /var/lib/docker/x: no space left on device", workspaces.HostNoCapacity, 0},
		{"POST", "/start", 500, "OCI runtime create failed: cannot allocate memory", workspaces.HostNoCapacity, 0},
		{"POST", "/start", 400, "invalid configuration", workspaces.HostRefused, 0},
		{"POST", "/start", 404, "network x not found", workspaces.HostRefused, 0},
		{"POST", "/start", 500, "something that nobody foresaw", workspaces.HostUnavailable, 1},
		{"POST", "/create", 500, "the password " + secret + " is bad", workspaces.HostUnavailable, 0},
		{"GET", "/images", 503, "try again", workspaces.HostUnavailable, 0},
	} {
		f := newFake(t)
		d := driverOf(t, docker.Config{URL: f.url})
		f.change(func() {
			f.fail = func(method, path string) (int, string) {
				if method == c.method && strings.Contains(path, c.path) && !strings.Contains(path, "volumes") && !strings.Contains(path, "networks") {
					return c.status, c.message
				}
				return 0, ""
			}
		})
		_, err := d.Request(t.Context(), unitWish())
		var host *workspaces.HostError
		if !errors.As(err, &host) || host.Kind != c.want {
			t.Errorf("%s: %v, want %s", c.message, err, c.want)
		}
		if strings.Contains(fmt.Sprintf("%+v %#v", err, err), secret) {
			t.Errorf("the password is told: %v", err)
		}
		f.change(func() {
			if len(f.containers) != c.leftovers {
				t.Errorf("%s: %d containers are left, want %d", c.message, len(f.containers), c.leftovers)
			}
		})
	}
}

// A home folder whose removal was cut short goes when the program starts again; one
// that a desktop uses stays.
func TestUnfinishedRemovalsAreFinished(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := unitWish()
	ask(t, driverOf(t, docker.Config{URL: f.url}), w)
	used := "ezscale-home-" + w.Labels.Workspace.String()
	f.change(func() {
		f.volumes["ezscale-home-old"] = map[string]string{"ezscale.home": "yes"}
		f.volumes["ezscale-home-old-gone"] = map[string]string{"ezscale.gone": "ezscale-home-old"}
		f.volumes[used+"-gone"] = map[string]string{"ezscale.gone": used}
	})
	d := driverOf(t, docker.Config{URL: f.url})
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the marked ones are gone", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.volumes) == 1 && f.volumes[used] != nil
	})
}

// Somebody removed the container by hand; the next desktop of the workspace takes its
// home folder over. To give that one up before it ever came up must not cost the files.
func TestAFailedStartDoesNotCostTheFiles(t *testing.T) {
	t.Parallel()
	for _, cameUp := range []bool{false, true} {
		f := newFake(t)
		d := driverOf(t, docker.Config{URL: f.url})
		w := unitWish()
		first := ask(t, d, w)
		f.change(func() {
			f.containers[first].off()
			delete(f.containers, first)
		})
		w.Labels.Run++
		next := ask(t, d, w)
		if cameUp {
			eventually(t, "it runs", func() bool { return listed(t, d, next).State == workspaces.HostRunning })
		}
		if err := d.Destroy(t.Context(), w.UserID, next); err != nil {
			t.Fatal(err)
		}
		f.change(func() {
			if kept := f.volumes["ezscale-home-"+w.Labels.Workspace.String()] != nil; kept == cameUp || len(f.containers) != 0 {
				t.Errorf("came up %v: home folder kept %v", cameUp, kept)
			}
		})
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not come about that %s", what)
		}
	}
}

func TestTestLooksAtTheEngine(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := driverOf(t, docker.Config{URL: f.url})
	failing := func() string {
		var names []string
		for _, c := range d.Test(t.Context(), time.Now()) {
			if c.Sentence == "" || c.Name == "" {
				t.Errorf("check without words: %+v", c)
			}
			if !c.OK {
				names = append(names, fmt.Sprint(c.Name, " ", c.Warning))
			}
		}
		return strings.Join(names, ", ")
	}
	if got := failing(); got != "" {
		t.Errorf("an engine as it should be fails at %s", got)
	}
	f.change(func() { f.info["SwapLimit"] = false })
	if got := failing(); got != "limits true" {
		t.Errorf("without a limit of swap: %s", got)
	}
	f.change(func() {
		f.info["MemoryLimit"] = false
		f.networks["ezscale"] = network.Inspect{Network: network.Network{Name: "ezscale", Driver: "bridge"}}
	})
	if got := failing(); got != "limits false, network false" {
		t.Errorf("without limits and with a network for all: %s", got)
	}
	if n := f.called(http.MethodPost); n != 0 {
		t.Errorf("a test changed something: %d calls", n)
	}
	away := driverOf(t, docker.Config{URL: "unix:///nowhere.sock"})
	if got := away.Test(t.Context(), time.Now()); len(got) != 1 || got[0].OK {
		t.Errorf("an engine that is not there: %+v", got)
	}
}

func TestLogsTellNoPassword(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var out bytes.Buffer
	d := driverOf(t, docker.Config{URL: f.url, Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	w := unitWish()
	f.change(func() { f.pem = func(*box) []byte { return otherPEM(t) } })
	id := ask(t, d, w)
	if got := listed(t, d, id).State; got != workspaces.HostStarting {
		t.Errorf("with another certificate than it keeps it is %q", got)
	}
	if _, err := d.Upstream(t.Context(), w.UserID, id); workspaces.HostKindOf(err) != workspaces.HostNotReady {
		t.Errorf("upstream: %v", err)
	}
	if !strings.Contains(out.String(), "another certificate") || strings.Contains(out.String(), secret) || strings.Contains(out.String(), f.containers[id].password()) {
		t.Errorf("the log says %s", out.String())
	}
}
