package views

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/payments"
)

// The parts of the billing page that are answered one by one, so that a form
// somebody has open stays as it is.
const (
	PartTopUp         = "top-up"
	PartMode          = "pay-mode"
	PartLimits        = "limits"
	PartDetails       = "details"
	PartAuto          = "auto-top-up"
	PartSubscriptions = "subscriptions"
	PartCoupon        = "coupon"
)

// Billing is the customer's page about money.
type Billing struct {
	Wallet
	Month   MonthProps
	Cards   bool // the shop takes cards
	TopUp   TopUpForm
	Mode    ModeForm
	Limits  LimitsForm
	Details DetailsForm
	Auto    AutoForm
	Subs    []billing.Subscription
	Coupon  *billing.CustomerCoupon // in use, or nil
	Code    CouponForm
	Open    []billing.Invoice
	Part    string // what was just saved
	Said    string // and how that is said
}

// TopUpForm is an amount to be bought. Cause is made for each form that is drawn,
// so that sending it twice buys once.
type TopUpForm struct {
	Cause  string
	Amount string
	Wrong  Wrong
}

// ModeForm is the choice between paying before and after.
type ModeForm struct {
	Mode  string
	Wrong Wrong
}

// LimitsForm are a customer's bounds as typed.
type LimitsForm struct {
	Cap, Low string
	Percents []string
	Wrong    Wrong
}

// LimitsOf is the form as it stands.
func LimitsOf(p accounts.Profile, currency string) LimitsForm {
	f := LimitsForm{Cap: amountOf(p.MonthlyCap, currency), Low: amountOf(p.LowCredit, currency)}
	for _, n := range p.WarnPercent {
		f.Percents = append(f.Percents, strconv.Itoa(int(n)))
	}
	return f
}

func amountOf(d *decimal.Decimal, currency string) string {
	if d == nil {
		return ""
	}
	return money.API(*d, currency)
}

// percents are the shares that can be chosen, with those that were set otherwise.
func (f LimitsForm) percents() []string {
	list := []string{"50", "80", "90", "100"}
	for _, p := range f.Percents {
		if n, err := strconv.Atoi(p); err == nil && n > 0 && n <= 100 && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

func (f LimitsForm) on(percent string) bool { return slices.Contains(f.Percents, percent) }

// AutoForm is the rule by which credit is bought by itself, as typed.
type AutoForm struct {
	Enabled                bool
	Threshold, Step, Daily string
	State                  payments.AutoTopUp
	Wrong                  Wrong
}

// AutoOf is the form as it stands, or as it could be.
func AutoOf(rule payments.AutoTopUp, found bool, currency string) AutoForm {
	if !found {
		api := func(n int64) string { return money.API(decimal.NewFromInt(n), currency) }
		return AutoForm{Threshold: api(5), Step: api(20), Daily: api(60)}
	}
	return AutoForm{Enabled: rule.Enabled, Threshold: money.API(rule.Threshold, currency), Step: money.API(rule.Step, currency),
		Daily: money.API(rule.DailyCeiling, currency), State: rule}
}

// trouble is what keeps credit from being bought, if anything does.
func (p Billing) trouble() string {
	a := p.Auto.State
	if !a.Enabled || a.RetryAt == nil || a.Failures == 0 {
		return ""
	}
	return "The last charge was declined. It is tried again " + p.hour(*a.RetryAt) + "."
}

func (p Billing) subText(s billing.Subscription) string {
	switch {
	case s.Status == billing.Cancelling && s.EndsAt != nil:
		return "Ends on " + p.Date(*s.EndsAt)
	case s.Status == billing.Trial && s.TrialEndsAt != nil:
		return "Free until " + p.Date(*s.TrialEndsAt) + ", then " + s.Money() + " a month"
	case s.BilledUntil != nil:
		return s.Money() + " a month, paid until " + p.Date(*s.BilledUntil)
	}
	return s.Money() + " a month"
}

func subIncluded(s billing.Subscription) string {
	if s.IncludedHours == 0 {
		return ""
	}
	return many(int64(s.IncludedHours), "hour") + " a month included"
}

// CouponForm is a coupon's code as typed.
type CouponForm struct {
	Code  string
	Wrong Wrong
}

// couponText is the coupon in use; "" when there is none.
func (p Billing) couponText() string {
	c := p.Coupon
	switch {
	case c == nil:
		return ""
	case c.MonthsLeft == nil:
		return c.Code + " takes " + c.Off() + " off each of your invoices."
	}
	return c.Code + " takes " + c.Off() + " off your next " + many(int64(*c.MonthsLeft), "invoice") + "."
}

// couponSpan is how wide the card of the coupon is beside what else there is.
func (p Billing) couponSpan() string {
	if p.Cards {
		return "span-4"
	}
	return "span-12"
}

// DetailsForm is who invoices are made out to.
type DetailsForm struct {
	accounts.Details
	Wrong Wrong
}

// DetailsOf is the form as it stands.
func DetailsOf(p accounts.Profile) DetailsForm {
	return DetailsForm{Details: accounts.Details{Company: p.Company, Address: p.Address, Country: p.Country, VATNumber: p.VATNumber}}
}

func countryOptions() []Option {
	options := []Option{{Value: "", Label: "Choose a country"}}
	for _, c := range accounts.Countries() {
		options = append(options, Option{Value: c.Code, Label: c.Name})
	}
	return options
}

// suggestions are the amounts that one press buys.
func (p Billing) suggestions() []string {
	out := []string{}
	for _, n := range []int64{10, 25, 50, 100} {
		out = append(out, money.API(decimal.NewFromInt(n), p.Currency))
	}
	return out
}

func (p Billing) suggested(amount string) string {
	d, err := decimal.NewFromString(amount)
	if err != nil {
		return amount
	}
	text := money.Of(d, p.Currency).Format()
	if d.IsInteger() && money.Exponent(p.Currency) > 0 {
		text = text[:len(text)-1-int(money.Exponent(p.Currency))]
	}
	return text
}

// form posts in place: the answer takes the part's own place.
func (p Billing) form(part, class string) FormProps {
	return FormProps{Action: "/billing/" + part, Target: "#" + part, Class: class}
}

// said is the sentence about a part that was just saved.
func (p Billing) said(part string) string {
	if p.Part != part {
		return ""
	}
	return p.Said
}

func (p Billing) modeText() string {
	switch {
	case !p.Profile.PostpaidOpen:
		return "This shop takes payment in advance: each block is taken from your credit when it begins."
	case p.Profile.Methods == 0:
		return "Each block is taken from your credit when it begins. Save a card to be able to pay at the end of the month instead."
	}
	return ""
}

func (p Billing) cards() string {
	switch p.Profile.Methods {
	case 0:
		return "No card is saved."
	case 1:
		return "One card is saved."
	}
	return strconv.Itoa(p.Profile.Methods) + " cards are saved."
}

// addCredit says how credit is added where the shop takes no cards.
func (p Billing) addCredit() string {
	if p.Support == "" {
		return "This shop takes no cards here. Ask whoever runs it to add credit for you."
	}
	return "This shop adds credit for you, by bank transfer for example. Write to " + p.Support + " and say how much."
}

// detailsSpan is how wide the card of the details is beside what else there is.
func (p Billing) detailsSpan() string {
	if p.Cards {
		return "span-8"
	}
	return "span-6"
}
