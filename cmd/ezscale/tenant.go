package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/tenants"
)

type tenantCmd struct {
	Create  tenantCreateCmd  `cmd:"" help:"Create a reseller: schema, plans, templates, owner, domain and welcome mail in one step."`
	List    tenantListCmd    `cmd:"" help:"List the resellers."`
	Show    tenantShowCmd    `cmd:"" help:"Show one reseller."`
	Set     tenantSetCmd     `cmd:"" help:"Change a reseller's terms of sale; without a change, show them."`
	Suspend suspendCmd       `cmd:"" help:"Suspend a reseller: its shop answers 503 under its brand."`
	Resume  resumeCmd        `cmd:"" help:"Resume a suspended reseller."`
	Close   closeCmd         `cmd:"" help:"Close a reseller for good: its desktops are destroyed, its names are free after 30 days, its data is removed after 90."`
	Trial   setTrialCmd      `cmd:"" name:"set-trial" help:"Give a reseller a trial, move its end, or end it; say how it will pay."`
	Billing tenantBillingCmd `cmd:"" help:"Show or change what a reseller pays the provider."`
	Stripe  tenantStripeCmd  `cmd:"" help:"Connect a reseller's shop to its account at Stripe."`
	Export  tenantExportCmd  `cmd:"" help:"Write everything a reseller owns into one file."`
	Import  tenantImportCmd  `cmd:"" help:"Make a reseller of such a file, with the same ids and equal books."`
	Domain  domainCmd        `cmd:"" help:"Manage a reseller's own domains."`
}

type tenantCreateCmd struct {
	Name      string `help:"The shop's name." required:""`
	Email     string `help:"The owner's e-mail address." required:""`
	OwnerName string `help:"The owner's name."`
	Slug      string `help:"Short name in addresses and in the database; made from the name when not given. It never changes."`
	Domain    string `help:"A domain of the shop's own."`
	TimeZone  string `help:"IANA time zone in which months begin." default:"UTC"`
	Currency  string `help:"ISO 4217 code." default:"USD"`
	TrialDays int    `help:"Days of trial; 0 for none." default:"0"`
	JSON      bool   `help:"Print one line of JSON."`
}

// Run creates the reseller, or finds that it is there.
func (cmd tenantCreateCmd) Run(c *console) error {
	return c.change(func(in *installation) error {
		t, created, err := in.createTenant(c.ctx, tenants.NewTenant{Name: cmd.Name, Email: cmd.Email, OwnerName: cmd.OwnerName, Slug: cmd.Slug,
			Domain: cmd.Domain, TimeZone: cmd.TimeZone, Currency: cmd.Currency, TrialDays: cmd.TrialDays})
		if err != nil {
			return err
		}
		word := "created"
		if !created {
			word = "was there already"
		}
		return c.print(cmd.JSON, tenantJSON(t), fmt.Sprintf("%s %s: schema %s, hosts %s", t.Slug, word, t.Schema(), strings.Join(t.Hosts, ", ")))
	})
}

// createTenant is the one way in which a shop comes to be: its owner, its
// welcome mail and its first billing months belong to it from the first moment.
func (in *installation) createTenant(ctx context.Context, n tenants.NewTenant) (tenants.Tenant, bool, error) {
	t, created, err := in.accounts.OpenShop(ctx, n, in.firstCycles)
	if err == nil && created && n.Domain != "" {
		err = in.domains.Ensure(ctx, t)
	}
	return t, created, err
}

// firstCycles asks for the ends of the first months: its customers', and its own
// with the provider.
func (in *installation) firstCycles(ctx context.Context, tx tenants.Tx) error {
	if err := in.billing.EnsureCycleDue(ctx, tx); err != nil {
		return err
	}
	if err := in.lifecycle.EnsureDue(ctx, tx); err != nil {
		return err
	}
	return in.wholesale.EnsureDue(ctx, tx)
}

func tenantJSON(t tenants.Tenant) map[string]any {
	data := map[string]any{"id": t.ID, "slug": t.Slug, "name": t.Name, "schema_name": t.Schema(), "hosts": t.Hosts, "status": t.Status, "billing_status": t.BillingStatus,
		"time_zone": t.TimeZone, "currency": t.Currency, "owner_email": t.OwnerEmail, "created_at": t.CreatedAt, "trial_ends_at": t.TrialEndsAt,
		"suspended_at": t.SuspendedAt, "suspended_reason": t.SuspendedReason, "closed_at": t.ClosedAt}
	if dates := lifecycle.DatesOf(t); t.ClosedAt != nil {
		data["domains_released_on"], data["schema_dropped_on"] = dates.Release, dates.Remove
		data["released_at"], data["dropped_at"] = t.ReleasedAt, t.DroppedAt
	}
	return data
}

type tenantListCmd struct {
	JSON bool `help:"Print one line of JSON."`
}

// Run lists every shop.
func (cmd tenantListCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		list := []map[string]any{}
		var text strings.Builder
		for _, t := range in.db.Registry().All() {
			list = append(list, tenantJSON(t))
			fmt.Fprintf(&text, "%-20s %-10s %-28s %s\n", t.Slug, t.Status, t.Name, strings.Join(t.Hosts, ", "))
		}
		return c.print(cmd.JSON, map[string]any{"tenants": list}, text.String())
	})
}

type tenantShowCmd struct {
	Tenant string `arg:"" help:"The slug."`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run shows one shop.
func (cmd tenantShowCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, tenantJSON(t), fmt.Sprintf("%s (%s)\n  status %s\n  schema %s\n  hosts %s\n  owner %s\n  zone %s, currency %s",
			t.Name, t.Slug, t.Status, t.Schema(), strings.Join(t.Hosts, ", "), t.OwnerEmail, t.TimeZone, t.Currency))
	})
}
