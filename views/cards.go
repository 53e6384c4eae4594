package views

import (
	"strconv"
	"strings"

	"github.com/ezscale/ezscale/app/payments"
)

// CardsProps is a customer's saved cards. Cause is made for each form that is drawn,
// so that sending it twice saves once.
type CardsProps struct {
	When
	Cards   []payments.Method
	Takes   bool // the shop takes cards
	Cause   string
	Support string
}

func cardColumns() []Column {
	return []Column{{Label: "Card"}, {Label: "Expires"}, {Label: "Saved"}, {}}
}

// cardName is how people tell their cards apart.
func cardName(m payments.Method) string {
	brand := m.Brand
	switch brand {
	case "amex":
		brand = "American Express"
	case "":
		brand = "Card"
	default:
		brand = strings.ToUpper(brand[:1]) + brand[1:]
	}
	return brand + " ···· " + m.Last4
}

func expires(m payments.Method) string {
	if m.ExpMonth == nil || m.ExpYear == nil {
		return ""
	}
	month := strconv.Itoa(*m.ExpMonth)
	return strings.Repeat("0", max(0, 2-len(month))) + month + "/" + strconv.Itoa(*m.ExpYear)
}

// instead says how to pay in a shop that takes no cards.
func instead(support string) string {
	text := "You can pay by bank transfer, or ask for credit: the shop books it by hand."
	if support != "" {
		text += " Write to " + support + "."
	}
	return text
}

// paymentState words where a payment stands.
func paymentState(p payments.Row) (Tone, string) {
	switch {
	case p.DisputedAt != nil:
		return ToneBad, "Disputed"
	case p.Status == payments.Succeeded && p.Refunded.Equal(p.Amount):
		return ToneQuiet, "Given back"
	case p.Status == payments.Succeeded && p.Refunded.IsPositive():
		return ToneGood, "Paid, partly given back"
	}
	switch p.Status {
	case payments.Succeeded:
		return ToneGood, "Paid"
	case payments.NeedsCustomer:
		return ToneWarn, "To be confirmed"
	case payments.Failed:
		return ToneBad, "Failed"
	case payments.Cancelled:
		return ToneQuiet, "Not paid"
	case payments.Processing:
		return ToneInfo, "On its way"
	}
	return ToneInfo, "Begun"
}

func paidFor(p payments.Row) string {
	if p.InvoiceNumber != "" {
		return "Invoice " + p.InvoiceNumber
	}
	if p.Automatic {
		return "Credit, bought by itself"
	}
	return "Credit"
}

// confirmable says that a customer can do something about a payment on its page.
func confirmable(p payments.Row) bool {
	return p.Status == payments.NeedsCustomer || p.Status == payments.Failed || p.Status == payments.Cancelled || p.Status == payments.Pending
}

func confirmLabel(p payments.Row) string {
	if p.Status == payments.NeedsCustomer {
		return "Confirm with your bank"
	}
	return "Pay " + p.Money()
}

func afterPayment(p payments.Row) NavItem {
	if p.InvoiceNumber != "" {
		return NavItem{Label: "Invoice " + p.InvoiceNumber, Href: "/invoices/" + p.InvoiceNumber}
	}
	return NavItem{Label: "Billing", Href: "/billing"}
}

// ShopPayments is the console's page of payments.
type ShopPayments struct {
	When
	Account payments.Account
	Hook    string // the address of the webhook
	Rows    []payments.Row
	Older   string
	Wrong   Wrong
	Cause   string
}

func paymentColumns() []Column {
	return []Column{{Label: "Begun"}, {Label: "Customer"}, {Label: "For"}, {Label: "State"}, {Label: "Amount", End: true}, {}}
}

func (p ShopPayments) standing() string {
	mode := "live keys"
	if p.Account.Test {
		mode = "test keys: no money moves"
	}
	name := p.Account.Name
	if name == "" {
		name = p.Account.Account
	}
	if p.Account.House {
		name = "the keys of this installation"
	}
	return "Connected to " + name + " (" + mode + "), secret key ending in " + p.Account.Ending + "."
}

// refundable says that a payment can be given back from this page.
func refundable(p payments.Row) bool {
	return p.Kind == payments.ForTopUp && p.Status == payments.Succeeded && p.ByCard() && p.Left().IsPositive()
}
