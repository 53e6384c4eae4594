package domains

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/app/seal"
)

func TestCAA(t *testing.T) {
	t.Parallel()
	ours := []string{"ca.example", "other-name.example"}
	for _, tc := range []struct {
		lines   []names.CAA
		problem string
	}{
		{nil, ""},
		{[]names.CAA{{Tag: "iodef", Value: "mailto:a@b.test"}}, ""},
		{[]names.CAA{{Tag: "issuewild", Value: ";"}}, ""},
		{[]names.CAA{{Tag: "issue", Value: "ca.example"}}, ""},
		{[]names.CAA{{Tag: "issue", Value: " CA.Example ; accounturi=https://ca.example/1"}}, ""},
		{[]names.CAA{{Tag: "issue", Value: "x.example"}, {Tag: "issue", Value: "other-name.example"}}, ""},
		{[]names.CAA{{Tag: "issue", Value: "ca.example; validationmethods=http-01,dns-01"}}, ""},
		{[]names.CAA{{Tag: "issue", Value: "ca.example; validationmethods=dns-01"}}, "validationmethods"},
		{[]names.CAA{{Tag: "issue", Value: "ca.example;validationmethods=dns-01"}, {Tag: "issue", Value: "ca.example"}}, ""},
		{[]names.CAA{{Tag: "issue", Value: ";"}}, "every authority"},
		{[]names.CAA{{Tag: "issue", Value: "x.example"}}, "only from x.example"},
		{[]names.CAA{{Tag: "issue", Value: "ca.example"}, {Tag: "tbs", Critical: true}}, "critical property tbs"},
		{[]names.CAA{{Tag: "tbs", Critical: true}}, "critical property tbs"},
		{[]names.CAA{{Tag: "tbs"}}, ""},
	} {
		if got := judgeCAA(tc.lines, ours); (got == "") != (tc.problem == "") || !strings.Contains(got, tc.problem) {
			t.Errorf("%+v: %q", tc.lines, got)
		}
	}
	if got := judgeCAA([]names.CAA{{Tag: "issue", Value: "x.example"}}, nil); got != "" {
		t.Errorf("an authority whose name nobody knows: %q", got)
	}
}

func FuzzCAA(f *testing.F) {
	f.Add("issue", "ca.example; validationmethods=http-01", false)
	f.Add("tbs", "\x00\xff", true)
	f.Fuzz(func(t *testing.T, tag, value string, critical bool) {
		said := judgeCAA([]names.CAA{{Tag: tag, Value: value, Critical: critical}}, []string{"ca.example"})
		if len(said) > 400 || strings.ContainsFunc(said, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
			t.Errorf("%q", said)
		}
	})
}

func TestTheAuthorityNamesItself(t *testing.T) {
	t.Parallel()
	var said []string
	directory := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]any{"caaIdentities": said}})
	}))
	defer directory.Close()
	now := time.Now()
	a, err := NewAuthority(directory.URL, "", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		said []string
		want string
	}{{nil, "127.0.0.1"}, {[]string{"CA.example", "b.example"}, "ca.example b.example"}} {
		said, now = tc.said, now.Add(2*time.Hour)
		if got := strings.Join(a.Names(t.Context()), " "); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
	if standard, err := NewAuthority("", "", time.Now); err != nil || standard.Names(context.Background())[0] != letsEncrypt {
		t.Error(err)
	}
	if _, err := NewAuthority("https://ca.test/dir", t.TempDir()+"/none.pem", time.Now); err == nil {
		t.Error("a root that is not there was taken")
	}
}

// Whatever a stranger asks at the probe's path, the answer says nothing and is never
// that of another host or another question.
func FuzzAnswer(f *testing.F) {
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		f.Fatal(err)
	}
	s := New(Config{Signer: key})
	f.Add("shop.example.com", "00112233445566778899aabbccddeeff")
	f.Add("a.test:80", "zz")
	f.Add("[::1]", "")
	f.Fuzz(func(t *testing.T, host, token string) {
		text, ok := s.Answer(host, token)
		if !ok {
			if text != "" {
				t.Errorf("%q, %q: %q", host, token, text)
			}
			return
		}
		other, _ := s.Answer("other.test", token)
		if len(text) != 64 || text == other && !strings.HasPrefix(strings.ToLower(host), "other.test") || len(token) != 32 {
			t.Errorf("%q, %q: %q", host, token, text)
		}
	})
}

func TestWhenANameIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	now := began
	claimed := func(age time.Duration) Domain { return Domain{Domain: domainAt(now.Add(-age), nil, nil)} }
	proven := now.Add(-time.Hour)
	release := now.Add(2 * time.Hour)
	for name, tc := range map[string]struct {
		d     Domain
		known bool
		want  time.Duration
	}{
		"a new claim":          {claimed(time.Minute), true, time.Minute},
		"of the same hour":     {claimed(20 * time.Minute), true, 5 * time.Minute},
		"of the same day":      {claimed(3 * time.Hour), true, time.Hour},
		"of days ago":          {claimed(50 * time.Hour), true, 6 * time.Hour},
		"that ends":            {claimed(ClaimDays*24*time.Hour - time.Hour), true, time.Hour},
		"that has ended":       {claimed(ClaimDays*24*time.Hour + time.Hour), false, 6 * time.Hour},
		"a proven name":        {Domain{Domain: domainAt(now, &proven, nil)}, true, 24 * time.Hour},
		"servers in trouble":   {Domain{Domain: domainAt(now, &proven, nil)}, false, 6 * time.Hour},
		"a lapsed one":         {Domain{Domain: domainAt(now, &proven, ptr(now.Add(50*time.Hour)))}, true, 6 * time.Hour},
		"one about to be free": {Domain{Domain: domainAt(now, &proven, &release)}, true, 2 * time.Hour},
	} {
		if got := next(tc.d, tc.known, now).Sub(now); got != tc.want {
			t.Errorf("%s: in %s, want %s", name, got, tc.want)
		}
	}
}
