//go:build docker

package docker_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/net/websocket"

	"github.com/ezscale/ezscale/app/docker"
	"github.com/ezscale/ezscale/app/docker/enginetest"
	"github.com/ezscale/ezscale/app/workspaces"
)

const password = "Ez-engine-7A"

func wishFor(t *testing.T, d *docker.Driver, vcpu, ramMB int) workspaces.Wish {
	t.Helper()
	u := workspaces.HostUser{Username: "ez.acme." + strings.ReplaceAll(uuid.NewString(), "-", ""), Password: password}
	user, err := d.EnsureUser(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	image, err := d.FindImage(t.Context(), desktopImage, vcpu, ramMB)
	if err != nil {
		t.Fatal(err)
	}
	return workspaces.Wish{
		UserID: user, User: u, ImageID: image, VCPU: vcpu, RAMMB: ramMB,
		Labels: workspaces.Labels{Tenant: "acme", Workspace: uuid.New(), Run: 1},
		Rights: workspaces.Rights{Group: "ez.acme.basic", Upload: true},
	}
}

func make1(t *testing.T, d *docker.Driver, w workspaces.Wish) string {
	t.Helper()
	id, err := d.Request(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Destroy(context.Background(), w.UserID, id); err != nil && workspaces.HostKindOf(err) != workspaces.HostNotFound {
			t.Error(err)
		}
	})
	return id
}

func seen(t *testing.T, d *docker.Driver, id string) workspaces.Desktop {
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

func until(t *testing.T, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("it did not come about that %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
	return time.Since(began)
}

func runs(t *testing.T, d *docker.Driver, id string) time.Duration {
	t.Helper()
	return until(t, "the desktop runs", func() bool { return seen(t, d, id).State == workspaces.HostRunning })
}

// visitor talks to a desktop as the proxy does.
type visitor struct {
	t  *testing.T
	up workspaces.Upstream
}

func visit(t *testing.T, d *docker.Driver, w workspaces.Wish, id string) visitor {
	t.Helper()
	up, err := d.Upstream(t.Context(), w.UserID, id)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{t, up}
}

func (v visitor) tls() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		if sha256.Sum256(s.PeerCertificates[0].Raw) != v.up.Certificate {
			return errors.New("not the pinned certificate")
		}
		return nil
	}}
}

