package wholesale

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// errDry rolls a dry run back.
var errDry = errors.New("this was a dry run")

// Bill closes every cycle of the reseller that ended at asOf or before and is not
// closed yet, oldest first, and lists the wholesale invoices of all ended cycles;
// those it made are marked created. asOf stands for the present (zero: it is). A
// second or a parallel run finds nothing to do (R18); a dry run writes nothing. The
// house has none.
func (s *Service) Bill(ctx context.Context, t tenants.Tenant, asOf time.Time, dryRun bool) ([]billing.Billed, error) {
	if t.House {
		return nil, nil
	}
	var made []uuid.UUID
	var would []Draft
	var err error
	if dryRun {
		would, err = s.Rehearse(ctx, t, asOf)
	} else {
		made, err = s.run(ctx, t, asOf)
	}
	if err != nil {
		return nil, err
	}
	present := asOf
	if present.IsZero() {
		present = s.Clock.Now()
	}
	var invoices []Invoice
	if err := s.DB.CentralRead(ctx, invoicesUntilQ(&invoices, t.ID, present)); err != nil {
		return nil, err
	}
	var list []billing.Billed
	for _, inv := range invoices {
		list = append(list, billed(t, inv.Number, inv.Document(), slices.Contains(made, inv.ID)))
	}
	for _, d := range would {
		list = append(list, billed(t, "", d.Document, false))
	}
	return list, nil
}

func billed(t tenants.Tenant, number string, d Document, created bool) billing.Billed {
	return billing.Billed{Tenant: t.Slug, Kind: "wholesale", Customer: t.OwnerEmail, Number: number, Total: money.API(d.Total, d.Currency), Currency: d.Currency, Created: created}
}

// run closes what has ended and issues what is drawn up.
func (s *Service) run(ctx context.Context, t tenants.Tenant, asOf time.Time) ([]uuid.UUID, error) {
	made, _, err := s.runUntil(ctx, t, asOf)
	return made, err
}

// runUntil is run, and says how long the first open cycle is still to wait. It
// keeps the date of the next bill and its due time.
func (s *Service) runUntil(ctx context.Context, t tenants.Tenant, asOf time.Time) (made []uuid.UUID, wait time.Duration, err error) {
	terms, err := s.Terms(ctx, t)
	if err != nil {
		return nil, 0, err
	}
	for more := true; more; {
		err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
			c, _, err := firstOpen(ctx, tx, terms)
			if err != nil || terms.over(c) {
				more = false
				return err
			}
			drawn, pause, err := closeNext(ctx, tx, terms, asOf)
			more, wait = drawn != nil, pause
			return err
		})
		if err != nil {
			return made, 0, err
		}
	}
	if made, err = s.issueWaiting(ctx, t, terms); err != nil {
		return made, 0, err
	}
	_, err = s.next(ctx, t)
	return made, wait, err
}

// Draft is a wholesale invoice that is not made yet, as a rehearsal shows it.
type Draft struct {
	Document
	Items []Item
}

// Rehearse works out the documents that would be made as of a time (zero: now),
// and writes nothing.
func (s *Service) Rehearse(ctx context.Context, t tenants.Tenant, asOf time.Time) (drafts []Draft, err error) {
	terms, err := s.Terms(ctx, t)
	if err != nil {
		return nil, err
	}
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		for {
			c, _, err := firstOpen(ctx, tx, terms)
			if err != nil {
				return err
			}
			drawn, _, err := closeNext(ctx, tx, terms, asOf)
			if err != nil {
				return err
			}
			if drawn == nil || terms.over(c) {
				return errDry
			}
			for _, d := range drawn.docs {
				drafts = append(drafts, Draft{*d, drawn.of(d.ID)})
			}
		}
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return drafts, err
}

// next works out when the reseller's next cycle ends and keeps it as the date of
// the next bill; it is the zero time for one that has no next.
func (s *Service) next(ctx context.Context, t tenants.Tenant) (time.Time, error) {
	terms, err := s.Terms(ctx, t)
	if err != nil {
		return time.Time{}, err
	}
	var c Cycle
	err = s.DB.In(ctx, t, func(tx tenants.Tx) (err error) {
		if c, _, err = firstOpen(ctx, tx, terms); err != nil || terms.over(c) {
			return err
		}
		return setCycleDue(ctx, tx, c.End)
	})
	if err != nil || terms.over(c) {
		return time.Time{}, err
	}
	date := civil(terms.Zone(), c.End)
	if terms.NextBillingDate != nil && terms.NextBillingDate.Equal(date) {
		return c.End, nil
	}
	return c.End, s.DB.Central(ctx, func(tx tenants.CentralTx) error { return saveNext(ctx, tx, t.ID, date) })
}
