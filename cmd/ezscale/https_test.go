package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/certificates/acmetest"
	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// edgeProgram is the real program with HTTPS, and the authority that knows it.
type edgeProgram struct {
	t             *testing.T
	acme          *acmetest.Authority
	environ       []string
	plain, secure string // where it listens
	log           string
}

func newEdgeProgram(t *testing.T) *edgeProgram {
	t.Helper()
	e := &edgeProgram{t: t, plain: freeAddress(t), secure: freeAddress(t), log: filepath.Join(t.TempDir(), "log")}
	e.acme = acmetest.Start(t, acmetest.Options{HTTPPort: portIn(t, e.plain), TLSPort: portIn(t, e.secure)})
	e.environ = []string{"EZSCALE_DATA_DIR=" + pgtest.Dir(t), "EZSCALE_DOMAIN=cloud.test", "EZSCALE_HTTP_ADDR=" + e.plain, "EZSCALE_HTTPS_ADDR=" + e.secure,
		"EZSCALE_ACME_CA=" + e.acme.Directory, "EZSCALE_ACME_CA_ROOT=" + e.acme.RootFile, "EZSCALE_DNS_RESOLVER=" + e.acme.Resolver,
		"EZSCALE_EDGE_HTTP_PORT=" + strconv.Itoa(portIn(t, e.plain)), "EZSCALE_EDGE_HTTPS_PORT=" + strconv.Itoa(portIn(t, e.secure))}
	return e
}

func portIn(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (e *edgeProgram) serve() *process {
	e.t.Helper()
	p, err := spawn(e.environ, e.log, e.log, "serve")
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if _, err := p.ends(20 * time.Second); err != nil || e.t.Failed() {
			text, _ := os.ReadFile(e.log)
			e.t.Logf("the program ended with %v; its log:\n%s", err, text)
		}
	})
	soon(e.t, "the program is ready", 60*time.Second, func() bool {
		resp, err := http.Get("http://" + e.plain + "/readyz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return p
}

func (e *edgeProgram) cli(args ...string) object {
	e.t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command("ezscale", append(args, "--json")...)
	cmd.Env, cmd.Stderr = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, e.environ...), &errs
	out, err := cmd.Output()
	if err != nil {
		e.t.Fatalf("ezscale %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	var data object
	if err := json.Unmarshal(out, &data); err != nil {
		e.t.Fatalf("ezscale %s printed %s", strings.Join(args, " "), out)
	}
	return data
}

// client is a browser that finds every host at the program, trusts the authority's
// certificates alone, and follows nothing.
func (e *edgeProgram) client() *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		to := e.plain
		if strings.HasSuffix(address, e.secure[strings.LastIndexByte(e.secure, ':'):]) {
			to = e.secure
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	return &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: e.acme.Roots}, ForceAttemptHTTP2: true}}
}

func (e *edgeProgram) at(host, path string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(portIn(e.t, e.secure))) + path
}

func TestProgramServesHTTPSOnAResellersName(t *testing.T) {
	t.Parallel()
	e := newEdgeProgram(t)
	p := e.serve()
	e.cli("tenant", "create", "--name", "North", "--slug", "north", "--email", "owner@north.test")
	added := time.Now()
	e.cli("tenant", "domain", "add", "--tenant", "north", "--domain", "shop.reseller.test", "--verified")
	known := time.Now()
	var resp *http.Response
	soon(t, "the new name answers over HTTPS", 10*time.Second, func() (ok bool) {
		var err error
		if resp, err = e.client().Get(e.at("shop.reseller.test", "/sign-in")); err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	t.Logf("served %s after it was asked for, %s after the command ended", time.Since(added), time.Since(known))
	if took := time.Since(known); took > 2*time.Second {
		t.Errorf("the name was served only %s after it was verified", took)
	}
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s, headers %v", resp.Proto, resp.Status, resp.Header)
	}
	for _, cookie := range resp.Cookies() {
		if !cookie.Secure {
			t.Errorf("the cookie %s goes over plain HTTP too", cookie.Name)
		}
	}
	e.refusesStrangers()
	e.leadsToHTTPS()
	orders := e.acme.Orders()
	if !p.kill() {
		t.Fatal("the program had ended by itself")
	}
	e.serve()
	resp, err := e.client().Get(e.at("shop.reseller.test", "/sign-in"))
	if err != nil {
		t.Fatalf("after a power cut: %v", err)
	}
	resp.Body.Close()
	if got := e.acme.Orders() - orders; got != 0 {
		t.Errorf("%d orders after the start for a name that has its certificate", got)
	}
}

func (e *edgeProgram) refusesStrangers() {
	e.t.Helper()
	soon(e.t, "the central domain has its certificate", 10*time.Second, func() bool {
		resp, err := e.client().Get(e.at("cloud.test", "/healthz"))
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	orders := e.acme.Orders()
	for _, host := range []string{"evil.test", "www.shop.reseller.test", "nobody.cloud.test", "reseller.test"} {
		if resp, err := e.client().Get(e.at(host, "/")); err == nil {
			resp.Body.Close()
			e.t.Errorf("%s was served", host)
		}
	}
	if got := e.acme.Orders() - orders; got != 0 {
		e.t.Errorf("strangers caused %d orders", got)
	}
}

func (e *edgeProgram) leadsToHTTPS() {
	e.t.Helper()
	resp, err := e.client().Get("http://shop.reseller.test/plans?a=b")
	if err != nil {
		e.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if want := e.at("shop.reseller.test", "/plans?a=b"); resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != want {
		e.t.Errorf("plain HTTP: %s to %q, not to %s", resp.Status, resp.Header.Get("Location"), want)
	}
	if resp, err = e.client().Get("http://evil.test/"); err != nil {
		e.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		e.t.Errorf("a stranger over plain HTTP: %s", resp.Status)
	}
}
