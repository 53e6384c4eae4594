package main

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/files"
	"github.com/ezscale/ezscale/app/names"
)

// bootBrand opens the place for files and makes what changes how shops look.
func (n *node) bootBrand() (err error) {
	c := n.console
	if n.files, err = files.Open(c.ctx, string(c.config.BlobURL), c.config.DataDir); err != nil {
		return err
	}
	n.lifecycle.Files = n.files
	resolver, err := names.New(c.config.DNSResolver)
	if err != nil {
		return err
	}
	n.branding = branding.New(branding.Config{DB: n.db, Files: n.files, DNS: resolver, Log: c.log,
		Relay: func(ctx context.Context) branding.Relay { return c.relay(ctx, resolver) }})
	return nil
}

// relayWait is how long the mail server's own name may take to be found.
const relayWait = 2 * time.Second

// relay is how letters leave: by the mail server's addresses. One on this machine
// or in a private network sends by the edge's, when these are known.
func (c *console) relay(ctx context.Context, resolver *names.Resolver) branding.Relay {
	r := branding.Relay{Name: c.config.edgeHost()}
	server, err := url.Parse(string(c.config.SMTPURL))
	if err == nil && server.Hostname() != "" {
		ctx, cancel := context.WithTimeout(ctx, relayWait)
		defer cancel()
		if addr, err := netip.ParseAddr(server.Hostname()); err == nil {
			r.Addrs = public(addr)
		} else if addrs, err := resolver.Addrs(ctx, server.Hostname()); err == nil {
			r.Addrs = public(addrs...)
		}
		if len(r.Addrs) > 0 {
			r.Name = server.Hostname()
			return r
		}
	}
	for _, text := range c.config.EdgeIPs {
		if addr, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			r.Addrs = append(r.Addrs, public(addr)...)
		}
	}
	return r
}

func public(addrs ...netip.Addr) (out []netip.Addr) {
	for _, a := range addrs {
		if a = a.Unmap(); !a.IsLoopback() && !a.IsPrivate() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() {
			out = append(out, a)
		}
	}
	return out
}
