package kasm

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func testBase() *url.URL { return &url.URL{Scheme: "https", Host: "kasm.example.test"} }

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecodeListing(t *testing.T) {
	t.Parallel()
	got, ok := decodeListing(recorded(t, "get_kasms.json"))
	if !ok {
		t.Fatal("the list was refused")
	}
	want := Listing{CurrentTime: at(t, "2026-01-01T10:00:30.123Z"), Kasms: []Kasm{{
		ID: "b057c3751f2e4d1d9be4a3a1c8a8f6fc", UserID: "39b3a1f2c4d54e0f8a9bacbdcedfe012", Username: "c42@example.test",
		ImageID: "c7afd0e1f2a3b4c5d6e7f8091a2b3cd1", Operational: "running", StartDate: at(t, "2026-01-01T10:00:00.5Z"),
		Created: at(t, "2026-01-01T09:59:58Z"), KeepaliveDate: at(t, "2026-01-01T10:00:20Z"), ExpirationDate: at(t, "2026-01-01T11:00:20Z"),
		InUse: true, UseKnown: true, Cores: 2, MemoryBytes: 2768000000, Hostname: "10.0.0.120", Zone: "default", IdleDisconnect: 20 * time.Minute,
	}, {
		ID: "4fa42139aef34c86929ae479cda68857", UserID: "e60a9c80289a4b3aaedb42f1d5fe8060", Username: "d@example.test",
		ImageID: "c7afd0e1f2a3b4c5d6e7f8091a2b3cd1", Operational: "hibernating", UseKnown: true, Cores: 4, MemoryBytes: 8589934592,
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Kasms[0].Running() || got.Kasms[1].Running() {
		t.Error("only the word running is running")
	}
}

func TestListingIsWholeOrRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"kasms":[]}`:                           true,
		`{"current_time":"None","kasms":[]}`:     true,
		``:                                       false,
		`{}`:                                     false,
		`[]`:                                     false,
		`{"kasms":null}`:                         false,
		`{"kasms":"none"}`:                       false,
		`{"kasms":{}}`:                           false,
		`{"kasms":[{"operational_status":"x"}]}`: false,
		`{"kasms":[{"kasm_id":"not-an-id"}]}`:    false,
		`{"kasms":["b057c3751f2e4d1d9be4a3a1c8"]}`: false,
		`{"kasms":[null]}`:                         false,
	} {
		if _, ok := decodeListing([]byte(body)); ok != want {
			t.Errorf("%s: taken %v, want %v", body, ok, want)
		}
	}
}

func TestDecodeImages(t *testing.T) {
	t.Parallel()
	got, ok := decodeImages(recorded(t, "get_images.json"))
	want := []Image{
		{ID: "c7afd0e1f2a3b4c5d6e7f8091a2b3cd1", Name: "kasmweb/chromium:1.19.0", FriendlyName: "Chromium", Type: "Container", Enabled: true, Available: true, Cores: 2, MemoryBytes: 2768000000},
		{ID: "000000000000400080000000000000aa", Name: "acme/desktop:1", FriendlyName: "Desktop", Type: "Container", Cores: 4, MemoryBytes: 8589934592, GPUs: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
	if _, ok := decodeImages([]byte(`{"error":1}`)); ok {
		t.Error("an answer without images was taken as an empty list")
	}
}

func TestDecodeUser(t *testing.T) {
	t.Parallel()
	got, ok := decodeUser(recorded(t, "create_user.json"))
	want := User{ID: "50fa0d53de3c4ab4a1f0f3a1a6f0934b", Username: "c42@example.test", FirstName: "A", LastName: "B", Created: at(t, "2024-01-01T00:00:00Z"),
		Groups: []Group{{ID: "68d557ac4cac42cca9f31c7c853de0f3", Name: "All Users"}}}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
	got, ok = decodeUser(recorded(t, "get_user_1_18.json"))
	want = User{ID: "50fa0d53de3c4ab4a1f0f3a1a6f0934b", Username: "c42@example.test", Locked: true, KasmIDs: []string{"4fa42139aef34c86929ae479cda68857"}}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
}

func TestDecodeRequested(t *testing.T) {
	t.Parallel()
	got, ok := decodeRequested(recorded(t, "request_kasm.json"), testBase())
	if !ok || got.KasmID != "4fa42139aef34c86929ae479cda68857" || got.Status != "starting" || got.UserID != "e60a9c80289a4b3aaedb42f1d5fe8060" || got.Username != "c42@example.test" {
		t.Errorf("%v %+v", ok, got)
	}
	if got.Link.Reveal() != "https://kasm.example.test/#/connect/kasm/4fa42139-aef3-4c86-929a-e479cda68857/e60a9c80289a4b3aaedb42f1d5fe8060/6a7e5c72-1111-4222-8333-944455566677" {
		t.Error(got.Link.Reveal())
	}
	if _, ok := decodeRequested([]byte(`{"status":"starting"}`), testBase()); ok {
		t.Error("an answer without a desktop was taken")
	}
}

func TestDecodeStatus(t *testing.T) {
	t.Parallel()
	got, ok := decodeStatus(recorded(t, "status_running.json"), testBase())
	if !ok || got.Operational != "running" || got.Progress != 100 || got.Link == "" || got.Kasm.ID != "b057c3751f2e4d1d9be4a3a1c8a8f6fc" || got.Kasm.InUse {
		t.Errorf("%v %+v", ok, got)
	}
	got, ok = decodeStatus(recorded(t, "status_requested.json"), testBase())
	if !ok || got.Operational != "requested" || got.Progress != 20 || got.Message != "Provisioning" || got.Link != "" {
		t.Errorf("%v %+v", ok, got)
	}
}

func TestLinksAreWebAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/#/connect/kasm/a/b/c":               "https://kasm.example.test/#/connect/kasm/a/b/c",
		"https://zone.example.test/#/connect": "https://zone.example.test/#/connect",
		"":                                    "",
		"//elsewhere.example.test/":           "",
		`/\elsewhere.example.test/`:           "",
		"javascript:alert(1)":                 "",
		"connect/kasm":                        "",
	} {
		if got := absolute(testBase(), in).Reveal(); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-01-01 10:00:05.123456":       "2026-01-01T10:00:05.123456Z",
		"2026-01-01 10:00:05":              "2026-01-01T10:00:05Z",
		"2026-01-01T10:00:05.5":            "2026-01-01T10:00:05.5Z",
		"2026-01-01T12:00:05+02:00":        "2026-01-01T10:00:05Z",
		"2026-01-01 12:00:05.250000+02:00": "2026-01-01T10:00:05.25Z",
	} {
		if got := parseDate(in); !got.Equal(at(t, want)) {
			t.Errorf("%q: %v", in, got)
		}
	}
	for _, in := range []string{"None", "", "null", "yesterday", "2026-13-01 00:00:00"} {
		if got := parseDate(in); !got.IsZero() {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestBothSpellingsOfAnID(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "id")
		dashed := id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		for _, s := range []string{id, dashed, " " + dashed + "\n"} {
			if got, ok := ParseID(s); !ok || got != id {
				t.Fatalf("%q: %q %v", s, got, ok)
			}
		}
	})
	for _, s := range []string{"", "x", "4fa42139aef34c86929ae479cda6885", "4fa42139aef34c86929ae479cda6885g", "4fa42139-aef34c86-929a-e479-cda68857", "{4fa42139-aef3-4c86-929a-e479cda68857}"} {
		if _, ok := ParseID(s); ok {
			t.Errorf("%q was taken", s)
		}
	}
}
