package docker_test

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/ezscale/ezscale/app/docker"
	"github.com/ezscale/ezscale/app/docker/vnctest"
	"github.com/ezscale/ezscale/app/workspaces"
)

func otherPEM(t *testing.T) []byte {
	_, text, err := vnctest.Certificate()
	if err != nil {
		t.Error(err)
	}
	return text
}

func TestListMakesOneCallOnceDesktopsAreKnown(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	wall := time.Now()
	d := driverOf(t, docker.Config{URL: f.url, Now: func() time.Time { return wall }})
	var ids []string
	for range 10 {
		ids = append(ids, ask(t, d, unitWish()))
	}
	eventually(t, "all run", func() bool {
		return listed(t, d, ids[0]).State == workspaces.HostRunning && listed(t, d, ids[9]).State == workspaces.HostRunning
	})
	eventually(t, "the sweep is over", func() bool { return f.called("GET /volumes") == 11 })
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.change(func() { f.calls = nil })
	asked := len(f.containers[ids[0]].server.Seen())
	for range 5 {
		if _, err := d.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.called(""); n != 5 {
		t.Errorf("5 lists made %d calls", n)
	}
	if again := len(f.containers[ids[0]].server.Seen()); again != asked {
		t.Errorf("a desktop that is known was asked %d times within the minute", again-asked)
	}
	wall = wall.Add(61 * time.Second)
	if got := listed(t, d, ids[0]).Use; got != workspaces.Unused || len(f.containers[ids[0]].server.Seen()) != asked+1 {
		t.Errorf("after a minute its use is %d, after %d questions", got, len(f.containers[ids[0]].server.Seen())-asked)
	}
}

// Both without and with a certificate of its own in the home folder, a desktop is
// up only once its web server answered, and the one certificate is believed.
func TestUpstreamPinsTheCertificate(t *testing.T) {
	t.Parallel()
	for name, keeps := range map[string]bool{"kept": true, "seen": false} {
		f := newFake(t)
		d := driverOf(t, docker.Config{URL: f.url})
		if !keeps {
			f.pem = func(*box) []byte { return nil }
		}
		w := unitWish()
		id := ask(t, d, w)
		up, err := d.Upstream(t.Context(), w.UserID, id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		block, rest := pem.Decode(f.containers[id].pem)
		for block.Type != "CERTIFICATE" {
			block, rest = pem.Decode(rest)
		}
		if up.Certificate != sha256.Sum256(block.Bytes) || up.Password != f.containers[id].password() || up.Password == "" || up.URL != fmt.Sprintf("https://127.0.0.1:%d", f.containers[id].port) {
			t.Errorf("%s: %v", name, up)
		}
		f.change(func() { f.calls = nil })
		if again, err := d.Upstream(t.Context(), w.UserID, id); err != nil || again != up || f.called("") != 1 {
			t.Errorf("%s: asked again %v, %v, with %d calls", name, again, err, f.called(""))
		}
		if _, err := d.Upstream(t.Context(), "ez.acme.2", id); workspaces.HostKindOf(err) != workspaces.HostNotFound {
			t.Errorf("%s: somebody else's: %v", name, err)
		}
	}
}

// A program that starts beside desktops that run must not call them starting, which
// would end what is being charged for.
func TestNothingIsSaidOfDesktopsThatWereNotHeard(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	wall := time.Now()
	now := func() time.Time { return wall }
	id := ask(t, driverOf(t, docker.Config{URL: f.url}), unitWish())
	hold, inspected := make(chan struct{}), make(chan struct{}, 1)
	f.pem = func(b *box) []byte {
		f.mu.Unlock()
		defer f.mu.Lock()
		select {
		case inspected <- struct{}{}:
		default:
		}
		<-hold
		return b.pem
	}
	d := driverOf(t, docker.Config{URL: f.url, Now: now})
	if got := listed(t, d, id).State; got != "unheard" {
		t.Errorf("before it was heard it is %q", got)
	}
	<-inspected
	close(hold)
	eventually(t, "it was heard", func() bool { return listed(t, d, id).State == workspaces.HostRunning })

	late := driverOf(t, docker.Config{URL: f.url, Now: now})
	f.change(func() { f.containers[id].end() })
	if got := listed(t, late, id).State; got != workspaces.HostStarting {
		t.Errorf("shortly after its start, without an answer, it is %q", got)
	}
	wall = wall.Add(6 * time.Minute)
	if got := listed(t, late, id).State; got != "silent" {
		t.Errorf("long after its start, without an answer, it is %q", got)
	}
}

func TestADesktopThatDoesNotAnswerIsStarting(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := driverOf(t, docker.Config{URL: f.url})
	w := unitWish()
	id := ask(t, d, w)
	f.change(func() { f.containers[id].end() }) // the container runs, its web server does not
	if got := listed(t, d, id); got.State != workspaces.HostStarting || got.Use != workspaces.UseUnknown {
		t.Errorf("listed %+v", got)
	}
	if _, err := d.Upstream(t.Context(), w.UserID, id); workspaces.HostKindOf(err) != workspaces.HostNotReady {
		t.Errorf("upstream: %v", err)
	}
}

func TestADesktopWithoutAPasswordIsNotGivenOut(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.open = true
	d := driverOf(t, docker.Config{URL: f.url})
	id := ask(t, d, unitWish())
	if got := listed(t, d, id).State; got != workspaces.HostStarting {
		t.Errorf("it lets anybody in, and is %q", got)
	}
}

func TestStatesOfTheEngine(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := driverOf(t, docker.Config{URL: f.url})
	id := ask(t, d, unitWish())
	eventually(t, "it runs", func() bool { return listed(t, d, id).State == workspaces.HostRunning })
	for state, want := range map[container.ContainerState]string{
		container.StateCreated: workspaces.HostStopped, container.StateExited: workspaces.HostStopped, container.StatePaused: workspaces.HostPaused,
		container.StateRestarting: workspaces.HostStarting, container.StateRemoving: workspaces.HostDeleting, container.StateDead: workspaces.HostDeleting, "odd": "unknown",
	} {
		f.change(func() { f.containers[id].state = state })
		if got := listed(t, d, id).State; got != want {
			t.Errorf("%s is %q, want %q", state, got, want)
		}
	}
	f.change(func() { f.containers[id].state = container.StateRunning })
	eventually(t, "it runs again", func() bool { return listed(t, d, id).State == workspaces.HostRunning })
}

func TestPullTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	next := make(chan string)
	f.images = map[string]bool{}
	f.pull = func(w http.ResponseWriter, ref string) {
		if ref != "kasmweb/desktop:1.16.0" {
			t.Errorf("pulled %s", ref)
		}
		flusher, _ := w.(http.Flusher)
		for line := range next {
			_, _ = fmt.Fprintln(w, line)
			flusher.Flush()
		}
		f.change(func() { f.images[ref] = true })
	}
	d := driverOf(t, docker.Config{URL: f.url})
	w := unitWish()
	_, err := d.Request(t.Context(), w)
	if workspaces.HostKindOf(err) != workspaces.HostPreparing {
		t.Fatalf("request: %v", err)
	}
	for _, step := range []struct {
		line     string
		percent  int
		sentence string
	}{
		{`{"status":"Pulling from kasmweb/desktop","id":"1.16.0"}`, -1, "Downloading the desktop's image."},
		{`{"status":"Pulling fs layer","id":"a"}`, 0, "Downloading the desktop's image: 0 %."},
		{`{"status":"Pulling fs layer","id":"b"}`, 0, "Downloading the desktop's image: 0 %."},
		{`{"status":"Downloading","progressDetail":{"current":500000000,"total":1000000000},"id":"a"}`, 20, "Downloading the desktop's image: 20 %."},
		{`{"status":"Downloading","progressDetail":{"current":100000000,"total":200000000},"id":"b"}`, 40, "Downloading the desktop's image: 40 % of 1.2 GB."},
		{`{"status":"Download complete","id":"b"}`, 46, "Downloading the desktop's image: 46 % of 1.2 GB."},
		{`{"status":"Download complete","id":"a"}`, 80, "Downloading the desktop's image: 80 % of 1.2 GB."},
		{`{"status":"Extracting","progressDetail":{"current":500000000,"total":1000000000},"id":"a"}`, 88, "Downloading the desktop's image: 88 % of 1.2 GB."},
		{`{"status":"Pull complete","id":"a"}`, 96, "Downloading the desktop's image: 96 % of 1.2 GB."},
		{`{"status":"Pull complete","id":"b"}`, 99, "Downloading the desktop's image: 99 % of 1.2 GB."},
	} {
		next <- step.line
		eventually(t, step.sentence, func() bool {
			p, goesOn := d.Preparing(w.ImageID)
			return goesOn && p.Percent == step.percent && p.Sentence == step.sentence
		})
	}
	if err := d.Prepare(t.Context(), w.ImageID); err != nil || f.called("POST /images/create") != 1 {
		t.Errorf("fetched %d times at once, %v", f.called("POST /images/create"), err)
	}
	close(next)
	eventually(t, "it is there", func() bool {
		_, goesOn := d.Preparing(w.ImageID)
		return !goesOn
	})
	ask(t, d, w)
}

func TestPullsThatFail(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]workspaces.HostKind{
		"manifest for kasmweb/desktop:1.16.0 not found: manifest unknown":                                               workspaces.HostRefused,
		"pull access denied for kasmweb/desktop, repository does not exist or may require 'docker login'":               workspaces.HostRefused,
		"no matching manifest for linux/arm64/v8 in the manifest list entries":                                          workspaces.HostRefused,
		`Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host`:                   workspaces.HostUnavailable,
		"toomanyrequests: You have reached your pull rate limit":                                                        workspaces.HostUnavailable,
		"failed to register layer: Error processing tar file(exit status 1): write /usr/lib/x: no space left on device": workspaces.HostNoCapacity,
	} {
		for _, inStream := range []bool{false, true} {
			f := newFake(t)
			f.images = map[string]bool{}
			f.pull = func(w http.ResponseWriter, _ string) {
				if inStream {
					_, _ = fmt.Fprintf(w, "{\"errorDetail\":{\"message\":%q},\"error\":%q}\n", message, message)
					return
				}
				problem(w, http.StatusInternalServerError, message)
			}
			wall := time.Now()
			d := driverOf(t, docker.Config{URL: f.url, Now: func() time.Time { return wall }})
			w := unitWish()
			if _, err := d.Request(t.Context(), w); err != nil && workspaces.HostKindOf(err) == workspaces.HostPreparing {
				eventually(t, "it failed", func() bool { _, goesOn := d.Preparing(w.ImageID); return !goesOn })
			}
			_, err := d.Request(t.Context(), w)
			if workspaces.HostKindOf(err) != want || err == nil || !strings.Contains(err.Error(), "kasmweb/desktop:1.16.0") {
				t.Errorf("%s: %v, want %s", message, err, want)
			}
			if n := f.called("POST /images/create"); n != 1 {
				t.Errorf("%s: tried %d times at once", message, n)
			}
			wall = wall.Add(30 * time.Second)
			if _, err = d.Request(t.Context(), w); err == nil {
				t.Errorf("%s: a desktop without an image", message)
			}
			eventually(t, "it is tried again later", func() bool { return f.called("POST /images/create") == 2 })
		}
	}
}

