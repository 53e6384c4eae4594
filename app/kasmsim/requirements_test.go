package kasmsim_test

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

// The tests of this file are what anybody who developed against Kasm's API must
// find here, each a behaviour that was seen on true servers.

func TestRequirement01PostOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	for _, path := range []string{"/api/public/get_kasms", "/api/public/join_kasm", "/api/admin/get_agents", "/api/admin/create_image", "/api/resume_kasm"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			if code, said := r.do(method, path, nil); code != 405 || said["error_message"] == "" {
				t.Error(method, path, code)
			}
		}
		if code, _ := r.api(path, nil); code == 405 || code == 404 && path != "/api/resume_kasm" {
			t.Error(path, code)
		}
	}
}

func TestRequirement02KeyInBodyOrBasic(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		setting     string
		body, basic kasm.Kind
	}{{"any", "", ""}, {"body", "", kasm.KindUnauthorised}, {"basic", kasm.KindUnauthorised, ""}} {
		r := newRig(t, kasmsim.Options{Set: map[string]any{"auth": tc.setting}})
		for auth, want := range map[string]kasm.Kind{kasm.AuthBody: tc.body, kasm.AuthBasic: tc.basic} {
			_, err := r.clientWith(func(c *kasm.Config) { c.Auth = auth }).List(t.Context())
			if kasm.KindOf(err) != want {
				t.Errorf("%s by %s: %v", tc.setting, auth, err)
			}
		}
		if code, said := r.post("/api/public/get_kasms", map[string]any{"api_key": "x", "api_key_secret": "y"}); code != 403 || said["error_message"] != "Unauthorized" {
			t.Error(code, said)
		}
	}
}

func TestRequirement03ErrorsInEveryStyle(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	unknown := map[string]any{"target_user": map[string]any{"username": "nobody"}}
	gone := map[string]any{"user_id": strings.Repeat("a", 32), "kasm_id": strings.Repeat("b", 32)}
	for _, tc := range []struct {
		style        string
		refuse, miss int // status of a 200-error and of a 404-error
	}{{"seen", 200, 404}, {"ok_error", 200, 200}, {"json", 400, 404}} {
		r.set(map[string]any{"refusal_style": tc.style})
		if code, said := r.api("/api/public/get_user", unknown); code != tc.refuse || said["error_message"] != "Invalid Request" {
			t.Error(tc.style, code, said)
		}
		if code, said := r.api("/api/public/destroy_kasm", gone); code != tc.miss || said["error_message"] == nil {
			t.Error(tc.style, code, said)
		}
		if _, err := r.client.UserByName(t.Context(), "nobody"); kasm.KindOf(err) != kasm.KindNotFound {
			t.Error(tc.style, err)
		}
	}
	r.set(map[string]any{"refusal_style": "mixed"})
	if seen := r.codes(60, func() int { code, _ := r.api("/api/public/get_user", unknown); return code }); !seen[200] || !seen[400] {
		t.Error("refusals are not mixed", seen)
	}
	if code, said := r.api("/api/public/destroy_kasm", map[string]any{"user_id": "x", "kasm_id": "y"}); code != 500 || said != nil {
		t.Error("a malformed id is a page with status 500", code, said)
	}
}

// codes collects the status codes of n calls.
func (r *rig) codes(n int, call func() int) map[int]bool {
	seen := map[int]bool{}
	for range n {
		seen[call()] = true
	}
	return seen
}

func TestRequirement04BothSpellingsOfIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	withDashes := func(id string) string {
		return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	}
	_, made := r.api("/api/public/request_kasm", map[string]any{"user_id": withDashes(r.user.ID), "image_id": withDashes(r.image)})
	id, _ := made["kasm_id"].(string)
	if len(id) != 36 || len(made["user_id"].(string)) != 32 || len(made["session_token"].(string)) != 36 {
		t.Error(made)
	}
	for _, spelled := range []string{id, strings.ReplaceAll(id, "-", ""), strings.ToUpper(id)} {
		_, status := r.api("/api/public/get_kasm_status", map[string]any{"user_id": r.user.ID, "kasm_id": spelled})
		if one, _ := status["kasm"].(map[string]any); one == nil || len(one["kasm_id"].(string)) != 32 {
			t.Error(spelled, status)
		}
	}
	if _, body := r.api("/api/public/get_user", map[string]any{"target_user": map[string]any{"user_id": withDashes(r.user.ID)}}); body["user"] == nil {
		t.Error(body)
	}
}

