// Package kasm talks to a Kasm Workspaces server through its developer API. It is
// the only code that knows how Kasm spells ids, dates, sizes and errors; everybody
// else sees one spelling of an id, UTC times and errors with a kind.
//
// Kasm bills nothing and calls nobody back, so the list of live desktops (List) is
// the one proof of what runs. Status is not a harmless read: each call makes a new
// link for the customer and ends the old one; it is for launching only.
package kasm

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// AuthBody sends the key inside each JSON body (Kasm up to 1.19).
	AuthBody = "body"
	// AuthBasic sends the key as HTTP Basic credentials (announced for later versions).
	AuthBasic = "basic"

	defaultTimeout = 10 * time.Second
	// A list of ten thousand desktops is about 20 MB.
	maxResponse  = 64 << 20
	readAttempts = 3
	retryPause   = 100 * time.Millisecond
)

// Config says which Kasm server to talk to and as whom. The key needs the
// permissions User, Users Auth Session, Users View/Create/Modify/Delete, Sessions
// View/Modify, Groups View/Create/Modify and Images View/Create; Zones View, Licenses View, Agents
// View and Reports View for what tells how much room a server has.
type Config struct {
	URL      string        // https://host[:port], without a path below it
	Key      string        // API key
	Secret   string        // API key secret
	Auth     string        // AuthBody (default) or AuthBasic
	Insecure bool          // accept any certificate; Kasm's own is self-signed
	HTTP     *http.Client  // optional; Insecure has no effect on it
	Timeout  time.Duration // for one call, 10 s when zero
}

// String hides the key and its secret.
func (c Config) String() string { return "kasm server " + c.URL }

// GoString hides the key and its secret.
func (c Config) GoString() string { return c.String() }

// LogValue hides the key and its secret.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client calls one Kasm server. It is safe for use by many goroutines.
type Client struct {
	base   *url.URL
	key    string
	secret string
	auth   string
	// any certificate is accepted
	insecure bool
	http     *http.Client
	timeout  time.Duration
	now      func() time.Time
}

// New checks the configuration and makes a client; it does not call the server.
func New(c Config) (*Client, error) {
	base, err := parseBase(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Auth == "" {
		c.Auth = AuthBody
	}
	if c.Auth != AuthBody && c.Auth != AuthBasic {
		return nil, fmt.Errorf("kasm: auth must be %q or %q", AuthBody, AuthBasic)
	}
	if c.Key == "" || c.Secret == "" {
		return nil, errors.New("kasm: the API key and its secret are both needed")
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return &Client{base: base, key: c.Key, secret: c.Secret, auth: c.Auth, insecure: c.Insecure, http: httpClient(c), timeout: c.Timeout, now: time.Now}, nil
}

func parseBase(raw string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil:
		return nil, errors.New("kasm: the server's URL cannot be read")
	case base.Scheme != "https" && base.Scheme != "http", base.Host == "":
		return nil, errors.New("kasm: the server's URL must look like https://kasm.example.com")
	case base.User != nil, base.RawQuery != "", base.Fragment != "":
		return nil, errors.New("kasm: the server's URL must not hold a user, a query or a fragment")
	}
	return base, nil
}

func httpClient(c Config) *http.Client {
	if c.HTTP != nil {
		own := *c.HTTP
		own.CheckRedirect = refuseRedirect
		return &own
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure}, // the operator's choice
	}
	return &http.Client{Transport: transport, CheckRedirect: refuseRedirect}
}

// refuseRedirect: a redirected POST would hand the key to whoever is named there.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// read makes a call that changes nothing, and tries again a few times when the
// server did not answer properly. A call that ran into its time limit is not
// repeated: a slow server is not helped by more work.
func (c *Client) read(ctx context.Context, op string, body map[string]any) ([]byte, error) {
	return c.readAt(ctx, op, "/api/public/"+op, body)
}

// readAt is read at a path of its own, such as those of the admin API.
func (c *Client) readAt(ctx context.Context, op, path string, body map[string]any) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		data, err := c.call(ctx, op, path, body)
		if err == nil || attempt == readAttempts || !repeatable(err) || !pause(ctx, attempt) {
			return data, err
		}
	}
}

func repeatable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == KindUnavailable && !e.Missing() && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// pause waits between attempts, longer each time, between half and the whole of it
// at random. It tells whether the caller still wants an answer.
func pause(ctx context.Context, attempt int) bool {
	whole := retryPause << (attempt - 1)
	timer := time.NewTimer(whole/2 + rand.N(whole/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// call posts body to path once and returns the answer if it is a success.
func (c *Client) call(ctx context.Context, op, path string, body map[string]any) ([]byte, error) {
	raw, err := c.signed(op, body)
	if err != nil {
		return nil, err
	}
	return c.roundTrip(ctx, op, http.MethodPost, path, raw)
}

// signed writes a request's body, with the key where it belongs there.
func (c *Client) signed(op string, body map[string]any) ([]byte, error) {
	sent := make(map[string]any, len(body)+2)
	for k, v := range body {
		sent[k] = v
	}
	if c.auth == AuthBody {
		sent["api_key"], sent["api_key_secret"] = c.key, c.secret
	}
	raw, err := json.Marshal(sent)
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Op: op, Message: "The request to Kasm could not be written."}
	}
	return raw, nil
}

func (c *Client) roundTrip(ctx context.Context, op, method, path string, body []byte) ([]byte, error) {
	status, data, err := c.exchange(ctx, op, method, path, body)
	if err != nil {
		return nil, err
	}
	if err := c.judge(op, status, data); err != nil {
		return data, err
	}
	return data, nil
}

// exchange sends one request and reads the whole answer, whatever it says.
func (c *Client) exchange(ctx context.Context, op, method, path string, body []byte) (status int, data []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, &Error{Kind: KindInvalid, Op: op, Message: "The request to Kasm could not be made."}
	}
	req.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.auth == AuthBasic {
		req.SetBasicAuth(c.key, c.secret)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, unreachable(op, err)
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return 0, nil, unreachable(op, err)
	}
	if len(data) > maxResponse {
		return 0, nil, &Error{Kind: KindUnavailable, Op: op, HTTPStatus: resp.StatusCode, Message: "Kasm's answer is larger than anything it should send."}
	}
	return resp.StatusCode, data, nil
}

// large is an answer that is not gone through by reflection only to see that it
// reports no error.
const large = 32 << 10

// judge tells whether an answer is a success. Kasm reports many errors with
// status 200, and some as a page of HTML.
func (c *Client) judge(op string, status int, data []byte) error {
	var said struct {
		ErrorMessage text `json:"error_message"`
	}
	isJSON := false
	if len(data) < large {
		isJSON = lenient(data, &said)
	} else {
		isJSON = scan(data, func(r *reader, name []byte) {
			if string(name) == "error_message" {
				give(&said.ErrorMessage, r)
			}
		})
	}
	ok := status >= 200 && status < 300
	if ok && said.ErrorMessage == "" && (isJSON || len(bytes.TrimSpace(data)) == 0) {
		return nil
	}
	kind := kindOf(op, status, string(said.ErrorMessage), isJSON)
	return &Error{Kind: kind, Op: op, HTTPStatus: status, Message: sentence(kind, op, status, c.scrub(string(said.ErrorMessage)))}
}

// scrub keeps the key, its secret and desktop links out of what people and logs
// see. A key of a few letters, as in a trial, would only make holes in the text.
func (c *Client) scrub(message string) string {
	for _, secret := range []string{c.secret, c.key} {
		if len(secret) >= 8 {
			message = strings.ReplaceAll(message, secret, "[secret]")
		}
	}
	return clean(message)
}
