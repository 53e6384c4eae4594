package views

// MailInvoice is what an invoice's letter says; amounts and dates are written out.
type MailInvoice struct {
	Number    string
	Period    string // "1 to 31 October 2026"
	Total     string
	Paid      string // what credit has paid of it already; empty for nothing
	AmountDue string
	DueDate   string // empty when nothing is due
	Link      string
}

// Letter announces a finalised invoice.
func (i MailInvoice) Letter(b MailBrand, name string) Letter {
	l := Letter{
		Brand: b, Name: name,
		Subject: "Invoice " + i.Number + " from " + b.Company,
		Preview: i.Total + " for " + i.Period,
		Body:    []string{"Here is your invoice for " + i.Period + ". Every session behind it is listed on its page."},
		Facts:   []MailFact{{"Number", i.Number}, {"Total", i.Total}},
		Button:  MailLink{"See the invoice", i.Link},
	}
	if i.Paid != "" {
		l.Facts = append(l.Facts, MailFact{"Paid from your credit", i.Paid})
	}
	l.Facts = append(l.Facts, MailFact{"To pay", i.AmountDue})
	if i.DueDate == "" {
		l.After = []string{"There is nothing to pay."}
		return l
	}
	l.Facts = append(l.Facts, MailFact{"Due", i.DueDate})
	return l
}

// MailCreditNote is what a credit note's letter says. Off, Credit and Card are
// where the money went, each empty for nothing.
type MailCreditNote struct {
	Number            string
	Invoice           string
	Reason            string // a sentence for people
	Total             string
	Off, Credit, Card string
	Link              string
}

// Letter tells what is given back and why.
func (c MailCreditNote) Letter(b MailBrand, name string) Letter {
	l := Letter{
		Brand: b, Name: name,
		Subject: "We give you back " + c.Total + " of invoice " + c.Invoice,
		Preview: c.Reason,
		Body:    []string{"We have made credit note " + c.Number + " over " + c.Total + " for your invoice " + c.Invoice + ".", "Why: " + c.Reason},
		Facts:   []MailFact{{"Number", c.Number}, {"For invoice", c.Invoice}, {"Given back", c.Total}},
		Button:  MailLink{"See the credit note", c.Link},
		After:   []string{"You need not do anything."},
	}
	for _, went := range []MailFact{{"Off what the invoice still asks for", c.Off}, {"Added to your credit", c.Credit}, {"Back to the card that paid", c.Card}} {
		if went.Value != "" {
			l.Facts = append(l.Facts, went)
		}
	}
	return l
}
