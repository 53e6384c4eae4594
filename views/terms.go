package views

import (
	"strconv"

	"github.com/ezscale/ezscale/app/billing"
)

// TermsForm is what was typed into a form of the console and what was wrong in it.
type TermsForm struct {
	Values map[string]string
	Wrong  Wrong
}

func (f TermsForm) text(name, label, hint string) FieldProps {
	return FieldProps{Name: name, Label: label, Hint: hint, Value: f.Values[name], Error: f.Wrong.Fields[name], Autocomplete: "off"}
}

func (f TermsForm) optional(name, label, hint string) FieldProps {
	p := f.text(name, label, hint)
	p.Optional = true
	return p
}

func (f TermsForm) number(name, label, hint string) FieldProps {
	p := f.optional(name, label, hint)
	p.InputMode = "decimal"
	return p
}

func (f TermsForm) check(name, label, hint string) CheckProps {
	return CheckProps{Name: name, Label: label, Hint: hint, Error: f.Wrong.Fields[name], Checked: f.Values[name] == "on"}
}

// termsPages lead from one part of the shop's terms to the next.
func termsPages() []NavItem {
	return []NavItem{{Label: "Invoices", Href: "/reseller/invoices"}, {Label: "Plans", Href: "/reseller/plans"}, {Label: "Coupons", Href: "/reseller/coupons"},
		{Label: "Taxes", Href: "/reseller/taxes"}, {Label: "Terms", Href: "/reseller/billing"}}
}

func backToConsole() NavItem { return NavItem{Label: "Overview", Href: "/reseller"} }

// ShopCoupons are the coupons of a shop.
type ShopCoupons struct {
	When    When
	Coupons []billing.Coupon
	Symbol  string
	Make    TermsForm
	Give    TermsForm
}

func couponColumns() []Column {
	return []Column{{Label: "Code"}, {Label: "Takes off"}, {Label: "For"}, {Label: "Used", End: true}, {Label: "Ends"}, {Label: ""}}
}

func couponMonths(c billing.Coupon) string {
	if c.Months == nil {
		return "every invoice"
	}
	return CountOf(*c.Months, "invoice")
}

func couponUses(c billing.Coupon) string {
	if c.MaxUses == nil {
		return strconv.Itoa(c.Used)
	}
	return strconv.Itoa(c.Used) + " of " + strconv.Itoa(*c.MaxUses)
}

func (p ShopCoupons) ends(c billing.Coupon) string {
	switch {
	case c.Status != "active":
		return "retired"
	case c.ExpiresAt == nil:
		return "never"
	}
	return c.ExpiresAt.In(p.When.Zone).Format("Jan 2, 2006")
}

// ShopTaxes are the tax rates of a shop.
type ShopTaxes struct {
	Rates []billing.TaxRate
	Form  TermsForm
}

func taxColumns() []Column {
	return []Column{{Label: "Country"}, {Label: "Class"}, {Label: "Tax"}, {Label: "Rate", End: true}, {Label: "Prices"}, {Label: ""}}
}

func taxPlace(r billing.TaxRate) string { return or(r.Country, "Everywhere else") }

func taxPrices(r billing.TaxRate) string {
	if r.Inclusive {
		return "with tax inside"
	}
	return "tax comes on top"
}

// ShopPlan is a plan with what it leaves to the shop.
type ShopPlan struct {
	billing.Plan
	Wholesale string // an hour
	Margin    string // an hour
	Month     string // the provider's price of a month
	Form      TermsForm
}

func (p ShopPlan) id(name string) string { return name + "-" + p.Type }

func (p ShopPlan) field(name, label, hint string) FieldProps {
	f := p.Form.number(name, label, hint)
	f.ID = p.id(name)
	return f
}

func (p ShopPlan) sizes() SelectProps {
	props := SelectProps{Name: "block_seconds", Label: "Block", ID: p.id("block_seconds"), Value: p.Form.Values["block_seconds"], Error: p.Form.Wrong.Fields["block_seconds"]}
	props.Options = blockSizes()
	return props
}

