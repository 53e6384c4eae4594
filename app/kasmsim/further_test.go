package kasmsim_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

func ptr[T any](v T) *T { return &v }

func TestFurtherCallsOfTheClient(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{kasm.AuthBody, kasm.AuthBasic} {
		r := newRig(t, kasmsim.Options{StartDelay: -1})
		r.client = r.clientWith(func(c *kasm.Config) { c.Auth = auth })
		r.withUser()
		ctx := t.Context()
		got, err := r.client.UpdateUser(ctx, kasm.UserChange{ID: r.user.ID, FirstName: ptr("Z"), Locked: ptr(true)})
		if err != nil || got.FirstName != "Z" || got.LastName != "B" || !got.Locked || len(got.Groups) != 1 || got.Groups[0].Name != "All Users" {
			t.Errorf("%+v %v", got, err)
		}
		if all, err := r.client.Users(ctx); err != nil || len(all) != 1 || all[0].ID != r.user.ID {
			t.Error(all, err)
		}
		r.must(r.client.SetPassword(ctx, r.user.ID, "Bb2!bbbb"))
		r.must(r.client.SetAttributes(ctx, r.user.ID, kasm.AttributesChange{TimeZone: ptr("Europe/London"), ShowTips: ptr(false)}))
		a, err := r.client.Attributes(ctx, r.user.ID)
		if err != nil || a.UserID != r.user.ID || a.TimeZone != "Europe/London" || a.ShowTips || a.Theme != "Auto" {
			t.Errorf("%+v %v", a, err)
		}
		nobody := strings.Repeat("a", 32)
		_, attributesErr := r.client.Attributes(ctx, nobody)
		_, updateErr := r.client.UpdateUser(ctx, kasm.UserChange{ID: nobody})
		for _, err := range []error{attributesErr, updateErr, r.client.SetAttributes(ctx, nobody, kasm.AttributesChange{}), r.client.SetPassword(ctx, nobody, "x")} {
			if kasm.KindOf(err) != kasm.KindNotFound {
				t.Error(err)
			}
		}
	}
}

func TestFrameStatsNeedAViewer(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	id := r.request()
	if _, err := r.client.FrameStats(t.Context(), r.user.ID, id); kasm.KindOf(err) != kasm.KindNotReady {
		t.Error(err)
	}
	link, err := r.client.Status(t.Context(), r.user.ID, id)
	r.must(err)
	r.open(link.Link)
	if got, err := r.client.FrameStats(t.Context(), r.user.ID, id); err != nil || got.Width != 1280 || got.Height != 720 || got.Clients != 1 {
		t.Error(got, err)
	}
	if code, body := r.api("/api/public/get_kasm_bottleneck_stats", map[string]any{"user_id": r.user.ID, "kasm_id": id}); code != 200 || body["kasm_user"] == nil {
		t.Error(code, body)
	}
}

func TestTheServersOwnState(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1, StopDelay: -1, Set: map[string]any{"licence_limit": 5}}).withUser()
	ctx := t.Context()
	first, second := r.request(), r.request()
	r.advance(time.Minute)
	r.must(r.client.Destroy(ctx, r.user.ID, first))
	if zones, err := r.client.Zones(ctx); err != nil || len(zones) != 1 || zones[0].Name != "default" {
		t.Error(zones, err)
	}
	if l, err := r.client.Licences(ctx); err != nil || len(l) != 1 || l[0].Limit != 5 || !slices.Contains(l[0].Features, "developer_api") || !l[0].Expires.After(r.now()) {
		t.Error(l, err)
	}
	if agents, err := r.client.Agents(ctx); err != nil || len(agents) != 1 || !agents[0].Enabled || agents[0].MemoryBytes == 0 {
		t.Error(agents, err)
	}
	if loads, err := r.client.AgentReport(ctx); err != nil || len(loads) != 1 || loads[0].Kasms != 1 || loads[0].MemoryUsed != 4096<<20+1<<30 {
		t.Error(loads, err)
	}
	past, err := r.client.SessionHistory(ctx)
	if err != nil || len(past) != 2 {
		t.Fatal(past, err)
	}
	for i, run := range r.record("") {
		if p := past[i]; p.KasmID != run.KasmID || !p.Start.Equal(run.RunningFrom) || (run.RunningTo == nil) != p.End.IsZero() || p.KasmID == second && !p.End.IsZero() {
			t.Errorf("%+v is not %+v", p, run)
		}
	}
	if code, body := r.api("/api/admin/get_report", map[string]any{"name": "current_kasms"}); code != 200 || body["data"] != 1.0 {
		t.Error(code, body)
	}
	r.set(map[string]any{"session_history": false})
	_, err = r.client.SessionHistory(ctx)
	if e, ok := err.(*kasm.Error); !ok || !e.Missing() {
		t.Error("a server without the call", err)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, kasmsim.Options{StartDelay: -1, Dir: dir}).withUser()
	ctx := t.Context()
	_, made := r.api("/api/admin/create_group", map[string]any{"target_group": map[string]any{"name": "Business", "priority": 10}})
	group, _ := made["group"].(map[string]any)
	id, _ := group["group_id"].(string)
	if groups, err := r.client.Groups(ctx); err != nil || len(groups) != 3 || !slices.ContainsFunc(groups, func(g kasm.Group) bool { return g.ID == id && g.Name == "Business" }) {
		t.Error(groups, err)
	}
	for range 2 { // twice is as good as once
		r.must(r.client.AddUserGroup(ctx, r.user.ID, id))
	}
	for _, setting := range []map[string]any{
		{"name": "max_kasms_per_user", "value": 1}, {"name": "keepalive_expiration", "value": "600"}, {"name": "keepalive_expiration_action", "value": "stop"},
		{"name": "allow_kasm_clipboard_up", "value": "True"}, {"name": "idle_disconnect", "value": 7.5},
	} {
		if code, body := r.api("/api/public/add_settings_group", map[string]any{"target_group": map[string]any{"group_id": id}, "target_setting": setting}); code != 200 || body["group"] == nil {
			t.Error(setting, code, body)
		}
	}
	desk := r.request()
	if _, err := r.client.Request(ctx, kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image}); kasm.KindOf(err) != kasm.KindLimitReached {
		t.Error("the group's limit", err)
	}
	if raw := string(r.raw("/api/public/get_kasms")); !strings.Contains(raw, `"allow_kasm_clipboard_up":true`) || !strings.Contains(raw, `"idle_disconnect":7.5`) {
		t.Error(raw)
	}
	r.advance(10 * time.Minute)
	if got := r.states()[desk]; got != "stopped" {
		t.Error("the group's clock", got)
	}
	next := r.again(dir)
	if u, err := next.client.UserByID(ctx, r.user.ID); err != nil || len(u.Groups) != 2 || u.Groups[0].Name != "Business" {
		t.Error("after a kill", u, err)
	}
	r.must(next.client.RemoveUserGroup(ctx, r.user.ID, id))
	if u, err := next.client.UserByID(ctx, r.user.ID); err != nil || len(u.Groups) != 1 {
		t.Error(u, err)
	}
	if code, body := next.api("/api/public/delete_group", map[string]any{"target_group": map[string]any{"group_id": id}}); code != 200 || len(body) != 0 {
		t.Error(code, body)
	}
}

func TestGroupsAndImagesRefuseUnknownIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	const allUsers = "68d557ac-4cac-42cc-a9f3-1c7c853de0f3"
	none := strings.Repeat("c", 32)
	for _, tc := range []struct {
		call string
		body map[string]any
	}{
		{"add_user_group", map[string]any{"target_user": map[string]any{"user_id": r.user.ID}, "target_group": map[string]any{"group_id": none}}},
		{"remove_user_group", map[string]any{"target_user": map[string]any{"user_id": none}, "target_group": map[string]any{"group_id": allUsers}}},
		{"update_group", map[string]any{"target_group": map[string]any{"group_id": none, "name": "x"}}},
		{"delete_group", map[string]any{"target_group": map[string]any{"group_id": none}}},
		{"get_images_group", map[string]any{"target_group": map[string]any{"group_id": none}}},
		{"get_users_group", map[string]any{}},
		{"add_images_group", map[string]any{"target_group": map[string]any{"group_id": allUsers}, "target_image": map[string]any{"image_id": none}}},
		{"remove_images_group", map[string]any{"target_group": map[string]any{"group_id": none}, "target_image": map[string]any{"image_id": r.image}}},
		{"add_settings_group", map[string]any{"target_group": map[string]any{"group_id": none}, "target_setting": map[string]any{"name": "a", "value": 1}}},
		{"update_image", map[string]any{"target_image": map[string]any{"image_id": none, "cores": 2}}},
		{"delete_image", map[string]any{"target_image": map[string]any{"image_id": none}}},
		{"create_image", map[string]any{"target_image": map[string]any{"name": "no/size:1"}}},
	} {
		if code, body := r.api("/api/public/"+tc.call, tc.body); code != 200 || body["error_message"] != "Invalid Request" {
			t.Error(tc.call, code, body)
		}
	}
	if code, _ := r.api("/api/public/update_group", map[string]any{"target_group": map[string]any{"group_id": "All Users"}}); code != 500 {
		t.Error("an id that is no UUID must be an internal error", code)
	}
	if err := r.client.AddUserGroup(t.Context(), r.user.ID, none); kasm.KindOf(err) != kasm.KindNotFound {
		t.Error(err)
	}
}

func TestImagesAreMadeOfferedAndTakenAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, kasmsim.Options{StartDelay: -1, Dir: dir}).withUser()
	ctx := t.Context()
	everybody := map[string]any{"group_id": "68d557ac4cac42cca9f31c7c853de0f3"}
	_, made := r.api("/api/admin/create_image", map[string]any{"target_image": map[string]any{"name": "acme/desktop:1", "cores": 3, "memory": 6 << 30, "categories": "[]"}})
	image, _ := made["image"].(map[string]any)
	id, _ := image["image_id"].(string)
	request := func(r *rig) kasm.Kind {
		_, err := r.client.Request(ctx, kasm.RequestKasm{UserID: r.user.ID, ImageID: id})
		return kasm.KindOf(err)
	}
	if got := request(r); got != "" {
		t.Error(got)
	}
	if code, body := r.api("/api/admin/delete_image", map[string]any{"target_image": map[string]any{"image_id": id}}); code != 200 || body["error_message"] == nil {
		t.Error("an image in use was deleted", code, body)
	}
	r.api("/api/public/remove_images_group", map[string]any{"target_group": everybody, "target_image": map[string]any{"image_id": id}})
	if got := request(r); got != kasm.KindInvalid {
		t.Error("an image that no group offers", got)
	}
	next := r.again(dir)
	if got := request(next); got != kasm.KindInvalid {
		t.Error("after a kill", got)
	}
	next.api("/api/public/add_images_group", map[string]any{"target_group": everybody, "target_image": map[string]any{"image_id": id}})
	next.api("/api/public/update_image", map[string]any{"target_image": map[string]any{"image_id": id, "memory_bytes": 7 << 30, "enabled": false}})
	if got := request(next); got != kasm.KindInvalid {
		t.Error("an image that is turned off", got)
	}
	images, err := next.client.Images(ctx)
	r.must(err)
	if got := images[len(images)-1]; got.ID != id || got.MemoryBytes != 7<<30 || got.Enabled || got.Cores != 3 || len(images) != 19 {
		t.Errorf("%+v of %d", got, len(images))
	}
}

func TestDelaysOfEachState(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: 10 * time.Second, Set: map[string]any{"requested_delay_ms": 1000, "resume_delay_ms": 2000}}).withUser()
	id := r.request()
	for _, step := range []struct {
		pass time.Duration
		want string
	}{{999 * time.Millisecond, "requested"}, {time.Millisecond, "starting"}, {8999 * time.Millisecond, "starting"}, {time.Millisecond, "running"}} {
		r.wall.pass(step.pass)
		if got := r.states()[id]; got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
	r.must(r.client.Stop(t.Context(), r.user.ID, id))
	r.must(r.client.Resume(t.Context(), r.user.ID, id))
	r.wall.pass(2 * time.Second)
	if got := r.states()[id]; got != "running" {
		t.Error(got)
	}
	r.set(map[string]any{"start_failure_rate": 1})
	broken := r.request()
	r.wall.pass(10 * time.Second)
	_, err := r.client.Status(t.Context(), r.user.ID, broken)
	if got := r.states()[broken]; got != "error" || kasm.KindOf(err) != kasm.KindNotReady || len(r.record("")) != 2 {
		t.Error("a start that fails", got, err)
	}
	r.must(r.client.Destroy(t.Context(), r.user.ID, broken))
}

func TestKeysAndSettingsSurvive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, kasmsim.Options{Dir: dir, Permissions: []string{"Sessions View"}, Set: map[string]any{"keepalive_action": "pause"}})
	_, made := r.post("/sim/keys", map[string]any{"key": "second", "permissions": []string{"Images View"}})
	next := r.again(dir)
	second := next.clientWith(func(c *kasm.Config) { c.Key, c.Secret = "second", made["secret"].(string) })
	_, imagesErr := second.Images(t.Context())
	_, listErr := second.List(t.Context())
	_, firstErr := next.client.Images(t.Context())
	if imagesErr != nil || kasm.KindOf(listErr) != kasm.KindUnauthorised || kasm.KindOf(firstErr) != kasm.KindUnauthorised || len(next.states()) != 0 {
		t.Error(imagesErr, listErr, firstErr)
	}
	if got := next.sim.Settings().KeepaliveAction; got != "pause" {
		t.Error(got)
	}
	_, all := next.get("/sim/keys")
	keys, _ := all["keys"].([]any)
	if len(keys) != 2 || keys[0].(map[string]any)["key"] != r.sim.Key() || keys[1].(map[string]any)["secret"] != nil {
		t.Error(all)
	}
	for field, bad := range map[string]any{"permissions": []string{"Everything"}, "key": 1, "read_only": "x", "colour": "red", "secret": "x"} {
		if code, body := next.post("/sim/keys", map[string]any{field: bad}); code != 422 || body["field"] != field {
			t.Error(field, code, body)
		}
	}
}

func TestSettingsOfAnOlderSimulatorAreTakenUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := `{"settings":{"start_delay_ms":7,"stop_delay_ms":8,"capacity":9,"per_user_limit":-1,"licence_limit":-1,"error_rate":0,"error_style":"json","latency_ms":0,"memory_field":"memory","unreachable":false}}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "journal.jsonl"), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	sim, err := kasmsim.New(kasmsim.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	if got := sim.Settings(); got.Capacity != 9 || got.StartDelayMS != 7 || got.KeepaliveS != 3600 || got.TimeLimitS != kasmsim.Unset || got.Auth != "any" {
		t.Errorf("%+v", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]kasmsim.Options{
		"setting capacity":        {Set: map[string]any{"capacity": "many"}},
		"setting colour":          {Set: map[string]any{"colour": 1}},
		`no permission ["Users"]`: {Permissions: []string{"Users"}},
	} {
		if _, err := kasmsim.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
