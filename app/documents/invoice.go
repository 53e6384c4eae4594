package documents

import (
	"fmt"
	"strconv"

	"github.com/ezscale/ezscale/app/billing"
)

// maxEntries bounds the statement of a file that people read. The rest stands on
// the pages of the lines and in the CSV file, and the document says so.
const maxEntries = 4000

// Invoice draws an invoice as PDF: the same document gives the same bytes.
func (p *Press) Invoice(d billing.Document, b Brand) ([]byte, error) {
	i := d.Invoice
	s, err := p.open(about{title: "Invoice " + i.Number, author: b.Company, subject: "Invoice " + i.Number + " of " + b.date(i.FinalisedAt),
		foot: b.Company + " · Invoice " + i.Number, at: i.FinalisedAt}, b.Colour, typed(d, b)...)
	if err != nil {
		return nil, err
	}
	s.head(b, i.Seller, "Invoice", i.Number, standing(i))
	facts := [][2]string{{"Date", b.date(i.FinalisedAt)}, {"Period", b.period(i.PeriodStart, i.PeriodEnd)}, {"Due", i.DueDate.Format("January 2, 2006")}}
	if i.PaidAt != nil {
		facts = append(facts, [2]string{"Paid", b.date(*i.PaidAt)})
	}
	s.parties(i.BillTo, facts)
	s.invoiceLines(d)
	s.foot(d.Foot())
	s.howToPay(d, b)
	s.credits(d, b)
	s.statement(d, b)
	return s.close()
}

// typed are all texts of a document that somebody wrote.
func typed(d billing.Document, b Brand) []string {
	all := append([]string{b.Company, b.Email, b.Phone, d.HowToPay, d.Invoice.CouponCode, d.Invoice.VoidReason, d.Invoice.Description}, d.Invoice.BillTo.PostalLines()...)
	all = append(all, d.Invoice.Seller.PostalLines()...)
	for _, l := range d.Lines {
		all = append(all, l.Description, l.TaxName, l.Money())
	}
	for _, e := range d.Entries {
		all = append(all, e.PlanName)
	}
	for _, c := range d.Credits {
		all = append(all, c.Reason)
	}
	for _, row := range d.Foot() {
		all = append(all, row.Term, row.Text)
	}
	return all
}

func standing(i billing.Invoice) string {
	switch i.Status {
	case billing.Paid:
		return "Paid"
	case billing.Void:
		return "Void"
	}
	return "Due"
}

func (s *sheet) invoiceLines(d billing.Document) {
	head := func() {
		s.ground(s.y, 7)
		s.font("B", 8, muted)
		s.at(left+2, s.y+4.7, "What")
		s.atRight(138, s.y+4.7, "Hours")
		s.atRight(164, s.y+4.7, "An hour")
		s.atRight(right-2, s.y+4.7, "Amount")
		s.y += 9
	}
	s.room(24)
	head()
	s.again = head
	for _, l := range d.Lines {
		s.font("", 9.5, ink)
		rows := s.lines(l.Description, 100)
		s.room(float64(len(rows))*4.6 + 6.5)
		for n, row := range rows {
			s.font("", 9.5, ink)
			s.at(left+2, s.y+3.4, row)
			if n == 0 {
				if l.Blocks > 0 {
					s.atRight(138, s.y+3.4, l.Quantity.StringFixed(2))
					s.atRight(164, s.y+3.4, l.Rate())
				}
				s.atRight(right-2, s.y+3.4, l.Money())
			}
			s.y += 4.6
		}
		s.font("", 8, muted)
		if note := lineNote(l); note != "" {
			s.at(left+2, s.y+2.8, note)
			s.y += 4
		}
		s.rule(s.y+1, line)
		s.y += 2.6
	}
	s.again = nil
}

// lineNote is what stands small under a line: its blocks, and what came off it.
func lineNote(l billing.Line) string {
	note := ""
	if l.Blocks > 0 {
		note = many(l.Blocks, "block") + " of " + length(l.BlockSeconds)
	}
	if l.Discount.IsPositive() {
		off := billing.Invoice{Currency: l.Currency}.Money(l.Discount.Neg())
		if note != "" {
			note += ", "
		}
		note += "discount " + off
	}
	return note
}

