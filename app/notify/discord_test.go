package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
)

// channel is a Discord channel of one page: it answers as told and keeps what
// was posted.
func channel(t *testing.T, status int, header http.Header, body string) (*discord, chan hook) {
	t.Helper()
	posts := make(chan hook, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var got hook
		if err := json.Unmarshal(raw, &got); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %s: %v", r.Method, raw, err)
		}
		posts <- got
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	d, err := newDiscord(srv.URL + "/api/webhooks/1/secret-token")
	if err != nil {
		t.Fatal(err)
	}
	return d, posts
}

func TestAFailedDesktopAlertsTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.OnFailed(t.Context(), w.event("workspace.failed", nil)); err != nil {
		t.Errorf("nobody to alert: %v", err)
	}
	d, posts := channel(t, http.StatusNoContent, nil, "")
	w.discord = d
	service := uuid.New()
	m := w.event("workspace.failed", map[string]any{"service_id": service, "workspace_id": uuid.New(), "error": "No room.", "detail": "No resources are available @everyone"})
	if err := w.OnFailed(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := <-posts
	if got.Content != "Kasm Provisioning Failed" || got.Embeds[0].Title != "Kasm Provisioning Failed" || !strings.Contains(got.Embeds[0].Description, "No resources are available") ||
		got.Embeds[0].Fields[0] != (embedField{"Service", service.String()}) || got.Mentions.Parse == nil || len(got.Mentions.Parse) != 0 {
		t.Errorf("got %+v", got)
	}
	if err := w.OnFailed(t.Context(), m); err == nil || len(posts) != 0 {
		t.Errorf("the same event again: got %v and %d posts", err, len(posts))
	}
}

func TestADeadLetterAlertsTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.OnDeadLetter(t.Context(), bus.DeadLetter{ID: 1}) // nobody to alert
	d, posts := channel(t, http.StatusOK, nil, "")
	w.discord = d
	ended, cancel := context.WithCancel(t.Context())
	cancel() // the program is on its way out
	w.OnDeadLetter(ended, bus.DeadLetter{ID: 7, TenantID: w.shop.ID, Consumer: "provisioning", Name: "workspace.ordered", Reason: "it broke", CreatedAt: time.Now()})
	got := <-posts
	if got.Embeds[0].Description != "it broke" || !strings.Contains(got.Embeds[0].Fields[3].Value, w.shop.Slug) {
		t.Errorf("got %+v", got)
	}
	refusing, _ := channel(t, http.StatusNotFound, nil, "")
	w.discord, w.Log = refusing, slog.New(slog.DiscardHandler)
	w.OnDeadLetter(t.Context(), bus.DeadLetter{ID: 8})
}

func TestWhatDiscordAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   error
		text   string
	}{
		{"taken", 204, nil, "", nil, ""},
		{"wait by header", 429, http.Header{"Retry-After": {"7"}}, "", bus.Later(7*time.Second, ""), "7s"},
		{"wait by body", 429, nil, `{"retry_after": 1.5}`, bus.Later(0, ""), "1.5s"},
		{"wait for nobody knows", 429, nil, "busy", bus.Later(0, ""), "5s"},
		{"wait for ever", 429, http.Header{"Retry-After": {"999999"}}, "", bus.Later(0, ""), "1h0m0s"},
		{"gone", 404, nil, "", bus.Permanent(io.EOF), "EZSCALE_DISCORD_WEBHOOK_URL"},
		{"moved", 302, http.Header{"Location": {"http://elsewhere.test/"}}, "", bus.Permanent(io.EOF), "302"},
		{"broken", 502, nil, "", io.EOF, "502"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, _ := channel(t, c.status, c.header, c.body)
			err := d.send(t.Context(), alert{Title: "x"})
			if (err == nil) != (c.want == nil) || err != nil && (!strings.Contains(err.Error(), c.text) || kindOf(err) != kindOf(c.want)) {
				t.Errorf("got %T %v, want like %T with %q", err, err, c.want, c.text)
			}
			if err != nil && strings.Contains(err.Error(), "secret-token") {
				t.Errorf("the error repeats the webhook's address: %v", err)
			}
		})
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	d, err := newDiscord(srv.URL + "/secret-token")
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	if err := d.send(t.Context(), alert{}); err == nil || strings.Contains(err.Error(), "secret-token") {
		t.Errorf("nobody answers: got %v", err)
	}
}

// kindOf tells how the bus takes an error.
func kindOf(err error) string {
	switch {
	case strings.HasPrefix(err.Error(), "later: "):
		return "later"
	case strings.Contains(fmt.Sprintf("%T", err), "permanent"):
		return "permanent"
	}
	return "failure"
}

func TestDiscordAddresses(t *testing.T) {
	t.Parallel()
	if d, err := newDiscord(""); d != nil || err != nil {
		t.Errorf("got %v, %v, want nobody to alert", d, err)
	}
	for _, bad := range []string{"discord", "ftp://discord.test/x", "https://", "http://a b/secret"} {
		if _, err := newDiscord(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestAlertsKeepWithinDiscordsLimits(t *testing.T) {
	t.Parallel()
	a := alert{Title: strings.Repeat("ö", 500), Text: strings.Repeat("x", 9000)}
	for range 40 {
		a.Fields = append(a.Fields, field{"n", strings.Repeat("y", 3000)})
	}
	got := payload(a)
	total := len([]rune(got.Embeds[0].Title)) + len(got.Embeds[0].Description)
	for _, f := range got.Embeds[0].Fields {
		total += len([]rune(f.Name)) + len([]rune(f.Value))
	}
	if len([]rune(got.Embeds[0].Title)) > 256 || len(got.Embeds[0].Fields) > 25 || total > 6000 {
		t.Errorf("got %d characters", total)
	}
}
