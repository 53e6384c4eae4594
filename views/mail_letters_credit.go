package views

import "strconv"

// MailMoney is what the letters about credit and caps say; amounts and times are
// written out.
type MailMoney struct {
	Plan     string
	Template string
	Page     string // the desktop's
	Billing  string // where credit is added and limits are set
	By       string // what runs out: credit or cap
	Free     string
	Cap      string
	CapUsed  string
	Percent  int
	Stops    string // when the desktop stops, with its zone; empty while that is not known
}

func (m MailMoney) title() string { return MailDesktop{Plan: m.Plan, Template: m.Template}.title() }

func (m MailMoney) button() MailLink {
	if m.By == "cap" {
		return MailLink{"Raise my monthly limit", m.Billing}
	}
	return MailLink{"Add credit", m.Billing}
}

// what names what runs out.
func (m MailMoney) what() string {
	if m.By == "cap" {
		return "your monthly limit"
	}
	return "your credit"
}

// LastBlock warns that what is paid for is the last block.
func (m MailMoney) LastBlock(b MailBrand, name string) Letter {
	when := "when its present block ends"
	if m.Stops != "" {
		when = "at " + m.Stops
	}
	return Letter{
		Brand: b, Name: name,
		Subject: "One block is left for your desktop",
		Preview: "It stops " + when + " unless something changes.",
		Body: []string{
			"There is one block left for your desktop " + m.title() + " in " + m.what() + ". It stops " + when + ", and nothing is charged beyond that.",
			"What you change before then counts: the desktop simply goes on.",
		},
		Button: m.button(),
		After:  []string{"Save your work in good time. What is on the desktop's disk is kept where your plan keeps it."},
	}
}

// Low warns that credit fell below the customer's own threshold.
func (m MailMoney) Low(b MailBrand, name string) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your credit is running low",
		Preview: "There is " + m.Free + " left.",
		Body:    []string{"There is " + m.Free + " of free credit left in your account, which is less than the amount at which you wanted a word. Desktops stop at the end of the last block that credit pays for."},
		Button:  m.button(),
		After:   []string{"You choose this amount on your billing page."},
	}
}

// NearCap warns that a share of the month's cap is used.
func (m MailMoney) NearCap(b MailBrand, name string) Letter {
	share := strconv.Itoa(m.Percent) + " %"
	return Letter{
		Brand: b, Name: name,
		Subject: "You have used " + share + " of your monthly limit",
		Preview: m.CapUsed + " of " + m.Cap + " is used this month.",
		Body:    []string{m.CapUsed + " of your monthly limit of " + m.Cap + " is used, which is " + share + " or more of it. When the rest is used, your desktops stop at the end of the block they are in."},
		Button:  m.button(),
		After:   []string{"You choose the limit, and at which shares of it you hear from us, on your billing page."},
	}
}

// Stopped tells that a desktop was stopped because its money ended.
func (m MailMoney) Stopped(b MailBrand, name string) Letter {
	why := "your credit did not pay for another block"
	if m.By == "cap" {
		why = "another block would have passed your monthly limit"
	}
	return Letter{
		Brand: b, Name: name,
		Subject: "Your desktop was stopped",
		Preview: "It was stopped because " + why + ".",
		Body:    []string{"Your desktop " + m.title() + " was stopped at the end of the last block that was paid, because " + why + ". Nothing was charged beyond it."},
		Button:  m.button(),
		After:   []string{"After that you can start it again from its page: " + m.Page},
	}
}
