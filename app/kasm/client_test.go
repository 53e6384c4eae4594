package kasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	anID    = "b057c3751f2e4d1d9be4a3a1c8a8f6fc"
	another = "39B3A1F2-C4D5-4E0F-8A9B-ACBDCEDFE012"
)

func clientTo(t testing.TB, h http.HandlerFunc, change func(*Config)) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	config := Config{URL: server.URL, Key: "key123456789", Secret: "secret-secret-secret", HTTP: server.Client(), Timeout: 5 * time.Second}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestErrorCatalogue(t *testing.T) {
	t.Parallel()
	said := func(s string) string { return `{"error_message":"` + s + `"}` }
	request := func(c *Client) error {
		_, err := c.Request(t.Context(), RequestKasm{UserID: another, ImageID: anID})
		return err
	}
	status := func(c *Client) error { _, err := c.Status(t.Context(), another, anID); return err }
	destroy := func(c *Client) error { return c.Destroy(t.Context(), another, anID) }
	get := func(c *Client) error { _, err := c.UserByName(t.Context(), "x"); return err }
	remove := func(c *Client) error { return c.DeleteUser(t.Context(), another, false) }
	none := "No resources are available to create the requested Kasm. Please try again later or contact an Administrator"
	for _, tc := range []struct {
		name  string
		code  int
		body  string
		call  func(*Client) error
		kind  Kind
		again bool
	}{
		{"unknown text", 200, said("Something new"), request, KindOther, true},
		{"unknown text, 400", 400, said("Something new"), request, KindInvalid, false},
		{"key lacks permission", 403, said("Unauthorized"), request, KindUnauthorised, false},
		{"wrong key, 401", 401, said("Wrong"), get, KindUnauthorised, false},
		{"wrong key, 200", 200, said("Unauthorized"), get, KindUnauthorised, false},
		{"no image", 400, said("No Default Image Found"), request, KindInvalid, false},
		{"no capacity", 200, said(none), request, KindNoCapacity, true},
		{"no capacity, long", 200, said(none + " : No Agent slots available. No Agent can be contacted with enough available resources to provision the image"), request, KindNoCapacity, true},
		{"per-user cap", 200, said("Kasm limit exceeded for user"), request, KindLimitReached, false},
		{"per-user cap, lower case and 403", 403, said("kasm limit exceeded for user: c42"), request, KindLimitReached, false},
		{"licence cap", 200, said("license limit exceeded"), request, KindLicenceLimit, true},
		{"other create failure", 200, said("Unable to create session"), request, KindUnavailable, true},
		{"not ready", 200, string(recorded(t, "status_requested.json")), status, KindNotReady, true},
		{"unknown user", 200, said("Invalid Request"), get, KindNotFound, false},
		{"bad request elsewhere", 200, said("Invalid Request"), request, KindOther, true},
		{"unknown desktop, 404", 404, said("No such thing"), destroy, KindNotFound, false},
		{"unknown desktop, 200", 200, said("Kasm session not found"), destroy, KindNotFound, false},
		{"unknown endpoint", 404, "<html>Not Found</html>", destroy, KindUnavailable, true},
		{"internal error", 500, "<H1>Internal Error</H1>", destroy, KindUnavailable, true},
		{"internal error, JSON", 500, said("boom"), destroy, KindUnavailable, true},
		{"proxy", 502, "", destroy, KindUnavailable, true},
		{"too many", 429, "", destroy, KindUnavailable, true},
		{"login page", 200, "<html></html>", destroy, KindUnavailable, true},
		{"empty where data is due", 200, "", request, KindUnavailable, true},
		{"half an answer", 200, `{"kasm_id":`, request, KindUnavailable, true},
		{"user has desktops", 200, said("The user has active sessions."), remove, KindConflict, false},
		{"error in another type", 400, `{"error_message":{"a":1}}`, destroy, KindInvalid, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := tc.call(clientTo(t, answering(tc.code, tc.body), nil))
			var e *Error
			if !errors.As(err, &e) || e.Kind != tc.kind || e.Retryable() != tc.again {
				t.Fatalf("%v, want %s", err, tc.kind)
			}
			if e.HTTPStatus != tc.code || e.Op == "" || !strings.HasSuffix(e.Message, ".") {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestEmptyAnswerIsASuccessForActions(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", " \n", `{"anything":1}`} {
		c := clientTo(t, answering(200, body), nil)
		if err := c.Destroy(t.Context(), another, anID); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestKeyTravelsAsConfigured(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{AuthBody, AuthBasic} {
		c := clientTo(t, func(w http.ResponseWriter, r *http.Request) {
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
				t.Error(r.Method, err)
			}
			key, secret, basic := r.BasicAuth()
			if auth == AuthBody {
				key, _ = body["api_key"].(string)
				secret, _ = body["api_key_secret"].(string)
			}
			if key != "key123456789" || secret != "secret-secret-secret" || basic != (auth == AuthBasic) {
				t.Errorf("%s: %v", auth, body)
			}
			if id := body["user_id"]; id != "39b3a1f2c4d54e0f8a9bacbdcedfe012" {
				t.Error("id as sent", id)
			}
			_, _ = io.WriteString(w, "{}")
		}, func(c *Config) { c.Auth = auth })
		if err := c.Stop(t.Context(), another, anID); err != nil {
			t.Error(err)
		}
	}
}

func TestOnlyReadsAreRepeated(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := clientTo(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}, nil)
	for _, tc := range []struct {
		name string
		call func() error
		want int32
	}{
		{"request", func() error {
			_, err := c.Request(t.Context(), RequestKasm{UserID: another, ImageID: anID})
			return err
		}, 1},
		{"status", func() error { _, err := c.Status(t.Context(), another, anID); return err }, 1},
		{"destroy", func() error { return c.Destroy(t.Context(), another, anID) }, 1},
		{"list", func() error { _, err := c.List(t.Context()); return err }, readAttempts},
		{"images", func() error { _, err := c.Images(t.Context()); return err }, readAttempts},
		{"keepalive", func() error { _, err := c.Keepalive(t.Context(), anID); return err }, readAttempts},
	} {
		calls.Store(0)
		err := tc.call()
		if got := calls.Load(); got != tc.want || KindOf(err) != KindUnavailable {
			t.Errorf("%s: %d calls, %v", tc.name, got, err)
		}
	}
}

func TestAReadRecovers(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := clientTo(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, `{"current_time":"2026-01-01 00:00:00","kasms":[]}`)
	}, nil)
	l, err := c.List(t.Context())
	if err != nil || len(l.Kasms) != 0 || l.Sent.After(l.Received) || l.Sent.IsZero() {
		t.Error(l, err)
	}
}

func TestTimeoutIsUnavailableAndNotRepeated(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var calls atomic.Int32
	c := clientTo(t, func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, func(c *Config) { c.Timeout = 20 * time.Millisecond })
	defer close(release)
	_, err := c.List(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != KindUnavailable || !errors.Is(err, context.DeadlineExceeded) || !e.Uncertain() || calls.Load() != 1 {
		t.Error(err, calls.Load())
	}
}

func TestARefusedConnectionIsCertain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := New(Config{URL: server.URL, Key: "k", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Request(t.Context(), RequestKasm{UserID: another, ImageID: anID})
	var e *Error
	if !errors.As(err, &e) || e.Kind != KindUnavailable || e.Uncertain() {
		t.Error(err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	t.Cleanup(other.Close)
	c := clientTo(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}, nil)
	if err := c.Destroy(t.Context(), another, anID); KindOf(err) != KindUnavailable || elsewhere.Load() {
		t.Error(err, elsewhere.Load())
	}
}

func TestBadIDsAreNotSent(t *testing.T) {
	t.Parallel()
	c := clientTo(t, func(http.ResponseWriter, *http.Request) { t.Error("called") }, nil)
	_, requestErr := c.Request(t.Context(), RequestKasm{UserID: "x", ImageID: anID})
	_, keepErr := c.Keepalive(t.Context(), "x' or 1=1")
	for _, err := range []error{requestErr, keepErr, c.Destroy(t.Context(), another, ""), c.DeleteUser(t.Context(), "", true), c.LogoutUser(t.Context(), "-")} {
		if KindOf(err) != KindInvalid {
			t.Error(err)
		}
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	c := clientTo(t, answering(400, `{"error_message":"bad key123456789 / secret-secret-secret at /#/connect/kasm/a/b/tok-en\nnext"}`), nil)
	err := c.Destroy(t.Context(), another, anID)
	config := Config{URL: "https://kasm.example.test", Key: "key123456789", Secret: "secret-secret-secret"}
	user := NewUser{Username: "u", Password: "secret-secret-secret"}
	link := Link("https://kasm.example.test/#/connect/kasm/a/b/tok-en")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err, "config", config, "user", user, "link", link, "status", Status{Link: link})
	printed := log.String() + fmt.Sprintf("%v %+v %#v %s %v %+v %#v %v %+v %#v %q", err, config, config, link, link, link, link, user, user, user, link)
	for _, secret := range []string{"key123456789", "secret-secret-secret", "tok-en"} {
		if strings.Contains(printed, secret) {
			t.Errorf("%q is in %s", secret, printed)
		}
	}
	if strings.Contains(err.Error(), "\n") || link.Reveal() == link.String() {
		t.Error(err)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{},
		{URL: "kasm.example.test", Key: "k", Secret: "s"},
		{URL: "ftp://kasm.example.test", Key: "k", Secret: "s"},
		{URL: "https://u:p@kasm.example.test", Key: "k", Secret: "s"},
		{URL: "https://kasm.example.test?x=1", Key: "k", Secret: "s"},
		{URL: "https://kasm.example.test", Secret: "s"},
		{URL: "https://kasm.example.test", Key: "k"},
		{URL: "https://kasm.example.test", Key: "k", Secret: "s", Auth: "bearer"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := New(Config{URL: "https://kasm.example.test/", Key: "k", Secret: "s"}); err != nil {
		t.Error(err)
	}
}

func TestSelfSignedCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(answering(200, `{"ok": true}`))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	for insecure, want := range map[bool]Kind{true: "", false: KindUnavailable} {
		c, err := New(Config{URL: server.URL, Key: "k", Secret: "s", Insecure: insecure})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Health(t.Context()); KindOf(err) != want {
			t.Errorf("insecure %v: %v", insecure, err)
		}
	}
}
