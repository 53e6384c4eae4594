package documents

import (
	"strconv"

	"github.com/ezscale/ezscale/app/billing"
)

// CreditNote draws a credit note as PDF; the same note gives the same bytes.
func (p *Press) CreditNote(n billing.CreditDocument, items []billing.CreditItem, b Brand) ([]byte, error) {
	texts := append([]string{b.Company, b.Email, b.Phone, n.Reason, n.Money(n.Total)}, n.BillTo.PostalLines()...)
	texts = append(texts, n.Seller.PostalLines()...)
	for _, i := range items {
		texts = append(texts, i.Description)
	}
	s, err := p.open(about{title: "Credit note " + n.Number, author: b.Company, subject: "Credit note " + n.Number + " for invoice " + n.InvoiceNumber,
		foot: b.Company + " · Credit note " + n.Number, at: n.CreatedAt}, b.Colour, texts...)
	if err != nil {
		return nil, err
	}
	s.head(b, n.Seller, "Credit note", n.Number, "")
	s.parties(n.BillTo, [][2]string{{"Date", b.date(n.CreatedAt)}, {"Invoice", n.InvoiceNumber}})
	s.note("Why", n.Reason)
	s.creditLines(n, items)
	rows := []billing.FootRow{{Term: "Net", Text: n.Money(n.Net)}}
	if !n.Tax.IsZero() {
		rows = append(rows, billing.FootRow{Term: "Tax", Text: n.Money(n.Tax)})
	}
	s.foot(append(append(rows, billing.FootRow{Term: "Total given back", Text: n.Money(n.Total), Total: true}), n.Went()...))
	return s.close()
}

func (s *sheet) creditLines(n billing.CreditDocument, items []billing.CreditItem) {
	head := func() {
		s.ground(s.y, 7)
		s.font("B", 8, muted)
		s.at(left+2, s.y+4.7, "What is given back")
		s.atRight(138, s.y+4.7, "Blocks")
		s.atRight(164, s.y+4.7, "Tax")
		s.atRight(right-2, s.y+4.7, "Amount")
		s.y += 9
	}
	s.room(24)
	head()
	s.again = head
	for _, i := range items {
		s.font("", 9.5, ink)
		rows := s.lines(i.Description, 100)
		s.room(float64(len(rows))*4.6 + 3)
		s.font("", 9.5, ink)
		for at, row := range rows {
			s.at(left+2, s.y+3.4+float64(at)*4.6, row)
		}
		if i.Blocks != 0 {
			s.atRight(138, s.y+3.4, strconv.FormatInt(i.Blocks, 10))
		}
		s.atRight(164, s.y+3.4, n.Money(i.Tax))
		s.atRight(right-2, s.y+3.4, n.Money(i.Amount))
		s.y += float64(len(rows)) * 4.6
		s.rule(s.y+1, line)
		s.y += 2.6
	}
	s.again = nil
}