func TestRequirement05StatusWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	_, made := r.api("/api/public/request_kasm", map[string]any{"user_id": r.user.ID, "image_id": r.image})
	if made["status"] != "requested" || made["operational_status"] != nil {
		t.Error(made)
	}
	ids := map[string]any{"user_id": r.user.ID, "kasm_id": made["kasm_id"]}
	code, early := r.api("/api/public/get_kasm_status", ids)
	if _, there := early["kasm"]; code != 200 || there || early["operational_status"] != "requested" || early["operational_progress"] != 20.0 || early["error_message"] != "This session is currently requested." {
		t.Error(code, early)
	}
	r.wall.pass(3 * time.Second)
	_, late := r.api("/api/public/get_kasm_status", ids)
	if _, there := late["status"]; there || late["operational_status"] != "running" || late["kasm"] == nil {
		t.Error(late)
	}
	_, list := r.api("/api/public/get_kasms", nil)
	one, _ := list["kasms"].([]any)[0].(map[string]any)
	if _, there := one["status"]; there || one["operational_status"] != "running" {
		t.Error(one)
	}
}

func TestRequirement06StatusTurnsTheToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.started()
	first, err := r.client.Status(t.Context(), r.user.ID, id)
	r.must(err)
	second, err := r.client.Status(t.Context(), r.user.ID, id)
	r.must(err)
	if code, _ := r.open(first.Link); code != 403 {
		t.Error("the old link works", code)
	}
	if code, _ := r.open(second.Link); code != 200 {
		t.Error("the new link does not", code)
	}
	r.states() // a list is a pure read
	if code, _ := r.open(second.Link); code != 200 {
		t.Error("a list ended the link", code)
	}
}

func TestRequirement07Clocks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		set   map[string]any
		keep  time.Duration // a keepalive after so long
		check time.Duration // in all
		want  string
	}{
		{"an hour is Kasm's own", nil, 0, time.Hour - time.Second, "running"},
		{"then it is deleted", nil, 0, time.Hour, ""},
		{"kept alive", nil, 40 * time.Minute, 99 * time.Minute, "running"},
		{"shorter", map[string]any{"keepalive_s": 60}, 0, time.Minute, ""},
		{"stopped instead", map[string]any{"keepalive_action": "stop"}, 0, time.Hour, "stopped"},
		{"paused instead", map[string]any{"keepalive_action": "pause"}, 0, time.Hour, "paused"},
		{"a time limit is longer", map[string]any{"time_limit_s": 7200}, 0, 90 * time.Minute, "running"},
		{"a time limit is hard", map[string]any{"time_limit_s": 7200}, 110 * time.Minute, 2 * time.Hour, ""},
	} {
		r := newRig(t, kasmsim.Options{StartDelay: -1, Set: tc.set}).withUser()
		id := r.request()
		if tc.keep > 0 {
			r.advance(tc.keep)
			_, err := r.client.Keepalive(t.Context(), id)
			r.must(err)
		}
		r.advance(tc.check - tc.keep)
		if got := r.states()[id]; got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		run := r.record("")[0]
		if ended := tc.want != "running"; ended != (run.EndedBy == "expire") || ended && !run.RunningTo.Equal(run.RunningFrom.Add(tc.check)) {
			t.Errorf("%s: %+v", tc.name, run)
		}
	}
	r := newRig(t, kasmsim.Options{StartDelay: -1, Set: map[string]any{"usage_reached": true}}).withUser()
	if reached, err := r.client.Keepalive(t.Context(), r.request()); !reached || err != nil {
		t.Error(reached, err)
	}
	r.request()
	if code, body := r.post("/sim/kill", map[string]any{"all": true}); code != 200 || body["killed"] != 2.0 || len(r.states()) != 0 {
		t.Error("the agent restarts", code, body)
	}
}

