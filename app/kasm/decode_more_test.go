package kasm

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	zoneID  = "0f0e0d0c0b0a49088706050403020100"
	agentID = "5e1f0a6cf3b24c0f9d1f6a7b8c9d0e1f"
	imageID = "c7afd0e1f2a3b4c5d6e7f8091a2b3cd1"
)

func TestDecodeRecordedShapes(t *testing.T) {
	t.Parallel()
	business := Group{ID: "1fd85f0e6d0f4d6a9a0c0f4f2f6b7c11", Name: "Business"}
	everybody := Group{ID: "68d557ac4cac42cca9f31c7c853de0f3", Name: "All Users"}
	for _, tc := range []struct {
		file   string
		decode func([]byte) (any, bool)
		want   any
	}{
		{"get_users.json", anyOf(decodeUsers), []User{
			{ID: "50fa0d53de3c4ab4a1f0f3a1a6f0934b", Username: "c42@example.test", FirstName: "A", LastName: "B", Created: at(t, "2024-01-01T00:00:00Z"), Groups: []Group{everybody, business}},
			{ID: "39b3a1f2c4d54e0f8a9bacbdcedfe012", Username: "d@example.test", Disabled: true},
		}},
		{"get_groups.json", anyOf(decodeGroups), []Group{everybody, business}},
		{"get_attributes.json", anyOf(decodeAttributes), Attributes{UserID: "50fa0d53de3c4ab4a1f0f3a1a6f0934b", Theme: "Auto", Language: "en_US.UTF-8", TimeZone: "Europe/London", DefaultImage: imageID, ShowTips: true}},
		{"join_kasm.json", anyOf(func(b []byte) (Joined, bool) { return decodeJoined(b, testBase()) }), Joined{
			KasmID: "b057c3751f2e4d1d9be4a3a1c8a8f6fc", UserID: "39b3a1f2c4d54e0f8a9bacbdcedfe012", Username: "c42@example.test",
			Link: "https://kasm.example.test/#/connect/join/1a2b3c4d/39b3a1f2c4d54e0f8a9bacbdcedfe012/11112222-3333-4444-8555-666677778888"}},
		{"get_kasm_frame_stats.json", anyOf(decodeFrameStats), FrameStats{Width: 1280, Height: 720, Changed: 12, ServerTime: 37 * time.Millisecond, Clients: 1}},
		{"get_zones.json", anyOf(decodeZones), []Zone{{ID: zoneID, Name: "default"}, {ID: "0f0e0d0c0b0a490887060504030201ff", Name: "fra"}}},
		{"get_licenses.json", anyOf(decodeLicences), []Licence{
			{ID: "2f5f2b9a6b6c4a6f8f8e2d1c0b0a9988", Type: "Per Concurrent Kasm", SKU: "KASM-ENT", IssuedTo: "Acme", Limit: 25, Verified: true,
				Issued: at(t, "2026-01-01T00:00:00Z"), Expires: at(t, "2027-01-01T00:00:00Z"), Features: []string{"developer_api", "session_sharing"}},
			{ID: "odd", Limit: 5},
		}},
		{"get_agents.json", anyOf(decodeAgents), []Agent{
			{ID: agentID, ServerID: "9d0cbd2c48f94a6d8cb52c0c6e6d2a11", Hostname: "10.0.0.120", Status: "running", ZoneID: zoneID, Enabled: true, Cores: 16, MemoryBytes: 67108864000},
			{ID: "5e1f0a6cf3b24c0f9d1f6a7b8c9d0e20", Hostname: "10.0.0.121", Status: "missing", Cores: 8, MemoryBytes: 33554432000, GPUs: 1},
		}},
		{"get_agent_report.json", anyOf(decodeAgentReport), []AgentLoad{
			{Name: "10.0.0.120", ServerID: "9d0cbd2c48f94a6d8cb52c0c6e6d2a11", Health: "healthy", Kasms: 3, MemoryTotal: 67108864000, MemoryUsed: 8000000000, MemoryFree: 59108864000,
				DiskTotal: 500000000000, DiskUsed: 100000000000, DiskFree: 400000000000},
			{Name: "10.0.0.121", Kasms: 2},
		}},
		{"get_session_history.json", anyOf(decodeHistory), []PastSession{
			{KasmID: "b057c3751f2e4d1d9be4a3a1c8a8f6fc", UserID: "39b3a1f2c4d54e0f8a9bacbdcedfe012", Username: "c42@example.test", ImageID: imageID, Start: at(t, "2026-01-01T10:00:00.5Z"), End: at(t, "2026-01-01T11:00:00Z")},
			{KasmID: "4fa42139aef34c86929ae479cda68857", Start: at(t, "2026-01-01T12:00:00Z")},
		}},
	} {
		got, ok := tc.decode(recorded(t, tc.file))
		if diff := cmp.Diff(tc.want, got); diff != "" || !ok {
			t.Errorf("%s: %v %s", tc.file, ok, diff)
		}
		for _, poor := range []string{"", "{}", "[]", "null", `{"users":{},"groups":1,"zones":"x","user_attributes":[],"kasm":1}`, "<H1>Internal Error</H1>"} {
			if got, ok := tc.decode([]byte(poor)); ok || !reflect.ValueOf(got).IsZero() {
				t.Errorf("%s: %q was taken as %v", tc.file, poor, got)
			}
		}
	}
}

