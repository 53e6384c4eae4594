package views

import "strconv"

// MailReseller is what the letters about the life of a shop speak of; dates are
// written out.
type MailReseller struct {
	Shop      string // the reseller's own name
	Reason    string // why, as a sentence
	TrialEnds string
	Days      int // left of the trial
	ReleaseOn string
	RemoveOn  string

	Console, Owed, Export string // pages of the reseller's console
}

// MailTrialSet says until when a trial lasts.
func MailTrialSet(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: "The trial of " + r.Shop + " lasts until " + r.TrialEnds, Preview: "Nothing else changes.",
		Body:   []string{"The trial of " + r.Shop + " now lasts until " + r.TrialEnds + ". There is no monthly fee until then; what your customers use is billed as before."},
		Button: MailLink{"Open your console", r.Console}}
}

// MailTrialEnding says in good time that a trial ends.
func MailTrialEnding(b MailBrand, name string, r MailReseller) Letter {
	left := "tomorrow"
	if r.Days > 1 {
		left = "in " + strconv.Itoa(r.Days) + " days"
	}
	return Letter{Brand: b, Name: name, Subject: "The trial of " + r.Shop + " ends " + left, Preview: "It ends on " + r.TrialEnds + ".",
		Body: []string{"The trial of " + r.Shop + " ends on " + r.TrialEnds + ".",
			"If you pay your wholesale invoices by a saved card, or have agreed with us to pay by invoice, all goes on by itself. If not, the shop is suspended on that day until you can: write to us, and we settle it before."},
		Button: MailLink{"See what you pay", r.Owed}}
}

// MailTrialBecame says that the trial ended well.
func MailTrialBecame(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: "The trial of " + r.Shop + " has ended: welcome", Preview: "All goes on as before.",
		Body:   []string{"The trial of " + r.Shop + " has ended, and all goes on as before. From now on the monthly fee of your terms is due, too."},
		Button: MailLink{"See your terms", r.Owed}}
}

// MailTrialOver says that the shop is suspended because there is no way to pay.
func MailTrialOver(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: "The trial of " + r.Shop + " has ended", Preview: "The shop is suspended until you can pay.",
		Body: []string{"The trial of " + r.Shop + " has ended, and there is no way to pay yet. So the shop is suspended: its pages are closed and no desktop starts. Those that run finish the time that is paid for, and nobody’s files are touched.",
			"Pay an open wholesale invoice in your console, or write to us to agree on another way to pay. The shop then opens again."},
		Button: MailLink{"See what is owed", r.Owed}}
}

// MailResellerSuspended says why somebody suspended the shop.
func MailResellerSuspended(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: r.Shop + " is suspended", Preview: r.Reason,
		Body: []string{r.Shop + " is suspended: its pages are closed and no desktop starts. Those that run finish the time that is paid for, and nobody’s files are touched.",
			"You still sign in to your console and pay what is owed there. Write to us to have the shop opened again."},
		Facts:  []MailFact{{"Why", r.Reason}},
		Button: MailLink{"See what is owed", r.Owed}}
}

// MailResellerResumed says that the shop sells again.
func MailResellerResumed(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: r.Shop + " is open again", Preview: r.Reason,
		Body:   []string{r.Shop + " is open again: its pages answer, and your customers start their desktops as before."},
		Facts:  []MailFact{{"Why", r.Reason}},
		Button: MailLink{"Open your console", r.Console}}
}

// MailResellerClosing says what follows from closing, and when.
func MailResellerClosing(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: r.Shop + " is closed", Preview: "Take your data with you until " + r.RemoveOn + ".",
		Body: []string{r.Shop + " is closed. Its pages no longer answer and its desktops are destroyed. What was used until today is still billed, to your customers and to you.",
			"You still sign in to your console to take your data with you and to pay what is owed."},
		Facts:  []MailFact{{"Why", r.Reason}, {"Domains released", r.ReleaseOn}, {"Data removed", r.RemoveOn}},
		Button: MailLink{"Take your data with you", r.Export}}
}

// MailResellerReleased says that the names are free.
func MailResellerReleased(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: "The domains of " + r.Shop + " are released", Preview: "Its data is removed on " + r.RemoveOn + ".",
		Body:   []string{"The domains of " + r.Shop + " no longer belong to it here, and their certificates are not renewed. Remove the records that point them at us.", "Its data is removed on " + r.RemoveOn + "; until then you can still take it with you."},
		Button: MailLink{"Take your data with you", r.Export}}
}

// MailResellerRemoval is the last letter before the data goes.
func MailResellerRemoval(b MailBrand, name string, r MailReseller) Letter {
	return Letter{Brand: b, Name: name, Subject: "The data of " + r.Shop + " is removed on " + r.RemoveOn, Preview: "This cannot be undone.",
		Body:   []string{"On " + r.RemoveOn + " all data of " + r.Shop + " is removed: customers, invoices, settings and files. This cannot be undone. Take it with you before, if you have not done so."},
		Button: MailLink{"Take your data with you", r.Export}}
}
