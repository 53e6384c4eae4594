package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const (
	customerInvoices = 12
	customerMonths   = 12
)

// buyer is all that the shop's page of one customer is drawn from.
type buyer struct {
	person  accounts.User
	profile accounts.Profile
	spending
	rows     []ledger.Traced
	desks    []workspaces.Card
	invoices []billing.Invoice
	months   []metering.Day
	owed     billing.Owed
	bonuses  ledger.BonusBook
	coupon   billing.CustomerCoupon
	reduced  bool
}

func (s *server) buyerQs(c *echo.Context, b *buyer, id uuid.UUID, before int64) []tenants.Query {
	v, now := visitOf(c), s.Clock.Now()
	return append(append(b.spending.queries(v.tenant, id, now), ledger.BonusQs(&b.bonuses, id, v.tenant.Currency)...), accounts.UserQ(&b.person, id), accounts.ProfileQ(&b.profile, id),
		historyQ(&b.rows, v.tenant, id, before), workspaces.DesksQ(&b.desks, id), billing.InvoicesQ(&b.invoices, id, "", customerInvoices),
		metering.MonthsQ(&b.months, id, firstMonth(v.tenant.Zone, now), v.tenant.Zone), metering.OpenSessionsQ(&b.open, id),
		billing.OwedQ(&b.owed, id, v.tenant.Currency), billing.CustomerCouponQ(&b.coupon, &b.reduced, id))
}

// firstMonth is where a year of months begins, the present one being the last.
func firstMonth(zone *time.Location, now time.Time) time.Time {
	y, m, _ := now.In(zone).Date()
	return time.Date(y, m-(customerMonths-1), 1, 0, 0, 0, 0, zone)
}

// customerPage is one customer as the shop's people see them.
func (s *server) customerPage(c *echo.Context) error {
	return s.customerAs(c, http.StatusOK, func(*views.Customer) {})
}

func (s *server) customerAs(c *echo.Context, status int, change func(*views.Customer)) error {
	id, err := idOf(c.Param("id"), "customer")
	if err != nil {
		return err
	}
	before, err := entryBefore(c)
	if err != nil {
		return err
	}
	var b buyer
	if err := s.DB.Read(c.Request().Context(), visitOf(c).tenant, s.buyerQs(c, &b, id, before)...); err != nil {
		return err
	}
	page := s.customerOf(c, b)
	if before > 0 {
		page.First = customerPath(id)
	}
	page.MayErase = visitOf(c).person.Role == accounts.Owner && b.person.Role == accounts.Customer && b.profile.EraseAskedAt == nil
	change(&page)
	s.mayLeadTo(c, visitOf(c).tenant)
	return s.render(c, status, views.CustomerPage(s.consoleShell(c, b.person.Name, visitOf(c).person), page))
}

func customerPath(id uuid.UUID) string { return "/reseller/customers/" + id.String() }

func (s *server) customerOf(c *echo.Context, b buyer) views.Customer {
	t, when := visitOf(c).tenant, s.when(c)
	p := views.Customer{Person: b.person, Profile: b.profile, Path: customerPath(b.person.ID), Desks: b.desks, Invoices: b.invoices,
		Wallet: views.Wallet{When: when, Funds: b.funds, Profile: b.profile, Owed: b.owed, Bonuses: b.bonuses},
		Grant:  grantOf(t, b.person.ID, b.person.Name, customerPath(b.person.ID)), Limits: views.LimitsOf(b.profile, t.Currency), Mode: views.ModeForm{Mode: b.funds.PayMode}}
	p.Bonus.Cause = uuid.NewString()
	p.Grant.Alone, p.Parked = true, parkedFor(b.profile)
	p.Wallet.Runs, p.OneBlock = runways(b.funds, b.held, b.open, billing.CycleOf(t.Zone, when.Now).End, when.Now)
	p.Rows, p.Older = movementsPage(b.rows, p.Path)
	if b.reduced {
		p.Coupon = b.coupon.Code
	}
	for first := firstMonth(t.Zone, when.Now); !first.After(when.Now); first = first.AddDate(0, 1, 0) {
		month := metering.Day{Date: first}
		for _, used := range b.months {
			if used.Date.Format("2006-01") == first.Format("2006-01") {
				month = used
			}
		}
		p.Months = append(p.Months, month)
	}
	return p
}

// customerSaving is one form of that page.
type customerSaving struct {
	saved string
	do    func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, form url.Values) error
	again func(p *views.Customer, form url.Values, wrong views.Wrong)
}

