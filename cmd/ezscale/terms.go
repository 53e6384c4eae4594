package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

type tenantSetCmd struct {
	Tenant                 string  `help:"The tenant's slug." required:""`
	MinimumCredit          *string `help:"Least credit to order or start with, such as 5.00."`
	Postpaid               *string `help:"Whether who has a card may pay later: on or off." placeholder:"on|off"`
	FreeRestart            *string `help:"Whether a restart inside a paid block is free: on or off." placeholder:"on|off"`
	InvoiceNumberFormat    *string `help:"How invoice numbers look, such as INV-{year}-{number:6}."`
	CreditNoteNumberFormat *string `help:"How numbers of credit notes look, such as CN-{year}-{number:6}."`
	TermDays               *int    `help:"Days after which an invoice is due."`
	JSON                   bool    `help:"Print one line of JSON."`
}

// Run changes the terms, or shows them.
func (cmd tenantSetCmd) Run(c *console) error {
	change := billing.TermsChange{NumberFormat: cmd.InvoiceNumberFormat, CreditFormat: cmd.CreditNoteNumberFormat, TermDays: cmd.TermDays, Actor: cliActor}
	if cmd.MinimumCredit != nil {
		d, err := amountOf("minimum-credit", *cmd.MinimumCredit)
		if err != nil {
			return err
		}
		change.MinimumCredit = &d
	}
	for _, flag := range []struct {
		name string
		text *string
		to   **bool
	}{{"postpaid", cmd.Postpaid, &change.Postpaid}, {"free-restart", cmd.FreeRestart, &change.FreeRestart}} {
		if flag.text == nil {
			continue
		}
		on := *flag.text == "on"
		if !on && *flag.text != "off" {
			return misused("--%s is on or off", flag.name)
		}
		*flag.to = &on
	}
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		terms, err := in.billing.SetTerms(c.ctx, t, change)
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, shopTermsJSON(t, terms), fmt.Sprintf("%s: at least %s to start, pay later %v, free restart %v, invoices %s due after %d days, credit notes %s",
			t.Slug, money.Of(terms.MinimumCredit, t.Currency).Format(), terms.Postpaid, terms.FreeRestart, terms.NumberFormat, terms.TermDays, terms.CreditFormat))
	})
}

func shopTermsJSON(t tenants.Tenant, s billing.ShopTerms) map[string]any {
	return map[string]any{"tenant": t.Slug, "minimum_credit": money.API(s.MinimumCredit, t.Currency), "postpaid": s.Postpaid, "free_restart": s.FreeRestart,
		"invoice_number_format": s.NumberFormat, "credit_note_number_format": s.CreditFormat, "term_days": s.TermDays}
}

type couponCmd struct {
	Create couponCreateCmd `cmd:"" help:"Make a coupon."`
	List   couponListCmd   `cmd:"" help:"Show a tenant's coupons."`
	Retire couponRetireCmd `cmd:"" help:"Let nobody begin to use a coupon any more."`
}

type couponCreateCmd struct {
	Tenant  string  `help:"The tenant's slug." required:""`
	Code    string  `help:"What customers type." required:""`
	Name    string  `help:"What the shop calls it."`
	Percent *string `help:"Share of each invoice, such as 10."`
	Amount  *string `help:"Amount off each invoice, such as 5.00."`
	Months  *int    `help:"On how many invoices; for all when not given."`
	MaxUses *int    `help:"How many customers may use it."`
	Expires *string `help:"Last day to begin using it, such as 2026-12-31." placeholder:"DATE"`
	JSON    bool    `help:"Print one line of JSON."`
}

// Run makes the coupon.
func (cmd couponCreateCmd) Run(c *console) error {
	n := billing.NewCoupon{Code: cmd.Code, Name: cmd.Name, Months: cmd.Months, MaxUses: cmd.MaxUses, Actor: cliActor}
	for field, p := range map[string]struct {
		text *string
		to   **decimal.Decimal
	}{"percent": {cmd.Percent, &n.Percent}, "amount": {cmd.Amount, &n.Amount}} {
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
		if cmd.Expires != nil {
			day, err := time.ParseInLocation(time.DateOnly, *cmd.Expires, t.Zone)
			if err != nil {
				return misused("--expires is a day such as 2026-12-31")
			}
			end := day.AddDate(0, 0, 1)
			n.ExpiresAt = &end
		}
		made, err := in.billing.CreateCoupon(c.ctx, t, n)
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, couponJSON(made), made.Code+": "+made.Off()+" off")
	})
}

