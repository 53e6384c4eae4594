package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/seed"
)

// agreeDemo gives a sample reseller terms of its own.
func (n *node) agreeDemo(ctx context.Context, t tenants.Tenant, r seed.Reseller) error {
	change := wholesale.Change{}
	if r.Fee != "" {
		fee, err := wholesale.ParseFigure(r.Fee)
		if err != nil {
			return err
		}
		change.Fee = fee
	}
	if r.CycleDay > 0 {
		change.CycleDay = &r.CycleDay
	}
	if change == (wholesale.Change{}) {
		return nil
	}
	_, err := n.wholesale.Agree(ctx, "the demonstration", t, change)
	return err
}

// payDay is the day of the month on which the sample resellers pay.
const payDay = 12

// wholesaleDeeds lets the sample resellers pay what they owe, once a month, all but
// the newest bills.
func (n *node) wholesaleDeeds(began, present time.Time, months int) (all []deed) {
	for m := 1; m <= months; m++ {
		at := time.Date(began.Year(), began.Month()+time.Month(m), payDay, 9, 0, 0, 0, time.UTC)
		if at.After(present.AddDate(0, 0, -1)) {
			break
		}
		all = append(all, deed{at: at, do: n.payWholesale})
	}
	return all
}

func (n *node) payWholesale(ctx context.Context) error {
	var invoices []wholesale.Invoice
	if err := n.db.CentralRead(ctx, wholesale.InvoicesQ(&invoices, uuid.Nil, 100)); err != nil {
		return err
	}
	for _, i := range invoices {
		if i.Status != wholesale.Open {
			continue
		}
		if _, err := n.wholesale.MarkPaid(ctx, "the demonstration", i.Number, "Transfer for "+i.Number); err != nil && !fail.Is(err, fail.Conflict) {
			return err
		}
	}
	return nil
}