func anyOf[T any](decode func([]byte) (T, bool)) func([]byte) (any, bool) {
	return func(b []byte) (any, bool) { return decode(b) }
}

func TestUsersAreWholeOrRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"users":[]}`:                        true,
		`{"users":[{"username":"x"}]}`:        false,
		`{"users":[null]}`:                    false,
		`{"users":[{"user_id":"not-an-id"}]}`: false,
	} {
		if _, ok := decodeUsers([]byte(body)); ok != want {
			t.Errorf("%s: taken %v, want %v", body, ok, want)
		}
	}
}

func TestIdleDisconnectIsAFloatOfMinutes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"20.0": 20 * time.Minute, "0.5": 30 * time.Second, "20": 20 * time.Minute, `"20.0"`: 20 * time.Minute, "null": 0, "-1.0": 0, "1e300": 0} {
		l, ok := decodeListing([]byte(`{"kasms":[{"kasm_id":"` + anID + `","client_settings":{"idle_disconnect":` + in + `}}]}`))
		if !ok || l.Kasms[0].IdleDisconnect != want {
			t.Errorf("%s: %v %+v", in, ok, l)
		}
	}
}

// Settings of a group come as an object or as a list, of whatever types.
func TestSettingsOfAGroupInEveryShape(t *testing.T) {
	t.Parallel()
	want := map[string]string{"allow_kasm_uploads": "True", "keepalive_expiration": "7200", "idle_disconnect": "7.5"}
	for _, body := range []string{
		`"settings":{"allow_kasm_uploads":true,"keepalive_expiration":"7200","idle_disconnect":7.5}`,
		`"group_settings":[{"name":"allow_kasm_uploads","value":"True"},{"name":"keepalive_expiration","value":7200},{"name":"idle_disconnect","value":7.5},{"value":"lost"}]`,
	} {
		g, ok := decodeGroup([]byte(`{"group":{"group_id":"` + zoneID + `",` + body + `}}`))
		if diff := cmp.Diff(want, g.Settings); !ok || diff != "" {
			t.Errorf("%s: %v %s", body, ok, diff)
		}
	}
	for _, body := range []string{`"settings":null`, `"settings":"x"`, `"settings":[]`, `"name":"x"`} {
		if g, ok := decodeGroup([]byte(`{"group":{"group_id":"` + zoneID + `",` + body + `}}`)); !ok || g.Settings != nil {
			t.Errorf("%s: %v %v", body, ok, g.Settings)
		}
	}
}

// Where a server says nothing about viewers, nobody is taken to be away.
func TestUseIsKnownOrNot(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]workspaces.Use{
		`{}`: workspaces.Unused, `[]`: workspaces.Unused, `""`: workspaces.Unused, `{"viewers":1}`: workspaces.InUse, `null`: workspaces.UseUnknown, `7`: workspaces.UseUnknown,
	} {
		l, ok := decodeListing([]byte(`{"kasms":[{"kasm_id":"` + zoneID + `","connection_info":` + body + `}]}`))
		if !ok || useOf(l.Kasms[0]) != want {
			t.Errorf("connection_info %s: %v", body, useOf(l.Kasms[0]))
		}
	}
	if l, _ := decodeListing([]byte(`{"kasms":[{"kasm_id":"` + zoneID + `"}]}`)); useOf(l.Kasms[0]) != workspaces.UseUnknown {
		t.Error("without connection_info")
	}
}
