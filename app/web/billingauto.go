package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// setAutoTopUp keeps or ends the rule by which credit is bought by itself (R17).
func (s *server) setAutoTopUp(c *echo.Context) error {
	return s.save(c, saving{part: views.PartAuto, saved: "Saved.",
		do: func(ctx context.Context, t tenants.Tenant, user uuid.UUID, form url.Values) error {
			rule, err := autoForm(form, t.Currency)
			if err != nil {
				return err
			}
			return s.Payments.SetAutoTopUp(ctx, t, user, rule)
		},
		again: func(p *views.Billing, form url.Values, wrong views.Wrong) {
			p.Auto = views.AutoForm{Enabled: form.Get("enabled") != "", Threshold: form.Get("threshold"), Step: form.Get("step"), Daily: form.Get("daily_ceiling"), Wrong: wrong}
		}})
}

// autoForm reads the rule. Errors: Invalid (threshold, step, daily_ceiling).
func autoForm(form url.Values, currency string) (payments.AutoTopUp, error) {
	rule := payments.AutoTopUp{Enabled: form.Get("enabled") != ""}
	if !rule.Enabled {
		return rule, nil
	}
	wrong := fail.Fields{}
	for field, dst := range map[string]*decimal.Decimal{"threshold": &rule.Threshold, "step": &rule.Step, "daily_ceiling": &rule.DailyCeiling} {
		amount, err := decimalOf(strings.TrimSpace(form.Get(field)))
		if err != nil || strings.TrimSpace(form.Get(field)) == "" {
			wrong.Add(field, "Enter an amount such as %s.", money.API(decimal.NewFromInt(20), currency))
		}
		*dst = amount
	}
	return rule, wrong.Err()
}

// redeemCoupon lets a customer use a coupon's code.
func (s *server) redeemCoupon(c *echo.Context) error {
	return s.save(c, saving{part: views.PartCoupon, saved: "It counts from your next invoice on.",
		do: func(ctx context.Context, t tenants.Tenant, user uuid.UUID, form url.Values) error {
			return s.Billing.Redeem(ctx, t, user, form.Get("code"))
		},
		again: func(p *views.Billing, form url.Values, wrong views.Wrong) {
			p.Code = views.CouponForm{Code: form.Get("code"), Wrong: wrong}
		}})
}

// cancelSubscription cancels a customer's own subscription or takes that back.
func (s *server) cancelSubscription(c *echo.Context) error {
	return s.changeSubscription(c, s.Billing.Cancel, "It ends when what you have paid for ends. Until then everything stays as it is.")
}

func (s *server) keepSubscription(c *echo.Context) error {
	return s.changeSubscription(c, s.Billing.Keep, "It goes on.")
}

type subscriptionDeed func(ctx context.Context, t tenants.Tenant, user, id uuid.UUID, actor string) (billing.Subscription, error)

func (s *server) changeSubscription(c *echo.Context, do subscriptionDeed, said string) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "subscription")
	if err != nil {
		return err
	}
	if _, err := do(c.Request().Context(), v.tenant, v.userID, id, actorOf(v.userID)); err != nil {
		return err
	}
	if isHTMX(c) {
		return s.billingPart(c, http.StatusOK, views.PartSubscriptions, func(p *views.Billing) { p.Part, p.Said = views.PartSubscriptions, said })
	}
	putNotice(c, s.doors.shop, views.ToneGood, said)
	return seeOther(c, "/billing#"+views.PartSubscriptions)
}
