package kasm_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
)

// house is a simulator whose calls are counted, with a driver and a clock.
type house struct {
	*testing.T
	sim    *kasmsim.Sim
	url    string
	client *kasm.Client
	driver *kasm.Driver

	mu    sync.Mutex
	calls []string
	now   time.Time
}

func newHouse(t *testing.T, o kasmsim.Options) *house {
	t.Helper()
	o.StartDelay, o.StopDelay = -1, -1
	sim, err := kasmsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, sim: sim, now: time.Now()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.mu.Lock()
			h.calls = append(h.calls, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
			h.mu.Unlock()
		}
		sim.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	if h.client, err = kasm.New(kasm.Config{URL: server.URL, Key: sim.Key(), Secret: sim.Secret()}); err != nil {
		t.Fatal(err)
	}
	h.driver = kasm.NewDriver(h.client, h.wall)
	return h
}

func (h *house) wall() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// made gives the calls since it was last asked.
func (h *house) made() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) image(name string) string {
	h.Helper()
	id, err := h.driver.FindImage(h.Context(), name, 2, 4096)
	h.must(err)
	return id
}

func (h *house) start(user string, r workspaces.Rights) string {
	h.Helper()
	id, err := h.driver.Request(h.Context(), workspaces.Wish{UserID: user, ImageID: h.image("ezscale/custom"), Rights: r})
	h.must(err)
	return id
}

// groupOf gives a group's settings and the names of its members.
func (h *house) groupOf(name string) (settings map[string]string, found bool) {
	h.Helper()
	groups, err := h.client.Groups(h.Context())
	h.must(err)
	for _, g := range groups {
		if g.Name == name {
			return g.Settings, true
		}
	}
	return nil, false
}

func (h *house) groupsOf(user string) (names []string) {
	h.Helper()
	u, err := h.client.UserByID(h.Context(), user)
	h.must(err)
	for _, g := range u.Groups {
		if strings.HasPrefix(g.Name, "ez.") {
			names = append(names, g.Name)
		}
	}
	return names
}

func basic() workspaces.Rights {
	return workspaces.Rights{Group: "ez.acme.basic", Clipboard: true, Upload: true, Download: true}
}

func TestAStartMakesThePlansGroupOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	user := ensure(t, h.driver, "ez.acme.1")
	r := basic()
	r.Download, r.MaxSession = false, 90*time.Minute
	h.start(user, r)
	settings, found := h.groupOf(r.Group)
	for name, want := range map[string]string{
		"allow_kasm_clipboard_up": "True", "allow_kasm_clipboard_down": "True", "allow_kasm_clipboard_seamless": "True", "allow_kasm_uploads": "True",
		"allow_kasm_downloads": "False", "keepalive_expiration": "7200", "session_time_limit": "5400", "allow_persistent_profile": "True",
	} {
		if settings[name] != want {
			t.Errorf("%s is %q, want %q", name, settings[name], want)
		}
	}
	if got := h.groupsOf(user); !found || !slices.Equal(got, []string{r.Group}) {
		t.Errorf("the customer is in %q", got)
	}
	l, err := h.client.List(t.Context())
	h.must(err)
	if k := l.Kasms[0]; k.ExpirationDate.Sub(k.Created).Round(time.Minute) != 90*time.Minute {
		t.Errorf("the time limit does not count: %s", k.ExpirationDate.Sub(k.Created))
	}
	h.made()
	h.start(user, r)
	if calls := h.made(); !slices.Equal(calls, []string{"request_kasm"}) {
		t.Errorf("a second start makes the calls %q", calls)
	}
	other := ensure(t, h.driver, "ez.acme.2")
	h.made()
	h.start(other, r)
	if calls := h.made(); !slices.Equal(calls, []string{"get_user", "add_user_group", "request_kasm"}) {
		t.Errorf("another customer's first start makes the calls %q", calls)
	}
}

func TestChangedRightsReachTheGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	user := ensure(t, h.driver, "ez.acme.1")
	r := basic()
	h.start(user, r)
	if settings, _ := h.groupOf(r.Group); settings["session_time_limit"] != "" || settings["allow_kasm_clipboard_up"] != "True" {
		t.Fatalf("at first: %v", settings)
	}
	h.made()
	r.Clipboard, r.MaxSession = false, time.Hour
	h.start(user, r)
	if calls := h.made(); len(calls) != 5 { // three of the clipboard, the limit, the request
		t.Errorf("changed rights make the calls %q", calls)
	}
	r.MaxSession = 0
	h.start(user, r)
	settings, _ := h.groupOf(r.Group)
	if settings["allow_kasm_clipboard_down"] != "False" || seconds(t, settings["session_time_limit"]) < 300*24*3600 {
		t.Errorf("afterwards: %v", settings)
	}

	// What somebody else changed or deleted is mended when the belief is over.
	groups, err := h.client.Groups(t.Context())
	h.must(err)
	for _, g := range groups {
		if g.Name == r.Group {
			h.must(h.client.SetGroupSetting(t.Context(), g.ID, "keepalive_expiration", "60"))
		}
	}
	h.pass(2 * time.Hour)
	h.start(user, r)
	if settings, _ := h.groupOf(r.Group); settings["keepalive_expiration"] != "7200" {
		t.Errorf("keepalive_expiration stays %q", settings["keepalive_expiration"])
	}
}

func seconds(t *testing.T, s string) (n int64) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &n); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return n
}

func TestACustomerHasTheRightsOfThePlanThatIsStarted(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	user := ensure(t, h.driver, "ez.acme.1")
	strict := workspaces.Rights{Group: "ez.acme.strict"}
	first := h.start(user, strict)
	second := h.start(user, basic()) // while the first runs, its rights must not grow
	if got := h.groupsOf(user); len(got) != 2 {
		t.Errorf("with both running: %q", got)
	}
	h.must(h.driver.Destroy(t.Context(), user, first))
	h.must(h.driver.Destroy(t.Context(), user, second))
	h.start(user, basic())
	if got := h.groupsOf(user); !slices.Equal(got, []string{basic().Group}) {
		t.Errorf("with the second alone: %q", got)
	}
}

func TestADeletedGroupIsMadeAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	user := ensure(t, h.driver, "ez.acme.1")
	h.start(user, basic())
	groups, err := h.client.Groups(t.Context())
	h.must(err)
	for _, g := range groups {
		if g.Name == basic().Group {
			h.post("/api/admin/delete_group", map[string]any{"target_group": map[string]any{"group_id": g.ID}})
		}
	}
	other := ensure(t, h.driver, "ez.acme.2")
	h.start(other, basic())
	if got := h.groupsOf(other); !slices.Equal(got, []string{basic().Group}) {
		t.Errorf("the other customer is in %q", got)
	}
}

func (h *house) post(path string, body map[string]any) {
	h.Helper()
	sent := map[string]any{"api_key": h.sim.Key(), "api_key_secret": h.sim.Secret()}
	for k, v := range body {
		sent[k] = v
	}
	turnAt(h.T, h.url+path, sent)
}

// permit makes the simulator's key one that may do these things alone.
func (h *house) permit(names ...string) {
	h.Helper()
	turnAt(h.T, h.url+"/sim/keys", map[string]any{"permissions": names})
}

// most is every permission but those named.
func most(without ...string) []string {
	return slices.DeleteFunc(kasmsim.Permissions(), func(p string) bool { return slices.Contains(without, p) })
}

