// Package billing turns charged blocks into invoices, once and for good: it
// knows when a customer's month ends in the shop's zone, adds blocks up to
// lines, rounds each line once, spreads discounts, works out tax, takes credit,
// numbers the document and never touches it again. It keeps the shop's ledger,
// and it can work any invoice out again from the sessions alone.
//
// README.md states the rules; R and V numbers in the code and the tests are those
// of the product's money rules.
package billing

import (
	"context"
	"errors"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Service closes cycles and keeps the ledger.
type Service struct {
	db      *tenants.DB
	refunds Refunder // nil: money goes back to credit
}

// New is the billing of all shops in the database.
func New(db *tenants.DB) *Service { return &Service{db: db} }

// errMoved says that usage came in between reading it and writing it down.
var errMoved = errors.New("usage was charged while its invoice was being made")

// movedTries bounds how often a closing starts over.
const movedTries = 5

// CloseCycle closes the cycle that ends at edge for every customer of the shop
// and returns the invoices it made. One transaction does it all: lines, numbers,
// credit, events. A second or a parallel run finds the cycle closed, makes
// nothing and returns none (R18). Whether the cycle has ended is the caller's
// question. An edge that is none is fail.BadRequest.
func (s *Service) CloseCycle(ctx context.Context, t tenants.Tenant, edge time.Time) ([]Invoice, error) {
	c, err := cycleEndingAt(t.Zone, edge)
	if err != nil {
		return nil, fail.Wrap(err, fail.BadRequest, "A billing month does not end at that time.")
	}
	var made []Invoice
	err = s.settle(ctx, t, func(tx tenants.Tx) (err error) {
		made, err = closeCycle(ctx, tx, c)
		return err
	})
	return made, err
}

// settle runs fn in a transaction, and again when usage came in meanwhile.
func (s *Service) settle(ctx context.Context, t tenants.Tenant, fn func(tenants.Tx) error) error {
	var err error
	for range movedTries {
		if err = s.db.In(ctx, t, fn); !errors.Is(err, errMoved) {
			return err
		}
	}
	return fail.Wrap(err, fail.Unavailable, "Usage is still coming in for this month. Please try again in a moment.")
}