func TestRequirement08Caps(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		setting string
		text    string
		kind    kasm.Kind
	}{
		{"capacity", "No resources are available to create the requested Kasm", kasm.KindNoCapacity},
		{"per_user_limit", "Kasm limit exceeded for user", kasm.KindLimitReached},
		{"licence_limit", "License limit exceeded", kasm.KindLicenceLimit},
	} {
		r := newRig(t, kasmsim.Options{StartDelay: -1, Set: map[string]any{tc.setting: 1}}).withUser()
		id := r.request()
		wanted := map[string]any{"user_id": r.user.ID, "image_id": r.image}
		if code, said := r.api("/api/public/request_kasm", wanted); code != 200 || !strings.Contains(said["error_message"].(string), tc.text) {
			t.Error(tc.setting, code, said)
		}
		if _, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image}); kasm.KindOf(err) != tc.kind {
			t.Error(tc.setting, err)
		}
		r.must(r.client.Stop(t.Context(), r.user.ID, id)) // frees its place
		r.request()
	}
}

func TestRequirement09ShareID(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	_, alone := r.api("/api/public/request_kasm", map[string]any{"user_id": r.user.ID, "image_id": r.image})
	if id, there := alone["share_id"]; !there || id != nil {
		t.Error(alone)
	}
	_, shared := r.api("/api/public/request_kasm", map[string]any{"user_id": r.user.ID, "image_id": r.image, "enable_sharing": true})
	share, _ := shared["share_id"].(string)
	if !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(share) {
		t.Error(shared)
	}
	guest, err := r.client.CreateUser(t.Context(), kasm.NewUser{Username: "guest"})
	r.must(err)
	got, err := r.client.Join(t.Context(), guest.ID, share)
	if err != nil || got.UserID != guest.ID || got.Username != r.user.Username || !strings.HasPrefix(got.Link.Reveal(), r.server.URL+"/#/connect/join/"+share+"/") {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := r.client.Join(t.Context(), guest.ID, "00000000"); kasm.KindOf(err) != kasm.KindNotFound {
		t.Error(err)
	}
}

func TestRequirement10Screenshot(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.request()
	if _, err := r.client.Screenshot(t.Context(), r.user.ID, id, 0, 0); kasm.KindOf(err) != kasm.KindNotReady {
		t.Error(err)
	}
	r.wall.pass(3 * time.Second)
	for _, tc := range []struct{ askW, askH, w, h int }{{0, 0, 300, 168}, {640, 0, 640, 360}, {640, 640, 640, 360}, {0, 360, 640, 360}, {1, 1, 16, 9}} {
		raw, err := r.client.Screenshot(t.Context(), r.user.ID, id, tc.askW, tc.askH)
		r.must(err)
		img, err := jpeg.DecodeConfig(bytes.NewReader(raw))
		if err != nil || img.Width != tc.w || img.Height != tc.h {
			t.Errorf("%+v: %+v %v", tc, img, err)
		}
	}
	if _, err := r.client.Screenshot(t.Context(), r.user.ID, strings.Repeat("a", 32), 0, 0); kasm.KindOf(err) != kasm.KindNotFound {
		t.Error(err)
	}
}

func TestRequirement11ExecTellsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	id := r.request()
	r.must(r.client.Exec(t.Context(), r.user.ID, id, kasm.Command{Cmd: "exit 1", Environment: map[string]string{"A": "b"}}))
	code, body := r.api("/api/public/exec_command_kasm", map[string]any{"user_id": r.user.ID, "kasm_id": id, "exec_config": map[string]any{"cmd": "ls"}})
	if code != 200 || len(body) != 2 || body["kasm"] == nil || body["current_time"] == nil {
		t.Error(code, body)
	}
	if code, body := r.api("/api/public/exec_command_kasm", map[string]any{"user_id": r.user.ID, "kasm_id": id}); code != 200 || body["error_message"] != "Invalid Request" {
		t.Error(code, body)
	}
	r.must(r.client.Stop(t.Context(), r.user.ID, id))
	if err := r.client.Exec(t.Context(), r.user.ID, id, kasm.Command{Cmd: "ls"}); kasm.KindOf(err) != kasm.KindNotReady {
		t.Error(err)
	}
}