func TestAKeyWithoutGroupsStartsDesktopsAllTheSame(t *testing.T) {
	t.Parallel()
	for _, lacking := range []string{"Groups View", "Groups Create", "Groups Modify"} {
		h := newHouse(t, kasmsim.Options{})
		h.permit(most(lacking)...)
		user := ensure(t, h.driver, "ez.acme.1")
		h.start(user, basic())
		h.made()
		h.start(user, basic())
		if calls := h.made(); !slices.Equal(calls, []string{"request_kasm"}) {
			t.Errorf("without %s a second start makes the calls %q", lacking, calls)
		}
		h.permit(kasmsim.Permissions()...)
		h.pass(time.Hour)
		h.start(user, basic())
		if got := h.groupsOf(user); !slices.Equal(got, []string{basic().Group}) {
			t.Errorf("with %s again the customer is in %q", lacking, got)
		}
	}
}

func TestStartsOfOnePlanSideBySideMakeOneGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	h.image("ezscale/custom")
	users := make([]string, 8)
	for i := range users {
		users[i] = ensure(t, h.driver, "ez.acme."+string(rune('a'+i)))
	}
	h.made()
	var all sync.WaitGroup
	for _, u := range users {
		all.Go(func() { h.start(u, basic()) })
	}
	all.Wait()
	made := 0
	for _, call := range h.made() {
		if call == "create_group" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d groups were made", made)
	}
}

func TestWhatOutlivesAStop(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	keeps := func(want workspaces.Keeping) {
		t.Helper()
		got, err := h.driver.Keeps(t.Context())
		if err != nil || got != want {
			t.Errorf("it keeps %q, %v; want %q", got, err, want)
		}
	}
	keeps(workspaces.KeepsDisk)
	h.made()
	keeps(workspaces.KeepsDisk)
	if calls := h.made(); len(calls) != 0 {
		t.Errorf("asked again: %q", calls)
	}
	turn(t, h.url, map[string]any{"stop_calls": "refused"})
	user := ensure(t, h.driver, "ez.acme.1")
	desk := h.start(user, basic())
	if err := h.driver.Stop(t.Context(), user, desk); workspaces.HostKindOf(err) != workspaces.HostRefused {
		t.Fatal(err)
	}
	keeps(workspaces.KeepsNothing) // the refusal is believed at once
	h.post("/api/admin/update_image", map[string]any{"target_image": map[string]any{"image_id": h.image("ezscale/custom"), "persistent_profile_path": "/profiles/{username}"}})
	h.pass(2 * time.Minute)
	keeps(workspaces.KeepsProfile)
	h.start(user, basic())
	l, err := h.client.List(t.Context())
	h.must(err)
	if len(l.Kasms) != 2 || !h.persistent(l.Kasms[1].ID) || h.persistent(l.Kasms[0].ID) {
		t.Error("the second alone should have a profile that stays")
	}
	turn(t, h.url, map[string]any{"stop_calls": "allowed"})
	h.must(h.driver.Stop(t.Context(), user, desk))
	keeps(workspaces.KeepsDisk)
	turn(t, h.url, map[string]any{"stop_calls": "missing"})
	h.pass(time.Hour)
	keeps(workspaces.KeepsProfile)
	turn(t, h.url, map[string]any{"unreachable": true})
	h.pass(48 * time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := h.driver.Keeps(ctx); workspaces.HostKindOf(err) != workspaces.HostUnavailable {
		t.Error(err)
	}
}

// persistent reads from the server itself whether a desktop's profile stays.
func (h *house) persistent(desktop string) bool {
	h.Helper()
	body := strings.NewReader(`{"api_key":"` + h.sim.Key() + `","api_key_secret":"` + h.sim.Secret() + `"}`)
	resp, err := http.Post(h.url+"/api/public/get_kasms", "application/json", body)
	h.must(err)
	defer resp.Body.Close()
	var list struct {
		Kasms []struct {
			ID   string  `json:"kasm_id"`
			Mode *string `json:"persistent_profile_mode"`
		} `json:"kasms"`
	}
	h.must(json.NewDecoder(resp.Body).Decode(&list))
	for _, k := range list.Kasms {
		if id, _ := kasm.ParseID(k.ID); id == desktop {
			return k.Mode != nil && *k.Mode == "Enabled"
		}
	}
	h.Fatalf("there is no desktop %s", desktop)
	return false
}
