package kasmsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

// wallClock is wall time that moves when told.
type wallClock struct {
	mu  sync.Mutex
	now time.Time
}

func newWall() *wallClock {
	return &wallClock{now: time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)}
}

func (w *wallClock) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *wallClock) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// rig is a simulator behind real HTTP with the product's client to it.
type rig struct {
	t      testing.TB
	wall   *wallClock
	sim    *kasmsim.Sim
	server *httptest.Server
	client *kasm.Client
	user   kasm.User
	image  string
}

func newRig(t testing.TB, o kasmsim.Options) *rig {
	t.Helper()
	r := &rig{t: t, wall: newWall(), image: kasmsim.ImageID("ubuntu-vscode", 2, 4096)}
	if o.Clock == nil {
		o.Clock = r.wall.Now
	}
	sim, err := kasmsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.sim = sim
	t.Cleanup(func() { _ = sim.Close() })
	r.server = httptest.NewServer(sim.Handler())
	t.Cleanup(r.server.Close)
	r.client = r.clientWith(nil)
	return r
}

func (r *rig) clientWith(change func(*kasm.Config)) *kasm.Client {
	r.t.Helper()
	config := kasm.Config{URL: r.server.URL, Key: r.sim.Key(), Secret: r.sim.Secret(), HTTP: r.server.Client()}
	if change != nil {
		change(&config)
	}
	client, err := kasm.New(config)
	if err != nil {
		r.t.Fatal(err)
	}
	return client
}

// withUser adds the person that the desktops of a test belong to.
func (r *rig) withUser() *rig {
	r.t.Helper()
	u, err := r.client.CreateUser(r.t.Context(), kasm.NewUser{Username: "acme.c42@example.test", Password: "Aa1!aaaa", FirstName: "A", LastName: "B"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.user = u
	return r
}

func (r *rig) request() string {
	r.t.Helper()
	got, err := r.client.Request(r.t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image})
	if err != nil {
		r.t.Fatal(err)
	}
	return got.KasmID
}

// started is a desktop that runs.
func (r *rig) started() string {
	r.t.Helper()
	id := r.request()
	r.wall.pass(3 * time.Second)
	if got := r.states()[id]; got != kasm.StateRunning {
		r.t.Fatalf("state %q", got)
	}
	return id
}

func (r *rig) states() map[string]string {
	r.t.Helper()
	l, err := r.client.List(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	states := map[string]string{}
	for _, k := range l.Kasms {
		states[k.ID] = k.Operational
	}
	return states
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// post sends JSON to a path and decodes the JSON of the answer into a map.
func (r *rig) post(path string, body any) (int, map[string]any) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(http.MethodPost, path, raw)
}

// api posts to a path with the key in the body.
func (r *rig) api(path string, body map[string]any) (int, map[string]any) {
	r.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	body["api_key"], body["api_key_secret"] = r.sim.Key(), r.sim.Secret()
	return r.post(path, body)
}

func (r *rig) get(path string) (int, map[string]any) {
	r.t.Helper()
	return r.do(http.MethodGet, path, nil)
}

func (r *rig) do(method, path string, body []byte) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.server.Client().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var fields map[string]any
	_ = json.Unmarshal(raw, &fields)
	return resp.StatusCode, fields
}

func (r *rig) set(settings map[string]any) {
	r.t.Helper()
	if code, body := r.post("/sim/settings", settings); code != http.StatusOK {
		r.t.Fatal(code, body)
	}
}

func (r *rig) clock(to map[string]any) time.Time {
	r.t.Helper()
	code, body := r.post("/sim/clock", to)
	if code != http.StatusOK {
		r.t.Fatal(code, body)
	}
	return r.stamp(body["now"])
}

// advance moves the simulator's clock on by d.
func (r *rig) advance(d time.Duration) time.Time {
	r.t.Helper()
	return r.clock(map[string]any{"now": r.now().Add(d)})
}

func (r *rig) now() time.Time {
	r.t.Helper()
	_, body := r.get("/sim/clock")
	return r.stamp(body["now"])
}

func (r *rig) stamp(v any) time.Time {
	r.t.Helper()
	s, _ := v.(string)
	at, err := time.Parse("2006-01-02T15:04:05.000Z", s)
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

// run is an entry of GET /sim/record.
type run struct {
	KasmID      string     `json:"kasm_id"`
	UserID      string     `json:"user_id"`
	Username    string     `json:"username"`
	ImageID     string     `json:"image_id"`
	RequestedAt time.Time  `json:"requested_at"`
	RunningFrom time.Time  `json:"running_from"`
	RunningTo   *time.Time `json:"running_to"`
	EndedBy     string     `json:"ended_by"`
}

func (r *rig) record(query string) []run {
	r.t.Helper()
	resp, err := r.server.Client().Get(r.server.URL + "/sim/record" + query)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var rec struct {
		Now  time.Time `json:"now"`
		Runs []run     `json:"runs"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&rec); err != nil || rec.Now.IsZero() || rec.Runs == nil {
		r.t.Fatal(err, rec)
	}
	return rec.Runs
}
