package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/tenants"
)

// domainsOf makes the service that decides about the names of shops.
func (c *console) domainsOf(in *installation) (*domains.Service, error) {
	resolver, err := names.New(c.config.DNSResolver)
	if err != nil {
		return nil, err
	}
	authority, err := domains.NewAuthority(c.config.ACMECA, c.config.ACMERoot, clock.Wall{}.Now)
	if err != nil {
		return nil, err
	}
	return domains.New(domains.Config{DB: in.db, Names: resolver, Signer: in.key, Authority: authority, Clock: in, Wall: clock.Wall{}.Now, Log: c.log,
		EdgeHost: c.config.edgeHost(), EdgeIPs: c.config.edgeIPs(), HTTPPort: c.config.EdgeHTTP, HTTPSPort: c.config.EdgeHTTPS, HTTPS: c.config.HTTPSAddr != ""}), nil
}

// edgeIPs are where the edge is, as far as the configuration says.
func (c Config) edgeIPs() (list []netip.Addr) {
	for _, text := range c.EdgeIPs {
		if addr, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			list = append(list, addr.Unmap())
		}
	}
	return list
}

type domainCmd struct {
	Add    domainAddCmd    `cmd:"" help:"Give a reseller a domain."`
	Check  domainCheckCmd  `cmd:"" help:"Look at a domain now: its records, its way to us, its certificate. Once its owner is proven it is served."`
	Remove domainRemoveCmd `cmd:"" help:"Take a domain from a reseller."`
	List   domainListCmd   `cmd:"" help:"List a reseller's domains."`
}

type domainArgs struct {
	Tenant string `help:"The slug." required:""`
	Domain string `help:"The domain." required:""`
	JSON   bool   `help:"Print one line of JSON."`
}

// commandLine is who acts here, as the audit log shows it.
const commandLine = "command line"

type domainAddCmd struct {
	domainArgs
	Verified bool `help:"You vouch that it belongs to the reseller: it is served at once."`
}

// Run adds a domain; without --verified it is served once it is proven.
func (cmd domainAddCmd) Run(c *console) error {
	return cmd.with(c.change, func(in *installation, t tenants.Tenant) error {
		add := in.domains.Add
		if cmd.Verified {
			add = in.domains.Vouch
		}
		d, err := add(c.ctx, t, cmd.Domain, commandLine)
		if err != nil {
			return err
		}
		return c.printDomain(cmd.JSON, in, t, d)
	})
}

type domainCheckCmd struct{ domainArgs }

// Run looks at a domain and says where it stands.
func (cmd domainCheckCmd) Run(c *console) error {
	return cmd.with(c.change, func(in *installation, t tenants.Tenant) error {
		d, err := in.domains.Check(c.ctx, t, cmd.Domain, commandLine)
		if err != nil {
			return err
		}
		return c.printDomain(cmd.JSON, in, t, d)
	})
}

type domainRemoveCmd struct{ domainArgs }

// Run takes a domain away.
func (cmd domainRemoveCmd) Run(c *console) error {
	return cmd.with(c.change, func(in *installation, t tenants.Tenant) error {
		if err := in.domains.Remove(c.ctx, t, cmd.Domain, commandLine); err != nil {
			return err
		}
		return c.print(cmd.JSON, map[string]any{"tenant": t.Slug, "domain": cmd.Domain, "removed": true}, cmd.Domain+" removed from "+t.Slug)
	})
}

type domainListCmd struct {
	Tenant string `help:"The slug." required:""`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run lists the domains, the primary first.
func (cmd domainListCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		all, err := in.domains.List(c.ctx, t)
		if err != nil {
			return err
		}
		list := []map[string]any{}
		var text strings.Builder
		for _, d := range all {
			list = append(list, domainJSON(in, t, d))
			fmt.Fprintf(&text, "%-40s %-8s %s\n", d.Domain.Domain, d.Type, d.State(in.domains.HTTPS))
		}
		return c.print(cmd.JSON, map[string]any{"tenant": t.Slug, "domains": list}, text.String())
	})
}

func (a domainArgs) with(open func(func(*installation) error) error, fn func(*installation, tenants.Tenant) error) error {
	return open(func(in *installation) error {
		t, err := in.tenantBySlug(a.Tenant)
		if err != nil {
			return err
		}
		return fn(in, t)
	})
}

func domainJSON(in *installation, t tenants.Tenant, d domains.Domain) map[string]any {
	steps := d.Steps
	if steps == nil {
		steps = []domains.Step{}
	}
	data := map[string]any{"id": d.ID, "tenant": t.Slug, "domain": d.Domain.Domain, "type": d.Type, "state": d.State(in.domains.HTTPS), "verified": d.VerifiedAt != nil, "verified_at": d.VerifiedAt,
		"proof": d.Proof, "created_at": d.CreatedAt, "checked_at": d.CheckedAt, "check_error": d.CheckError, "lapsed_at": d.LapsedAt, "release_at": d.ReleaseAt,
		"ssl_status": d.SSLStatus, "ssl_issued_at": d.SSLIssuedAt, "ssl_expires_at": d.SSLExpiresAt, "ssl_renewals": d.SSLRenewals, "ssl_error": d.SSLError,
		"cname_target": in.domains.Target(t), "txt_name": d.TXTName(), "txt_value": d.Token, "addresses": in.domains.EdgeIPs, "steps": steps}
	if unicode := d.Unicode(); unicode != "" {
		data["unicode"] = unicode
	}
	return data
}

func (c *console) printDomain(asJSON bool, in *installation, t tenants.Tenant, d domains.Domain) error {
	var text strings.Builder
	if d.VerifiedAt != nil {
		fmt.Fprintf(&text, "%s is served for %s", d.Domain.Domain, t.Slug)
	} else {
		fmt.Fprintf(&text, "%s waits for its proof: make it a CNAME for %s; or lead it to our edge and make a TXT record %s with the value %s; or vouch for it with --verified",
			d.Domain.Domain, in.domains.Target(t), d.TXTName(), d.Token)
	}
	for _, s := range d.Steps {
		fmt.Fprintf(&text, "\n  %-12s %-8s %s", s.Name, s.State, s.Sentence)
	}
	return c.print(asJSON, domainJSON(in, t, d), text.String())
}
