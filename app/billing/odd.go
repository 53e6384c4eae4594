package billing

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// InvoiceBound is how far over the usual a month's invoice may be before a person has
// to look at it (setting bounds). Times of zero switches it off.
type InvoiceBound struct {
	Times decimal.Decimal `json:"invoice_times"` // of the usual, the mean of up to three invoices before
	Floor decimal.Decimal `json:"invoice_floor"` // nothing below it is odd
}

// DefaultInvoiceBound is what nobody passes by living as usual.
func DefaultInvoiceBound(currency string) InvoiceBound {
	floor := decimal.NewFromInt(1000)
	if money.Exponent(currency) == 0 { // a unit is worth about a hundredth of others
		floor = decimal.NewFromInt(100_000)
	}
	return InvoiceBound{Times: decimal.NewFromInt(10), Floor: floor}
}

// Limit is what an invoice may come to. A first invoice is held against the floor.
func (b InvoiceBound) Limit(usual *decimal.Decimal) decimal.Decimal {
	if usual == nil {
		return b.Floor.Mul(b.Times)
	}
	return decimal.Max(b.Floor, usual.Mul(b.Times))
}

// outOfBounds counts customers as parked whose invoice is far over the usual, in the
// transaction that makes it: its credit is left alone and nobody charges it. Parking
// hears of the invoice and parks the customer.
func outOfBounds(ctx context.Context, tx tenants.Tx, b batch, docs []document, people map[uuid.UUID]customer) error {
	if b.kind != CycleKind || b.cycle == nil || len(docs) == 0 {
		return nil
	}
	bound := DefaultInvoiceBound(tx.Tenant().Currency)
	text, err := boundsSetting(ctx, tx)
	if err != nil {
		return err
	}
	if text != "" && json.Unmarshal([]byte(text), &bound) != nil { // parking's log says so
		bound = DefaultInvoiceBound(tx.Tenant().Currency)
	}
	var users []uuid.UUID
	for _, d := range docs {
		if bound.Times.IsPositive() && d.totals.Total.GreaterThan(bound.Floor) {
			users = append(users, d.userID)
		}
	}
	if len(users) == 0 {
		return nil
	}
	usual, err := usualTotals(ctx, tx, users, *b.cycle)
	if err != nil {
		return err
	}
	for _, d := range docs {
		var before *decimal.Decimal
		if u, known := usual[purse{d.userID, d.currency}]; known {
			before = &u
		}
		if total := d.totals.Total; bound.Times.IsPositive() && total.GreaterThan(bound.Floor) && total.GreaterThan(bound.Limit(before)) {
			p := people[d.userID]
			p.Parked = true
			people[d.userID] = p
		}
	}
	return nil
}

// purse is a customer in a currency: what invoices of different months have in common.
type purse struct {
	user     uuid.UUID
	currency string
}
