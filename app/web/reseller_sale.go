package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// couponsView reads the page of coupons and draws it with what was typed.
func (s *server) couponsView(c *echo.Context, how func(*views.ShopCoupons)) (templ.Component, error) {
	p := views.ShopCoupons{When: s.when(c), Symbol: visitOf(c).tenant.Currency}
	person, err := s.consoleRead(c, billing.CouponsQ(&p.Coupons))
	how(&p)
	return views.ShopCouponsPage(s.consoleShell(c, "Coupons", person), p), err
}

func (s *server) shopCouponsPage(c *echo.Context) error {
	page, err := s.couponsView(c, func(*views.ShopCoupons) {})
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, page)
}

// couponAgain shows the coupons with a form that was wrong.
func (s *server) couponAgain(c *echo.Context, err error, how func(*views.ShopCoupons, views.Wrong)) error {
	wrong, status := wrongOf(err)
	if status == 0 {
		return err
	}
	page, err := s.couponsView(c, func(p *views.ShopCoupons) { how(p, wrong) })
	if err != nil {
		return err
	}
	return s.render(c, status, page)
}

func (s *server) createCoupon(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	f := figures{form, fail.Fields{}}
	n := billing.NewCoupon{Code: form.Get("code"), Name: form.Get("name"), Percent: f.decimal("percent"), Amount: f.decimal("amount"),
		Months: f.whole("months"), MaxUses: f.whole("max_uses"), ExpiresAt: f.lastDay("expires_at", visitOf(c).tenant.Zone), Actor: consoleActor(c)}
	if err = f.wrong.Err(); err == nil {
		_, err = s.Billing.CreateCoupon(c.Request().Context(), visitOf(c).tenant, n)
	}
	if err != nil {
		return s.couponAgain(c, err, func(p *views.ShopCoupons, wrong views.Wrong) { p.Make = typed(form, wrong) })
	}
	return s.consoleDone(c, "The coupon is made.", "/reseller/coupons")
}

