package views

// MailWholesale is a wholesale invoice as letters to a reseller's owner speak of
// it; amounts and dates are written out.
type MailWholesale struct {
	Number    string
	Period    string // "1 to 30 September 2026"
	Total     string
	AmountDue string
	DueDate   string // "15 October 2026"
	ActBy     string // the day of the next step; may be empty
	Shop      string // the reseller's own name
	Link      string // of the invoice in the console
}

func (w MailWholesale) letter(b MailBrand, name, subject, preview, button string, body ...string) Letter {
	return Letter{Brand: b, Name: name, Subject: subject, Preview: preview, Body: body, Button: MailLink{button, w.Link},
		Facts: []MailFact{{"Invoice", w.Number}, {"Period", w.Period}, {"Total", w.Total}, {"Due", w.DueDate}}}
}

// MailWholesaleIssued brings a new wholesale invoice.
func MailWholesaleIssued(b MailBrand, name string, w MailWholesale) Letter {
	return w.letter(b, name, "Wholesale invoice "+w.Number+" for "+w.Shop, w.Total+", due on "+w.DueDate+".", "See the invoice",
		"Here is the wholesale invoice of "+w.Shop+" for "+w.Period+". Each of its lines opens to the lines of your own customers for the same desktops.")
}

// MailWholesaleReminder comes before the invoice is due.
func MailWholesaleReminder(b MailBrand, name string, w MailWholesale) Letter {
	return w.letter(b, name, "Wholesale invoice "+w.Number+" is due on "+w.DueDate, w.AmountDue+" is still to be paid.", "Pay the invoice",
		w.AmountDue+" of wholesale invoice "+w.Number+" is still to be paid, by "+w.DueDate+". If you have paid in the last days, thank you: you need not do anything more.")
}

// MailWholesalePastDue says what happens if nothing does.
func MailWholesalePastDue(b MailBrand, name string, w MailWholesale) Letter {
	return w.letter(b, name, "Wholesale invoice "+w.Number+" is past due", w.Shop+" is suspended on "+w.ActBy+" if it is not paid.", "Pay the invoice",
		w.AmountDue+" of wholesale invoice "+w.Number+" was due on "+w.DueDate+" and has not been paid.",
		"Until then all works as before. If it is not paid by "+w.ActBy+", "+w.Shop+" is suspended: its pages close, and your customers’ desktops stop at the end of the time that they have paid for.")
}

// MailWholesaleSuspended says that the shop is closed, and how it opens again.
func MailWholesaleSuspended(b MailBrand, name string, w MailWholesale) Letter {
	return w.letter(b, name, w.Shop+" is suspended", "It opens again as soon as wholesale invoice "+w.Number+" is paid.", "Pay the invoice",
		"Wholesale invoice "+w.Number+" has not been paid, so "+w.Shop+" is suspended: its pages are closed and no desktop starts. Those that run finish the time that is paid for, and nobody’s files are touched.",
		"You still sign in to your console and pay there; the shop opens again at once.")
}

// MailWholesalePaid thanks.
func MailWholesalePaid(b MailBrand, name string, w MailWholesale) Letter {
	return w.letter(b, name, "Thank you: wholesale invoice "+w.Number+" is paid", w.Total+" came in.", "See the invoice",
		"Your payment of wholesale invoice "+w.Number+" came in. Thank you.")
}
