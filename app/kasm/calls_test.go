package kasm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

// TestWhatIsSent compares each call's path and body with what Kasm's documents and
// its other clients show.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	const user, desk = "39b3a1f2c4d54e0f8a9bacbdcedfe012", anID
	group := "68d557ac-4cac-42cc-a9f3-1c7c853de0f3"
	both := map[string]any{"user_id": user, "kasm_id": desk}
	with := func(more map[string]any) map[string]any {
		for k, v := range both {
			more[k] = v
		}
		return more
	}
	target := func(more map[string]any) map[string]any {
		more["user_id"] = user
		return map[string]any{"target_user": more}
	}
	for _, tc := range []struct {
		path string
		body map[string]any
		call func(*Client) error
	}{
		{"/api/public/update_user", target(map[string]any{"first_name": "Z", "locked": false}), func(c *Client) error {
			_, err := c.UpdateUser(t.Context(), UserChange{ID: another, FirstName: ptr("Z"), Locked: ptr(false)})
			return err
		}},
		{"/api/public/update_user", target(map[string]any{"password": "p"}), func(c *Client) error { return c.SetPassword(t.Context(), another, "p") }},
		{"/api/public/get_user", target(map[string]any{}), func(c *Client) error { _, err := c.UserByID(t.Context(), another); return err }},
		{"/api/public/get_users", map[string]any{}, func(c *Client) error { _, err := c.Users(t.Context()); return err }},
		{"/api/public/get_attributes", target(map[string]any{}), func(c *Client) error { _, err := c.Attributes(t.Context(), another); return err }},
		{"/api/public/update_user_attributes", map[string]any{"target_user_attributes": map[string]any{"user_id": user, "theme": "Dark", "show_tips": false}}, func(c *Client) error {
			return c.SetAttributes(t.Context(), another, AttributesChange{Theme: ptr("Dark"), ShowTips: ptr(false)})
		}},
		{"/api/public/get_groups", map[string]any{}, func(c *Client) error { _, err := c.Groups(t.Context()); return err }},
		{"/api/public/add_user_group", map[string]any{"target_user": map[string]any{"user_id": user}, "target_group": map[string]any{"group_id": "68d557ac4cac42cca9f31c7c853de0f3"}},
			func(c *Client) error { return c.AddUserGroup(t.Context(), another, group) }},
		{"/api/public/remove_user_group", map[string]any{"target_user": map[string]any{"user_id": user}, "target_group": map[string]any{"group_id": "68d557ac4cac42cca9f31c7c853de0f3"}},
			func(c *Client) error { return c.RemoveUserGroup(t.Context(), another, group) }},
		{"/api/public/create_group", map[string]any{"target_group": map[string]any{"name": "ez.acme.basic", "description": "d", "priority": 100.0}},
			func(c *Client) error {
				_, err := c.CreateGroup(t.Context(), NewGroup{Name: "ez.acme.basic", Description: "d", Priority: 100})
				return err
			}},
		{"/api/public/add_settings_group", map[string]any{"target_group": map[string]any{"group_id": "68d557ac4cac42cca9f31c7c853de0f3"}, "target_setting": map[string]any{"name": "allow_kasm_uploads", "value": "True"}},
			func(c *Client) error {
				return c.SetGroupSetting(t.Context(), group, "allow_kasm_uploads", "True")
			}},
		{"/api/public/get_images_group", map[string]any{"target_group": map[string]any{"group_id": "68d557ac4cac42cca9f31c7c853de0f3"}},
			func(c *Client) error { _, err := c.GroupImages(t.Context(), group); return err }},
		{"/api/public/add_images_group", map[string]any{"target_group": map[string]any{"group_id": "68d557ac4cac42cca9f31c7c853de0f3"}, "target_image": map[string]any{"image_id": desk}},
			func(c *Client) error { return c.AddGroupImage(t.Context(), group, anID) }},
		{"/api/public/join_kasm", map[string]any{"user_id": user, "share_id": "1a2b3c4d"}, func(c *Client) error { _, err := c.Join(t.Context(), another, "1a2b3c4d"); return err }},
		{"/api/public/exec_command_kasm", with(map[string]any{"exec_config": map[string]any{"cmd": "ls", "privileged": false, "user": "root", "workdir": "/", "environment": map[string]any{"A": "b"}}}), func(c *Client) error {
			return c.Exec(t.Context(), another, anID, Command{Cmd: "ls", User: "root", WorkDir: "/", Environment: map[string]string{"A": "b"}})
		}},
		{"/api/public/get_kasm_screenshot", with(map[string]any{"width": 640.0}), func(c *Client) error { _, err := c.Screenshot(t.Context(), another, anID, 640, 0); return err }},
		{"/api/public/get_kasm_frame_stats", with(map[string]any{"client": "auto"}), func(c *Client) error { _, err := c.FrameStats(t.Context(), another, anID); return err }},
		{"/api/public/get_zones", map[string]any{}, func(c *Client) error { _, err := c.Zones(t.Context()); return err }},
		{"/api/public/get_licenses", map[string]any{}, func(c *Client) error { _, err := c.Licences(t.Context()); return err }},
		{"/api/admin/get_agents", map[string]any{}, func(c *Client) error { _, err := c.Agents(t.Context()); return err }},
		{"/api/admin/get_agent_report", map[string]any{}, func(c *Client) error { _, err := c.AgentReport(t.Context()); return err }},
		{"/api/admin/get_session_history", map[string]any{}, func(c *Client) error { _, err := c.SessionHistory(t.Context()); return err }},
	} {
		called := false
		c := clientTo(t, func(w http.ResponseWriter, r *http.Request) {
			called = true
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body["api_key"] != "key123456789" || body["api_key_secret"] != "secret-secret-secret" {
				t.Error(tc.path, err)
			}
			delete(body, "api_key")
			delete(body, "api_key_secret")
			if diff := cmp.Diff(tc.body, body); diff != "" || r.URL.Path != tc.path || r.Method != http.MethodPost {
				t.Errorf("%s: %s %s", tc.path, r.URL.Path, diff)
			}
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error_message":"Unauthorized"}`)
		}, nil)
		if err := tc.call(c); KindOf(err) != KindUnauthorised || !called {
			t.Errorf("%s: %v", tc.path, err)
		}
	}
}

