package kasmsim_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

func TestRequirement12Destroy(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	destroy := func(id string) {
		if code, body := r.api("/api/public/destroy_kasm", map[string]any{"user_id": r.user.ID, "kasm_id": id}); code != 200 || body == nil || len(body) != 0 {
			t.Error(code, body)
		}
	}
	id := r.request()
	destroy(id)
	if got := r.states()[id]; got != "deleting" {
		t.Error(got)
	}
	r.wall.pass(time.Second)
	if _, err := r.client.Status(t.Context(), r.user.ID, id); kasm.KindOf(err) != kasm.KindNotFound || len(r.states()) != 0 {
		t.Error(err, r.states())
	}
	r.set(map[string]any{"deleting_sticks": true})
	id = r.request()
	destroy(id)
	r.wall.pass(24 * time.Hour)
	destroy(id)
	if got := r.states()[id]; got != "deleting" {
		t.Error("deleting does not stick", got)
	}
	if run := r.record("")[1]; run.EndedBy != "destroy" || !run.RunningTo.Equal(run.RunningFrom) {
		t.Errorf("the run must end at the call: %+v", run)
	}
	r.set(map[string]any{"deleting_sticks": false})
	r.wall.pass(time.Second)
	if got := r.states(); len(got) != 0 {
		t.Error("it sticks although it no longer should", got)
	}
}

func TestRequirement13DeleteUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	r.request()
	if err := r.client.DeleteUser(t.Context(), r.user.ID, false); kasm.KindOf(err) != kasm.KindConflict {
		t.Error(err)
	}
	r.must(r.client.DeleteUser(t.Context(), r.user.ID, true))
	if _, err := r.client.UserByID(t.Context(), r.user.ID); kasm.KindOf(err) != kasm.KindNotFound || len(r.states()) != 0 {
		t.Error(err, r.states())
	}
}

