package kasmsim_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

func TestClientAgainstSimulator(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{kasm.AuthBody, kasm.AuthBasic} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, kasmsim.Options{Key: "k", Secret: "s"})
			r.client = r.clientWith(func(c *kasm.Config) { c.Auth = auth })
			ctx := t.Context()
			r.must(r.client.Health(ctx))
			r.withUser()
			found, err := r.client.UserByName(ctx, "ACME.c42@example.test")
			r.must(err)
			if found.ID != r.user.ID || found.FirstName != "A" || found.Created.IsZero() {
				t.Errorf("%+v", found)
			}
			if _, err := r.client.UserByName(ctx, "nobody"); kasm.KindOf(err) != kasm.KindNotFound {
				t.Error(err)
			}
			if _, err := r.client.CreateUser(ctx, kasm.NewUser{Username: r.user.Username}); kasm.KindOf(err) != kasm.KindConflict {
				t.Error(err)
			}
			id := r.request()
			got, err := r.client.Status(ctx, r.user.ID, id)
			if kasm.KindOf(err) != kasm.KindNotReady || got.Operational != "requested" || got.Progress != 20 || got.Link != "" {
				t.Errorf("%+v %v", got, err)
			}
			r.wall.pass(3 * time.Second)
			got, err = r.client.Status(ctx, r.user.ID, id)
			r.must(err)
			if got.Operational != "running" || !strings.HasPrefix(got.Link.Reveal(), r.server.URL+"/#/connect/kasm/") || got.Kasm.ID != id || got.Kasm.Cores != 2 || got.Kasm.MemoryBytes != 4096<<20 {
				t.Errorf("%+v", got)
			}
			if reached, err := r.client.Keepalive(ctx, id); reached || err != nil {
				t.Error(reached, err)
			}
			if err := r.client.DeleteUser(ctx, r.user.ID, false); kasm.KindOf(err) != kasm.KindConflict {
				t.Error(err)
			}
			r.must(r.client.Destroy(ctx, r.user.ID, id))
			got, err = r.client.Status(ctx, r.user.ID, id)
			if kasm.KindOf(err) != kasm.KindNotReady || got.Operational != "deleting" {
				t.Errorf("%+v %v", got, err)
			}
			r.wall.pass(time.Second)
			_, statusErr := r.client.Status(ctx, r.user.ID, id)
			_, keepErr := r.client.Keepalive(ctx, id)
			for _, err := range []error{statusErr, keepErr, r.client.Destroy(ctx, r.user.ID, id), r.client.Stop(ctx, r.user.ID, id), r.client.Pause(ctx, r.user.ID, id), r.client.Resume(ctx, r.user.ID, id)} {
				if kasm.KindOf(err) != kasm.KindNotFound {
					t.Error(err)
				}
			}
			r.must(r.client.DeleteUser(ctx, r.user.ID, false))
			if err := r.client.LogoutUser(ctx, r.user.ID); kasm.KindOf(err) != kasm.KindNotFound {
				t.Error(err)
			}
		})
	}
}

func TestImagesAreEveryTemplateInEverySize(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	for _, field := range []string{"memory", "memory_bytes"} {
		r.set(map[string]any{"memory_field": field})
		images, err := r.client.Images(t.Context())
		r.must(err)
		byName := map[string]kasm.Image{}
		for _, i := range images {
			byName[i.Name] = i
			if !i.Enabled || !i.Available || i.FriendlyName == "" {
				t.Errorf("%+v", i)
			}
		}
		if len(byName) != 18 {
			t.Error(len(byName))
		}
		got := byName["ezscale/ubuntu-vscode:2x4096"]
		if got.ID != kasmsim.ImageID("ubuntu-vscode", 2, 4096) || got.FriendlyName != "Ubuntu with VS Code (2 vCPU, 4 GB)" || got.Cores != 2 || got.MemoryBytes != 4096<<20 {
			t.Errorf("%s: %+v", field, got)
		}
		_, raw := r.api("/api/public/get_images", nil)
		first, _ := raw["images"].([]any)[0].(map[string]any)
		for _, name := range []string{"memory", "memory_bytes"} {
			if _, there := first[name]; there != (name == field) {
				t.Errorf("%s with memory_field %s: %v", name, field, there)
			}
		}
	}
}

