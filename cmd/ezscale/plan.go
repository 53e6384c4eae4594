package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

type planCmd struct {
	List planListCmd `cmd:"" help:"Show what a tenant sells."`
	Set  planSetCmd  `cmd:"" help:"Change a plan; sessions under way keep the price they began with."`
}

type planListCmd struct {
	Tenant string `help:"The tenant's slug." required:""`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run lists the plans.
func (cmd planListCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		var plans []billing.Plan
		if err := in.db.Read(c.ctx, t, billing.PlansQ(&plans)); err != nil {
			return err
		}
		list := make([]map[string]any, len(plans))
		var text strings.Builder
		for i, p := range plans {
			list[i] = planJSON(p)
			fmt.Fprintf(&text, "%-22s %2d vCPU %6d MB  %s an hour, blocks of %d s, by %s%s\n", p.Type, p.VCPU, p.RAMMB, p.Rate(), p.BlockSeconds, p.Driver, rulesOf(p))
		}
		return c.print(cmd.JSON, map[string]any{"plans": list}, text.String())
	})
}

type planSetCmd struct {
	Tenant        string  `help:"The tenant's slug." required:""`
	Type          string  `help:"The plan, such as developer_basic." required:""`
	PricePerHour  *string `help:"Retail price of an hour, such as 0.25."`
	Price         *string `help:"Price of a month, such as 30.00."`
	BlockSeconds  *int    `help:"Length of a block: 60, 300, 600, 900, 1800 or 3600."`
	IncludedHours *int    `help:"Hours included in the month's price."`
	TrialDays     *int    `help:"Days before the first month's price is billed."`
	IdleStop      *int    `help:"Minutes without anybody connected until a desktop is stopped; 0 for never. At once also for those that run." placeholder:"MINUTES"`
	Driver        *string `help:"What makes new desktops: kasm or docker."`
	MaxSession    *int    `help:"Minutes after which the desktop host itself ends a run; 0 for no limit." placeholder:"MINUTES"`
	Clipboard     *string `help:"Copy and paste between desktop and browser: on or off." placeholder:"on|off"`
	Upload        *string `help:"Files into the desktop: on or off." placeholder:"on|off"`
	Download      *string `help:"Files out of the desktop: on or off." placeholder:"on|off"`
	JSON          bool    `help:"Print one line of JSON."`
}

// Run changes the plan.
func (cmd planSetCmd) Run(c *console) error {
	change, err := cmd.change()
	if err != nil {
		return err
	}
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		p, err := in.billing.SetPlan(c.ctx, t, change)
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, planJSON(p), fmt.Sprintf("%s of %s: %s an hour, blocks of %d s, by %s%s, version %d",
			p.Type, t.Slug, p.Rate(), p.BlockSeconds, p.Driver, rulesOf(p), p.Version))
	})
}

func (cmd planSetCmd) change() (billing.PlanChange, error) {
	nothing := cmd
	nothing.Tenant, nothing.Type, nothing.JSON = "", "", false
	if nothing == (planSetCmd{}) {
		return billing.PlanChange{}, misused("say what to change: --price-per-hour, --price, --block-seconds, --included-hours, --trial-days, --idle-stop, --driver, --max-session, --clipboard, --upload or --download")
	}
	change := billing.PlanChange{Type: cmd.Type, BlockSeconds: cmd.BlockSeconds, IncludedHours: cmd.IncludedHours, TrialDays: cmd.TrialDays, Driver: cmd.Driver,
		IdleStop: cmd.IdleStop, MaxSession: cmd.MaxSession, Actor: cliActor, Then: rerule}
	for field, p := range map[string]struct {
		text *string
		to   **decimal.Decimal
	}{"price-per-hour": {cmd.PricePerHour, &change.PricePerHour}, "price": {cmd.Price, &change.Price}} {
		if p.text == nil {
			continue
		}
		d, err := amountOf(field, *p.text)
		if err != nil {
			return change, err
		}
		*p.to = &d
	}
	for field, p := range map[string]struct {
		text *string
		to   **bool
	}{"clipboard": {cmd.Clipboard, &change.Clipboard}, "upload": {cmd.Upload, &change.Upload}, "download": {cmd.Download, &change.Download}} {
		if p.text == nil {
			continue
		}
		on := *p.text == "on"
		if !on && *p.text != "off" {
			return change, misused("--%s is on or off", field)
		}
		*p.to = &on
	}
	return change, nil
}

// rerule lets a new idle stop take effect on the desktops that run.
func rerule(ctx context.Context, tx tenants.Tx, before, after billing.Plan) error {
	if before.IdleStop == after.IdleStop {
		return nil
	}
	return workspaces.PlanRerules(ctx, tx, after.ID, before.IdleStop)
}

// rulesOf words what is out of the ordinary about a plan's desktops.
func rulesOf(p billing.Plan) string {
	var text strings.Builder
	if p.IdleStop > 0 {
		fmt.Fprintf(&text, ", stopped after %d min without use", p.IdleStop)
	}
	if p.MaxSession > 0 {
		fmt.Fprintf(&text, ", at most %d min", p.MaxSession)
	}
	for _, right := range []struct {
		allowed bool
		name    string
	}{{p.Clipboard, "clipboard"}, {p.Upload, "upload"}, {p.Download, "download"}} {
		if !right.allowed {
			text.WriteString(", no " + right.name)
		}
	}
	return text.String()
}

func planJSON(p billing.Plan) map[string]any {
	data := map[string]any{"type": p.Type, "name": p.Name, "vcpu": p.VCPU, "ram_mb": p.RAMMB, "price_per_hour": money.API(p.PricePerHour, p.Currency),
		"price": nil, "block_seconds": p.BlockSeconds, "included_hours": p.IncludedHours, "trial_days": p.TrialDays, "currency": p.Currency, "version": p.Version,
		"driver": p.Driver, "idle_stop": p.IdleStop, "max_session": p.MaxSession, "clipboard": p.Clipboard, "upload": p.Upload, "download": p.Download}
	if p.Price != nil {
		data["price"] = money.API(*p.Price, p.Currency)
	}
	return data
}