func (v visitor) call(method, path, body string) (int, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.up.URL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.SetBasicAuth(v.up.Username, v.up.Password)
	c := http.Client{Transport: &http.Transport{TLSClientConfig: v.tls(), DisableKeepAlives: true}}
	resp, err := c.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (v visitor) get(path string) string {
	v.t.Helper()
	_, text := v.call(http.MethodGet, path, "")
	return text
}

func lifeOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 1, 256)
	began := time.Now()
	id := make1(t, d, w)
	made := time.Since(began)
	runs(t, d, id)
	t.Logf("create and start %v; seen running after %v", made.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))

	l, err := d.List(t.Context())
	if err != nil || time.Since(l.CurrentTime).Abs() > 2*time.Second {
		t.Errorf("the engine's clock says %v, %v", l.CurrentTime, err)
	}
	one := seen(t, d, id)
	if one.Username != w.User.Username || one.ImageID != w.ImageID || one.Intent != w.Labels.Intent() {
		t.Errorf("listed %+v", one)
	}
	v := visit(t, d, w, id)
	if v.up.Password != password || v.up.Username != "kasm_user" || !strings.HasPrefix(v.up.URL, "https://127.0.0.1:") {
		t.Errorf("upstream %v", v.up)
	}
	if code, _ := v.call(http.MethodGet, "/", ""); code != http.StatusOK {
		t.Errorf("with the pinned certificate and the password: %d", code)
	}
	for name, want := range map[string]string{"KASM_SVC_SEND_CUT_TEXT": "-SendCutText 0", "KASM_SVC_ACCEPT_CUT_TEXT": "-AcceptCutText 0", "KASM_SVC_UPLOADS": "1", "KASM_SVC_DOWNLOADS": "0"} {
		if got := v.get("/test/env/" + name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	again, err := d.Request(t.Context(), w)
	if err != nil || again != id {
		t.Errorf("the same intent: %s, %v; want %s", again, err, id)
	}
	began = time.Now()
	if err := d.Stop(t.Context(), w.UserID, id); err != nil {
		t.Fatal(err)
	}
	t.Logf("stop %v", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if err := d.Resume(t.Context(), w.UserID, id); err != nil {
		t.Fatal(err)
	}
	runs(t, d, id)
	t.Logf("resume until running %v", time.Since(began).Round(time.Millisecond))
	if after := visit(t, d, w, id); after.up.Certificate == v.up.Certificate || after.get("/") == "" {
		t.Error("after a new start the certificate of the one before is believed")
	}
	began = time.Now()
	if err := d.Destroy(t.Context(), w.UserID, id); err != nil {
		t.Fatal(err)
	}
	t.Logf("destroy %v", time.Since(began).Round(time.Millisecond))
	if _, err := e.Client.VolumeInspect(t.Context(), "ezscale-home-"+w.Labels.Workspace.String(), client.VolumeInspectOptions{}); err == nil {
		t.Error("the home folder outlives its desktop")
	}
	if v, err := e.Client.VolumeList(t.Context(), client.VolumeListOptions{}); err != nil || len(v.Items) != 0 {
		t.Errorf("%d volumes are left, %v", len(v.Items), err)
	}
}

// containerOnEngine looks at what the engine itself says of the container.
func containerOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 1, 300)
	id := make1(t, d, w)
	got, err := e.Client.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := got.Container.HostConfig
	if h.NanoCPUs != 1e9 || h.Memory != 300<<20 || h.MemorySwap != 300<<20 || h.ShmSize != 512<<20 || h.PidsLimit == nil || *h.PidsLimit != 4096 {
		t.Errorf("limits: %d nano CPUs, %d and %d bytes, %d shm, pids %v", h.NanoCPUs, h.Memory, h.MemorySwap, h.ShmSize, h.PidsLimit)
	}
	if h.RestartPolicy.Name != container.RestartPolicyDisabled || h.NetworkMode != "ezscale" || h.Privileged || !slices.Contains(h.CapDrop, "ALL") || len(h.CapAdd) != 0 || !slices.Contains(h.SecurityOpt, "no-new-privileges:true") {
		t.Errorf("restart %q, network %q, capabilities -%v +%v, %v", h.RestartPolicy.Name, h.NetworkMode, h.CapDrop, h.CapAdd, h.SecurityOpt)
	}
	for port, bindings := range got.Container.NetworkSettings.Ports {
		for _, b := range bindings {
			t.Logf("published: %v on %v:%s", port, b.HostIP, b.HostPort)
			if b.HostIP.String() != "127.0.0.1" {
				t.Errorf("port %v can be reached from elsewhere: %v", port, b.HostIP)
			}
		}
	}
	labels := got.Container.Config.Labels
	for name, want := range map[string]string{"tenant": "acme", "workspace": w.Labels.Workspace.String(), "intent": w.Labels.Intent(), "user": w.User.Username, "image": w.ImageID, "vcpu": "1", "ram_mb": "300"} {
		if labels["ezscale."+name] != want {
			t.Errorf("label %s is %q, want %q", name, labels["ezscale."+name], want)
		}
	}
	bridge, err := e.Client.NetworkInspect(t.Context(), "ezscale", client.NetworkInspectOptions{})
	if err != nil || bridge.Network.Driver != "bridge" || bridge.Network.Options["com.docker.network.bridge.enable_icc"] != "false" {
		t.Errorf("network %+v, %v", bridge.Network.Options, err)
	}
	runs(t, d, id)
	if got := visit(t, d, w, id).get("/test/id"); got != "1000" {
		t.Errorf("it runs as user %q", got)
	}
}

// apart: desktops cannot reach each other, and whoever is not ours is let alone.
func apart(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	a, b := wishFor(t, d, 1, 256), wishFor(t, d, 1, 256)
	first, second := make1(t, d, a), make1(t, d, b)
	runs(t, d, first)
	runs(t, d, second)
	address := strings.TrimSpace(visit(t, d, b, second).get("/test/address"))
	c, err := net.DialTimeout("tcp", address+":6901", 2*time.Second)
	if err != nil {
		t.Fatalf("the machine itself reaches it: %v", err) // else the next would prove nothing
	}
	_ = c.Close()
	if code, said := visit(t, d, a, first).call(http.MethodGet, "/test/reach/"+address+":6901", ""); code == http.StatusOK {
		t.Errorf("one desktop reaches another at %s: %s", address, said)
	} else {
		t.Logf("from one desktop to another: %s", said)
	}
	if got := workspaces.HostKindOf(d.Stop(t.Context(), a.UserID, second)); got != workspaces.HostNotFound {
		t.Errorf("one customer's stop of another's desktop: %s", got)
	}
	other, err := e.Client.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: "not-ours", Config: &container.Config{Image: desktopImage}})
	if err != nil {
		t.Fatal(err)
	}
	if got := workspaces.HostKindOf(d.Destroy(t.Context(), "", other.ID)); got != workspaces.HostNotFound || seen(t, d, other.ID).ID != "" {
		t.Errorf("somebody else's container: %s", got)
	}
	if _, err := e.Client.ContainerRemove(t.Context(), other.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Error(err)
	}
}

func homeOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 1, 256)
	id := make1(t, d, w)
	runs(t, d, id)
	v := visit(t, d, w, id)
	if got := v.get("/test/files/.bashrc"); got != "# from the image\n" {
		t.Errorf("the home folder begins with %q", got)
	}
	if code, said := v.call(http.MethodPut, "/test/files/letter.txt", "Dear Ada"); code != http.StatusOK {
		t.Fatalf("write: %d %s", code, said)
	}
	if err := d.Stop(t.Context(), w.UserID, id); err != nil {
		t.Fatal(err)
	}
	if err := d.Resume(t.Context(), w.UserID, id); err != nil {
		t.Fatal(err)
	}
	runs(t, d, id)
	if got := visit(t, d, w, id).get("/test/files/letter.txt"); got != "Dear Ada" {
		t.Errorf("after stop and start the letter says %q", got)
	}
	// Somebody removes the container by hand: the next desktop of the workspace has the files.
	if _, err := e.Client.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := workspaces.HostKindOf(d.Resume(t.Context(), w.UserID, id)); got != workspaces.HostNotFound {
		t.Errorf("resume of what was removed: %s", got)
	}
	w.Labels.Run++
	next := make1(t, d, w)
	runs(t, d, next)
	if got := visit(t, d, w, next).get("/test/files/letter.txt"); got != "Dear Ada" || next == id {
		t.Errorf("after the loss of the container the letter says %q", got)
	}
}

func useOnEngine(t *testing.T, e *enginetest.Engine) {
	wall := time.Now()
	d, err := docker.New(docker.Config{URL: e.URL, Now: func() time.Time { return wall }})
	if err != nil {
		t.Fatal(err)
	}
	w := wishFor(t, d, 1, 256)
	id := make1(t, d, w)
	runs(t, d, id)
	if got := seen(t, d, id).Use; got != workspaces.Unused {
		t.Errorf("nobody is there: %d", got)
	}
	v := visit(t, d, w, id)
	c, err := websocket.NewConfig(strings.Replace(v.up.URL, "https", "wss", 1)+"/websockify", v.up.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.TlsConfig, c.Protocol = v.tls(), []string{"binary"}
	c.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(v.up.Username+":"+v.up.Password)))
	socket, err := websocket.DialConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	var back []byte
	if err := websocket.Message.Send(socket, []byte("RFB 003.008\n")); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(socket, &back); err != nil || string(back) != "RFB 003.008\n" {
		t.Fatalf("%q, %v", back, err)
	}
	if got := seen(t, d, id).Use; got != workspaces.Unused {
		t.Errorf("within the minute it was asked again: %d", got)
	}
	wall = wall.Add(61 * time.Second)
	if got := seen(t, d, id).Use; got != workspaces.InUse {
		t.Errorf("somebody is there: %d", got)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is seen that they left", func() bool {
		wall = wall.Add(61 * time.Second)
		return seen(t, d, id).Use == workspaces.Unused
	})
}

func gaugeOnEngine(t *testing.T, e *enginetest.Engine) {
	d, err := docker.New(docker.Config{URL: e.URL})
	if err != nil {
		t.Fatal(err)
	}
	before, err := d.Room(t.Context())
	if err != nil || !before.Known || len(before.Spaces) != 1 {
		t.Fatalf("room %+v, %v", before, err)
	}
	w := wishFor(t, d, 1, 512)
	id := make1(t, d, w)
	runs(t, d, id)
	after, err := d.Room(t.Context())
	if err != nil || after.Spaces[0].RAMMB != before.Spaces[0].RAMMB-512 {
		t.Errorf("room before %+v, after %+v, %v", before, after, err)
	}
	began := time.Now()
	idle, err := d.Gauge(t.Context(), w.UserID, id)
	first := time.Since(began)
	if err != nil || idle.CPUPercent == nil || idle.RAMMB == nil || *idle.RAMMB <= 0 {
		t.Fatalf("gauge %+v, %v", idle, err)
	}
	v := visit(t, d, w, id)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.call(http.MethodPost, "/test/burn/1500", "")
	}()
	<-time.After(time.Second)
	began = time.Now()
	busy, err := d.Gauge(t.Context(), w.UserID, id)
	took := time.Since(began)
	<-done
	if err != nil || busy.CPUPercent == nil || *busy.CPUPercent < 5 || *busy.CPUPercent > 130 {
		t.Errorf("busy: %+v, %v", busy, err)
	}
	t.Logf("idle %.1f %% of a CPU and %d MB (first look %v); busy %.1f %% (%v); room %+v", *idle.CPUPercent, *idle.RAMMB, first.Round(time.Millisecond), *busy.CPUPercent, took.Round(time.Millisecond), after.Spaces)
}