func TestRequirement14Dates(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	r.request()
	_, list := r.api("/api/public/get_kasms", nil)
	one, _ := list["kasms"].([]any)[0].(map[string]any)
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`)
	for _, v := range []any{list["current_time"], one["created_date"], one["start_date"], one["expiration_date"]} {
		if s, _ := v.(string); !date.MatchString(s) {
			t.Error(v)
		}
	}
	if one["keepalive_date"] != "None" {
		t.Error("a date that is not there is the word None", one["keepalive_date"])
	}
}

func TestRequirement15IdleDisconnectIsAFloat(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	r.request()
	raw := r.raw("/api/public/get_kasms")
	if !bytes.Contains(raw, []byte(`"idle_disconnect":20.0`)) {
		t.Errorf("%s", raw)
	}
	l, err := r.client.List(t.Context())
	if err != nil || l.Kasms[0].IdleDisconnect != 20*time.Minute {
		t.Error(l, err)
	}
}

// raw gives an answer of the API as it stands on the wire.
func (r *rig) raw(path string) []byte {
	r.t.Helper()
	body := `{"api_key":"` + r.sim.Key() + `","api_key_secret":"` + r.sim.Secret() + `"}`
	resp, err := r.server.Client().Post(r.server.URL+path, "application/json", strings.NewReader(body))
	r.must(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	r.must(err)
	return raw
}

func TestRequirement16MemoryByVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	r.request()
	for field, other := range map[string]string{"memory": "memory_bytes", "memory_bytes": "memory"} {
		r.set(map[string]any{"memory_field": field})
		for _, path := range []string{"/api/public/get_images", "/api/public/get_kasms", "/api/admin/get_agents"} {
			if raw := string(r.raw(path)); !strings.Contains(raw, `"`+field+`":`) || strings.Contains(raw, `"`+other+`":`) {
				t.Errorf("%s with %s: %s", path, field, raw[:200])
			}
		}
		if l, err := r.client.List(t.Context()); err != nil || l.Kasms[0].MemoryBytes != 4096<<20 {
			t.Error(field, l, err)
		}
	}
}

func TestRequirement17PermissionsOfKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1, Dir: t.TempDir()}).withUser()
	id := r.request()
	needs := map[string][]string{
		"/api/public/get_images": {"Images View"}, "/api/public/get_kasms": {"Sessions View"}, "/api/public/get_users": {"Users View"},
		"/api/public/delete_user": {"Users Delete", "Users Modify"}, "/api/public/get_kasm_status": {"User", "Users Auth Session"},
		"/api/public/exec_command_kasm": {"Sessions Modify", "User", "Users Auth Session"}, "/api/public/get_groups": {"Groups View"},
		"/api/public/get_zones": {"Zones View"}, "/api/public/get_licenses": {"Licenses View"}, "/api/admin/get_agents": {"Agents View"},
		"/api/admin/get_agent_report": {"Reports View"}, "/api/admin/create_image": {"Images Create"}, "/api/stop_kasm": {"User", "Users Auth Session"},
	}
	code, made := r.post("/sim/keys", map[string]any{"key": "few", "permissions": []string{}})
	secret, _ := made["secret"].(string)
	if code != 200 || len(secret) != 32 {
		t.Fatal(code, made)
	}
	call := func(path string) (int, map[string]any) {
		return r.post(path, map[string]any{"api_key": "few", "api_key_secret": secret, "user_id": r.user.ID, "kasm_id": id})
	}
	for path, permissions := range needs {
		for left := range permissions {
			r.post("/sim/keys", map[string]any{"key": "few", "permissions": append(append([]string{}, permissions[:left]...), permissions[left+1:]...)})
			if code, said := call(path); code != 403 || said["error_message"] != "Unauthorized" {
				t.Error(path, "without", permissions[left], code, said)
			}
		}
		r.post("/sim/keys", map[string]any{"key": "few", "permissions": permissions})
		if code, said := call(path); code != 200 || said["error_message"] == "Unauthorized" {
			t.Error(path, "with", permissions, code, said)
		}
	}
	r.post("/sim/keys", map[string]any{"key": "few", "permissions": nil, "read_only": true})
	if code, _ := call("/api/public/get_kasms"); code != 200 {
		t.Error(code)
	}
	if code, _ := call("/api/resume_kasm"); code != 403 {
		t.Error("a key that only reads did more", code)
	}
	if code, _ := r.do(http.MethodDelete, "/sim/keys/few", nil); code != 200 {
		t.Error(code)
	}
	if code, _ := call("/api/public/get_kasms"); code != 403 {
		t.Error("a key that is gone", code)
	}
}

func TestRequirement18Health(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	resp, err := r.server.Client().Get(r.server.URL + "/api/__healthcheck")
	r.must(err)
	defer resp.Body.Close()
	if raw, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(raw) != `{"ok": true}` {
		t.Errorf("%d %s", resp.StatusCode, raw)
	}
}

func TestRequirement19SlowAndFlaky(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	began := time.Now()
	r.set(map[string]any{"latency_ms": 30})
	if _, err := r.client.List(t.Context()); err != nil || time.Since(began) < 30*time.Millisecond {
		t.Error(err, time.Since(began))
	}
	r.set(map[string]any{"latency_ms": 0, "error_rate": 0.5, "error_style": "mixed"})
	if seen := r.codes(80, func() int { code, _ := r.api("/api/public/get_kasms", nil); return code }); !seen[200] || !seen[400] || !seen[500] {
		t.Error("errors are not mixed", seen)
	}
	r.set(map[string]any{"error_rate": 0, "lost_rate": 1})
	_, err := r.client.Request(t.Context(), kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image})
	r.set(map[string]any{"lost_rate": 0})
	if got := r.states(); kasm.KindOf(err) != kasm.KindUnavailable || len(got) != 1 {
		t.Error("a lost answer is one whose call took effect", err, got)
	}
}

func TestRequirement20SelfSigned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, err := kasmsim.Certificate(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	again, err := kasmsim.Certificate(dir, time.Now())
	if err != nil || !bytes.Equal(again.Certificate[0], certificate.Certificate[0]) {
		t.Error("the certificate changed", err)
	}
	sim, err := kasmsim.New(kasmsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(sim.Handler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	for insecure, want := range map[bool]kasm.Kind{true: "", false: kasm.KindUnavailable} {
		c, err := kasm.New(kasm.Config{URL: server.URL, Key: sim.Key(), Secret: sim.Secret(), Insecure: insecure})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.List(t.Context()); kasm.KindOf(err) != want {
			t.Errorf("insecure %v: %v", insecure, err)
		}
	}
	pinned := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pinned.AddCert(leaf)
	c, err := kasm.New(kasm.Config{URL: server.URL, Key: sim.Key(), Secret: sim.Secret(),
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pinned, MinVersion: tls.VersionTLS12}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Health(t.Context()); err != nil {
		t.Error("pinned:", err)
	}
}
