package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// openInvoices is how many unpaid invoices the billing page lists.
const openInvoices = 24

// billingPage is what a customer has, what it buys and how they pay: one question
// to the database besides their session.
func (s *server) billingPage(c *echo.Context) error {
	return s.billingAs(c, http.StatusOK, func(*views.Billing) {})
}

// billingAs draws the page with what change puts into it: what was wrong with a
// form, and what was typed.
func (s *server) billingAs(c *echo.Context, status int, change func(*views.Billing)) error {
	var all purse
	shell, _, err := s.desk(c, "Billing", s.billingQs(c, &all)...)
	if err != nil {
		return err
	}
	page := s.billingOf(c, all, shell.Brand.SupportEmail)
	change(&page)
	return s.render(c, status, views.BillingPage(shell, page))
}

func (s *server) billingOf(c *echo.Context, all purse, support string) views.Billing {
	t := visitOf(c).tenant
	p := views.Billing{Wallet: s.walletOf(c, all, support), Cards: all.cards, TopUp: views.TopUpForm{Cause: uuid.NewString()},
		Mode: views.ModeForm{Mode: all.funds.PayMode}, Limits: views.LimitsOf(all.profile, t.Currency), Details: views.DetailsOf(all.profile), Auto: views.AutoOf(all.auto, all.hasAuto, t.Currency)}
	p.Month = monthProps(p.When, all.month, all.days, all.open, t.Currency)
	for _, i := range all.invoices {
		if i.Status == billing.Open && i.AmountDue.IsPositive() {
			p.Open = append(p.Open, i)
		}
	}
	if all.reduced {
		p.Coupon = &all.coupon
	}
	for _, sub := range all.subs {
		if !sub.Over(p.Now) {
			p.Subs = append(p.Subs, sub)
		}
	}
	return p
}

// billingBalance answers the part of a page that follows the balance.
func (s *server) billingBalance(c *echo.Context) error {
	var all purse
	if err := s.readOwn(c, s.purseQs(c, &all)...); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, views.WalletCard(s.walletOf(c, all, brandOf(visitOf(c).tenant).SupportEmail)))
}

// saving is one form of the billing page.
type saving struct {
	part  string // a part of views.BillingPart
	saved string // what is said when it went well
	do    func(ctx context.Context, t tenants.Tenant, user uuid.UUID, form url.Values) error
	again func(p *views.Billing, form url.Values, wrong views.Wrong) // puts back what was typed
}

func actorOf(user uuid.UUID) string { return "user:" + user.String() }

func (s *server) setLimits(c *echo.Context) error {
	return s.save(c, saving{part: views.PartLimits, saved: "Saved. It counts from the next block on.",
		do: func(ctx context.Context, t tenants.Tenant, user uuid.UUID, form url.Values) error {
			limits, err := limitsForm(form)
			if err != nil {
				return err
			}
			return s.Accounts.SetLimits(ctx, t, actorOf(user), user, limits)
		},
		again: func(p *views.Billing, form url.Values, wrong views.Wrong) {
			p.Limits = views.LimitsForm{Cap: form.Get("monthly_cap"), Low: form.Get("low_credit"), Percents: form["warn_percent"], Wrong: wrong}
		}})
}

// limitsForm reads a customer's own bounds. Errors: Invalid (monthly_cap,
// low_credit, warn_percent).
func limitsForm(form url.Values) (l accounts.Limits, err error) {
	wrong := fail.Fields{}
	l.MonthlyCap = optionalAmount(wrong, "monthly_cap", form)
	l.LowCredit = optionalAmount(wrong, "low_credit", form)
	for _, text := range form["warn_percent"] {
		n, err := strconv.Atoi(text)
		if err != nil {
			wrong.Add("warn_percent", "Give whole percents from 1 to 100.")
		}
		l.WarnPercent = append(l.WarnPercent, n)
	}
	return l, wrong.Err()
}

// optionalAmount reads an amount that may be left out, which is nil.
func optionalAmount(wrong fail.Fields, field string, form url.Values) *decimal.Decimal {
	text := strings.TrimSpace(form.Get(field))
	if text == "" {
		return nil
	}
	d, err := decimalOf(text)
	if err != nil {
		wrong.Add(field, "Give an amount such as 25, or leave it out.")
	}
	return &d
}

func (s *server) setPayMode(c *echo.Context) error {
	return s.save(c, saving{part: views.PartMode, saved: "Saved. It counts from the next block on.",
		do: func(ctx context.Context, t tenants.Tenant, user uuid.UUID, form url.Values) error {
			return s.Accounts.SetPayMode(ctx, t, actorOf(user), user, form.Get("pay_mode"))
		},
		again: func(p *views.Billing, form url.Values, wrong views.Wrong) {
			p.Mode = views.ModeForm{Mode: form.Get("pay_mode"), Wrong: wrong}
		}})
}

func (s *server) setDetails(c *echo.Context) error {
	return s.save(c, saving{part: views.PartDetails, saved: "Saved. Your next invoice says so.",
		do: func(ctx context.Context, t tenants.Tenant, user uuid.UUID, form url.Values) error {
			return s.Accounts.SetDetails(ctx, t, actorOf(user), user, detailsForm(form))
		},
		again: func(p *views.Billing, form url.Values, wrong views.Wrong) {
			p.Details = views.DetailsForm{Details: detailsForm(form), Wrong: wrong}
		}})
}

func detailsForm(form url.Values) accounts.Details {
	return accounts.Details{Company: form.Get("company"), Address: form.Get("address"), Country: form.Get("country"), VATNumber: form.Get("vat_number")}
}

// billingChanged makes the balance on the same page draw itself anew.
const billingChanged = `{"billing-changed":{"target":"body"}}`

// save does what a form of the billing page asks and answers its part to htmx, the
// page to a browser without scripts; what was wrong is said beside the fields (422).
func (s *server) save(c *echo.Context, f saving) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := visitOf(c)
	err = f.do(c.Request().Context(), v.tenant, v.userID, form)
	wrong, status := wrongOf(err)
	switch {
	case err != nil && status == 0:
		return err
	case err == nil && !isHTMX(c):
		putNotice(c, s.doors.shop, views.ToneGood, f.saved)
		return seeOther(c, "/billing#"+f.part)
	case err == nil:
		c.Response().Header().Set("HX-Trigger", billingChanged)
		return s.billingPart(c, http.StatusOK, f.part, func(p *views.Billing) { p.Part, p.Said = f.part, f.saved })
	}
	again := func(p *views.Billing) { f.again(p, form, wrong) }
	if !isHTMX(c) {
		return s.billingAs(c, status, again)
	}
	return s.billingPart(c, status, f.part, again)
}

func (s *server) billingPart(c *echo.Context, status int, part string, change func(*views.Billing)) error {
	var all purse
	if err := s.readOwn(c, s.billingQs(c, &all)...); err != nil {
		return err
	}
	page := s.billingOf(c, all, brandOf(visitOf(c).tenant).SupportEmail)
	change(&page)
	return s.render(c, status, views.BillingPart(page, part))
}

func shopMoney(t tenants.Tenant, d decimal.Decimal) string { return money.Of(d, t.Currency).Format() }
