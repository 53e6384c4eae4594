package vnctest_test

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/ezscale/ezscale/app/docker/vnctest"
)

func get(t *testing.T, url, path, password string) (int, http.Header, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	r, err := http.NewRequest(http.MethodGet, url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth(vnctest.Username, password)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func dial(t *testing.T, url, password, protocol string) (*websocket.Conn, error) {
	t.Helper()
	c, err := websocket.NewConfig(strings.Replace(url, "https", "wss", 1)+"/websockify", url)
	if err != nil {
		t.Fatal(err)
	}
	c.TlsConfig = &tls.Config{InsecureSkipVerify: true}
	c.Protocol = []string{protocol}
	c.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(vnctest.Username+":"+password)))
	return websocket.DialConfig(c)
}

func TestEverythingNeedsThePassword(t *testing.T) {
	t.Parallel()
	s := vnctest.New("right")
	at := s.Start(t)
	for _, path := range []string{"/", "/vnc.html", "/api/get_sessions", "/api/get_screenshot", "/api/get_bottleneck_stats"} {
		code, header, _ := get(t, at.URL, path, "")
		if code != http.StatusUnauthorized || header.Get("WWW-Authenticate") != `Basic realm="Websockify"` {
			t.Errorf("%s without a password: %d, %v", path, code, header)
		}
		if code, _, _ = get(t, at.URL, path, "wrong"); code != http.StatusUnauthorized {
			t.Errorf("%s with a wrong password: %d", path, code)
		}
		code, header, body := get(t, at.URL, path, "right")
		if code != http.StatusOK || body == "" || header.Get("Cross-Origin-Opener-Policy") != "same-origin" || header.Get("Cross-Origin-Embedder-Policy") != "require-corp" {
			t.Errorf("%s: %d, %v, %q", path, code, header, body)
		}
	}
	if code, _, _ := get(t, at.URL, "/nothing", "right"); code != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", code)
	}
	if n := len(s.Authorizations()); n != 2 || len(s.Seen()) != 16 || len(s.Cookies()) != 0 {
		t.Errorf("seen: %d authorizations in %d requests", n, len(s.Seen()))
	}
	if c, err := dial(t, at.URL, "wrong", "binary"); err == nil {
		_ = c.Close()
		t.Error("a websocket was opened with a wrong password")
	}
	if c, err := dial(t, at.URL, "right", "chat"); err == nil {
		_ = c.Close()
		t.Error("a websocket was opened with another protocol")
	}
}

func TestWebsocketSendsBackAndCounts(t *testing.T) {
	t.Parallel()
	s := vnctest.New("right")
	at := s.Start(t)
	c, err := dial(t, at.URL, "right", "binary")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"RFB 003.008\n", strings.Repeat("x", 100_000)} {
		var back []byte
		if err := websocket.Message.Send(c, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(c, &back); err != nil || string(back) != text {
			t.Fatalf("%d bytes came back as %d: %v", len(text), len(back), err)
		}
	}
	if _, _, body := get(t, at.URL, "/api/get_sessions", "right"); s.Connected() != 1 || !strings.Contains(body, vnctest.Username) {
		t.Errorf("%d connected, sessions %s", s.Connected(), body)
	}
	if !slices.ContainsFunc(s.Seen(), func(r vnctest.Seen) bool { return r.Websocket && r.Path == "/websockify" }) {
		t.Error("the websocket is not among the requests seen")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
