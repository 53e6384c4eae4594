package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

// InvoicesProps is a page of a customer's invoices, newest first.
type InvoicesProps struct {
	When
	Invoices []billing.Invoice
	First    string // the newest page, when this is another one
	Older    string // the next page, when there is one
}

func invoiceColumns() []Column {
	return []Column{{Label: "Invoice"}, {Label: "Date"}, {Label: "State"}, {Label: "Due"}, {Label: "Total", End: true}, {Label: "To pay", End: true}}
}

// standing is the stored word for where an invoice stands today.
func (w When) standing(i billing.Invoice) string {
	switch {
	case i.Overdue(w.Now, w.Zone):
		return "overdue"
	case i.Status == billing.Open:
		return "due"
	}
	return string(i.Status)
}

// toPay is what is left of an invoice.
func toPay(i billing.Invoice) string {
	if i.Status != billing.Open {
		return i.Money(decimal.Zero)
	}
	return i.Money(i.AmountDue)
}

func dueDate(i billing.Invoice) string { return i.DueDate.Format("January 2, 2006") }

// period is the civil days that an invoice is about. Its end is the first
// moment after them.
func (w When) period(from, to time.Time) string {
	first, last := from.In(w.Zone), to.In(w.Zone).Add(-time.Second)
	if first.Year() == last.Year() && first.Month() == last.Month() {
		return first.Format("January 2") + " to " + last.Format("2, 2006")
	}
	return first.Format("January 2, 2006") + " to " + last.Format("January 2, 2006")
}

// InvoiceProps is one document. Its entries are at most PerLine under each line.
type InvoiceProps struct {
	When
	billing.Document
	Cards bool // the shop takes cards
}

// PerLine is how many sessions an invoice shows under a line; the line's own page
// shows all of them.
const PerLine = 50

func (p InvoiceProps) lineColumns() []Column {
	return []Column{{Label: "What"}, {Label: "Hours", End: true}, {Label: "An hour", End: true}, {Label: "Amount", End: true}}
}

func hours(l billing.Line) string {
	if l.Blocks == 0 {
		return "–"
	}
	return l.Quantity.StringFixed(2)
}

func anHour(l billing.Line) string {
	if l.Blocks == 0 {
		return "–"
	}
	return l.Rate()
}

// lineNote is what stands small under a line: its blocks and what came off it.
func lineNote(l billing.Line) string {
	var notes []string
	if l.Blocks > 0 {
		notes = append(notes, many(l.Blocks, "block")+" of "+every(l.BlockSeconds))
	}
	if l.Discount.IsPositive() {
		notes = append(notes, "discount "+money.Of(l.Discount.Neg(), l.Currency).Format())
	}
	return strings.Join(notes, ", ")
}

func (p InvoiceProps) href(rest string) string { return "/invoices/" + p.Invoice.Number + rest }

func (p InvoiceProps) lineHref(l billing.Line) string {
	return p.href("/lines/" + strconv.Itoa(l.Position))
}

func items(rows []billing.FootRow) []Item {
	out := make([]Item, len(rows))
	for i, r := range rows {
		out[i] = Item(r)
	}
	return out
}

// owes says that the customer can pay something of the invoice now.
func (p InvoiceProps) owes() bool {
	return p.Invoice.Status == billing.Open && p.Invoice.AmountDue.IsPositive()
}

func (p InvoiceProps) toPay() string {
	return "Pay " + p.Invoice.Money(p.Invoice.AmountDue) + " by " + dueDate(p.Invoice)
}

// more says that a line has sessions beside those on the invoice.
func (p InvoiceProps) more(l billing.Line) bool { return len(p.Statement(l)) >= PerLine }

// few says that a statement is short enough to be open from the beginning.
func (p InvoiceProps) few(l billing.Line) bool { return len(p.Statement(l)) <= 6 }

func (p InvoiceProps) statementTitle(l billing.Line) string {
	if p.more(l) {
		return fmt.Sprintf("The first %d sessions behind line %d", PerLine, l.Position)
	}
	return fmt.Sprintf("The %s behind line %d", many(int64(len(p.Statement(l))), "session"), l.Position)
}

func statementColumns() []Column {
	return []Column{{Label: "Session"}, {Label: "Blocks", End: true}, {Label: "Exact", End: true}}
}

func (p InvoiceProps) paid() string {
	if p.Invoice.PaidAt == nil {
		return ""
	}
	return p.Date(*p.Invoice.PaidAt)
}

// sellerOf is who sends a document, without a name that stands above it already.
func sellerOf(who billing.Party, above string) billing.Party {
	if who.Name == above {
		who.Name = ""
	}
	return who
}
