package billing

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// termDays is how long after its date an invoice is due (R23).
	termDays = 7
	// defaultPrefix begins a number, unless the shop's setting says otherwise.
	defaultPrefix = "INV"
)

// closeCycle is CloseCycle inside the caller's transaction. Everything charged
// before the cycle's end and on no invoice yet goes on one: usage that came too
// late for its own cycle too (R19).
func closeCycle(ctx context.Context, tx tenants.Tx, c Cycle) ([]Invoice, error) {
	if err := lock(ctx, tx); err != nil {
		return nil, err
	}
	if first, err := claim(ctx, tx, c); err != nil || !first {
		return nil, err
	}
	months, all, err := gather(ctx, tx, c)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	taxes, err := activeTaxes(ctx, tx)
	if err != nil {
		return nil, err
	}
	return issue(ctx, tx, c, draw(all, months, taxes))
}

// gather reads what is to be billed, with the months it belongs to: from that of
// the oldest block up to the cycle itself.
func gather(ctx context.Context, tx tenants.Tx, c Cycle) ([]Cycle, []usage, error) {
	oldest, found, err := oldestUnbilled(ctx, tx, c.End)
	if err != nil || !found {
		return nil, nil, err
	}
	zone := tx.Tenant().Zone
	var months []Cycle
	for m := CycleOf(zone, oldest); m.Start.Before(c.End); m = m.Next(zone) {
		months = append(months, m)
	}
	all, err := unbilled(ctx, tx, c.End, months)
	for _, c := range all {
		if c.Month < 1 {
			return nil, nil, errMoved
		}
	}
	return months, addUp(all), err
}

// issue numbers, writes and announces the documents.
func issue(ctx context.Context, tx tenants.Tx, c Cycle, docs []document) ([]Invoice, error) {
	people, err := billTo(ctx, tx, docs)
	if err != nil {
		return nil, err
	}
	at := issuedAt(tx, c)
	numbers, err := takeNumbers(ctx, tx, len(docs), at.In(tx.Tenant().Zone).Year())
	if err != nil {
		return nil, err
	}
	wallets, err := ledger.LockPurses(ctx, tx, userIDs(docs))
	if err != nil {
		return nil, err
	}
	invoices := make([]Invoice, len(docs))
	var lines []Line
	var parts []part
	var paid []payment
	for i, doc := range docs {
		inv := invoiceOf(tx.Tenant(), c, doc, people[doc.userID], numbers[i], at)
		takes := ledger.TakeFrom(wallets[doc.userID], doc.currency, inv.Total)
		inv.pay(takes, at)
		invoices[i], paid = inv, append(paid, payment{inv, takes})
		for j, l := range doc.lines {
			l.ID, l.InvoiceID = uuid.New(), inv.ID
			lines, parts = append(lines, l), append(parts, partsOf(l.ID, doc.usage[j])...)
		}
	}
	if err := write(ctx, tx, c, invoices, lines, parts); err != nil {
		return nil, err
	}
	if err := postCredit(ctx, tx, paid); err != nil {
		return nil, err
	}
	return invoices, bus.AppendAll(ctx, tx, "invoice.finalised", finalised(invoices))
}

// write stores drafts, their lines and where each block went, checks that what
// was marked is what was added up, and only then finalises (R18, R19, R20).
func write(ctx context.Context, tx tenants.Tx, c Cycle, invoices []Invoice, lines []Line, parts []part) error {
	if err := insertDrafts(ctx, tx, c, invoices); err != nil {
		return err
	}
	if err := insertLines(ctx, tx, lines); err != nil {
		return err
	}
	marked, err := markBlocks(ctx, tx, parts)
	if err != nil {
		return err
	}
	if !maps.Equal(marked, tallies(parts)) {
		return errMoved
	}
	return finalise(ctx, tx, invoices)
}

// tallies is what ought to be marked for each line.
func tallies(parts []part) map[uuid.UUID]tally {
	want := map[uuid.UUID]tally{}
	for _, p := range parts {
		t := want[p.ItemID]
		want[p.ItemID] = tally{t.blocks + p.blocks, t.seconds + p.seconds}
	}
	return want
}

// invoiceOf fills in a finalised document. Its date is a civil date of the
// shop's zone, and so is the day it is due.
func invoiceOf(t tenants.Tenant, c Cycle, doc document, to Party, number string, at time.Time) Invoice {
	y, m, d := at.In(t.Zone).Date()
	return Invoice{
		ID: uuid.New(), UserID: doc.userID, Currency: doc.currency,
		Number:      number,
		PeriodStart: c.Start, PeriodEnd: c.End,
		Totals:      doc.totals,
		AmountDue:   doc.totals.Total,
		DueDate:     time.Date(y, m, d+termDays, 0, 0, 0, 0, time.UTC),
		Description: "Usage of " + c.Name(),
		BillTo:      to,
		Seller:      sellerOf(t),
		CreatedAt:   at,
		FinalisedAt: at,
	}
}

// pay applies credit and settles the status: nothing left to pay is paid.
func (i *Invoice) pay(takes []ledger.Take, at time.Time) {
	for _, t := range takes {
		i.CreditApplied = i.CreditApplied.Add(t.Amount)
	}
	i.AmountDue = i.Total.Sub(i.CreditApplied)
	i.Status = Open
	if !i.AmountDue.IsPositive() {
		i.AmountDue, i.Status, i.PaidAt = decimal.Zero, Paid, &at
	}
}

// issuedAt is now, but never before the cycle's end: a month may be closed early
// on an operator's word.
func issuedAt(tx tenants.Tx, c Cycle) time.Time {
	if now := tx.Now(); now.After(c.End) {
		return now
	}
	return c.End
}

func sellerOf(t tenants.Tenant) Party {
	p := Party{Name: t.Branding.CompanyName, Email: t.Branding.SupportEmail, Phone: t.Branding.SupportPhone}
	if p.Name == "" {
		p.Name = t.Name
	}
	if p.Email == "" {
		p.Email = t.OwnerEmail
	}
	return p
}

func billTo(ctx context.Context, tx tenants.Tx, docs []document) (map[uuid.UUID]Party, error) {
	people, err := customers(ctx, tx, userIDs(docs))
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]Party, len(people))
	for _, p := range people {
		byID[p.ID] = Party{Name: p.Name, Email: p.Email}
	}
	return byID, nil
}

func userIDs(docs []document) []uuid.UUID {
	ids := make([]uuid.UUID, len(docs))
	for i, d := range docs {
		ids[i] = d.userID
	}
	return ids
}
