package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// httpCall asks over HTTP and expects a status; the answer becomes the script's
// stdout, its headers stderr. Redirects are not followed. Every name leads to
// this machine, so shops are asked by their own.
//
// With -soon it asks again for a while until the status is that.
//
//	http [-soon] [-key KEY:SECRET] [-jar NAME] [-header 'Name: value'] [-form] STATUS METHOD URL [BODY]
func httpCall(ts *testscript.TestScript, neg bool, args []string) {
	c, rest := readCall(ts, args)
	if neg || len(rest) < 3 || len(rest) > 4 {
		ts.Fatalf("usage: http [-key KEY:SECRET] [-jar NAME] [-header 'Name: value'] [-form] STATUS METHOD URL [BODY]")
	}
	body := ""
	if len(rest) == 4 {
		body = rest[3]
	}
	status, header, text := c.ask(ts, rest[1], rest[2], body)
	for limit := time.Now().Add(5 * time.Second); c.soon && strconv.Itoa(status) != rest[0] && time.Now().Before(limit); {
		<-time.After(50 * time.Millisecond)
		status, header, text = c.ask(ts, rest[1], rest[2], body)
	}
	fmt.Fprint(ts.Stdout(), text)
	_ = header.Write(ts.Stderr())
	if strconv.Itoa(status) != rest[0] {
		ts.Fatalf("%s %s: status %d, want %s\n%s", rest[1], rest[2], status, rest[0], text)
	}
}

func (c call) ask(ts *testscript.TestScript, method, address, body string) (int, http.Header, string) {
	req, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	ts.Check(err)
	req.Header = c.header.Clone()
	if c.form {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	}
	client := &http.Client{Transport: here(), Jar: c.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	return res.StatusCode, res.Header, string(text)
}

// here leads every name to this machine's loopback address.
func here() http.RoundTripper {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}
}

type call struct {
	header http.Header
	jar    http.CookieJar
	form   bool
	soon   bool
}

func readCall(ts *testscript.TestScript, args []string) (c call, rest []string) {
	c.header = http.Header{"Content-Type": {"application/json"}}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-form":
			c.form, args = true, args[1:]
			continue
		case "-soon":
			c.soon, args = true, args[1:]
			continue
		case "-key":
			key, secret, _ := strings.Cut(args[1], ":")
			c.header.Set("X-API-Key", key)
			c.header.Set("X-API-Secret", secret)
		case "-header":
			name, value, _ := strings.Cut(args[1], ":")
			c.header.Set(name, strings.TrimSpace(value))
		case "-jar":
			c.jar = jarOf(ts, args[1])
		default:
			ts.Fatalf("http knows no %s", args[0])
		}
		args = args[2:]
	}
	return c, args
}

func jarOf(ts *testscript.TestScript, name string) http.CookieJar {
	jars, _ := ts.Value(jarsKey{}).(map[string]http.CookieJar)
	if jars[name] == nil {
		jar, err := cookiejar.New(nil)
		ts.Check(err)
		jars[name] = jar
	}
	return jars[name]
}

// jsonCheck looks at a value in the JSON of the last stdout. A path is names and
// numbers with dots between; len is the length of a list. The wanted value may be a
// regular expression between slashes.
//
//	[!] json PATH WANT
func jsonCheck(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH WANT")
	}
	got, want := jsonAt(ts, args[0]), args[1]
	same := got == want
	if len(want) > 1 && strings.HasPrefix(want, "/") && strings.HasSuffix(want, "/") {
		pattern, err := regexp.Compile("^(?:" + want[1:len(want)-1] + ")$")
		ts.Check(err)
		same = pattern.MatchString(got)
	}
	if same == neg {
		ts.Fatalf("%s is %q, want %q (not: %v)", args[0], got, want, neg)
	}
}

// jsonKeep puts a value of the last stdout into a variable.
//
//	keep NAME PATH
func jsonKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME PATH")
	}
	value := jsonAt(ts, args[1])
	ts.Setenv(args[0], value)
	if u, err := url.Parse(value); err == nil && u.Port() != "" {
		ts.Setenv(args[0]+"_PORT", u.Port())
	}
}

func jsonAt(ts *testscript.TestScript, path string) string {
	text := ts.ReadFile("stdout")
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		ts.Fatalf("stdout is no JSON: %v\n%s", err, text)
	}
	for _, step := range strings.Split(path, ".") {
		value = child(ts, value, step, path)
	}
	switch value := value.(type) {
	case string:
		return value
	case nil:
		return "null"
	}
	plain, err := json.Marshal(value)
	ts.Check(err)
	return string(plain)
}

func child(ts *testscript.TestScript, value any, step, path string) any {
	switch v := value.(type) {
	case object:
		if got, there := v[step]; there {
			return got
		}
		if step == "len" {
			return len(v)
		}
	case []any:
		if step == "len" {
			return len(v)
		}
		if n, err := strconv.Atoi(step); err == nil && n >= 0 && n < len(v) {
			return v[n]
		}
	}
	ts.Fatalf("there is no %q of %q in %s", step, path, ts.ReadFile("stdout"))
	return nil
}

// lineCount expects the last stdout or stderr to have so many lines.
//
//	lines stdout|stderr COUNT
func lineCount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines stdout|stderr COUNT")
	}
	text := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	n := strings.Count(text, "\n") + 1
	if text == "" {
		n = 0
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s:\n%s", args[0], n, args[1], text)
	}
}

// exitStatus does a command and expects it to end with a status.
//
//	status CODE program args...
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE program args...")
	}
	cmd := exec.Command(lookPath(ts, args[1]), args[2:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = childEnviron(ts), ts.MkAbs("."), ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		ts.Fatalf("%v", err)
	}
	if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[0] {
		ts.Fatalf("status %d, want %s", code, args[0])
	}
}