func TestSpellingsAsOnTheWire(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	dashed := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	plain := regexp.MustCompile(`^[0-9a-f]{32}$`)
	_, made := r.api("/api/public/request_kasm", map[string]any{"user_id": r.user.ID, "image_id": r.image, "enable_sharing": true})
	id, _ := made["kasm_id"].(string)
	if user, _ := made["user_id"].(string); !dashed.MatchString(id) || !plain.MatchString(user) || made["status"] != "requested" || made["share_id"] == nil || made["operational_status"] != nil {
		t.Error(made)
	}
	if link, _ := made["kasm_url"].(string); !strings.HasPrefix(link, "/#/connect/kasm/"+id+"/") {
		t.Error(link)
	}
	code, early := r.api("/api/public/get_kasm_status", map[string]any{"user_id": r.user.ID, "kasm_id": id})
	if code != 200 || early["error_message"] != "This session is currently requested." || early["operational_status"] != "requested" || early["kasm"] != nil {
		t.Error(code, early)
	}
	r.wall.pass(3 * time.Second)
	user := r.user.ID
	user = user[:8] + "-" + user[8:12] + "-" + user[12:16] + "-" + user[16:20] + "-" + user[20:]
	_, status := r.api("/api/public/get_kasm_status", map[string]any{"user_id": strings.ToUpper(user), "kasm_id": strings.ReplaceAll(id, "-", "")})
	one, _ := status["kasm"].(map[string]any)
	if got, _ := one["kasm_id"].(string); !plain.MatchString(got) || one["keepalive_date"] != "None" || status["status"] != nil {
		t.Error(status)
	}
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`)
	for _, v := range []any{status["current_time"], one["created_date"], one["start_date"], one["expiration_date"]} {
		if s, _ := v.(string); !date.MatchString(s) {
			t.Error(v)
		}
	}
	code, gone := r.api("/api/public/destroy_kasm", map[string]any{"user_id": user, "kasm_id": id})
	if code != 200 || len(gone) != 0 {
		t.Error(code, gone)
	}
	if code, _ := r.api("/api/public/destroy_kasm", map[string]any{"user_id": "not-an-id", "kasm_id": id}); code != 500 {
		t.Error("an id that is no UUID must be an internal error", code)
	}
}

func TestOnlyPostAndOnlyWithTheKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	for _, path := range []string{"/api/public/get_kasms", "/api/public/destroy_kasm", "/api/stop_kasm"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut} {
			if code, _ := r.do(method, path, nil); code != 405 {
				t.Error(method, path, code)
			}
		}
		for _, body := range []map[string]any{{}, {"api_key": r.sim.Key()}, {"api_key": r.sim.Key(), "api_key_secret": "x"}, {"api_key": "", "api_key_secret": ""}} {
			if code, said := r.post(path, body); code != 403 || said["error_message"] != "Unauthorized" {
				t.Error(path, code, said)
			}
		}
	}
	wrong := r.clientWith(func(c *kasm.Config) { c.Secret = "wrong" })
	if _, err := wrong.List(t.Context()); kasm.KindOf(err) != kasm.KindUnauthorised {
		t.Error(err)
	}
	if code, _ := r.api("/api/public/get_workspaces", nil); code != 404 {
		t.Error(code)
	}
	if code, said := r.do(http.MethodPost, "/api/public/get_kasms", []byte("{")); code != 400 || said["error_message"] == "" {
		t.Error(code, said)
	}
	resp, err := r.server.Client().Get(r.server.URL + "/api/__healthcheck")
	r.must(err)
	defer resp.Body.Close()
	if raw, _ := io.ReadAll(resp.Body); string(raw) != `{"ok": true}` {
		t.Errorf("%s", raw)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	target := map[string]any{"user_id": r.user.ID}
	code, body := r.api("/api/public/update_user", map[string]any{"target_user": map[string]any{"user_id": r.user.ID, "first_name": "Z", "username": "new@example.test", "locked": true}})
	if user, _ := body["user"].(map[string]any); code != 200 || user["first_name"] != "Z" || user["last_name"] != "B" || user["locked"] != true {
		t.Error(code, body)
	}
	if _, err := r.client.UserByName(t.Context(), r.user.Username); kasm.KindOf(err) != kasm.KindNotFound {
		t.Error("the old name still answers", err)
	}
	if u, err := r.client.UserByName(t.Context(), "new@example.test"); err != nil || u.ID != r.user.ID || !u.Locked {
		t.Error(u, err)
	}
	if _, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image}); err == nil {
		t.Error("a locked user got a desktop")
	}
	if code, body := r.api("/api/public/get_user", map[string]any{"target_user": map[string]any{"username": "x"}}); code != 200 || body["error_message"] != "Invalid Request" {
		t.Error(code, body)
	}
	_, body = r.api("/api/public/get_users", nil)
	if users, _ := body["users"].([]any); len(users) != 1 {
		t.Error(body)
	}
	_, body = r.api("/api/public/get_attributes", map[string]any{"target_user": target})
	if attributes, _ := body["user_attributes"].(map[string]any); attributes["user_id"] != r.user.ID {
		t.Error(body)
	}
	if code, body := r.api("/api/public/request_kasm", map[string]any{"image_id": r.image}); code != 200 || body["user_id"] == r.user.ID || body["kasm_id"] == nil {
		t.Error("no user named must make an anonymous one", code, body)
	}
}

func TestLimitsInTheOrderOfKasm(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1, StopDelay: -1}).withUser()
	id := r.request()
	for _, tc := range []struct {
		settings map[string]any
		want     kasm.Kind
	}{
		{map[string]any{"capacity": 1, "per_user_limit": 1, "licence_limit": 1}, kasm.KindNoCapacity},
		{map[string]any{"capacity": 2}, kasm.KindLimitReached},
		{map[string]any{"per_user_limit": 2}, kasm.KindLicenceLimit},
		{map[string]any{"licence_limit": nil, "capacity": 0}, kasm.KindNoCapacity},
		{map[string]any{"capacity": -1, "per_user_limit": nil}, ""},
	} {
		r.set(tc.settings)
		_, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image})
		if kasm.KindOf(err) != tc.want || err == nil && tc.want != "" {
			t.Errorf("%v: %v", tc.settings, err)
		}
	}
	r.must(r.client.Stop(t.Context(), r.user.ID, id))
	r.set(map[string]any{"capacity": 1})
	if err := r.client.Resume(t.Context(), r.user.ID, id); kasm.KindOf(err) != kasm.KindNoCapacity {
		t.Error(err)
	}
	for _, image := range []string{"00000000000000000000000000000000", strings.Repeat("f", 32)} {
		if _, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: image}); kasm.KindOf(err) != kasm.KindInvalid {
			t.Error(err)
		}
	}
}

func TestFaultsAsTheClientSeesThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	for _, tc := range []struct {
		settings map[string]any
		list     kasm.Kind
	}{
		{map[string]any{"error_rate": 1, "error_style": "html500"}, kasm.KindUnavailable},
		{map[string]any{"error_style": "ok_error"}, kasm.KindUnavailable},
		{map[string]any{"error_style": "json"}, kasm.KindUnavailable},
		{map[string]any{"error_rate": 0, "unreachable": true}, kasm.KindUnavailable},
		{map[string]any{"unreachable": false, "latency_ms": 60_000}, kasm.KindUnavailable},
		{map[string]any{"latency_ms": 1}, ""},
	} {
		r.set(tc.settings)
		client := r.client
		if tc.settings["latency_ms"] == 60_000 {
			client = r.clientWith(func(c *kasm.Config) { c.Timeout = 30 * time.Millisecond })
		}
		_, err := client.List(t.Context())
		if kasm.KindOf(err) != tc.list || err == nil && tc.list != "" {
			t.Errorf("%v: %v", tc.settings, err)
		}
		if _, err := client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image}); kasm.KindOf(err) != tc.list {
			t.Errorf("%v: %v", tc.settings, err)
		}
	}
	if got := r.states(); len(got) != 1 {
		t.Error("a call that failed has taken effect", got)
	}
}

func TestSettingsMergeAndRefuse(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	code, all := r.post("/sim/settings", map[string]any{"latency_ms": 5, "capacity": 7})
	if code != 200 || all["latency_ms"] != 5.0 || all["capacity"] != 7.0 || all["start_delay_ms"] != 3000.0 || all["per_user_limit"] != -1.0 || all["error_style"] != "json" || all["memory_field"] != "memory" || all["unreachable"] != false || len(all) != 23 {
		t.Error(code, all)
	}
	for field, bad := range map[string]any{
		"start_delay_ms": -1, "stop_delay_ms": "1", "capacity": -2, "per_user_limit": 1.5, "licence_limit": "x", "error_rate": 1.01,
		"error_style": "xml", "latency_ms": nil, "memory_field": "ram", "unreachable": 1, "colour": "red",
		"requested_delay_ms": -2, "resume_delay_ms": "x", "deleting_sticks": nil, "start_failure_rate": 2, "keepalive_s": 0, "keepalive_action": "burn",
		"time_limit_s": 1.5, "usage_reached": 1, "refusal_style": "html500", "lost_rate": -1, "auth": "none", "session_history": "yes", "stop_calls": "never",
	} {
		sent := map[string]any{"stop_delay_ms": 77}
		sent[field] = bad
		code, body := r.post("/sim/settings", sent)
		if fields, _ := body["fields"].(map[string]any); code != 422 || body["field"] != field || fields[field] == nil {
			t.Error(field, code, body)
		}
	}
	if _, after := r.get("/sim/settings"); after["stop_delay_ms"] != 1000.0 || after["capacity"] != 7.0 {
		t.Error("a refused change was applied", after)
	}
	for _, body := range []string{"", "[]", "null", "{"} {
		if code, _ := r.do(http.MethodPost, "/sim/settings", []byte(body)); code != 400 {
			t.Errorf("%q: %d", body, code)
		}
	}
}

func TestKillNamesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	if code, _ := r.post("/sim/kill", map[string]any{"kasm_id": strings.Repeat("a", 32)}); code != 404 {
		t.Error(code)
	}
	if code, body := r.post("/sim/kill", map[string]any{"kasm_id": "x"}); code != 422 || body["field"] != "kasm_id" {
		t.Error(code, body)
	}
}

func TestAnotherSiteCannotTurnTheKnobs(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL+"/sim/settings", bytes.NewReader([]byte(`{"unreachable":true}`)))
	r.must(err)
	req.Header.Set("Origin", "https://evil.example.test")
	resp, err := r.server.Client().Do(req)
	r.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != 403 || r.sim.Settings().Unreachable {
		t.Error(resp.StatusCode)
	}
}
