package billing

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// heldParked is why an invoice of a parked customer is not charged.
const heldParked = "parked"

// batch is what documents that are made together have in common.
type batch struct {
	kind        string
	cycle       *time.Time // the start of the month that they close; nil outside of a cycle
	start, end  time.Time  // the period they are about
	at          time.Time  // their date
	description string
}

// issueNow makes one document outside of a cycle: numbered, taxed, with the
// customer's coupon, paid from credit as far as that goes, and announced, by the way
// a month's invoices go. The lines say what they cost exactly (Exact) and of which
// class they are; their period is the document's.
func issueNow(ctx context.Context, tx tenants.Tx, kind string, user uuid.UUID, currency, description string, lines []Line) (Invoice, error) {
	now := tx.Now()
	b := batch{kind: kind, start: now, end: now, at: now, description: description}
	doc := document{userID: user, currency: currency, lines: lines}
	for i := range lines {
		l := &lines[i]
		l.Currency, l.Amount = currency, money.Round(l.Exact, currency)
		if i == 0 || l.PeriodStart.Before(b.start) {
			b.start = l.PeriodStart
		}
		if i == 0 || l.PeriodEnd.After(b.end) {
			b.end = l.PeriodEnd
		}
	}
	made, err := issue(ctx, tx, b, []document{doc})
	if err != nil {
		return Invoice{}, err
	}
	return made[0], nil
}

// issue closes the figures of documents, numbers, writes and announces them.
func issue(ctx context.Context, tx tenants.Tx, b batch, docs []document) ([]Invoice, error) {
	people, err := peopleOf(ctx, tx, docs)
	if err != nil {
		return nil, err
	}
	if err := total(ctx, tx, b, docs, people); err != nil {
		return nil, err
	}
	if err := outOfBounds(ctx, tx, b, docs, people); err != nil {
		return nil, err
	}
	numbers, err := nextInvoiceNumbers(ctx, tx, len(docs), b.at)
	if err != nil {
		return nil, err
	}
	days, err := termDays(ctx, tx)
	if err != nil {
		return nil, err
	}
	wallets, err := ledger.LockPurses(ctx, tx, owing(docs, people))
	if err != nil {
		return nil, err
	}
	due := dueDate(b.at, tx.Tenant().Zone, days)
	paid := make([]payment, len(docs))
	for i, doc := range docs {
		inv := invoiceOf(tx.Tenant(), b, doc, people[doc.userID], due)
		inv.Number = numbers[i]
		takes := ledger.TakeFrom(wallets[doc.userID], doc.currency, inv.AmountDue)
		inv.pay(takes, b.at)
		paid[i] = payment{inv, takes, doc.settled}
	}
	return record(ctx, tx, b, docs, paid)
}

// record writes the documents down with their lines and what is booked for them, and
// announces them.
func record(ctx context.Context, tx tenants.Tx, b batch, docs []document, paid []payment) ([]Invoice, error) {
	invoices := make([]Invoice, len(docs))
	var lines []Line
	var parts parts
	for i, doc := range docs {
		invoices[i] = paid[i].invoice
		for j, l := range doc.lines {
			l.ID, l.InvoiceID, l.Position = newID(), invoices[i].ID, j+1
			lines = append(lines, l)
			if j < len(doc.usage) {
				parts.add(l.ID, doc.usage[j])
			}
		}
	}
	if err := write(ctx, tx, b, invoices, lines, parts); err != nil {
		return nil, err
	}
	if err := postPayments(ctx, tx, paid); err != nil {
		return nil, err
	}
	return invoices, bus.AppendAll(ctx, tx, "invoice.finalised", finalised(invoices))
}

// total works out each document's foot: tax by the customer and the class, the
// coupon, and what was taken for its blocks before (R11).
func total(ctx context.Context, tx tenants.Tx, b batch, docs []document, people map[uuid.UUID]customer) error {
	taxes, err := activeTaxes(ctx, tx)
	if err != nil {
		return err
	}
	coupons, err := reductions(ctx, tx, b.kind, docs, b.at)
	if err != nil {
		return err
	}
	for i := range docs {
		d := &docs[i]
		taxed(d.lines, people[d.userID], taxes)
		off := decimal.Zero
		if c, has := coupons[d.userID]; has {
			off, d.coupon = c.off(d.lines, d.currency), c.code
		}
		d.totals = Sum(d.lines, off, d.currency)
		taken, blocks := d.prepaid()
		d.settled = settlePrepaid(d.lines, d.totals.Total, taken, blocks, d.currency)
	}
	return nil
}

// owing are the customers whose credit is asked to pay: those who owe something and
// are not parked, because a parked customer is charged nothing.
func owing(docs []document, people map[uuid.UUID]customer) []uuid.UUID {
	var ids []uuid.UUID
	for _, d := range docs {
		if d.totals.Total.GreaterThan(d.settled.applied) && !people[d.userID].Parked {
			ids = append(ids, d.userID)
		}
	}
	return ids
}

// write stores drafts, their lines and where each block went, checks that what
// was marked is what was added up, and only then finalises (R18, R19, R20).
func write(ctx context.Context, tx tenants.Tx, b batch, invoices []Invoice, lines []Line, parts parts) error {
	if err := insertDrafts(ctx, tx, b, invoices); err != nil {
		return err
	}
	if err := insertLines(ctx, tx, lines); err != nil {
		return err
	}
	marked, err := markBlocks(ctx, tx, parts)
	if err != nil {
		return err
	}
	if !maps.Equal(marked, parts.want) {
		return errMoved
	}
	return finalise(ctx, tx, invoices)
}

// invoiceOf fills in a finalised document, all of it due but for what was prepaid.
func invoiceOf(t tenants.Tenant, b batch, doc document, to customer, due time.Time) Invoice {
	inv := Invoice{
		ID: newID(), UserID: doc.userID, Currency: doc.currency,
		Kind:        b.kind,
		PeriodStart: b.start, PeriodEnd: b.end,
		Totals:         doc.totals,
		PrepaidApplied: doc.settled.applied,
		AmountDue:      doc.totals.Total.Sub(doc.settled.applied),
		CouponCode:     doc.coupon,
		DueDate:        due,
		Description:    b.description,
		BillTo:         to.party(),
		Seller:         sellerOf(t),
		CreatedAt:      b.at,
		FinalisedAt:    b.at,
	}
	if to.Parked {
		inv.HeldFor = heldParked
	}
	return inv
}

// dueDate is a civil date of the shop's zone, so many days after the document's.
func dueDate(at time.Time, zone *time.Location, days int) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, time.UTC)
}

// pay applies credit and settles the status: nothing left to pay is paid.
func (i *Invoice) pay(takes []ledger.Take, at time.Time) {
	for _, t := range takes {
		if t.Kind == ledger.Bonus {
			i.BonusApplied = i.BonusApplied.Add(t.Amount)
		} else {
			i.CreditApplied = i.CreditApplied.Add(t.Amount)
		}
		i.AmountDue = i.AmountDue.Sub(t.Amount)
	}
	i.Status = Open
	if !i.AmountDue.IsPositive() {
		i.AmountDue, i.Status, i.PaidAt, i.HeldFor = decimal.Zero, Paid, &at, ""
	}
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

// newID is an identifier that grows with time: rows made together lie together.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
