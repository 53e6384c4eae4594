package kasm

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// plainly reads a list as encoding/json does, by the tags of the struct.
func plainly(data []byte) (Listing, bool) {
	var answer struct {
		CurrentTime moment         `json:"current_time"`
		Kasms       list[wireKasm] `json:"kasms"`
	}
	if !lenient(data, &answer) || !answer.Kasms.present {
		return Listing{}, false
	}
	l := Listing{CurrentTime: time.Time(answer.CurrentTime), Kasms: make([]Kasm, 0, len(answer.Kasms.items))}
	for i := range answer.Kasms.items {
		if answer.Kasms.items[i].ID == "" {
			return Listing{}, false
		}
		l.Kasms = append(l.Kasms, answer.Kasms.items[i].kasm())
	}
	return l, true
}

func wantSame(t rapid.TB, data []byte) {
	t.Helper()
	want, wantOK := plainly(data)
	got, ok := decodeListing(data)
	if ok != wantOK || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\ngives %v %+v\nwant  %v %+v", data, ok, got, wantOK, want)
	}
}

// A list is read in one pass as it would be by the tags, whatever shape its fields
// have.
func TestListsAreReadAsTheTagsSay(t *testing.T) {
	t.Parallel()
	odd := rapid.SampledFrom([]string{`null`, `""`, `"None"`, `"2026-01-01 10:00:05.5"`, `"2026-01-01T10:00:05Z"`, `5`, `-1.5e3`, `"12"`, `true`, `{}`, `{"a":[1,{"b":"\u00e9\n"}]}`, `[]`, `["x"]`,
		`"running"`, `"b057c375-1f2e-4d1d-9be4-a3a1c8a8f6fc"`, `"B057C3751F2E4D1D9BE4A3A1C8A8F6FC"`, `{"user_id":"39b3a1f2c4d54e0f8a9bacbdcedfe012","username":"ez.a.b"}`,
		`{"image_id":"c7afd0e1f2a3b4c5d6e7f8091a2b3cd1"}`, `{"server_id":7,"hostname":"h","zone_name":"z"}`, `{"idle_disconnect":"20.5"}`, `"\"\\\/\b\f\r\t\ud83d\ude00"`})
	known := []string{"kasm_id", "user_id", "username", "image_id", "operational_status", "start_date", "created_date", "keepalive_date", "expiration_date", "connection_info", "cores", "memory",
		"memory_bytes", "hostname", "server_id", "share_id", "zone_name", "client_settings", "user", "image", "server", "port_map", "host", "\\u006basm"}
	one := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
			return odd.Draw(t, "element")
		}
		fields := []string{`"kasm_id":"b057c3751f2e4d1d9be4a3a1c8a8f6fc"`}
		for _, name := range known[1:] {
			if rapid.Bool().Draw(t, "has "+name) {
				fields = append(fields, `"`+name+`" : `+odd.Draw(t, name))
			}
		}
		return "{" + strings.Join(fields, ",\n ") + "}"
	})
	rapid.Check(t, func(t *rapid.T) {
		kasms := "[" + strings.Join(rapid.SliceOfN(one, 0, 4).Draw(t, "kasms"), " , ") + "]"
		if rapid.IntRange(0, 9).Draw(t, "odd list") == 0 {
			kasms = odd.Draw(t, "list")
		}
		text := ` {"current_time":` + odd.Draw(t, "time") + `,"more":` + odd.Draw(t, "more") + `,"kasms":` + kasms + "}\n"
		wantSame(t, []byte(text))
		// A text that is cut off, or changed in one place, is JSON for both or for none.
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		isJSON(t, text[:at])
		isJSON(t, text[:at]+rapid.SampledFrom([]string{"x", `"`, "{", "]", ",", "0", ":", `\`, "\x01", "\xff", "-", "e", "."}).Draw(t, "instead")+text[at+1:])
	})
}

func isJSON(t rapid.TB, text string) {
	t.Helper()
	var any map[string]json.RawMessage
	want := json.Unmarshal([]byte(text), &any) == nil && any != nil
	if got := scan([]byte(text), func(*reader, []byte) {}); got != want {
		t.Fatalf("%q: JSON %t, want %t", text, got, want)
	}
}

func TestScanKnowsJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, ` `, `{}`, ` { } `, `{}x`, `{}{}`, `[]`, `null`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1E+2}`, `{"a":-0.0}`, `{"a":tru}`,
		`{"a":nulll}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12"}`, `{"a":"` + "\n" + `"}`, `{"a":[1 2]}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1}`, `{"a":"b"`, `{a:1}`, `{"a":1 "b":2}`, "{\x00}",
		`{"a":` + strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999) + `}`, `{"a":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`} {
		isJSON(t, text)
	}
}

func FuzzListIsReadAsTheTagsSay(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole any
		if got, want := scan(data, func(*reader, []byte) {}), json.Unmarshal(data, &whole) == nil; got && !want {
			t.Errorf("%q is no JSON", data)
		}
		if _, ok := decodeListing(data); ok && json.Unmarshal(data, &whole) != nil {
			t.Errorf("%q is a list", data)
		}
	})
}

// A large answer is judged like a small one.
func TestLargeAnswersAreJudged(t *testing.T) {
	t.Parallel()
	c := &Client{}
	more := `,"more":"` + strings.Repeat("x", large) + `"}`
	for text, want := range map[string]Kind{`{"kasms":[]`: "", `{"error_message":"Unauthorized"`: KindUnauthorised, `{"error_message":null`: "", `{"kasms":[}`: KindUnavailable} {
		if err := c.judge("get_kasms", 200, []byte(text+more)); KindOf(err) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
