package billing

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// Document is an invoice with everything that is said beside it: what was taken
// back, what came in, and how else it can be paid. It is filled by DocumentQs.
type Document struct {
	Detail
	Credits  []CreditRef
	Payments []PaymentRef
	HowToPay string // the shop's own words about bank transfers; empty for none
	Cards    bool   // the shop takes cards
}

// CreditRef is a credit note as its invoice names it.
type CreditRef struct {
	Number    string          `db:"number"`
	Total     decimal.Decimal `db:"total"`
	Currency  string          `db:"currency"`
	Reason    string          `db:"reason"`
	CreatedAt time.Time       `db:"created_at"`
}

// Money writes what the note gives back, for people.
func (c CreditRef) Money() string { return money.Of(c.Total, c.Currency).Format() }

// API writes what the note gives back, for programs.
func (c CreditRef) API() string { return money.API(c.Total, c.Currency) }

// PaymentRef is money that came in for an invoice.
type PaymentRef struct {
	Amount    decimal.Decimal `db:"amount"`
	Currency  string          `db:"currency"`
	Method    string          `db:"method"` // card, checkout, bank, cash
	Reference string          `db:"reference"`
	Brand     string          `db:"brand"`
	Last4     string          `db:"last4"`
	At        time.Time       `db:"at"`
}

// How words what paid: "Paid by Visa ending in 4242".
func (p PaymentRef) How() string {
	switch {
	case p.Last4 != "":
		brand := p.Brand
		if brand == "" {
			brand = "card"
		}
		return "Paid by " + strings.ToUpper(brand[:1]) + brand[1:] + " ending in " + p.Last4
	case p.Method == "bank":
		return "Paid by bank transfer"
	case p.Method == "cash":
		return "Paid in cash"
	}
	return "Paid by card"
}

// CreditDocument is a credit note as a document of its own.
type CreditDocument struct {
	ID            uuid.UUID       `db:"id"`
	Number        string          `db:"number"`
	InvoiceNumber string          `db:"invoice_number"`
	UserID        uuid.UUID       `db:"user_id"`
	Cause         string          `db:"cause"`
	Reason        string          `db:"reason"`
	Currency      string          `db:"currency"`
	Net           decimal.Decimal `db:"net"`
	Tax           decimal.Decimal `db:"tax"`
	Total         decimal.Decimal `db:"total"`
	ToInvoice     decimal.Decimal `db:"to_invoice"`
	ToCredit      decimal.Decimal `db:"to_credit"`
	ToPayment     decimal.Decimal `db:"to_payment"`
	BillTo        Party           `db:"bill_to"`
	Seller        Party           `db:"seller"`
	CreatedAt     time.Time       `db:"created_at"`
}

// Money writes one of the note's figures for people.
func (c CreditDocument) Money(d decimal.Decimal) string { return money.Of(d, c.Currency).Format() }

// CreditItem is a line of a credit note. Position is the line of the invoice
// that it gives back; 0 for none.
type CreditItem struct {
	Description string          `db:"description"`
	Blocks      int64           `db:"blocks"`
	Amount      decimal.Decimal `db:"amount"`
	Tax         decimal.Decimal `db:"tax"`
	Position    int             `db:"line"`
}

// Went says where the money of a credit note went, one row a place.
func (c CreditDocument) Went() []FootRow {
	var rows []FootRow
	for _, w := range []struct {
		term   string
		amount decimal.Decimal
	}{{"Off what invoice " + c.InvoiceNumber + " still asks for", c.ToInvoice}, {"Added to your credit", c.ToCredit}, {"Back to the card that paid", c.ToPayment}} {
		if w.amount.IsPositive() {
			rows = append(rows, FootRow{Term: w.term, Text: c.Money(w.amount)})
		}
	}
	return rows
}

// FootRow is a figure at the foot of a document.
type FootRow struct {
	Term, Text string
	Total      bool
}

// TaxLine is the tax of one rate on an invoice (R10).
type TaxLine struct {
	Name      string
	Percent   decimal.Decimal
	Inclusive bool // it is inside the lines' prices
	Net       decimal.Decimal
	Tax       decimal.Decimal
}

