package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/tenants"
)

type billCmd struct {
	Tenant  string `help:"Only this tenant and its customers; the slug."`
	AsOf    string `name:"as-of" help:"Bill as if it were this time (RFC 3339, or a date in UTC)."`
	DryRun  bool   `help:"Work everything out and write nothing."`
	Compare bool   `help:"With --dry-run: hold every invoice against the customer's last one, the odd ones on top; a month that has not ended is shown as it stands."`
	JSON    bool   `help:"Print one line of JSON."`
}

// Run closes every ended cycle. One tenant that fails does not stop the others.
func (cmd billCmd) Run(c *console) error {
	asOf, err := timeOf(cmd.AsOf)
	if err != nil {
		return err
	}
	if cmd.Compare && !cmd.DryRun {
		return misused("--compare goes with --dry-run")
	}
	return c.with(func(in *installation) error {
		shops := in.db.Registry().All()
		if cmd.Tenant != "" {
			t, err := in.tenantBySlug(cmd.Tenant)
			if err != nil {
				return err
			}
			shops = []tenants.Tenant{t}
		}
		if cmd.Compare {
			return cmd.rehearse(c, in, shops, asOf)
		}
		all, failed := cmd.billAll(c.ctx, in, shops, asOf)
		if err := c.print(cmd.JSON, map[string]any{"invoices": all}, billText(all, cmd.DryRun)); err != nil {
			return err
		}
		if len(failed) > 0 {
			return fmt.Errorf("not billed, run ezscale bill again: %s", strings.Join(failed, "; "))
		}
		return nil
	})
}

// billWorkers is how many tenants are billed at a time.
const billWorkers = 2

// billAll bills tenants side by side and says what came of each in their order.
func (cmd billCmd) billAll(ctx context.Context, in *installation, shops []tenants.Tenant, asOf time.Time) ([]billing.Billed, []string) {
	made, wrong := make([][]billing.Billed, len(shops)), make([][]string, len(shops))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(billWorkers, len(shops)) {
		wg.Go(func() {
			for i := range next {
				made[i], wrong[i] = cmd.billOne(ctx, in, shops[i], asOf)
			}
		})
	}
	for i := range shops {
		next <- i
	}
	close(next)
	wg.Wait()
	return append([]billing.Billed{}, slices.Concat(made...)...), slices.Concat(wrong...)
}

// billOne bills a tenant's customers, and then the tenant.
func (cmd billCmd) billOne(ctx context.Context, in *installation, t tenants.Tenant, asOf time.Time) (all []billing.Billed, failed []string) {
	all, err := in.billing.Bill(ctx, t, asOf, cmd.DryRun)
	if err != nil {
		failed = append(failed, t.Slug+": "+oneLine(err))
	}
	billed, err := in.wholesale.Bill(ctx, t, asOf, cmd.DryRun)
	if err != nil {
		failed = append(failed, t.Slug+" (wholesale): "+oneLine(err))
	}
	return append(all, billed...), failed
}

func billText(all []billing.Billed, dry bool) string {
	var text strings.Builder
	made := 0
	for _, b := range all {
		number, note := b.Number, ""
		if number == "" {
			number = "(would be made)"
		}
		if b.Created {
			made, note = made+1, "  new"
		}
		fmt.Fprintf(&text, "%-16s %-18s %-32s %12s %s%s\n", b.Tenant, number, b.Customer, b.Total, b.Currency, note)
	}
	if dry {
		return text.String() + "nothing was written"
	}
	return text.String() + fmt.Sprintf("%d invoices made", made)
}

func timeOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, misused("--as-of: %q is no time; write 2026-11-01T00:00:00Z or 2026-11-01", text)
}
