package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
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

// InvoiceProps is one document.
type InvoiceProps struct {
	When
	billing.Detail
}

func (p InvoiceProps) lineColumns() []Column {
	return []Column{{Label: "What"}, {Label: "Hours", End: true}, {Label: "An hour", End: true}, {Label: "Amount", End: true}}
}

func hours(l billing.Line) string { return l.Quantity.StringFixed(2) }

func blocksOf(l billing.Line) string {
	return many(l.Blocks, "block") + " of " + every(l.BlockSeconds)
}

func (p InvoiceProps) sums() []Item {
	i := p.Invoice
	items := []Item{{Term: "Sum of the lines", Text: i.Money(i.Subtotal)}}
	if i.Discount.IsPositive() {
		items = append(items, Item{Term: "Discount", Text: i.Money(i.Discount.Neg())})
	}
	if i.Tax.IsPositive() {
		items = append(items, Item{Term: p.taxName(), Text: i.Money(i.Tax)})
	}
	items = append(items, Item{Term: "Total", Text: i.Money(i.Total), Total: true})
	if i.CreditApplied.IsPositive() {
		items = append(items, Item{Term: "Paid from credit", Text: i.Money(i.CreditApplied.Neg())})
	}
	if i.Status == billing.Paid {
		return append(items, Item{Term: "To pay", Text: i.Money(decimal.Zero), Total: true})
	}
	return append(items, Item{Term: "To pay by " + dueDate(i), Text: i.Money(i.AmountDue), Total: true})
}

// taxName lists the taxes of the lines: "VAT 19 %".
func (p InvoiceProps) taxName() string {
	var names []string
	seen := map[string]bool{}
	for _, l := range p.Lines {
		name := strings.TrimSpace(l.TaxName) + " " + l.TaxPercent.String() + " %"
		if l.TaxInclusive {
			name += ", inside the price"
		}
		if l.TaxPercent.IsPositive() && !seen[name] {
			names, seen[name] = append(names, strings.TrimSpace(name)), true
		}
	}
	if len(names) == 0 {
		return "Tax"
	}
	return strings.Join(names, " and ")
}

// few says that a statement is short enough to be open from the beginning.
func (p InvoiceProps) few(l billing.Line) bool { return len(p.Statement(l)) <= 6 }

func (p InvoiceProps) statementTitle(l billing.Line) string {
	n := len(p.Statement(l))
	return fmt.Sprintf("The %s behind line %s", many(int64(n), "session"), strconv.Itoa(l.Position))
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

// seller is who sends the invoice, without a name that stands above it already.
func (p InvoiceProps) seller(above string) billing.Party {
	who := p.Invoice.Seller
	if who.Name == above {
		who.Name = ""
	}
	return who
}