func statsV1(at time.Time, cpu uint64) string {
	return fmt.Sprintf(`{"read":%q,"cpu_stats":{"cpu_usage":{"total_usage":%d}},"memory_stats":{"usage":209715200,"stats":{"total_inactive_file":104857600,"inactive_file":1}}}`, at.Format(time.RFC3339Nano), cpu)
}

func statsV2(at time.Time, cpu uint64) string {
	return fmt.Sprintf(`{"read":%q,"cpu_stats":{"cpu_usage":{"total_usage":%d}},"memory_stats":{"usage":209715200,"stats":{"inactive_file":52428800}}}`, at.Format(time.RFC3339Nano), cpu)
}

func TestGaugeComparesWithTheLookBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stats func(time.Time, uint64) string
		ram   int64
	}{{statsV1, 100}, {statsV2, 150}} {
		f := newFake(t)
		wall := time.Now()
		d := driverOf(t, docker.Config{URL: f.url, Now: func() time.Time { return wall }})
		w := unitWish()
		id := ask(t, d, w)
		at, cpu := f.containers[id].started, uint64(0)
		f.stats = func(*box) string {
			at, cpu = at.Add(time.Second), cpu+1_500_000_000 // one and a half CPUs
			return c.stats(at, cpu)
		}
		for range 3 { // since its start, then since the look before
			g, err := d.Gauge(t.Context(), w.UserID, id)
			if err != nil || g.CPUPercent == nil || *g.CPUPercent < 149.9 || *g.CPUPercent > 150.1 || *g.RAMMB != c.ram {
				t.Errorf("gauge %+v, %v", g, err)
			}
			if _, err := d.Gauge(t.Context(), w.UserID, id); err != nil { // too soon for the engine
				t.Error(err)
			}
			wall = wall.Add(2 * time.Second)
		}
		if n := f.called("GET /containers/" + id + "/stats"); n != 3 {
			t.Errorf("six looks, two at a time, took %d samples", n)
		}
		if err := d.Stop(t.Context(), w.UserID, id); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Gauge(t.Context(), w.UserID, id); workspaces.HostKindOf(err) != workspaces.HostNotReady {
			t.Errorf("gauge of what is off: %v", err)
		}
	}
}