// lastDay is the end of a day that is typed, in the shop's zone.
func (f figures) lastDay(name string, zone *time.Location) *time.Time {
	text := strings.TrimSpace(f.form.Get(name))
	if text == "" {
		return nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil || day.Year() > 9999 {
		f.wrong.Add(name, "Enter a day such as 2026-12-31.")
		return nil
	}
	end := day.AddDate(0, 0, 1)
	return &end
}

func (s *server) consoleDone(c *echo.Context, text, path string) error {
	putNotice(c, s.deskOfReseller(c), views.ToneGood, text)
	return seeOther(c, path)
}

func (s *server) retireCoupon(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if err := s.Billing.RetireCoupon(c.Request().Context(), visitOf(c).tenant, form.Get("code"), consoleActor(c)); err != nil {
		return err
	}
	return s.consoleDone(c, "Nobody can begin to use it any more.", "/reseller/coupons")
}

func (s *server) assignCoupon(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx, t := c.Request().Context(), visitOf(c).tenant
	buyer, err := s.Accounts.ByEmail(ctx, t, strings.TrimSpace(form.Get("email")))
	if fail.Is(err, fail.NotFound) {
		err = fail.Fields{"email": "There is no customer with this address."}.Err()
	}
	if err == nil {
		err = s.Billing.AssignCoupon(ctx, t, buyer.ID, form.Get("code"), consoleActor(c))
	}
	if err != nil {
		return s.couponAgain(c, err, func(p *views.ShopCoupons, wrong views.Wrong) { p.Give = typed(form, wrong) })
	}
	return s.consoleDone(c, buyer.Name+" has the coupon.", "/reseller/coupons")
}

func (s *server) shopTaxesPage(c *echo.Context) error {
	return s.taxesAs(c, http.StatusOK, views.TermsForm{Values: map[string]string{"tax_class": "standard"}})
}

func (s *server) taxesAs(c *echo.Context, status int, form views.TermsForm) error {
	p := views.ShopTaxes{Form: form}
	person, err := s.consoleRead(c, billing.TaxesQ(&p.Rates))
	if err != nil {
		return err
	}
	return s.render(c, status, views.ShopTaxesPage(s.consoleShell(c, "Taxes", person), p))
}

func (s *server) setTax(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	f := figures{form, fail.Fields{}}
	rate := billing.TaxRate{Name: form.Get("name"), Country: form.Get("country"), Class: form.Get("tax_class"), Inclusive: form.Get("inclusive") == "on"}
	if percent := f.decimal("percent"); percent != nil {
		rate.Percent = *percent
	} else {
		f.wrong.Add("percent", "Give a percentage from 0 to 100.")
	}
	if err = f.wrong.Err(); err == nil {
		err = s.Billing.SetTax(c.Request().Context(), visitOf(c).tenant, rate, consoleActor(c))
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.taxesAs(c, status, typed(form, wrong))
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, "The rate is in force.", "/reseller/taxes")
}

func (s *server) retireTax(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if err := s.Billing.RetireTax(c.Request().Context(), visitOf(c).tenant, form.Get("country"), form.Get("tax_class"), consoleActor(c)); err != nil {
		return err
	}
	return s.consoleDone(c, "The rate is out of force.", "/reseller/taxes")
}

func (s *server) shopPlansPage(c *echo.Context) error {
	return s.plansAs(c, http.StatusOK, "", views.TermsForm{})
}

// plansAs draws the plans, one of them perhaps with what was typed.
func (s *server) plansAs(c *echo.Context, status int, plan string, form views.TermsForm) error {
	var plans []billing.Plan
	person, err := s.consoleRead(c, billing.PlansQ(&plans))
	if err != nil {
		return err
	}
	list := make([]views.ShopPlan, len(plans))
	for i, p := range plans {
		list[i] = shopPlan(visitOf(c).tenant, p)
		if p.Type == plan {
			list[i].Form = form
		}
	}
	return s.render(c, status, views.ShopPlansPage(s.consoleShell(c, "Plans", person), list))
}

func shopPlan(t tenants.Tenant, p billing.Plan) views.ShopPlan {
	month := "0"
	if p.Price != nil {
		month = money.API(*p.Price, p.Currency)
	}
	one := views.ShopPlan{Plan: p, Form: views.TermsForm{Values: map[string]string{
		"price_per_hour": money.API(p.PricePerHour, p.Currency), "price": month, "block_seconds": strconv.Itoa(p.BlockSeconds),
		"included_hours": strconv.Itoa(p.IncludedHours), "trial_days": strconv.Itoa(p.TrialDays)}}}
	if rate, known := t.WholesaleRate(p.CatalogPlanID); known {
		one.Wholesale, one.Margin = money.Rate(rate, p.Currency), money.Rate(p.PricePerHour.Sub(rate), p.Currency)
	}
	if price, known := t.WholesalePrice(p.CatalogPlanID); known {
		one.Month = money.Of(price, p.Currency).Format()
	}
	return one
}

func (s *server) setShopPlan(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	change, err := planOf(form)
	if err == nil {
		change.Actor, change.Then = consoleActor(c), reruled
		_, err = s.Pricing.ChangePlan(c.Request().Context(), visitOf(c).tenant, change)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.plansAs(c, status, change.Type, typed(form, wrong))
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, "The plan is saved.", "/reseller/plans")
}

func planOf(form url.Values) (billing.PlanChange, error) {
	f := figures{form, fail.Fields{}}
	change := billing.PlanChange{Type: form.Get("type"), PricePerHour: f.decimal("price_per_hour"), Price: f.decimal("price"),
		BlockSeconds: f.whole("block_seconds"), IncludedHours: f.whole("included_hours"), TrialDays: f.whole("trial_days")}
	return change, f.wrong.Err()
}

// reruled lets a plan's rules take effect on the desktops that run.
func reruled(ctx context.Context, tx tenants.Tx, before, after billing.Plan) error {
	if before.IdleStop == after.IdleStop {
		return nil
	}
	return workspaces.PlanRerules(ctx, tx, after.ID, before.IdleStop)
}
