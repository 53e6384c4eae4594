package views

// MailUnpaid is what letters about an unpaid invoice say; amounts and dates are
// written out.
type MailUnpaid struct {
	Number    string
	AmountDue string
	DueDate   string // "8 December 2026"
	On        string // the day on which desktops stop or are deleted; may be empty
	Card      bool   // one is saved
	Link      string // of the invoice
	Desktops  string // of the customer's first page
}

func (u MailUnpaid) facts() []MailFact {
	facts := []MailFact{{"Invoice", u.Number}, {"To pay", u.AmountDue}}
	if u.DueDate != "" {
		facts = append(facts, MailFact{"Was due", u.DueDate})
	}
	return facts
}

func (u MailUnpaid) howToPay() string {
	if u.Card {
		return "We could not collect it from the card that you saved. Its page shows how to pay with this card or with another one; if your bank wants you to confirm the payment, you do that there too."
	}
	return "You have no card saved with us. The invoice’s page shows how to pay; write to us if you would rather pay in another way, by bank transfer for example."
}

func (u MailUnpaid) letter(b MailBrand, name, subject, preview string, body ...string) Letter {
	return Letter{Brand: b, Name: name, Subject: subject, Preview: preview, Body: body, Facts: u.facts(), Button: MailLink{"Pay the invoice", u.Link},
		After: []string{"If you have paid in the last days, thank you: you need not do anything more."}}
}

// MailReminder reminds of an invoice whose day has passed.
func MailReminder(b MailBrand, name string, u MailUnpaid) Letter {
	l := u.letter(b, name, "Reminder: invoice "+u.Number+" is not paid yet", u.AmountDue+" was due on "+u.DueDate+".",
		"Your invoice "+u.Number+" was due on "+u.DueDate+", and "+u.AmountDue+" of it is still to be paid.", u.howToPay())
	if u.On != "" {
		l.Facts = append(l.Facts, MailFact{"Desktops stop on", u.On})
	}
	return l
}

// MailSuspendWarning says when desktops will be stopped.
func MailSuspendWarning(b MailBrand, name string, u MailUnpaid) Letter {
	return u.letter(b, name, "Your desktops stop on "+u.On, "Invoice "+u.Number+" is still unpaid.",
		"Your invoice "+u.Number+" is still unpaid. If it is not settled by then, your desktops are stopped on "+u.On+" and cannot be started until it is. Your files are kept.", u.howToPay())
}

// MailSuspended says that desktops have been stopped; On is when they are deleted.
func MailSuspended(b MailBrand, name string, u MailUnpaid) Letter {
	l := u.letter(b, name, "Your desktops are suspended", "They start again as soon as invoice "+u.Number+" is paid.",
		"Your invoice "+u.Number+" has not been paid, so your desktops are suspended: what runs stops at the end of the time that is paid for, and nothing starts. Your files are kept, and as soon as the invoice is paid everything works again.", u.howToPay())
	if u.On != "" {
		l.Facts = append(l.Facts, MailFact{"Desktops are deleted on", u.On})
	}
	return l
}

// MailTerminateWarning says when desktops will be deleted.
func MailTerminateWarning(b MailBrand, name string, u MailUnpaid) Letter {
	return u.letter(b, name, "Your desktops are deleted on "+u.On, "With all files on them, unless invoice "+u.Number+" is paid.",
		"Your invoice "+u.Number+" is still unpaid. On "+u.On+" your desktops are deleted with all files on them. That cannot be undone; paying the invoice before then keeps them.", u.howToPay())
}

// MailTerminated says that desktops are gone.
func MailTerminated(b MailBrand, name string, u MailUnpaid) Letter {
	return u.letter(b, name, "Your desktops were deleted", "Invoice "+u.Number+" was not paid.",
		"Your invoice "+u.Number+" has not been paid after several reminders, so your desktops and the files on them were deleted. Nothing more is charged. The invoice stays open; once it is paid you can order again.")
}

// MailResumed says that desktops may start again.
func MailResumed(b MailBrand, name string, u MailUnpaid) Letter {
	return Letter{Brand: b, Name: name,
		Subject: "Thank you – your desktops work again",
		Preview: "Invoice " + u.Number + " is settled.",
		Body:    []string{"Your invoice " + u.Number + " is settled and nothing else is overdue. Your account is open again: start your desktops whenever you like."},
		Button:  MailLink{"See my desktops", u.Desktops},
	}
}

// MailParked tells a customer that their account is on hold; what is the bound and
// its numbers in words.
func MailParked(b MailBrand, name, what, home string) Letter {
	return Letter{Brand: b, Name: name,
		Subject: "Your account is on hold while we take a look",
		Preview: "Nothing is charged meanwhile.",
		Body: []string{
			"Your account did something that is far from usual, so we have put it on hold to protect you from charges that you may not want. A person is going to look at it.",
			"Until then nothing is charged. Desktops that run stop at the end of the time that is paid for, and none can be started; your files are kept.",
		},
		Facts:  []MailFact{{"What happened", what}},
		Button: MailLink{"See my desktops", home},
		After:  []string{"If this was intended, answer this letter and say so; it speeds things up."},
	}
}

// MailParkedNotice tells an owner of the shop that a customer is on hold.
func MailParkedNotice(b MailBrand, name, who, what, page string) Letter {
	return Letter{Brand: b, Name: name,
		Subject: who + " is parked",
		Preview: what,
		Body: []string{
			"The account of " + who + " passed a bound and is parked: nothing is charged, nothing can be started, and open invoices wait.",
			"Please look at the numbers and release the account if all is well. The customer has been told that a person is looking at it.",
		},
		Facts:  []MailFact{{"What happened", what}},
		Button: MailLink{"Look at parked accounts", page},
	}
}

// MailReleased tells a customer that their account is open again.
func MailReleased(b MailBrand, name, home string) Letter {
	return Letter{Brand: b, Name: name,
		Subject: "Your account is open again",
		Preview: "You can start your desktops.",
		Body:    []string{"We have looked at your account and released it. You can start your desktops again, and open invoices are collected as usual. Thank you for your patience."},
		Button:  MailLink{"See my desktops", home},
	}
}