// ShopInvoices are the invoices of a shop.
type ShopInvoices struct {
	When    When
	Query   string
	Status  string
	Rows    []billing.ShopInvoice
	Older   string
	Overdue map[string]bool // by number
}

func shopInvoiceColumns() []Column {
	return []Column{{Label: "Invoice"}, {Label: "Customer"}, {Label: "State"}, {Label: "Total", End: true}, {Label: "Due", End: true}}
}

func (p ShopInvoices) statuses() SelectProps {
	return SelectProps{Name: "status", Label: "State", Value: p.Status, Options: []Option{{"", "All"}, {"open", "Open"}, {"overdue", "Overdue"}, {"paid", "Paid"}, {"void", "Void"}}}
}

func (p ShopInvoices) state(i billing.ShopInvoice) string {
	if p.Overdue[i.Number] {
		return "overdue"
	}
	return string(i.Status)
}

// ShopInvoiceProps are one invoice with what may be done to it. Cause names each form, so
// that sending it twice does it once.
type ShopInvoiceProps struct {
	When   When
	Detail billing.ShopDetail
	Cause  string
	Credit TermsForm
	Void   TermsForm
	Paid   TermsForm
	Cards  bool // money can go back to a card

	Problem string // why what was asked for cannot be done; empty for none
}

func (p ShopInvoiceProps) action(what string) string {
	return "/reseller/invoices/" + p.Detail.Number + "/" + what
}

func (p ShopInvoiceProps) open() bool { return p.Detail.Status == billing.Open }

// left says that something may still be given back.
func (p ShopInvoiceProps) left() bool {
	return p.Detail.Status != billing.Void && p.Detail.Total.GreaterThan(p.Detail.Credited)
}

func (p ShopInvoiceProps) line(l billing.Creditable) FieldProps {
	name := "amount-" + strconv.Itoa(l.Position)
	f := p.Credit.number(name, l.Description, "At most "+l.Left()+" is left.")
	f.Plain = true
	if l.Position == p.first() {
		f.Error = or(f.Error, p.Credit.Wrong.Fields["amount"])
	}
	return f
}

func (p ShopInvoiceProps) first() int {
	for _, l := range p.Detail.Lines {
		if l.HasLeft() {
			return l.Position
		}
	}
	return 0
}

func (p ShopInvoiceProps) where() SelectProps {
	props := SelectProps{Name: "prefer", Label: "What was paid goes back", Value: p.Credit.Values["prefer"], Options: []Option{{billing.ToCredit, "to the customer's credit"}}}
	if p.Cards {
		props.Options = append(props.Options, Option{billing.ToPayment, "to the card that paid"})
	}
	return props
}

func (p ShopInvoiceProps) methods() SelectProps {
	return SelectProps{Name: "method", Label: "It came", Value: p.Paid.Values["method"], Error: p.Paid.Wrong.Fields["method"],
		Options: []Option{{billing.ByBank, "by bank transfer"}, {billing.ByCash, "in cash"}}}
}

func (p ShopInvoiceProps) facts() []Item {
	d := p.Detail
	items := []Item{
		{Term: "Customer", Text: d.CustomerName + ", " + d.CustomerEmail},
		{Term: "Made", Text: d.CreatedAt.In(p.When.Zone).Format("January 2, 2006")},
		{Term: "Due", Text: d.DueDate.Format("January 2, 2006")},
		{Term: "Tax", Text: d.Money(d.Tax)},
		{Term: "Total", Text: d.Money(d.Total)},
	}
	if d.Credited.IsPositive() {
		items = append(items, Item{Term: "Given back", Text: d.Money(d.Credited)})
	}
	if d.VoidReason != "" {
		items = append(items, Item{Term: "Withdrawn", Text: d.VoidReason})
	}
	return append(items, Item{Term: "To pay", Text: d.Money(d.AmountDue), Total: true})
}

// ShopTermsProps are a shop's terms of sale.
type ShopTermsProps struct {
	Symbol string
	Form   TermsForm
}

func (p ShopTermsProps) area() FieldProps {
	f := p.Form.optional("payment_text", "How to pay by bank transfer", "It stands on open invoices.")
	f.Type = "textarea"
	return f
}
