package kasm

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/workspaces"
)

func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no recorded answers", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"", "{}", "null", "[]", `{"kasms":[{}]}`, `{"kasm":null,"operational_status":1}`, `{"user":"x"}`, `{"error_message":{"a":1}}`, "<H1>Internal Error</H1>"} {
		f.Add([]byte(s))
	}
}

func FuzzDecodeListing(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, ok := decodeListing(data)
		if !ok && l.Kasms != nil {
			t.Error("a refused list has desktops")
		}
		for _, k := range l.Kasms {
			if id, ok := ParseID(k.ID); !ok || id != k.ID {
				t.Errorf("id %q", k.ID)
			}
			if k.MemoryBytes < 0 || k.Cores < 0 {
				t.Errorf("size %v %v", k.Cores, k.MemoryBytes)
			}
		}
	})
}

func FuzzDecodeImages(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		images, _ := decodeImages(data)
		for _, i := range images {
			if id, ok := ParseID(i.ID); !ok || id != i.ID || i.MemoryBytes < 0 || i.GPUs < 0 {
				t.Errorf("%+v", i)
			}
		}
	})
}

func FuzzDecodeUser(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if u, ok := decodeUser(data); ok && len(u.ID) != 32 {
			t.Errorf("%+v", u)
		}
	})
}

func FuzzDecodeStatus(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := decodeStatus(data, testBase())
		if ok && s.Operational == "" || s.Progress < 0 || s.Progress > 100 {
			t.Errorf("%v %+v", ok, s)
		}
		if link := s.Link.Reveal(); link != "" {
			if !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
				t.Errorf("link %q", link)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", s, s, s), link) {
				t.Error("the link is printed")
			}
		}
		decodeRequested(data, testBase())
		decodeUsageReached(data)
	})
}

func FuzzJudge(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &Client{key: "key123", secret: "secret456"}
		for _, status := range []int{200, 302, 400, 403, 404, 500} {
			err := c.judge("destroy_kasm", status, data)
			if err == nil && status >= 300 {
				t.Errorf("status %d was taken as a success", status)
			}
			if err != nil && (KindOf(err) == "" || strings.Contains(err.Error(), "secret456") || strings.ContainsAny(err.Error(), "\r\n")) {
				t.Errorf("%q", err)
			}
		}
	})
}

func FuzzDecodeAccounts(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		users, ok := decodeUsers(data)
		if !ok && users != nil {
			t.Error("a refused list has people")
		}
		for _, u := range users {
			wellSpelled(t, u.ID)
		}
		groups, _ := decodeGroups(data)
		for _, g := range groups {
			wellSpelled(t, g.ID)
		}
		if a, ok := decodeAttributes(data); ok {
			wellSpelled(t, a.UserID)
		}
	})
}

func FuzzDecodePlans(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"group":{"group_id":"68d557ac4cac42cca9f31c7c853de0f3","settings":{"allow_kasm_uploads":true,"keepalive_expiration":7200,"x":null}}}`))
	f.Add([]byte(`{"groups":[{"group_id":"68d557ac4cac42cca9f31c7c853de0f3","group_settings":[{"name":"a","value":"True"},{"name":""},7]}]}`))
	f.Add([]byte(`{"images":[{"image":{"image_id":"c7afd0e1f2a3b4c5d6e7f8091a2b3cd1"}},"x"],"image":{"image_id":"c7afd0e1f2a3b4c5d6e7f8091a2b3cd1","run_config":{"a":1}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, ok := decodeGroup(data); ok {
			wellSpelled(t, g.ID)
			wanted(workspaces.Rights{}, g.Settings)
		}
		ids, ok := decodeGroupImages(data)
		if !ok && ids != nil {
			t.Error("a refused list has images")
		}
		for _, id := range ids {
			wellSpelled(t, id)
			if raw, found := decodeRawImage(data, id); found {
				if _, err := json.Marshal(copyOf(raw, ImageCopy{})); err != nil {
					t.Errorf("a copy that cannot be sent: %v", err)
				}
			}
		}
		if i, ok := decodeImage(data); ok {
			wellSpelled(t, i.ID)
		}
	})
}

func FuzzDecodeViewing(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if j, ok := decodeJoined(data, testBase()); ok != (j.Link != "") || strings.Contains(fmt.Sprintf("%v %+v %#v", j, j, j), "://") {
			t.Errorf("%v %+v", ok, j)
		}
		if s, ok := decodeFrameStats(data); ok && (s.Width <= 0 || s.Height <= 0 || s.Changed < 0 || s.Changed > 100 || s.ServerTime < 0 || s.Clients < 0) {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzDecodeEstate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		zones, _ := decodeZones(data)
		for _, z := range zones {
			wellSpelled(t, z.ID)
		}
		licences, _ := decodeLicences(data)
		for _, l := range licences {
			if l.ID == "" || l.Limit < 0 {
				t.Errorf("%+v", l)
			}
		}
		agents, _ := decodeAgents(data)
		for _, a := range agents {
			wellSpelled(t, a.ID)
			if a.Cores < 0 || a.MemoryBytes < 0 || a.GPUs < 0 {
				t.Errorf("%+v", a)
			}
		}
		loads, _ := decodeAgentReport(data)
		for _, l := range loads {
			if l.Kasms < 0 || l.MemoryTotal < 0 || l.MemoryFree < 0 || l.DiskFree < 0 {
				t.Errorf("%+v", l)
			}
		}
		past, _ := decodeHistory(data)
		for _, p := range past {
			wellSpelled(t, p.KasmID)
		}
	})
}

func wellSpelled(t *testing.T, id string) {
	t.Helper()
	if got, ok := ParseID(id); !ok || got != id {
		t.Errorf("id %q", id)
	}
}
