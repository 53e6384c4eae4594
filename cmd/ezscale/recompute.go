package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

type recomputeCmd struct {
	Tenant string `help:"Only this tenant; the slug."`
	JSON   bool   `help:"Print one line of JSON."`
}

// Run proves the books of every shop and changes nothing. Any difference is an
// error, after all have been looked at.
func (cmd recomputeCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		shops, err := in.shops(cmd.Tenant)
		if err != nil {
			return err
		}
		proofs, wrong := []provedShop{}, 0
		var text strings.Builder
		for _, t := range shops {
			proof, err := in.billing.Prove(c.ctx, t)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Slug, err)
			}
			proofs = append(proofs, provedOf(proof))
			wrong += len(proof.Wrong) + len(proof.Ledger)
			fmt.Fprintf(&text, "%-16s %d invoices, %d differences\n%s", t.Slug, proof.Invoices, len(proof.Wrong)+len(proof.Ledger), proofText(proof))
		}
		if err := c.print(cmd.JSON, map[string]any{"tenants": proofs, "differences": wrong}, text.String()); err != nil {
			return err
		}
		if wrong > 0 {
			return fmt.Errorf("%d differences were found", wrong)
		}
		return nil
	})
}

// provedShop is what checking a shop's books came to, for programs.
type provedShop struct {
	Tenant   string        `json:"tenant"`
	Invoices int           `json:"invoices"` // that were worked out again
	Wrong    []provedWrong `json:"wrong"`
	Ledger   []string      `json:"ledger"`
}

type provedWrong struct {
	Number      string   `json:"number"`
	Stored      string   `json:"stored"`
	Derived     string   `json:"derived"`
	Differences []string `json:"differences"`
}

func provedOf(p billing.Proof) provedShop {
	shop := provedShop{Tenant: p.Tenant, Invoices: p.Invoices, Wrong: []provedWrong{}, Ledger: p.Ledger}
	for _, w := range p.Wrong {
		shop.Wrong = append(shop.Wrong, provedWrong{w.Number, w.Stored.Total.String(), w.Derived.Total.String(), w.Differences})
	}
	return shop
}

func proofText(p billing.Proof) string {
	var text strings.Builder
	for _, w := range p.Wrong {
		fmt.Fprintf(&text, "  %s: %s\n", w.Number, strings.Join(w.Differences, "; "))
	}
	for _, off := range p.Ledger {
		fmt.Fprintf(&text, "  ledger: %s\n", off)
	}
	return text.String()
}

// shops are all, or the one of a slug.
func (in *installation) shops(slug string) ([]tenants.Tenant, error) {
	if slug == "" {
		return in.db.Registry().All(), nil
	}
	t, err := in.tenantBySlug(slug)
	return []tenants.Tenant{t}, err
}

// rehearsedLine is one invoice of `ezscale bill --dry-run --compare`.
type rehearsedLine struct {
	Tenant     string   `json:"tenant"`
	Customer   string   `json:"customer"`
	Period     string   `json:"period"`
	Ended      bool     `json:"ended"`
	Total      string   `json:"total"`
	Due        string   `json:"due"`
	Last       string   `json:"last,omitempty"`
	LastNumber string   `json:"last_number,omitempty"`
	Currency   string   `json:"currency"`
	Odd        []string `json:"odd"`
}

// rehearse prints what closing would make, held against the invoices before.
func (cmd billCmd) rehearse(c *console, in *installation, shops []tenants.Tenant, asOf time.Time) error {
	lines, odd := []rehearsedLine{}, 0
	var text strings.Builder
	for _, t := range shops {
		r, err := in.billing.Rehearse(c.ctx, t, asOf)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Slug, err)
		}
		odd += r.Odd()
		for _, row := range r.Rows {
			l := rehearsedLine{Tenant: t.Slug, Customer: row.Email, Period: row.Period, Ended: r.Ended, Total: money.API(row.Total, row.Currency), Due: money.API(row.Due, row.Currency),
				LastNumber: row.LastNumber, Currency: row.Currency, Odd: append([]string{}, row.Odd...)}
			before := "first invoice"
			if row.Last != nil {
				l.Last = money.API(*row.Last, row.Currency)
				before = "last " + l.Last
			}
			lines = append(lines, l)
			fmt.Fprintf(&text, "%-16s %-32s %-16s %12s %s  %-16s %s\n", l.Tenant, l.Customer, l.Period, l.Total, l.Currency, before, strings.Join(l.Odd, "; "))
		}
	}
	fmt.Fprintf(&text, "%d invoices, %d worth a look; nothing was written", len(lines), odd)
	return c.print(cmd.JSON, map[string]any{"invoices": lines, "odd": odd}, text.String())
}
