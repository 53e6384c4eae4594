package enginetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// home is where the image keeps what a volume keeps.
const home = "home/kasm-user"

// Program builds the desktop's program, static.
func Program(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vnctest")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/ezscale/ezscale/app/docker/cmd/vnctest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the desktop's program: %v\n%s", err, out)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Build makes the image from scratch, under a name with a tag.
func (e *Engine) Build(t *testing.T, program []byte, name string) {
	t.Helper()
	began := time.Now()
	recipe := "FROM scratch\nCOPY --chown=1000:0 root/ /\nENV HOME=/" + home + "\nUSER 1000\nEXPOSE 6901\nENTRYPOINT [\"/vnctest\"]\n"
	var context bytes.Buffer
	w := tar.NewWriter(&context)
	put(t, w, "Dockerfile", 0o644, []byte(recipe))
	tree(t, w, "root/", program, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	built, err := e.Client.ImageBuild(t.Context(), &context, client.ImageBuildOptions{Tags: []string{name}, Remove: true})
	if err != nil {
		t.Fatal(err)
	}
	defer built.Body.Close()
	said, err := io.ReadAll(built.Body)
	if err != nil || bytes.Contains(said, []byte("errorDetail")) {
		t.Fatalf("build: %v\n%s", err, said)
	}
	t.Logf("image %s of %.1f MB built from scratch in %v", name, float64(len(program))/1e6, time.Since(began).Round(time.Millisecond))
}

func tree(t *testing.T, w *tar.Writer, at string, program, ballast []byte) {
	t.Helper()
	for _, dir := range []string{"home/", home + "/", "tmp/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: at + dir, Mode: 0o755, Uid: 1000}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, w, at+home+"/.bashrc", 0o644, []byte("# from the image\n"))
	put(t, w, at+"vnctest", 0o755, program)
	if ballast != nil {
		put(t, w, at+"ballast", 0o644, ballast)
	}
}

func put(t *testing.T, w *tar.Writer, name string, mode int64, body []byte) {
	t.Helper()
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(body)), Uid: 1000}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
}

// Registry holds one image and gives the second half of it only once it is told to.
type Registry struct {
	Image string // 127.0.0.1:port/kasmweb/desktop, without a tag
	Tag   string

	blobs    map[string][]byte
	manifest []byte
	held     string // digest of the layer that is held back
	release  chan struct{}
	once     sync.Once
}

const (
	typeManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeConfig   = "application/vnd.docker.container.image.v1+json"
	typeLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`
}

// NewRegistry serves an image of the desktop's program until the test ends.
func NewRegistry(t *testing.T, program []byte) *Registry {
	t.Helper()
	r := &Registry{Tag: "1.16.0", blobs: map[string][]byte{}, release: make(chan struct{})}
	ballast := make([]byte, 6<<20) // noise, so that it does not get smaller
	if _, err := rand.Read(ballast); err != nil {
		t.Fatal(err)
	}
	var plain, zipped bytes.Buffer
	w := tar.NewWriter(&plain)
	tree(t, w, "", program, ballast)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	config := jsonOf(t, map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(plain.Bytes())}},
		"config": map[string]any{"Env": []string{"HOME=/" + home}, "User": "1000", "Entrypoint": []string{"/vnctest"}, "ExposedPorts": map[string]any{"6901/tcp": map[string]any{}}},
	})
	r.held = digest(zipped.Bytes())
	r.blobs[digest(config)], r.blobs[r.held] = config, zipped.Bytes()
	r.manifest = jsonOf(t, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": descriptor{typeConfig, len(config), digest(config)},
		"layers": []descriptor{{typeLayer, zipped.Len(), r.held}},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // ends when it is closed
	t.Cleanup(func() {
		r.Release()
		_ = server.Close()
	})
	r.Image = l.Addr().String() + "/kasmweb/desktop"
	return r
}

// Release gives out the second half.
func (r *Registry) Release() { r.once.Do(func() { close(r.release) }) }

func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/v2/kasmweb/desktop/"), "/")
	blob, known := r.blobs[name]
	switch {
	case q.URL.Path == "/v2/":
	case kind == "manifests" && (name == r.Tag || name == digest(r.manifest)):
		w.Header().Set("Content-Type", typeManifest)
		w.Header().Set("Docker-Content-Digest", digest(r.manifest))
		_, _ = w.Write(r.manifest)
	case kind == "blobs" && known:
		w.Header().Set("Content-Length", fmt.Sprint(len(blob)))
		if q.Method == http.MethodHead {
			return
		}
		if name == r.held {
			blob = r.half(w, blob)
		}
		_, _ = w.Write(blob)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`))
	}
}

// half sends the first half bit by bit, as a slow line does, waits, and gives the rest.
func (r *Registry) half(w http.ResponseWriter, blob []byte) (rest []byte) {
	const bits = 10
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	size := len(blob) / 2 / bits
	for range bits {
		_, _ = w.Write(blob[:size])
		if f, can := w.(http.Flusher); can {
			f.Flush()
		}
		blob = blob[size:]
		<-tick.C
	}
	<-r.release
	return blob
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
