package docker_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/ezscale/ezscale/app/docker/vnctest"
)

// fake speaks the few calls of an engine's API that the driver makes, over a socket.
// Its containers are web servers in this process.
type fake struct {
	t   *testing.T
	url string

	mu         sync.Mutex
	containers map[string]*box
	volumes    map[string]map[string]string // name → labels
	networks   map[string]network.Inspect
	images     map[string]bool
	pull       func(w http.ResponseWriter, ref string) // what a pull answers
	fail       func(method, path string) (status int, message string)
	calls      []string
	info       map[string]any
	stats      func(*box) string
	pem        func(*box) []byte
	open       bool // desktops let anybody in
}

type box struct {
	id, name string
	made     time.Time
	config   container.Config
	host     container.HostConfig
	state    container.ContainerState
	started  time.Time
	server   *vnctest.Server
	pem      []byte
	port     uint16
	end      func()
}

func newFake(t *testing.T) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "ezfake") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		t: t, url: "unix://" + filepath.Join(dir, "s"), containers: map[string]*box{}, volumes: map[string]map[string]string{},
		networks: map[string]network.Inspect{}, images: map[string]bool{"kasmweb/desktop:1.16.0": true},
		info: map[string]any{"NCPU": 4, "MemTotal": 8 << 30, "MemoryLimit": true, "CpuCfsQuota": true, "SwapLimit": true, "PidsLimit": true, "OSType": "linux", "ServerVersion": "20.10.24"},
		pull: func(w http.ResponseWriter, _ string) { problem(w, http.StatusNotFound, "manifest unknown") },
		fail: func(string, string) (int, string) { return 0, "" }, pem: func(b *box) []byte { return b.pem },
		stats: func(*box) string { return statsV2(time.Now(), uint64(time.Now().UnixNano()/10)) },
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // ends when it is closed
	t.Cleanup(func() {
		_ = server.Close()
		for _, b := range f.containers {
			b.off()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return f
}

func problem(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

var version = regexp.MustCompile(`^/v1\.[0-9]+`)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := version.ReplaceAllString(r.URL.Path, "")
	w.Header().Set("Api-Version", "1.41")
	f.mu.Lock()
	defer f.mu.Unlock()
	if path == "/_ping" {
		return
	}
	f.calls = append(f.calls, r.Method+" "+path)
	if status, message := f.fail(r.Method, path); status != 0 {
		problem(w, status, message)
		return
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch parts[0] {
	case "containers":
		f.container(w, r, parts[1:])
	case "volumes":
		f.volume(w, r, parts[1:])
	case "networks":
		f.network(w, r, parts[1:])
	case "images":
		f.image(w, r, strings.TrimSuffix(strings.Join(parts[1:], "/"), "/json"))
	case "info":
		f.info["SystemTime"] = time.Now().Format(time.RFC3339Nano)
		reply(w, f.info)
	default:
		problem(w, http.StatusNotFound, "page not found")
	}
}

func (f *fake) image(w http.ResponseWriter, r *http.Request, ref string) {
	switch {
	case ref == "create":
		ref = strings.TrimPrefix(r.URL.Query().Get("fromImage"), "docker.io/") + ":" + r.URL.Query().Get("tag")
		pull := f.pull
		f.mu.Unlock()
		pull(w, ref)
		f.mu.Lock()
	case f.images[ref]:
		reply(w, map[string]string{"Id": "sha256:" + ref})
	default:
		problem(w, http.StatusNotFound, "No such image: "+ref)
	}
}

func (f *fake) volume(w http.ResponseWriter, r *http.Request, parts []string) {
	type volume struct {
		Name   string
		Labels map[string]string
	}
	switch {
	case len(parts) == 0:
		var all []volume
		for name, labels := range f.volumes {
			if strings.Contains(r.URL.Query().Get("filters"), "ezscale.gone") && labels["ezscale.gone"] != "" {
				all = append(all, volume{name, labels})
			}
		}
		reply(w, map[string]any{"Volumes": all})
	case parts[0] == "create":
		var v volume
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return
		}
		if f.volumes[v.Name] == nil {
			f.volumes[v.Name] = v.Labels
		}
		w.WriteHeader(http.StatusCreated)
		reply(w, v)
	case f.volumes[parts[0]] == nil:
		problem(w, http.StatusNotFound, "no such volume: "+parts[0])
	case r.Method == http.MethodDelete && f.uses(parts[0]):
		problem(w, http.StatusConflict, "remove "+parts[0]+": volume is in use")
	case r.Method == http.MethodDelete:
		delete(f.volumes, parts[0])
		w.WriteHeader(http.StatusNoContent)
	default:
		reply(w, volume{parts[0], f.volumes[parts[0]]})
	}
}

func (f *fake) uses(volume string) bool {
	for _, b := range f.containers {
		if b.host.Mounts[0].Source == volume {
			return true
		}
	}
	return false
}

func (f *fake) network(w http.ResponseWriter, r *http.Request, parts []string) {
	if parts[0] == "create" {
		var n network.CreateRequest
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return
		}
		f.networks[n.Name] = network.Inspect{Network: network.Network{Name: n.Name, ID: "net" + n.Name, Driver: n.Driver, Options: n.Options, Labels: n.Labels}}
		w.WriteHeader(http.StatusCreated)
		reply(w, map[string]string{"Id": "net" + n.Name})
		return
	}
	if n, there := f.networks[parts[0]]; there {
		reply(w, n)
		return
	}
	problem(w, http.StatusNotFound, "network "+parts[0]+" not found")
}

func (f *fake) container(w http.ResponseWriter, r *http.Request, parts []string) {
	switch {
	case parts[0] == "json":
		f.list(w)
		return
	case parts[0] == "create":
		f.create(w, r)
		return
	}
	b := f.containers[parts[0]]
	for _, other := range f.containers {
		if other.name == parts[0] {
			b = other
		}
	}
	if b == nil {
		problem(w, http.StatusNotFound, "No such container: "+parts[0])
		return
	}
	what := r.Method
	if len(parts) > 1 {
		what = parts[1]
	}
	switch what {
	case "json":
		reply(w, b.inspect())
	case "start", "unpause":
		f.on(b)
		w.WriteHeader(http.StatusNoContent)
	case "stop":
		b.off()
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		b.off()
		delete(f.containers, b.id)
		w.WriteHeader(http.StatusNoContent)
	case "archive":
		f.archive(w, b)
	case "stats":
		_, _ = w.Write([]byte(f.stats(b)))
	}
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	var q container.CreateRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	name := r.URL.Query().Get("name")
	for _, b := range f.containers {
		if b.name == name {
			problem(w, http.StatusConflict, fmt.Sprintf("Conflict. The container name %q is already in use by container %q.", "/"+name, b.id))
			return
		}
	}
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		f.t.Error(err)
	}
	b := &box{id: hex.EncodeToString(raw), name: name, made: time.Now(), config: *q.Config, host: *q.HostConfig, state: container.StateCreated, end: func() {}}
	f.containers[b.id] = b
	w.WriteHeader(http.StatusCreated)
	reply(w, container.CreateResponse{ID: b.id})
}