func TestErrorsOfTheFurtherCalls(t *testing.T) {
	t.Parallel()
	said := func(s string) string { return `{"error_message":"` + s + `"}` }
	shot := func(c *Client) error { _, err := c.Screenshot(t.Context(), another, anID, 0, 0); return err }
	for _, tc := range []struct {
		name string
		code int
		body string
		call func(*Client) error
		kind Kind
	}{
		{"nobody looks", 200, said("Error retrieving frame stats with status code (503)"), func(c *Client) error { _, err := c.FrameStats(t.Context(), another, anID); return err }, KindNotReady},
		{"unknown group", 200, said("Invalid Request"), func(c *Client) error { return c.AddUserGroup(t.Context(), another, anID) }, KindNotFound},
		{"unknown share", 200, said("Invalid Request"), func(c *Client) error { _, err := c.Join(t.Context(), another, "x"); return err }, KindNotFound},
		{"exec in one that starts", 200, said("This session is currently starting."), func(c *Client) error { return c.Exec(t.Context(), another, anID, Command{Cmd: "ls"}) }, KindNotReady},
		{"a picture that is JSON", 200, "{}", shot, KindUnavailable},
		{"a picture that is a page", 200, "<html>", shot, KindUnavailable},
		{"a picture that is refused", 200, said("Kasm session not found"), shot, KindNotFound},
		{"a picture with status 500", 500, "\xff\xd8\xff\xe0", shot, KindUnavailable},
		{"settings of an unknown group", 200, said("Invalid Request"), func(c *Client) error { return c.SetGroupSetting(t.Context(), anID, "a", "b") }, KindNotFound},
		{"an unknown image for a group", 200, said("Invalid Request"), func(c *Client) error { return c.AddGroupImage(t.Context(), anID, anID) }, KindNotFound},
		{"a group of a taken name", 200, said("Group already exists"), func(c *Client) error { _, err := c.CreateGroup(t.Context(), NewGroup{Name: "x"}); return err }, KindConflict},
		{"a group without an id", 200, `{"group":{"name":"x"}}`, func(c *Client) error { _, err := c.CreateGroup(t.Context(), NewGroup{Name: "x"}); return err }, KindUnavailable},
		{"a list without images", 200, `{}`, func(c *Client) error { _, err := c.GroupImages(t.Context(), anID); return err }, KindUnavailable},
		{"no such call", 404, "<H1>Not Found</H1>", func(c *Client) error { _, err := c.SessionHistory(t.Context()); return err }, KindUnavailable},
	} {
		err := tc.call(clientTo(t, answering(tc.code, tc.body), nil))
		var e *Error
		if !errors.As(err, &e) || e.Kind != tc.kind || !strings.Contains(e.Message, ".") || e.Missing() != (tc.code == 404) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.kind)
		}
	}
	c := clientTo(t, answering(200, "\xff\xd8\xff\xe0picture"), nil)
	if got, err := c.Screenshot(t.Context(), another, anID, 0, 0); err != nil || string(got) != "\xff\xd8\xff\xe0picture" {
		t.Error(got, err)
	}
}

