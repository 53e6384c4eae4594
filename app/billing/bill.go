package billing

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Billed is one line of what `ezscale bill` prints.
type Billed struct {
	Tenant   string `json:"tenant"`
	Kind     string `json:"kind"` // customer
	Customer string `json:"customer"`
	Number   string `json:"number"` // empty in a dry run: only a finalised invoice has one
	Total    string `json:"total"`
	Currency string `json:"currency"`
	Created  bool   `json:"created"`
}

// errDry rolls a dry run back.
var errDry = errors.New("this was a dry run")

// Bill closes every cycle of the shop that ended at asOf or before and is not
// closed yet, oldest first, and returns the invoices of all ended cycles; those
// it made are marked created. asOf stands for the present (zero: it is), so a
// cycle can be closed early; a block that waits for its proof holds its cycle
// back for ten minutes (R3). A dry run works everything out and writes nothing.
func (s *Service) Bill(ctx context.Context, t tenants.Tenant, asOf time.Time, dryRun bool) ([]Billed, error) {
	if dryRun {
		return s.dryBill(ctx, t, asOf)
	}
	made := map[uuid.UUID]bool{}
	for {
		var closed []Invoice
		more := false
		err := s.settle(ctx, t, func(tx tenants.Tx) (err error) {
			closed, more, err = closeNext(ctx, tx, asOf)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, inv := range closed {
			made[inv.ID] = true
		}
		if !more {
			break
		}
	}
	var rows []billedRow
	err := s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		rows, err = billedUntil(ctx, tx, presentOf(tx, asOf))
		return err
	})
	return billedOf(t, rows, made), err
}

// dryBill does in one transaction what Bill does in several, looks at the
// result, and rolls it back.
func (s *Service) dryBill(ctx context.Context, t tenants.Tenant, asOf time.Time) ([]Billed, error) {
	var list []Billed
	err := s.settle(ctx, t, func(tx tenants.Tx) error {
		would := map[uuid.UUID]bool{}
		for more := true; more; {
			closed, again, err := closeNext(ctx, tx, asOf)
			if err != nil {
				return err
			}
			for _, inv := range closed {
				would[inv.ID] = true
			}
			more = again
		}
		rows, err := billedUntil(ctx, tx, presentOf(tx, asOf))
		if err != nil {
			return err
		}
		for i, r := range rows {
			if would[r.ID] {
				rows[i].Number = ""
			}
		}
		list = billedOf(t, rows, nil)
		return errDry
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return list, err
}

// closeNext closes the first open cycle if it has ended and may close; more says
// that it did, and that there may be another.
func closeNext(ctx context.Context, tx tenants.Tx, asOf time.Time) (made []Invoice, more bool, err error) {
	if err := lock(ctx, tx); err != nil {
		return nil, false, err
	}
	c, err := firstOpen(ctx, tx)
	if err != nil {
		return nil, false, err
	}
	if wait, err := notYet(ctx, tx, c, presentOf(tx, asOf)); err != nil || wait > 0 {
		return nil, false, err
	}
	made, err = closeCycle(ctx, tx, c)
	return made, err == nil, err
}

func presentOf(tx tenants.Tx, asOf time.Time) time.Time {
	if asOf.IsZero() {
		return tx.Now()
	}
	return asOf
}

// billedRow is a cycle's invoice as Bill lists it.
type billedRow struct {
	ID       uuid.UUID       `db:"id"`
	Number   string          `db:"number"`
	Customer string          `db:"customer"`
	Total    decimal.Decimal `db:"total"`
	Currency string          `db:"currency"`
}

func billedOf(t tenants.Tenant, rows []billedRow, made map[uuid.UUID]bool) []Billed {
	list := make([]Billed, len(rows))
	for i, r := range rows {
		list[i] = Billed{t.Slug, "customer", r.Customer, r.Number, money.API(r.Total, r.Currency), r.Currency, made[r.ID]}
	}
	return list
}