func couponJSON(c billing.Coupon) map[string]any {
	data := map[string]any{"code": c.Code, "name": c.Name, "kind": c.Kind, "percent": nil, "amount": nil, "currency": c.Currency, "months": c.Months,
		"max_uses": c.MaxUses, "used": c.Used, "expires_at": c.ExpiresAt, "status": c.Status}
	if c.Percent != nil {
		data["percent"] = c.Percent.String()
	}
	if c.Amount != nil {
		data["amount"] = money.API(*c.Amount, c.Currency)
	}
	return data
}

type couponListCmd struct {
	Tenant string `help:"The tenant's slug." required:""`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run lists the coupons.
func (cmd couponListCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		var coupons []billing.Coupon
		if err := in.db.Read(c.ctx, t, billing.CouponsQ(&coupons)); err != nil {
			return err
		}
		list := make([]map[string]any, len(coupons))
		var text strings.Builder
		for i, one := range coupons {
			list[i] = couponJSON(one)
			fmt.Fprintf(&text, "%-20s %-10s %-8s used %d times\n", one.Code, one.Off(), one.Status, one.Used)
		}
		return c.print(cmd.JSON, map[string]any{"coupons": list}, text.String())
	})
}

type couponRetireCmd struct {
	Tenant string `help:"The tenant's slug." required:""`
	Code   string `help:"The coupon's code." required:""`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run retires the coupon.
func (cmd couponRetireCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		code := strings.ToUpper(strings.TrimSpace(cmd.Code))
		if err := in.billing.RetireCoupon(c.ctx, t, code, cliActor); err != nil {
			return err
		}
		return c.print(cmd.JSON, map[string]any{"code": code, "status": "retired"}, code+" is retired")
	})
}

type taxCmd struct {
	Set  taxSetCmd  `cmd:"" help:"Put a tax rate in force for a country, or for everywhere else."`
	List taxListCmd `cmd:"" help:"Show a tenant's tax rates."`
}

type taxSetCmd struct {
	Tenant    string `help:"The tenant's slug." required:""`
	Name      string `help:"What it is called on invoices." default:"VAT"`
	Country   string `help:"The country's two letters; everywhere else when not given."`
	Class     string `help:"What is taxed." default:"standard"`
	Percent   string `help:"The rate, such as 19." required:""`
	Inclusive bool   `help:"The tax is inside the prices."`
	Retire    bool   `help:"Take the rate out of force instead; --percent is not looked at."`
	JSON      bool   `help:"Print one line of JSON."`
}

// Run sets or retires the rate.
func (cmd taxSetCmd) Run(c *console) error {
	percent, err := amountOf("percent", cmd.Percent)
	if err != nil {
		return err
	}
	rate := billing.TaxRate{Name: cmd.Name, Country: strings.ToUpper(cmd.Country), Class: cmd.Class, Percent: percent, Inclusive: cmd.Inclusive}
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		if cmd.Retire {
			err = in.billing.RetireTax(c.ctx, t, rate.Country, rate.Class, cliActor)
		} else {
			err = in.billing.SetTax(c.ctx, t, rate, cliActor)
		}
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, taxJSON(rate), taxText(rate))
	})
}

func taxJSON(r billing.TaxRate) map[string]any {
	return map[string]any{"name": r.Name, "country": r.Country, "tax_class": r.Class, "percent": r.Percent.String(), "inclusive": r.Inclusive}
}

func taxText(r billing.TaxRate) string {
	place, how := r.Country, "on top"
	if place == "" {
		place = "everywhere else"
	}
	if r.Inclusive {
		how = "inside the price"
	}
	return fmt.Sprintf("%-16s %-10s %s %s %%, %s", place, r.Class, r.Name, r.Percent, how)
}

type taxListCmd struct {
	Tenant string `help:"The tenant's slug." required:""`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run lists the rates.
func (cmd taxListCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		var rates []billing.TaxRate
		if err := in.db.Read(c.ctx, t, billing.TaxesQ(&rates)); err != nil {
			return err
		}
		list := make([]map[string]any, len(rates))
		var text strings.Builder
		for i, r := range rates {
			list[i] = taxJSON(r)
			text.WriteString(taxText(r) + "\n")
		}
		return c.print(cmd.JSON, map[string]any{"taxes": list}, text.String())
	})
}
