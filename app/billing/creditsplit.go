package billing

import (
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
)

// creditable is a line of an invoice with what earlier notes gave back of it.
type creditable struct {
	Line
	Credited    decimal.Decimal `db:"credited"`     // as the line is priced
	CreditedTax decimal.Decimal `db:"credited_tax"` // of that
}

// Left is what may still be given back of the line, for people.
func (c creditable) Left() string { return money.Of(c.left(), c.Currency).Format() }

// Rest is what may still be given back of the line, as it is priced.
func (c creditable) Rest() decimal.Decimal { return c.left() }

// HasLeft says that something may still be given back of the line.
func (c creditable) HasLeft() bool { return c.left().IsPositive() }

// left is what may still be given back of the line, as it is priced.
func (c creditable) left() decimal.Decimal { return c.Amount.Sub(c.Discount).Sub(c.Credited) }

// taxKey tells the rates of an invoice apart, as Sum does.
type taxKey struct {
	name, percent string
	inclusive     bool
}

func (c creditable) rate() taxKey { return taxKey{c.TaxName, c.TaxPercent.String(), c.TaxInclusive} }

// divide checks the lines of the wish against what is left of the invoice, and works
// out the tax of each. The tax of a rate is what it comes to on all that was given
// back of it so far, less what was given back before: so notes round as the invoice
// did, and together they never give back more tax than it took.
func (w CreditWish) divide(inv Invoice, all []creditable) ([]CreditLine, error) {
	lines, err := w.wanted(inv, all)
	if err != nil {
		return nil, err
	}
	byID := map[uuid.UUID]creditable{}
	before, taxBefore, now := map[taxKey]decimal.Decimal{}, map[taxKey]decimal.Decimal{}, map[taxKey]decimal.Decimal{}
	for _, c := range all {
		byID[c.ID] = c
		before[c.rate()], taxBefore[c.rate()] = before[c.rate()].Add(c.Credited), taxBefore[c.rate()].Add(c.CreditedTax)
	}
	at := map[taxKey][]int{}
	for i, l := range lines {
		r := byID[l.ItemID].rate()
		now[r], at[r] = now[r].Add(l.Amount), append(at[r], i)
	}
	for r, own := range at {
		percent := byID[lines[own[0]].ItemID].TaxPercent
		tax := taxOn(before[r].Add(now[r]), percent, r.inclusive, inv.Currency).Sub(taxBefore[r])
		weights := make([]decimal.Decimal, len(own))
		for n, i := range own {
			weights[n], lines[i].inside = lines[i].Amount, r.inclusive
		}
		for n, part := range money.Allocate(tax, weights, inv.Currency) {
			lines[own[n]].Tax = part
		}
	}
	return lines, nil
}

// wanted are the lines of the wish, or all that is left of the invoice.
func (w CreditWish) wanted(inv Invoice, all []creditable) ([]CreditLine, error) {
	if len(w.Lines) == 0 {
		var lines []CreditLine
		for _, c := range all {
			if c.left().IsPositive() {
				lines = append(lines, CreditLine{ItemID: c.ID, Description: c.Description, Amount: c.left()})
			}
		}
		return lines, nil
	}
	left := map[uuid.UUID]creditable{}
	for _, c := range all {
		left[c.ID] = c
	}
	lines := make([]CreditLine, len(w.Lines))
	wrong := fail.Fields{}
	for i, l := range w.Lines {
		c, known := left[l.ItemID]
		switch {
		case !known:
			return nil, fail.Missing("line of this invoice")
		case !l.Amount.IsPositive() || !l.Amount.Equal(money.Round(l.Amount, inv.Currency)):
			wrong.Add("amount", "Enter an amount above zero, in steps of %s.", inv.Money(money.Unit(inv.Currency)))
		case l.Amount.GreaterThan(c.left()):
			wrong.Add("amount", "At most %s is left of line %d.", inv.Money(c.left()), c.Position)
		}
		c.Credited = c.Credited.Add(l.Amount)
		left[l.ItemID] = c
		if lines[i] = l; l.Description == "" {
			lines[i].Description = c.Description
		}
	}
	return lines, wrong.Err()
}
