//go:build docker

package docker_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
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
	if v.up.Password == password || v.up.Password == "" || v.up.Username != "kasm_user" || !strings.HasPrefix(v.up.URL, "https://127.0.0.1:") {
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