// password is what the container was made with.
func (b *box) password() string {
	for _, line := range b.config.Env {
		if v, ok := strings.CutPrefix(line, "VNC_PW="); ok {
			return v
		}
	}
	return ""
}

// on starts a container: a web server with its password, on a port of its own.
func (f *fake) on(b *box) {
	if b.state == container.StateRunning {
		return
	}
	life := &lifetime{f.t, nil}
	b.server = vnctest.New(b.password())
	b.server.Open = f.open
	started := b.server.Start(life)
	port, err := strconv.Atoi(started.URL[strings.LastIndex(started.URL, ":")+1:])
	if err != nil {
		f.t.Error(err)
	}
	b.pem, b.port, b.end, b.state, b.started = started.PEM, uint16(port), life.end, container.StateRunning, time.Now()
}

func (b *box) off() {
	if b.state == container.StateRunning || b.state == container.StatePaused {
		b.end()
		b.state, b.port = container.StateExited, 0
	}
}

// lifetime is a container's: shorter than the test's.
type lifetime struct {
	*testing.T
	todo []func()
}

func (l *lifetime) Cleanup(do func()) { l.todo = append(l.todo, do) }

func (l *lifetime) end() {
	for _, do := range l.todo {
		do()
	}
}

func (f *fake) list(w http.ResponseWriter) {
	all := make([]map[string]any, 0, len(f.containers))
	for _, b := range f.containers {
		ports := []map[string]any{}
		if b.port != 0 {
			ports = append(ports, map[string]any{"IP": "127.0.0.1", "PrivatePort": 6901, "PublicPort": b.port, "Type": "tcp"})
		}
		all = append(all, map[string]any{"Id": b.id, "Names": []string{"/" + b.name}, "Created": b.made.Unix(), "State": b.state, "Labels": b.config.Labels, "Ports": ports})
	}
	reply(w, all)
}

func (b *box) inspect() map[string]any {
	ports := map[string]any{}
	if b.port != 0 {
		ports["6901/tcp"] = []map[string]string{{"HostIp": "127.0.0.1", "HostPort": strconv.Itoa(int(b.port))}}
	}
	return map[string]any{
		"Id": b.id, "Name": "/" + b.name, "Created": b.made.Format(time.RFC3339Nano), "Config": b.config, "HostConfig": b.host,
		"State":           map[string]any{"Status": b.state, "Running": b.state == container.StateRunning, "StartedAt": b.started.Format(time.RFC3339Nano)},
		"Mounts":          []map[string]string{{"Type": "volume", "Name": b.host.Mounts[0].Source, "Destination": b.host.Mounts[0].Target}},
		"NetworkSettings": map[string]any{"Ports": ports},
	}
}

func (f *fake) archive(w http.ResponseWriter, b *box) {
	text := f.pem(b)
	if text == nil {
		problem(w, http.StatusNotFound, "Could not find the file /home/kasm-user/.vnc/self.pem in container "+b.id)
		return
	}
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	if err := archive.WriteHeader(&tar.Header{Name: "self.pem", Mode: 0o600, Size: int64(len(text))}); err != nil {
		f.t.Error(err)
	}
	if _, err := archive.Write(text); err != nil {
		f.t.Error(err)
	}
	w.Header().Set("X-Docker-Container-Path-Stat", base64.StdEncoding.EncodeToString([]byte(`{"name":"self.pem","size":1,"mode":384,"mtime":"2026-01-01T00:00:00Z","linkTarget":""}`)))
	_, _ = w.Write(out.Bytes())
}

// change does something to the engine.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// called counts the calls that begin so.
func (f *fake) called(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}
