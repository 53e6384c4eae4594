package documents

import (
	"time"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

// Statement is what a customer used in a month, whether it is invoiced or not.
type Statement struct {
	Month    string // "October 2026"
	From, To time.Time
	For      billing.Party
	Currency string
	Entries  []billing.Entry
	At       time.Time // when it was asked for, to the day: the same day draws the same file
}

// Statement draws a month's sessions as PDF, in R9's words.
func (p *Press) Statement(st Statement, b Brand) ([]byte, error) {
	texts := append([]string{b.Company, b.Email, b.Phone, st.sum().Round().Format()}, st.For.PostalLines()...)
	for _, e := range st.Entries {
		texts = append(texts, e.PlanName)
	}
	s, err := p.open(about{title: "Statement of " + st.Month, author: b.Company, subject: "Sessions of " + st.Month,
		foot: b.Company + " · Statement of " + st.Month, at: st.At}, b.Colour, texts...)
	if err != nil {
		return nil, err
	}
	s.head(b, billing.Party{Email: b.Email, Phone: b.Phone}, "Statement", st.Month, "")
	s.parties(st.For, [][2]string{{"Period", b.period(st.From, st.To)}, {"Date", b.date(st.At)}})
	if len(st.Entries) == 0 {
		s.note("Nothing ran", "No block began in this month.")
		return s.close()
	}
	shown := st.Entries[:min(len(st.Entries), maxEntries)]
	s.entries("Sessions of "+st.Month, shown, b)
	if more := len(st.Entries) - len(shown); more > 0 {
		s.font("", 8, muted)
		s.text(left, width, 4.5, many(int64(more), "more session")+": see the invoice as CSV.")
	}
	s.foot([]billing.FootRow{{Term: "Sum, rounded", Text: st.sum().Round().Format(), Total: true}})
	s.font("", 8, muted)
	s.text(left, width, 4.4, "A statement lists blocks by their start, before discounts and tax. It is no invoice and asks for no payment.")
	return s.close()
}

func (st Statement) sum() money.Exact {
	sum := money.Nothing(st.Currency)
	for _, e := range st.Entries {
		if e.Currency == st.Currency {
			sum = sum.Add(e.Exact())
		}
	}
	return sum
}
