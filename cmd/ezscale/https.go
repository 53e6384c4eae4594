package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/certificates"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/tenants"
)

// edge is how visitors come by TLS; it is empty where a proxy does that for us.
type edge struct {
	listener  net.Listener
	authority *certificates.Authority
}

// listenHTTPS takes the address of HTTPS, where one is set.
func (n *node) listenHTTPS() (err error) {
	if addr := n.console.config.HTTPSAddr; addr != "" {
		n.edge.listener, err = listen("the web server for HTTPS", addr)
	}
	return err
}

// bootCertificates opens the authority that serves HTTPS.
func (n *node) bootCertificates() (err error) {
	c := n.console.config
	if n.edge.listener == nil {
		return nil
	}
	if c.DNS01 == "" {
		n.console.log.Warn("every shop below the central domain gets a certificate of its own, of which authorities allow about 50 a week: set EZSCALE_DNS01, then one wildcard serves them all", "domain", c.Domain)
	}
	n.edge.authority, err = certificates.New(certificates.Config{DB: n.db, Key: n.key, Log: n.console.log, Now: clock.Wall{}.Now, Domain: c.Domain,
		CA: c.ACMECA, CARoot: c.ACMERoot, Email: c.ACMEEmail, HTTPAddr: n.listener.Addr().String(), HTTPSAddr: n.edge.listener.Addr().String(), HTTPSPort: c.EdgeHTTPS, DNS01: string(c.DNS01)})
	return err
}

// issuer is who obtains certificates; nil where that is not our business.
func (n *node) issuer() domains.Issuer {
	if n.edge.authority == nil {
		return nil
	}
	return n.edge.authority
}

// serveAll answers on the plain address and, where there is one, on the address of
// HTTPS; then the plain one answers the authority and leads visitors to the other.
func (n *node) serveAll(ctx context.Context, group *errgroup.Group, handler http.Handler) {
	plain := handler
	if a := n.edge.authority; a != nil {
		plain = n.behindProxy(handler, a.HTTPHandler(handler))
		group.Go(func() error {
			return ignoreClosed(serveHTTP(ctx, tls.NewListener(n.edge.listener, a.TLSConfig()), handler, n.console.log))
		})
		group.Go(func() error { return untilDone(ctx, a.Run(ctx)) })
	}
	group.Go(func() error { return ignoreClosed(serveHTTP(ctx, n.listener, plain, n.console.log)) })
}

// behindProxy spares those the way to HTTPS who came to a trusted proxy by it.
func (n *node) behindProxy(handler, leads http.Handler) http.Handler {
	if len(n.console.config.TrustedProxies) == 0 {
		return leads
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-Proto") == "https" {
			handler.ServeHTTP(w, r)
			return
		}
		leads.ServeHTTP(w, r)
	})
}

// secure says that visitors come by TLS: to us, or through the proxy that is trusted.
func (n *node) secure() bool {
	return n.console.config.HTTPSAddr != "" || len(n.console.config.TrustedProxies) > 0
}

// link is the address of a page of a shop, as mails and the API give it.
func (n *node) link(t tenants.Tenant, path string) string {
	c := n.console.config
	if n.secure() {
		if c.HTTPSAddr != "" && c.EdgeHTTPS != 443 {
			return "https://" + net.JoinHostPort(t.Host(), strconv.Itoa(c.EdgeHTTPS)) + path
		}
		return "https://" + t.Host() + path
	}
	_, port, err := net.SplitHostPort(n.listener.Addr().String())
	if err != nil || port == "80" {
		return "http://" + t.Host() + path
	}
	return "http://" + net.JoinHostPort(t.Host(), port) + path
}

func (n *node) closeEdge() {
	if n.edge.authority != nil {
		n.edge.authority.Close()
	}
	if n.edge.listener != nil {
		_ = n.edge.listener.Close()
	}
}