func TestRoomIsWhatIsLeft(t *testing.T) {
	t.Parallel()
	f := newFake(t) // 4 CPUs and 8 GB
	d := driverOf(t, docker.Config{URL: f.url})
	room := func() workspaces.Space {
		r, err := d.Room(t.Context())
		if err != nil || !r.Known || r.Free != -1 || len(r.Spaces) != 1 {
			t.Fatalf("room %+v, %v", r, err)
		}
		return r.Spaces[0]
	}
	if got := room(); got != (workspaces.Space{MilliCPU: 4000, RAMMB: 8192}) {
		t.Errorf("empty: %+v", got)
	}
	var last workspaces.Wish
	id := ""
	for range 3 {
		last = unitWish()
		last.VCPU, last.RAMMB = 2, 2048
		id = ask(t, d, last)
	}
	if got := room(); got != (workspaces.Space{MilliCPU: 2000, RAMMB: 2048}) {
		t.Errorf("with three desktops of 2 CPUs and 2 GB, and CPUs promised twice: %+v", got)
	}
	if err := d.Stop(t.Context(), last.UserID, id); err != nil {
		t.Fatal(err)
	}
	if got := room(); got != (workspaces.Space{MilliCPU: 4000, RAMMB: 4096}) {
		t.Errorf("with two that run: %+v", got)
	}
}
