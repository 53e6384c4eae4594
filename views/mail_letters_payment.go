package views

// MailPayment is a payment as letters speak of it; amounts are written out.
type MailPayment struct {
	Amount    string
	Invoice   string // its number, or "" for credit
	Failure   string // a sentence
	Link      string // of the invoice, or of the billing page
	Confirm   string // where the customer goes on with the payment
	Cards     string // of the saved cards
	Automatic bool   // it was made without the customer
}

func (p MailPayment) forWhat() string {
	if p.Invoice != "" {
		return "invoice " + p.Invoice
	}
	return "credit"
}

func (p MailPayment) facts() []MailFact {
	facts := []MailFact{{"Amount", p.Amount}}
	if p.Invoice != "" {
		facts = append(facts, MailFact{"Invoice", p.Invoice})
	}
	return facts
}

func (p MailPayment) page() MailLink {
	if p.Invoice != "" {
		return MailLink{"See the invoice", p.Link}
	}
	return MailLink{"See your credit", p.Link}
}

// MailReceipt says that money came in.
func MailReceipt(b MailBrand, name string, p MailPayment) Letter {
	body := "We received " + p.Amount + " for " + p.forWhat() + ". Thank you."
	if p.Automatic && p.Invoice == "" {
		body = "Your credit was running low, so " + p.Amount + " of credit were bought with your saved card, as you wished."
	}
	return Letter{Brand: b, Name: name, Subject: "Receipt for " + p.Amount, Preview: "Paid for " + p.forWhat() + ".", Body: []string{body}, Facts: p.facts(), Button: p.page()}
}

// MailConfirmPayment asks the customer to confirm a payment with their bank.
func MailConfirmPayment(b MailBrand, name string, p MailPayment) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Please confirm a payment of " + p.Amount,
		Preview: "Your bank wants to hear it from you.",
		Body: []string{"Your bank wants you to confirm the payment of " + p.Amount + " for " + p.forWhat() +
			". That takes a minute: press the button, and your bank asks you. Your desktops go on meanwhile."},
		Facts:  p.facts(),
		Button: MailLink{"Confirm with my bank", p.Confirm},
		After:  []string{"You can pay with another card there, too. Nothing was charged so far."},
	}
}

// MailPaymentFailed says that a card was declined, and what to do.
func MailPaymentFailed(b MailBrand, name string, p MailPayment) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "A payment of " + p.Amount + " did not go through",
		Preview: p.Failure,
		Body: []string{"We tried to collect " + p.Amount + " for " + p.forWhat() + " from your saved card. " + p.Failure,
			"Pay with the button below, with this card or with another one. Your saved cards are at " + p.Cards},
		Facts:  p.facts(),
		Button: MailLink{"Pay now", p.Confirm},
		After:  []string{"Nothing was charged. If you do nothing, we try again later."},
	}
}

// MailRefunded says that money is on its way back.
func MailRefunded(b MailBrand, name string, p MailPayment) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "We gave you back " + p.Amount,
		Preview: "It goes to the card that you paid with.",
		Body:    []string{"We gave back " + p.Amount + " to the card that you paid with. It takes the bank five to ten days to show it."},
		Facts:   p.facts(),
		Button:  p.page(),
	}
}

// MailRefundFailed says that money could not go back and is credit now.
func MailRefundFailed(b MailBrand, name string, p MailPayment) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: p.Amount + " are in your credit",
		Preview: "They could not go back to your card.",
		Body:    []string{"We wanted to give back " + p.Amount + " to the card that you paid with, and its bank did not take it. The amount is in your credit now; write to us if you would rather have it paid out in another way."},
		Facts:   p.facts(),
		Button:  p.page(),
	}
}

// MailTopUpRefused says that credit runs low and was not bought.
func MailTopUpRefused(b MailBrand, name string, p MailPayment) Letter {
	return Letter{
		Brand: b, Name: name,
		Subject: "Your credit was not filled up",
		Preview: p.Failure,
		Body: []string{"Your credit is below the amount at which you want some to be bought, and none was bought: " + p.Failure,
			"When the credit is used up, desktops stop at the end of the block that is paid. Add credit, or change what is bought by itself."},
		Button: MailLink{"Open billing", p.Link},
	}
}