func pullOnEngine(t *testing.T, e *enginetest.Engine, program []byte) {
	r := enginetest.NewRegistry(t, program)
	d, err := docker.New(docker.Config{URL: e.URL, Tag: r.Tag})
	if err != nil {
		t.Fatal(err)
	}
	w := wishFor(t, d, 1, 256)
	if w.ImageID, err = d.FindImage(t.Context(), r.Image, 1, 256); err != nil {
		t.Fatal(err)
	}
	_, err = d.Request(t.Context(), w)
	if got := workspaces.HostKindOf(err); got != workspaces.HostPreparing {
		t.Fatalf("an image that is not there yet: %v", err)
	}
	until(t, "half of the image is there", func() bool {
		p, goesOn := d.Preparing(w.ImageID)
		if goesOn && p.Percent > 10 {
			t.Logf("%d: %s", p.Percent, p.Sentence)
		}
		return goesOn && p.Percent > 10 && strings.Contains(p.Sentence, "MB")
	})
	r.Release()
	id := ""
	until(t, "the image is there", func() bool {
		id, err = d.Request(t.Context(), w)
		if err != nil && workspaces.HostKindOf(err) != workspaces.HostPreparing {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = d.Destroy(context.Background(), w.UserID, id) })
	runs(t, d, id)
	if w.ImageID, err = d.FindImage(t.Context(), r.Image+":none", 1, 256); err != nil {
		t.Fatal(err)
	}
	until(t, "the registry's no is told", func() bool {
		_, err = d.Request(t.Context(), w)
		return workspaces.HostKindOf(err) != workspaces.HostPreparing
	})
	if workspaces.HostKindOf(err) != workspaces.HostRefused || !strings.Contains(err.Error(), ":none") {
		t.Errorf("a tag that is not there: %v", err)
	}
	t.Log(err)
}

// fullOnEngine: a desktop that is larger than the machine leaves nothing behind.
func fullOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 500, 256)
	_, err := d.Request(t.Context(), w)
	if workspaces.HostKindOf(err) != workspaces.HostNoCapacity {
		t.Errorf("500 CPUs: %v", err)
	}
	if v, err := e.Client.VolumeList(t.Context(), client.VolumeListOptions{}); err != nil || len(v.Items) != 0 {
		t.Errorf("%d volumes are left, %v", len(v.Items), err)
	}
}

func killOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 1, 256)
	id := make1(t, d, w)
	runs(t, d, id)
	if _, err := e.Client.ContainerKill(t.Context(), id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Fatal(err)
	}
	took := until(t, "it is seen that it ended", func() bool { return seen(t, d, id).State == workspaces.HostStopped })
	t.Logf("a killed desktop is seen as stopped after %v", took.Round(time.Millisecond))
	if _, err := d.Upstream(t.Context(), w.UserID, id); workspaces.HostKindOf(err) != workspaces.HostNotReady {
		t.Errorf("upstream of what was killed: %v", err)
	}
	if _, err := e.Client.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := seen(t, d, id).State; got != "" {
		t.Errorf("removed, it is %q", got)
	}
}

func restartEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	const n = 10
	var wishes []workspaces.Wish
	var ids []string
	began := time.Now()
	for range n {
		w := wishFor(t, d, 1, 128)
		wishes, ids = append(wishes, w), append(ids, make1(t, d, w))
	}
	for _, id := range ids {
		runs(t, d, id)
	}
	t.Logf("%d desktops up in %v", n, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("a list of %d: %v", n, time.Since(began).Round(100*time.Microsecond))
	fresh := engineDriver(t, e.URL)
	began = time.Now()
	l, err := fresh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the first list of a new program, with %d probes: %v, %s", n, time.Since(began).Round(time.Millisecond), states(l))
	e.Restart(t)
	l, err = d.List(t.Context())
	if err != nil || len(l.Desktops) != n {
		t.Fatalf("after the engine's restart %d desktops, %v", len(l.Desktops), err)
	}
	for _, one := range l.Desktops {
		if one.State != workspaces.HostStopped || !slices.Contains(ids, one.ID) {
			t.Errorf("after the engine's restart: %+v", one)
		}
	}
	if err := d.Resume(t.Context(), wishes[0].UserID, ids[0]); err != nil {
		t.Fatal(err)
	}
	runs(t, d, ids[0])
}

func states(l workspaces.Listing) string {
	count := map[string]int{}
	for _, d := range l.Desktops {
		count[d.State]++
	}
	return fmt.Sprint(count)
}
