package main

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

type planCmd struct {
	List planListCmd `cmd:"" help:"Show what a tenant sells."`
	Set  planSetCmd  `cmd:"" help:"Change a price; sessions under way keep the price they began with."`
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
			fmt.Fprintf(&text, "%-22s %2d vCPU %6d MB  %s an hour, blocks of %d s\n", p.Type, p.VCPU, p.RAMMB, p.Rate(), p.BlockSeconds)
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
	JSON          bool    `help:"Print one line of JSON."`
}

// Run changes the plan.
func (cmd planSetCmd) Run(c *console) error {
	if cmd.PricePerHour == nil && cmd.Price == nil && cmd.BlockSeconds == nil && cmd.IncludedHours == nil {
		return misused("say what to change: --price-per-hour, --price, --block-seconds or --included-hours")
	}
	change := billing.PlanChange{Type: cmd.Type, BlockSeconds: cmd.BlockSeconds, IncludedHours: cmd.IncludedHours, Actor: cliActor}
	for field, p := range map[string]struct {
		text *string
		to   **decimal.Decimal
	}{"price-per-hour": {cmd.PricePerHour, &change.PricePerHour}, "price": {cmd.Price, &change.Price}} {
		if p.text == nil {
			continue
		}
		d, err := amountOf(field, *p.text)
		if err != nil {
			return err
		}
		*p.to = &d
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
		return c.print(cmd.JSON, planJSON(p), fmt.Sprintf("%s of %s: %s an hour, blocks of %d s, version %d", p.Type, t.Slug, p.Rate(), p.BlockSeconds, p.Version))
	})
}

func planJSON(p billing.Plan) map[string]any {
	data := map[string]any{"type": p.Type, "name": p.Name, "vcpu": p.VCPU, "ram_mb": p.RAMMB, "price_per_hour": money.API(p.PricePerHour, p.Currency),
		"price": nil, "block_seconds": p.BlockSeconds, "included_hours": p.IncludedHours, "currency": p.Currency, "version": p.Version}
	if p.Price != nil {
		data["price"] = money.API(*p.Price, p.Currency)
	}
	return data
}
