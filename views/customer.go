package views

import (
	"strconv"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

// Customer is one customer as the shop's people see them.
type Customer struct {
	Wallet
	Person   accounts.User
	Profile  accounts.Profile
	Path     string // of the page
	Coupon   string // the code in use, or ""
	Parked   string // the bound that was passed, with its numbers
	Release  ReleaseForm
	Erase    EraseForm
	MayErase bool // an owner looks, and nobody asked for it yet
	Grant    Grant
	Bonus    BonusForm
	Limits   LimitsForm
	Mode     ModeForm
	Rows     []ledger.Traced
	First    string // the newest movements, when these are others
	Older    string // the next page of them, when there is one
	Desks    []workspaces.Card
	Invoices []billing.Invoice
	Months   []metering.Day
}

// ReleaseForm lets a parked customer go on.
type ReleaseForm struct {
	Reason string
	Wrong  Wrong
}

// EraseForm has somebody forgotten, whose address is typed again.
type EraseForm struct {
	Email       string
	LeaveCredit bool
	Wrong       Wrong
}

func (p Customer) erasing() Notice {
	if p.Profile.ErasedAt != nil {
		return Notice{Tone: ToneInfo, Title: "This person was forgotten", Text: "On " + p.When.Day(*p.Profile.ErasedAt) + ". Invoices that were issued still say whom they were made out to; the law wants them unchanged."}
	}
	return Notice{Tone: ToneWarn, Title: "This person is about to be forgotten", Text: or(p.Profile.EraseWaits, "The account is closed, and desktops are being destroyed.")}
}

// BonusForm gives credit that may expire. Cause is made for each form that is drawn.
type BonusForm struct {
	Cause                   string
	Amount, Reason, Expires string
	Wrong                   Wrong
}

func (p Customer) state() string {
	if p.Person.Status != accounts.Active {
		return string(p.Person.Status)
	}
	return ""
}

func (p Customer) stats() []StatProps {
	stats := []StatProps{{Label: "Free to use", Value: p.free(), Note: p.Runway()}, {Label: "Paid credit", Value: p.money(p.Credit)},
		{Label: "Bonus", Value: p.money(p.Funds.Bonus)}, {Label: "Held for blocks", Value: p.money(p.Funds.Held)}}
	if len(p.Runs) == 0 {
		stats[0].Note = ""
	}
	return stats
}

// about is who this is and how they pay.
func (p Customer) about() []Item {
	items := []Item{{Term: "Address", Text: p.Person.Email}, {Term: "Customer since", Text: p.Date(p.Person.CreatedAt)},
		{Term: "Pays", Text: map[bool]string{true: "at the end of the month", false: "in advance"}[p.postpaid()]}, {Term: "Saved cards", Text: strconv.Itoa(p.Profile.Methods)}}
	if p.Coupon != "" {
		items = append(items, Item{Term: "Coupon", Text: p.Coupon})
	}
	if p.Profile.Company != "" {
		items = append(items, Item{Term: "Company", Text: p.Profile.Company})
	}
	if p.Profile.Country != "" {
		items = append(items, Item{Term: "Country", Text: accounts.CountryName(p.Profile.Country)})
	}
	if p.Profile.VATNumber != "" {
		items = append(items, Item{Term: "VAT number", Text: p.Profile.VATNumber})
	}
	return items
}

// spent draws what each month cost, without tax.
func (p Customer) spent() ChartProps {
	chart := ChartProps{BarsAre: "Month", ValuesAre: "Cost"}
	var best metering.Day
	for i, m := range p.Months {
		if m.Cost.GreaterThan(best.Cost) {
			best = m
		}
		chart.Bars = append(chart.Bars, Bar{Label: m.Date.Format("January 2006"), Value: m.Cost.Shift(6).IntPart(), Text: p.round(m.Cost), Hit: i == len(p.Months)-1})
	}
	for i, last := 0, len(p.Months)-1; i < 5 && last >= 0; i++ {
		chart.Axis = append(chart.Axis, p.Months[i*last/4].Date.Format("Jan"))
	}
	chart.Label = "Usage by month, nothing yet"
	if best.Cost.IsPositive() {
		chart.Top = p.round(best.Cost)
		chart.Label = "Usage by month, highest " + chart.Top + " in " + best.Date.Format("January 2006")
	}
	return chart
}

// form posts to the page's own address with a deed behind it.
func (p Customer) form(deed string) FormProps {
	return FormProps{Action: p.Path + "/" + deed, Class: "form"}
}

func deskState(d workspaces.Card) string {
	if d.Status == workspaces.Provisioning && d.ProvisionedAt != nil {
		return "starting"
	}
	return string(d.Status)
}

func deskRate(d workspaces.Card) string { return money.Rate(d.PricePerHour, d.Currency) + " an hour" }

func customerInvoiceColumns() []Column {
	return []Column{{Label: "Invoice"}, {Label: "Date"}, {Label: "State"}, {Label: "Total", End: true}, {Label: "To pay", End: true}}
}

func (p Customer) standingDeed() string {
	if p.Person.Status == accounts.Active {
		return "suspend"
	}
	return "resume"
}

func (p Customer) standingTitle() string {
	if p.Person.Status == accounts.Active {
		return "Suspend the account"
	}
	return "Open the account again"
}

func (p Customer) standingText() string {
	if p.Person.Status == accounts.Active {
		return "They can neither sign in nor start a desktop. Running desktops stop at the end of their paid time."
	}
	return "They can sign in and start desktops again."
}
