package certificates

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"

	"github.com/ezscale/ezscale/tenants"
)

// handshake is how long a visitor waits for a certificate that is being ordered. The
// order goes on without it, and the next visitor finds its end.
const handshake = 10 * time.Second

var errNoHost = errors.New("there is no certificate for this host")

// TLSConfig serves every proven host over HTTP/2 and HTTP/1.1, from TLS 1.2 on, and
// answers TLS-ALPN-01.
func (a *Authority) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1", acmez.ACMETLS1Protocol}, GetCertificate: a.certificate}
}

// certificate answers a handshake. Hosts that nobody has proven are refused from
// memory, before anything is asked or ordered.
func (a *Authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name, err := tenants.NormalHost(hello.ServerName)
	if err != nil {
		a.refused.add(hello.ServerName, errNoHost)
		return nil, errNoHost
	}
	o, ok := a.owner(name)
	if !ok {
		a.refused.add(name, errNoHost)
		return nil, errNoHost
	}
	if slices.Equal(hello.SupportedProtos, []string{acmez.ACMETLS1Protocol}) {
		return a.single.GetCertificate(hello)
	}
	if c := a.cached(name); c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(hello.Context(), handshake)
	defer cancel()
	if err := a.onDemand(ctx, a.subject(name), o); err != nil {
		a.refused.add(name, err)
		return nil, err
	}
	if c := a.cached(name); c != nil {
		return c, nil
	}
	return nil, errNoHost
}

// cached is the certificate in memory that lasts longest.
func (a *Authority) cached(name string) *tls.Certificate {
	var best *certmagic.Certificate
	for _, c := range a.cache.AllMatchingCertificates(name) {
		if best == nil || c.Leaf != nil && best.Leaf != nil && c.Leaf.NotAfter.After(best.Leaf.NotAfter) {
			best = &c
		}
	}
	if best == nil {
		return nil
	}
	return &best.Certificate
}

// onDemand finds the certificate of a proven host that is not in memory: another
// node may have it stored, else it is ordered, once for all who wait.
func (a *Authority) onDemand(ctx context.Context, subject string, o owner) error {
	if why := a.waits.reason(subject); why != nil {
		return why
	}
	switch err := a.load(ctx, subject); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := o.mayOrder(false); err != nil {
		return err
	}
	if err := a.mayTry(ctx, subject); err != nil {
		return err
	}
	done := a.obtains.DoChan(subject, func() (any, error) { return nil, a.obtain(ctx, subject, o) })
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return fmt.Errorf("the certificate of %s is being ordered: %w", subject, ctx.Err())
	}
}

// HTTPHandler answers HTTP-01 and leads every other request of a visitor to HTTPS;
// what must be reachable without it (health, the authority's and our own checks of a
// name) goes to next, and so does every request for a host that is not proven.
func (a *Authority) HTTPHandler(next http.Handler) http.Handler {
	return a.issuer.HTTPChallengeHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, err := tenants.NormalHost(r.Host)
		if err == nil {
			_, ok := a.owner(name)
			if ok && !plain(r.URL.Path) {
				a.toHTTPS(w, r, name)
				return
			}
		}
		next.ServeHTTP(w, r)
	}))
}

// plain are the paths that also answer without TLS.
func plain(path string) bool {
	return slices.Contains([]string{"/healthz", "/readyz", "/metrics"}, path) || strings.HasPrefix(path, "/.well-known/")
}

func (a *Authority) toHTTPS(w http.ResponseWriter, r *http.Request, name string) {
	to := url.URL{Scheme: "https", Host: a.hostPort(name), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	w.Header().Set("Connection", "close")
	http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
}

func (a *Authority) hostPort(name string) string {
	if a.cfg.HTTPSPort == 443 {
		return name
	}
	return name + ":" + strconv.Itoa(a.cfg.HTTPSPort)
}
