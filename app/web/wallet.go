package web

import (
	"time"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// purse is all that the pages about a customer's money are drawn from.
type purse struct {
	spending
	profile  accounts.Profile
	minimum  decimal.Decimal
	owed     billing.Owed
	bonuses  ledger.BonusBook
	month    billing.Cycle
	days     []metering.Day
	invoices []billing.Invoice
	subs     []billing.Subscription
	cards    bool
	auto     payments.AutoTopUp
	hasAuto  bool
	coupon   billing.CustomerCoupon
	reduced  bool
}

// purseQs are the questions behind the balance and how long it lasts.
func (s *server) purseQs(c *echo.Context, all *purse) []tenants.Query {
	v := visitOf(c)
	all.month = billing.CycleOf(v.tenant.Zone, s.Clock.Now())
	return append(append(s.spendingQs(c, &all.spending), ledger.BonusQs(&all.bonuses, v.userID, v.tenant.Currency)...), accounts.ProfileQ(&all.profile, v.userID), ledger.MinimumQ(&all.minimum),
		billing.OwedQ(&all.owed, v.userID, v.tenant.Currency))
}

// billingQs are those of the whole page.
func (s *server) billingQs(c *echo.Context, all *purse) []tenants.Query {
	v := visitOf(c)
	queries := append(s.purseQs(c, all), billing.InvoicesQ(&all.invoices, v.userID, "", openInvoices), billing.SubscriptionsQ(&all.subs, v.userID),
		metering.UsedDaysQ(&all.days, v.userID, all.month.Start, all.month.End, v.tenant.Zone), payments.AutoTopUpQ(&all.auto, &all.hasAuto, v.userID),
		billing.CustomerCouponQ(&all.coupon, &all.reduced, v.userID))
	if s.Payments != nil {
		queries = append(queries, s.Payments.TakesCardsQ(&all.cards, v.tenant))
	}
	return queries
}

func (s *server) walletOf(c *echo.Context, all purse, support string) views.Wallet {
	v, when := visitOf(c), s.when(c)
	w := views.Wallet{When: when, Funds: all.funds, Profile: all.profile, Owed: all.owed, Bonuses: all.bonuses, Minimum: shopMoney(v.tenant, all.minimum), Support: support}
	w.Runs, w.OneBlock = runways(all.funds, all.held, all.open, all.month.End, when.Now)
	return w
}

// runways says until when each running desktop has money, when all of them share
// the free credit and what is left of the month's cap; last says that one of them
// has none for the block after the next.
func runways(f ledger.Funds, held []ledger.HeldBlock, open []metering.Session, monthEnd, now time.Time) (out []views.Runway, last bool) {
	lanes := make([]metering.Lane, len(open))
	out = make([]views.Runway, len(open))
	for i, s := range open {
		lanes[i] = laneOf(f, held, s, now)
		out[i] = views.Runway{Workspace: s.WorkspaceID, Name: s.PlanName}
	}
	if f.PayMode != ledger.Postpaid {
		bound(out, lanes, f.Free(), "credit", time.Time{})
	}
	if left := f.CapLeft(); left != nil {
		bound(out, lanes, *left, "cap", monthEnd)
	}
	for i, s := range open {
		block := time.Duration(s.BlockSeconds) * time.Second
		last = last || out[i].By != "" && out[i].At.Sub(s.PaidUntilAt(now)) <= block
	}
	return out, last
}

// laneOf is a desktop as it spends: from the first block that nothing is held for.
func laneOf(f ledger.Funds, held []ledger.HeldBlock, s metering.Session, now time.Time) metering.Lane {
	l := metering.Lane{Next: s.PaidUntilAt(now), Price: ledger.BlockPrice(s.CostPerHour, s.BlockSeconds, f.TaxPercent), Seconds: s.BlockSeconds}
	for _, h := range held {
		if h.WorkspaceID == s.WorkspaceID && h.BlockNo >= s.BlocksAt(now) {
			l.Next = metering.StartOf(s.StartedAt, h.BlockNo+1, s.BlockSeconds)
		}
	}
	return l
}

// bound ends runs where a purse does, unless something ends them before. A bound
// that lasts beyond until is another one by then.
func bound(out []views.Runway, lanes []metering.Lane, purse decimal.Decimal, by string, until time.Time) {
	for i, at := range metering.Together(purse, lanes) {
		if at.IsZero() || !until.IsZero() && !at.Before(until) {
			continue
		}
		if out[i].By == "" || at.Before(out[i].At) {
			out[i].At, out[i].By = at, by
		}
	}
}
