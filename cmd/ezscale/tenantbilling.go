package main

import (
	"fmt"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/wholesale"
)

type tenantBillingCmd struct {
	Tenant     string  `help:"The slug." required:""`
	Tier       *string `help:"The tier: basic, pro or enterprise."`
	Mode       *string `help:"wholesale (a price for each block) or commission (a share of what customers paid)."`
	CycleDay   *int    `help:"The day of the month, 1 to 28, on which the reseller's cycle begins."`
	Currency   *string `help:"ISO 4217 code of fees."`
	Discount   *string `help:"Percent off the catalogue's wholesale prices; tier for the tier's."`
	Fee        *string `help:"Platform fee a month; tier for the tier's."`
	Commission *string `help:"Percent of what customers paid; tier for the tier's."`
	JSON       bool    `help:"Print one line of JSON."`
}

// Run changes what is given, and shows the terms that count.
func (cmd tenantBillingCmd) Run(c *console) error {
	change, err := cmd.change()
	if err != nil {
		return err
	}
	return c.change(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		if t.House {
			return fmt.Errorf("%s is the provider's own shop: it pays nobody", t.Slug)
		}
		terms, err := in.wholesale.Terms(c.ctx, t)
		if err == nil && change != (wholesale.Change{}) {
			terms, err = in.wholesale.Agree(c.ctx, "the command line", t, change)
		}
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, termsJSON(terms), termsText(terms))
	})
}

func (cmd tenantBillingCmd) change() (wholesale.Change, error) {
	change := wholesale.Change{Tier: cmd.Tier, Mode: cmd.Mode, CycleDay: cmd.CycleDay, Currency: cmd.Currency}
	for _, f := range []struct {
		name string
		text *string
		to   **wholesale.Figure
	}{{"discount", cmd.Discount, &change.Discount}, {"fee", cmd.Fee, &change.Fee}, {"commission", cmd.Commission, &change.Commission}} {
		if f.text == nil {
			continue
		}
		figure, err := wholesale.ParseFigure(*f.text)
		if fail.Is(err, fail.Invalid) {
			return change, misused("--%s: %s", f.name, oneLine(err))
		}
		*f.to = figure
	}
	return change, nil
}

func termsJSON(t wholesale.Terms) map[string]any {
	data := map[string]any{"tenant": t.Slug, "tier": t.Tier, "plan_id": t.Tier, "mode": t.Mode, "currency": t.Currency, "wholesale_discount_percent": t.Discount.String(),
		"monthly_fee": t.Fee.String(), "commission_percent": t.Commission.String(), "billing_cycle_day": t.CycleDay, "next_billing_date": nil, "status": t.BillingStatus}
	if t.NextBillingDate != nil {
		data["next_billing_date"] = t.NextBillingDate.Format("2006-01-02")
	}
	return data
}

func termsText(t wholesale.Terms) string {
	next := "not known yet"
	if t.NextBillingDate != nil {
		next = t.NextBillingDate.Format("2 January 2006")
	}
	return fmt.Sprintf("%s: tier %s, mode %s, %s\n  discount %s %%, fee %s %s a month, commission %s %%\n  cycle begins on day %d, next bill on %s",
		t.Slug, t.Tier, t.Mode, t.BillingStatus, t.Discount, t.Fee, t.Currency, t.Commission, t.CycleDay, next)
}