func (s *server) setCustomerLimits(c *echo.Context) error {
	return s.saveCustomer(c, customerSaving{saved: "The cap and the warnings are saved.",
		do: func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, form url.Values) error {
			limits, err := limitsForm(form)
			if err != nil {
				return err
			}
			return s.Accounts.SetLimits(ctx, t, actor, id, limits)
		},
		again: func(p *views.Customer, form url.Values, wrong views.Wrong) {
			p.Limits = views.LimitsForm{Cap: form.Get("monthly_cap"), Low: form.Get("low_credit"), Percents: form["warn_percent"], Wrong: wrong}
		}})
}

func (s *server) setCustomerPayMode(c *echo.Context) error {
	return s.saveCustomer(c, customerSaving{saved: "How this customer pays is saved.",
		do: func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, form url.Values) error {
			return s.Accounts.SetPayMode(ctx, t, actor, id, form.Get("pay_mode"))
		},
		again: func(p *views.Customer, form url.Values, wrong views.Wrong) {
			p.Mode = views.ModeForm{Mode: form.Get("pay_mode"), Wrong: wrong}
		}})
}

// giveBonus gives a customer bonus credit, which may expire. A form that is sent
// twice gives once.
func (s *server) giveBonus(c *echo.Context) error {
	return s.saveCustomer(c, customerSaving{saved: "The bonus is given.",
		do: func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, form url.Values) error {
			g := views.Grant{Amount: form.Get("bonus_amount"), Reason: form.Get("bonus_reason")}
			amount, err := grantForm(g, t.Currency)
			wrong := bonusFields(err)
			expires, problem := lastDay(form.Get("bonus_expires"), t.Zone)
			if problem != "" {
				wrong.Add("bonus_expires", "%s", problem)
			}
			cause, err := uuid.Parse(form.Get("bonus_cause"))
			if err != nil {
				return fail.New(fail.BadRequest, "The form could not be read. Go back and send it again.")
			}
			if err := wrong.Err(); err != nil {
				return err
			}
			err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
				return ledger.AddBonus(ctx, tx, id, amount.D, t.Currency, expires, strings.TrimSpace(g.Reason), cause.String(), actor)
			})
			if fields := bonusFields(err); len(fields) > 0 {
				return fields.Err()
			}
			return err
		},
		again: func(p *views.Customer, form url.Values, wrong views.Wrong) {
			p.Bonus = views.BonusForm{Cause: form.Get("bonus_cause"), Amount: form.Get("bonus_amount"), Reason: form.Get("bonus_reason"), Expires: form.Get("bonus_expires"), Wrong: wrong}
		}})
}

// bonusFields names the fields of a refusal as the form does.
func bonusFields(err error) fail.Fields {
	out := fail.Fields{}
	var refused *fail.Error
	if errors.As(err, &refused) {
		for field, said := range refused.Fields {
			out["bonus_"+strings.TrimSuffix(field, "_at")] = said
		}
	}
	return out
}

// lastDay reads a day, at whose end something is over; "" is never.
func lastDay(text string, zone *time.Location) (end *time.Time, problem string) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, ""
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil || day.Year() > 2200 {
		return nil, "Give a day such as 2026-12-31."
	}
	y, m, d := day.Date()
	over := time.Date(y, m, d+1, 0, 0, 0, 0, zone)
	return &over, ""
}

// releaseCustomer lets a parked customer go on.
func (s *server) releaseCustomer(c *echo.Context) error {
	return s.saveCustomer(c, customerSaving{saved: "The account may go on.",
		do: func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, form url.Values) error {
			return s.Parking.Release(ctx, t, id, actor, form.Get("reason"))
		},
		again: func(p *views.Customer, form url.Values, wrong views.Wrong) {
			p.Release = views.ReleaseForm{Reason: form.Get("reason"), Wrong: wrong}
		}})
}

// parkedFor says which bound was passed, with its numbers.
func parkedFor(p accounts.Profile) string {
	var n parking.Numbers
	if len(p.ParkedFor) == 0 || json.Unmarshal(p.ParkedFor, &n) != nil {
		return ""
	}
	return n.Sentence()
}

// saveCustomer does what a form of the customer's page asks. Errors of the form show
// the page again (422).
func (s *server) saveCustomer(c *echo.Context, f customerSaving) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "customer")
	if err != nil {
		return err
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	if err := f.do(c.Request().Context(), v.tenant, actorOf(v.userID), id, form); err != nil {
		wrong, status := wrongOf(err)
		if status == 0 || fail.Is(err, fail.NotFound) {
			return err
		}
		return s.customerAs(c, status, func(p *views.Customer) { f.again(p, form, wrong) })
	}
	putNotice(c, s.deskOfReseller(c), views.ToneGood, f.saved)
	return seeOther(c, customerPath(id))
}