// Term names the tax: "VAT 19 %".
func (t TaxLine) Term() string {
	term := strings.TrimSpace(t.Name + " " + t.Percent.String() + " %")
	if t.Inclusive {
		term += ", inside the price"
	}
	return term
}

// TaxLines are the taxes of an invoice, one for each rate, as Sum worked them out.
func (d Detail) TaxLines() []TaxLine {
	var taxes []TaxLine
	for _, l := range d.Lines {
		if !l.TaxPercent.IsPositive() {
			continue
		}
		at := -1
		for i, t := range taxes {
			if t.Name == l.TaxName && t.Percent.Equal(l.TaxPercent) && t.Inclusive == l.TaxInclusive {
				at = i
			}
		}
		if at < 0 {
			at, taxes = len(taxes), append(taxes, TaxLine{Name: l.TaxName, Percent: l.TaxPercent, Inclusive: l.TaxInclusive})
		}
		taxes[at].Net = taxes[at].Net.Add(l.Amount).Sub(l.Discount)
	}
	for i, t := range taxes {
		taxes[i].Tax = taxOn(t.Net, t.Percent, t.Inclusive, d.Invoice.Currency)
		if t.Inclusive {
			taxes[i].Net = t.Net.Sub(taxes[i].Tax)
		}
	}
	return taxes
}

// Foot is what stands under an invoice's lines, in the order in which it was
// worked out (R11): the lines, discount, tax, the total, what paid it, what is left.
func (d Document) Foot() []FootRow {
	i := d.Invoice
	rows := []FootRow{{Term: "Sum of the lines", Text: i.Money(i.Subtotal)}}
	if i.Discount.IsPositive() {
		rows = append(rows, FootRow{Term: strings.TrimSpace("Discount " + i.CouponCode), Text: i.Money(i.Discount.Neg())})
	}
	for _, t := range d.TaxLines() {
		rows = append(rows, FootRow{Term: t.Term(), Text: i.Money(t.Tax)})
	}
	rows = append(rows, FootRow{Term: "Total", Text: i.Money(i.Total), Total: true})
	for _, c := range d.Credits {
		rows = append(rows, FootRow{Term: "Credit note " + c.Number, Text: money.Of(c.Total.Neg(), c.Currency).Format()})
	}
	rows = append(rows, d.settled()...)
	switch i.Status {
	case Void:
		return append(rows, FootRow{Term: "Void, nothing to pay", Text: i.Money(decimal.Zero), Total: true})
	case Paid:
		return append(rows, FootRow{Term: "To pay", Text: i.Money(decimal.Zero), Total: true})
	}
	return append(rows, FootRow{Term: "To pay by " + i.DueDate.Format("January 2, 2006"), Text: i.Money(i.AmountDue), Total: true})
}

// settled are the parts of an invoice that were paid, each from where it came.
func (d Document) settled() []FootRow {
	i, rest := d.Invoice, d.Invoice.PaidAmount
	var rows []FootRow
	add := func(term string, amount decimal.Decimal) {
		if amount.IsPositive() {
			rows = append(rows, FootRow{Term: term, Text: i.Money(amount.Neg())})
		}
	}
	add("Prepaid, block by block", i.PrepaidApplied)
	add("Paid from bonus credit", i.BonusApplied)
	add("Paid from credit", i.CreditApplied)
	for _, p := range d.Payments {
		part := decimal.Min(p.Amount, rest)
		add(p.How(), part)
		rest = rest.Sub(part)
	}
	add("Paid", rest)
	return rows
}

// PostalLines are a party's lines as on an envelope, without those it does not have.
func (p Party) PostalLines() []string {
	var lines []string
	for _, text := range append([]string{p.Company, p.Name}, strings.Split(p.Address, "\n")...) {
		if text = strings.TrimSpace(text); text != "" {
			lines = append(lines, text)
		}
	}
	if p.Country != "" {
		lines = append(lines, p.Country)
	}
	for _, text := range []string{p.Email, p.Phone} {
		if text != "" {
			lines = append(lines, text)
		}
	}
	if p.VATNumber != "" {
		lines = append(lines, "VAT number "+p.VATNumber)
	}
	return lines
}
