package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasmsim"
)

// soakHost is a desktop host beside the program, with somebody who counts at the
// door: what is asked, how often the answer is no proper one, and when nobody
// could see what runs.
type soakHost struct {
	t      testing.TB
	sim    *kasmsim.Sim
	server *httptest.Server
	steps  atomic.Int64 // how often the clock was set

	mu     sync.Mutex
	calls  map[string]int
	failed map[string]int
	kept   map[string]int // by desktop
	now    time.Time      // as the clock was set
	looks  struct {
		at    time.Time // of the failures
		times int
	}
	away []span
}

// looksFail is how often a list is asked for until a look has failed.
const looksFail = 3

func newSoakHost(t testing.TB) *soakHost {
	t.Helper()
	sim, err := kasmsim.New(kasmsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &soakHost{t: t, sim: sim, calls: map[string]int{}, failed: map[string]int{}, kept: map[string]int{}}
	h.server = httptest.NewServer(h.counting(sim.Handler()))
	t.Cleanup(h.server.Close)
	return h
}

func (h *soakHost) environ() []string {
	return []string{"EZSCALE_KASM_URL=" + h.server.URL, "EZSCALE_KASM_API_KEY=" + h.sim.Key(), "EZSCALE_KASM_API_KEY_SECRET=" + h.sim.Secret()}
}

// counting stands before the host's handler.
func (h *soakHost) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sim/clock" && r.Method == http.MethodPost {
			h.clockSet(r)
		}
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/keepalive") {
			h.keep(r)
		}
		heard := &heardAnswer{ResponseWriter: w}
		next.ServeHTTP(heard, r)
		h.count(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], heard.failure())
	})
}

// peek reads what is asked, and leaves it to be read again.
func peek(r *http.Request, to any) bool {
	raw, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return err == nil && json.Unmarshal(raw, to) == nil
}

// clockSet notes the time that the program gives the host.
func (h *soakHost) clockSet(r *http.Request) {
	var to struct{ Now time.Time }
	if !peek(r, &to) {
		return
	}
	h.steps.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if to.Now.After(h.now) {
		h.now = to.Now
	}
}

func (h *soakHost) keep(r *http.Request) {
	var of struct {
		ID string `json:"kasm_id"`
	}
	peek(r, &of)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept[plain(of.ID)]++
}

// keptAlive is how often each desktop was kept alive.
func (h *soakHost) keptAlive() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.kept)
}

// called is how often something was asked.
func (h *soakHost) called(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[what]
}

func (h *soakHost) count(call, failure string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[call]++
	if failure == cutOff {
		h.failed[failure+" "+call]++
	} else if failure != "" {
		h.failed[failure]++
	}
	if call != "get_kasms" {
		return
	}
	blind := h.looks.times >= looksFail
	switch {
	case failure != "" && (h.looks.at.Equal(h.now) || blind):
		h.looks.times++
	case failure != "":
		h.looks.at, h.looks.times = h.now, 1
	case h.now.After(h.looks.at):
		if blind {
			h.away = append(h.away, span{h.looks.at, h.now})
		}
		h.looks.times = 0
	}
}

// heardAnswer keeps the beginning of an answer.
type heardAnswer struct {
	http.ResponseWriter
	status int
	begins []byte
}

// Unwrap lets the host cut a connection.
func (a *heardAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *heardAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *heardAnswer) Write(b []byte) (int, error) {
	if a.begins == nil {
		a.begins = bytes.Clone(b[:min(len(b), 200)])
	}
	return a.ResponseWriter.Write(b)
}

const cutOff = "cut off"

// failure names the way in which the host failed by chance or by being away, ""
// for an answer, be it a refusal.
func (a *heardAnswer) failure() string {
	switch unexpected := bytes.Contains(a.begins, []byte("An unexpected error occurred")); {
	case a.status == 0:
		return cutOff
	case a.status >= http.StatusInternalServerError:
		return "html500"
	case unexpected && a.status == http.StatusOK:
		return "ok_error"
	case unexpected:
		return "json"
	}
	return ""
}

func (h *soakHost) counts() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return inOrder(h.calls) + "; no proper answer: " + inOrder(h.failed)
}

// outages are the times during which nobody could see what runs.
func (h *soakHost) outages() []span {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.away)
}

// own asks one of the simulator's own endpoints.
func (h *soakHost) own(method, path string, body object, to any) {
	h.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, bytes.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s %v: %d %s %v", method, path, body, res.StatusCode, said, err)
	}
	if to != nil {
		if err := json.Unmarshal(said, to); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *soakHost) set(to object) { h.t.Helper(); h.own(http.MethodPost, "/sim/settings", to, nil) }
func (h *soakHost) kill(id string) {
	h.t.Helper()
	h.own(http.MethodPost, "/sim/kill", object{"kasm_id": id}, nil)
}

// live gives the desktops that run since before now.
func (h *soakHost) live(now time.Time) (ids []string) {
	h.t.Helper()
	for _, r := range h.runs(now) {
		if r.To == nil && r.From.Before(now) {
			ids = append(ids, r.KasmID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (h *soakHost) runs(since time.Time) []simRun {
	h.t.Helper()
	var said struct{ Runs []simRun }
	h.own(http.MethodGet, "/sim/record?since="+since.Format(time.RFC3339), nil, &said)
	return said.Runs
}

func (h *soakHost) running() int {
	h.t.Helper()
	return len(h.live(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)))
}

// inOrder tells of a map in the order of its keys.
func inOrder(m map[string]int) (text string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		text += fmt.Sprintf("%s %d, ", k, m[k])
	}
	return strings.TrimSuffix(text, ", ")
}
