package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// maxAnswer bounds what is read of a desktop's answers: the customer can make it
// say anything.
const maxAnswer = 256 << 10

// probe finds out whether a desktop is up: its web server has to give a page to the
// password, and none without it.
func (d *Driver) probe(ctx context.Context, id string, is desk) desk {
	c, err := d.desktop(ctx, "", id)
	if err != nil || c.State.Status != container.StateRunning || inspectedPort(c) != is.port {
		return is
	}
	is.password, is.started = envOf(c, passwordIn), c.State.StartedAt
	code, certificate, err := d.front(ctx, is, true)
	if err != nil || code != http.StatusOK {
		return is
	}
	open, _, err := d.front(ctx, is, false)
	if err != nil {
		return is
	}
	if open != http.StatusUnauthorized {
		return d.warn(ctx, id, is, "a desktop lets anybody in without its password, so it is not given out")
	}
	kept, err := d.keptCertificate(ctx, id)
	if err != nil {
		return is
	}
	if kept != [32]byte{} && kept != certificate {
		if _, again, err := d.front(ctx, is, false); err != nil || again != certificate {
			return is // it was started anew in between
		}
		return d.warn(ctx, id, is, "a desktop shows another certificate than it keeps, so it is not given out")
	}
	is.certificate, is.ready = certificate, true
	return is
}

func (d *Driver) warn(ctx context.Context, id string, is desk, sentence string) desk {
	if !is.warned {
		d.log.WarnContext(ctx, sentence, "container", short(id))
		is.warned = true
	}
	return is
}

func inspectedPort(c container.InspectResponse) uint16 {
	inside, _ := network.PortFrom(vncPort, network.TCP)
	if c.NetworkSettings == nil {
		return 0
	}
	for _, b := range c.NetworkSettings.Ports[inside] {
		if port, err := strconv.ParseUint(b.HostPort, 10, 16); err == nil && port != 0 {
			return uint16(port)
		}
	}
	return 0
}

func envOf(c container.InspectResponse, name string) string {
	value := ""
	for _, line := range c.Config.Env {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			value = v // the last one counts
		}
	}
	return value
}

func (is desk) url() string { return "https://127.0.0.1:" + strconv.Itoa(int(is.port)) }

// front asks for a desktop's first page, whatever certificate it shows, and tells
// which one that was.
func (d *Driver) front(ctx context.Context, is desk, signIn bool) (code int, certificate [32]byte, err error) {
	check := func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		certificate = sha256.Sum256(state.PeerCertificates[0].Raw)
		return nil
	}
	resp, err := ask(ctx, is, "/", signIn, check)
	if err != nil {
		return 0, certificate, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, certificate, err
}

// ask sends one request to a desktop, over a connection of its own.
func ask(ctx context.Context, is desk, path string, signIn bool, check func(tls.ConnectionState) error) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, is.url()+path, nil)
	if err != nil {
		return nil, err
	}
	if signIn {
		r.SetBasicAuth(vncUser, is.password)
	}
	// The certificate is self-signed: check believes exactly one instead.
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, VerifyConnection: check}
	c := http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c.Do(r)
}

// pinned believes one certificate alone.
func pinned(want [32]byte) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 || sha256.Sum256(state.PeerCertificates[0].Raw) != want {
			return errors.New("another certificate than at its start")
		}
		return nil
	}
}

// keptCertificate reads the certificate that KasmVNC keeps in the home folder; the
// zero value when it keeps none.
func (d *Driver) keptCertificate(ctx context.Context, id string) (sum [32]byte, err error) {
	got, err := d.engine.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: home + "/.vnc/self.pem"})
	if cerrdefs.IsNotFound(err) {
		return sum, nil
	}
	if err != nil {
		return sum, err
	}
	defer got.Content.Close()
	archive := tar.NewReader(io.LimitReader(got.Content, maxAnswer))
	if _, err := archive.Next(); err != nil {
		return sum, fmt.Errorf("read the certificate: %w", err)
	}
	text, err := io.ReadAll(archive)
	if err != nil {
		return sum, fmt.Errorf("read the certificate: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return sha256.Sum256(block.Bytes), nil
		}
	}
	return sum, nil
}

// useOf tells whether somebody looks at a desktop. KasmVNC's list of sessions goes
// on to name the last visitor after they have left, so that a name in it counts
// only while there is a connection that is being measured.
func (d *Driver) useOf(ctx context.Context, is desk) workspaces.Use {
	var sessions struct {
		Users []json.RawMessage `json:"users"`
	}
	if err := answer(ctx, is, "/api/get_sessions", &sessions); err != nil || sessions.Users == nil {
		return workspaces.UseUnknown
	}
	if len(sessions.Users) == 0 {
		return workspaces.Unused
	}
	var measured map[string]json.RawMessage
	if err := answer(ctx, is, "/api/get_bottleneck_stats", &measured); err == nil && len(measured) == 0 {
		return workspaces.Unused
	}
	return workspaces.InUse
}

func answer(ctx context.Context, is desk, path string, into any) error {
	resp, err := ask(ctx, is, path, true, pinned(is.certificate))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return json.Unmarshal(bytes.TrimSpace(text), into)
}

// Upstream tells where a running desktop listens, once its web server has answered.
func (d *Driver) Upstream(ctx context.Context, user, id string) (workspaces.Upstream, error) {
	c, err := d.desktop(ctx, user, id)
	if err != nil {
		return workspaces.Upstream{}, err
	}
	port := inspectedPort(c)
	if c.State.Status != container.StateRunning || port == 0 {
		return workspaces.Upstream{}, notReady("the desktop does not run")
	}
	is, ready := d.known.ready(id, port, c.State.StartedAt)
	if !ready {
		ctx, cancel := context.WithTimeout(ctx, questionFor)
		defer cancel()
		if is = d.probe(ctx, id, desk{port: port}); !is.ready {
			return workspaces.Upstream{}, notReady("the desktop's web server does not answer yet")
		}
		d.known.remember(id, is)
	}
	return workspaces.Upstream{URL: is.url(), Username: vncUser, Password: is.password, Certificate: is.certificate}, nil
}