func (s *sheet) foot(rows []billing.FootRow) {
	s.room(float64(len(rows))*6 + 4)
	s.y += 2
	for _, row := range rows {
		style := ""
		if row.Total {
			style = "B"
			s.pdf.SetDrawColor(int(line), int(line), int(line))
			s.pdf.Line(104, s.y+0.6, right, s.y+0.6)
		}
		s.font(style, 9.5, ink)
		terms := s.lines(row.Term, 60)
		for n, term := range terms {
			s.at(104, s.y+4.8+float64(n)*4.6, term)
		}
		s.atRight(right-2, s.y+4.8, row.Text)
		s.y += 5.8 + float64(max(len(terms)-1, 0))*4.6
	}
	s.y += 3
}

// howToPay says what to do about what is left to pay.
func (s *sheet) howToPay(d billing.Document, b Brand) {
	i := d.Invoice
	if i.Status == billing.Void {
		s.note("This invoice is void", "It asks for nothing. "+i.VoidReason)
		return
	}
	if i.Status != billing.Open || !i.AmountDue.IsPositive() {
		return
	}
	text := ""
	if b.Page != "" {
		text = "See and pay it online at " + b.Page + "\n"
	}
	if d.HowToPay != "" {
		text += "By bank transfer: " + d.HowToPay + "\n"
	}
	s.note("How to pay "+i.Money(i.AmountDue)+" by "+i.DueDate.Format("January 2, 2006"), text+"Please give the number "+i.Number+" with your payment.")
}

func (s *sheet) note(title, text string) {
	s.room(20)
	s.y += 2
	s.font("B", 9, ink)
	s.text(left, width, 5, title)
	s.font("", 8.5, muted)
	s.text(left, width, 4.5, text)
	s.y += 3
}

func (s *sheet) credits(d billing.Document, b Brand) {
	if len(d.Credits) == 0 {
		return
	}
	s.room(16)
	s.font("B", 9, ink)
	s.text(left, width, 5, "Credit notes")
	s.font("", 8.5, muted)
	for _, c := range d.Credits {
		s.text(left, width, 4.5, c.Number+" of "+b.date(c.CreatedAt)+", "+c.Money()+": "+c.Reason)
	}
	s.y += 3
}

// statement lists the sessions under each line in R9's words, with their exact amounts.
func (s *sheet) statement(d billing.Document, b Brand) {
	if len(d.Entries) == 0 {
		return
	}
	s.note("How this was counted", "Every block that began while a desktop ran is charged in full. A line adds up its blocks exactly and is rounded once; each session behind it stands below with its exact amount.")
	space := maxEntries
	for _, l := range d.Lines {
		entries := d.Statement(l)
		if len(entries) == 0 {
			continue
		}
		shown := entries[:min(len(entries), space)]
		space -= len(shown)
		s.entries(fmt.Sprintf("Line %d: %s", l.Position, l.Description), shown, b)
		if more := len(entries) - len(shown); more > 0 {
			s.font("", 8, muted)
			s.text(left, width, 4.5, many(int64(more), "more session")+" of this line: see the line's page, or the invoice as CSV.")
		}
	}
}

func (s *sheet) entries(title string, entries []billing.Entry, b Brand) {
	head := func() {
		s.font("B", 8, ink)
		s.text(left, width, 4.6, title)
		s.ground(s.y+0.8, 5.4)
		s.font("B", 7.5, muted)
		s.at(left+2, s.y+4.5, "Session")
		s.atRight(160, s.y+4.5, "Blocks")
		s.atRight(right-2, s.y+4.5, "Exact")
		s.y += 7
	}
	s.room(22)
	head()
	s.again = head
	for _, e := range entries {
		s.font("", 8, ink)
		rows := s.lines(e.Text(b.Zone), 124)
		s.room(float64(len(rows)) * 4.4)
		s.font("", 8, ink)
		for n, row := range rows {
			s.at(left+2, s.y+3.2+float64(n)*4.4, row)
		}
		s.atRight(160, s.y+3.2, strconv.FormatInt(e.Blocks, 10))
		s.atRight(right-2, s.y+3.2, e.Exact().Format())
		s.y += float64(len(rows)) * 4.4
	}
	s.again = nil
	s.y += 3
}