func TestFurtherCallsAreRepeatedOnlyWhereSafe(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := clientTo(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}, nil)
	for name, tc := range map[string]struct {
		call func() error
		want int32
	}{
		"exec":         {func() error { return c.Exec(t.Context(), another, anID, Command{Cmd: "x"}) }, 1},
		"join":         {func() error { _, err := c.Join(t.Context(), another, "x"); return err }, 1},
		"update":       {func() error { _, err := c.UpdateUser(t.Context(), UserChange{ID: another}); return err }, 1},
		"group":        {func() error { return c.AddUserGroup(t.Context(), another, anID) }, 1},
		"agent report": {func() error { _, err := c.AgentReport(t.Context()); return err }, readAttempts},
		"zones":        {func() error { _, err := c.Zones(t.Context()); return err }, readAttempts},
	} {
		calls.Store(0)
		if err := tc.call(); KindOf(err) != KindUnavailable || calls.Load() != tc.want {
			t.Errorf("%s: %d calls, %v", name, calls.Load(), err)
		}
	}
}

func TestFurtherCallsRefuseWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	c := clientTo(t, func(http.ResponseWriter, *http.Request) { t.Error("called") }, nil)
	_, joinErr := c.Join(t.Context(), another, "")
	_, shotErr := c.Screenshot(t.Context(), "x", anID, 0, 0)
	_, frameErr := c.FrameStats(t.Context(), another, "x")
	_, updateErr := c.UpdateUser(t.Context(), UserChange{})
	_, attributesErr := c.Attributes(t.Context(), "x")
	_, userErr := c.UserByID(t.Context(), "")
	for _, err := range []error{joinErr, shotErr, frameErr, updateErr, attributesErr, userErr, c.SetAttributes(t.Context(), "", AttributesChange{}),
		c.Exec(t.Context(), another, anID, Command{}), c.Exec(t.Context(), another, "", Command{Cmd: "x"}), c.AddUserGroup(t.Context(), another, "All Users"), c.RemoveUserGroup(t.Context(), "x", anID),
		c.SetGroupSetting(t.Context(), "x", "a", "b"), c.AddGroupImage(t.Context(), "x", anID), c.AddGroupImage(t.Context(), anID, "")} {
		if KindOf(err) != KindInvalid {
			t.Error(err)
		}
	}
}

func TestCommandsAndChangesHideTheirSecrets(t *testing.T) {
	t.Parallel()
	command := Command{Cmd: "echo hush-hush", Environment: map[string]string{"A": "hush-hush"}}
	change := UserChange{ID: another, Password: ptr("hush-hush")}
	joined := Joined{Link: "https://kasm.example.test/#/connect/join/a/b/hush-hush"}
	printed := fmt.Sprintf("%v %+v %#v %v %+v %#v %v %+v %#v %v %v", command, command, command, change, change, change, joined, joined, joined, command.LogValue(), change.LogValue())
	if strings.Contains(printed, "hush-hush") {
		t.Error(printed)
	}
}
