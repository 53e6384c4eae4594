package billing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// DueSubscription is the kind of due time at the end of a trial; its key is the
// subscription's id.
const DueSubscription = "subscription"

// The statuses of a subscription.
const (
	Trial      = "trial"      // nothing is billed until it ends
	Subscribed = "active"     // billed each month in advance
	Cancelling = "cancelling" // runs until what was billed ends
	Ended      = "ended"
)

// Subscription is a monthly price beside the blocks, at the terms of its order (R25).
type Subscription struct {
	ID             uuid.UUID       `db:"id"`
	UserID         uuid.UUID       `db:"user_id"`
	PlanID         uuid.UUID       `db:"plan_id"`
	ServiceID      uuid.UUID       `db:"service_id"`
	ServiceType    string          `db:"service_type"`
	PlanName       string          `db:"plan_name"`
	Status         string          `db:"status"`
	Price          decimal.Decimal `db:"price"`           // a month
	WholesalePrice decimal.Decimal `db:"wholesale_price"` // a month, of the reseller
	Currency       string          `db:"currency"`
	TaxClass       string          `db:"tax_class"`
	IncludedHours  int             `db:"included_hours"`
	StartedAt      time.Time       `db:"started_at"`
	TrialEndsAt    *time.Time      `db:"trial_ends_at"`
	BilledUntil    *time.Time      `db:"billed_until"` // nil in a trial
	EndsAt         *time.Time      `db:"ends_at"`      // of one that is cancelled
	EndedAt        *time.Time      `db:"ended_at"`
}

// Money writes the monthly price for people.
func (s Subscription) Money() string { return money.Of(s.Price, s.Currency).Format() }

// Over says that it has ended by a time.
func (s Subscription) Over(now time.Time) bool {
	return s.Status == Ended || s.Status == Cancelling && s.EndsAt != nil && !now.Before(*s.EndsAt)
}

// Ordered begins the subscription of an order, in the order's transaction: a plan
// without a monthly price has none. The rest of the month is billed at once, today
// included, and paid from credit; a trial is billed when it ends. A prepaid customer
// whose credit does not reach and who has no card is fail.PaymentRequired.
func (s *Service) Ordered(ctx context.Context, tx tenants.Tx, user, service, plan uuid.UUID) error {
	terms, found, err := monthlyTerms(ctx, tx, plan)
	if err != nil || !found {
		return err
	}
	sub := terms.subscribe(user, service, tx.Now(), tx.Tenant().Zone)
	sub.PlanID = plan
	if price, known := tx.Tenant().WholesalePrice(terms.CatalogPlanID); known {
		sub.WholesalePrice = price
	}
	if err := insertSubscription(ctx, tx, sub); err != nil {
		return err
	}
	if sub.Status == Trial {
		return bus.Due(ctx, tx, DueSubscription, sub.ID.String(), *sub.TrialEndsAt, nil)
	}
	inv, err := billFrom(ctx, tx, &sub, sub.StartedAt)
	if err != nil || !inv.AmountDue.IsPositive() {
		return err
	}
	return mayOwe(ctx, tx, user, inv)
}

// subscribe makes the subscription of a plan as it is sold now.
func (m monthly) subscribe(user, service uuid.UUID, now time.Time, zone *time.Location) Subscription {
	sub := Subscription{
		ID: newID(), UserID: user, ServiceID: service, ServiceType: m.ServiceType, PlanName: m.PlanName, Status: Subscribed,
		Price: m.Price, Currency: m.Currency, TaxClass: "standard", IncludedHours: m.IncludedHours, StartedAt: now,
	}
	if m.TrialDays > 0 {
		local := now.In(zone)
		ends := time.Date(local.Year(), local.Month(), local.Day()+m.TrialDays, local.Hour(), local.Minute(), local.Second(), 0, zone).UTC()
		sub.Status, sub.TrialEndsAt = Trial, &ends
	}
	return sub
}

// mayOwe refuses a first bill that nothing pays: a prepaid customer owes nothing.
func mayOwe(ctx context.Context, tx tenants.Tx, user uuid.UUID, inv Invoice) error {
	may, err := mayPayLater(ctx, tx, user)
	if err != nil || may {
		return err
	}
	return fail.Coded(fail.PaymentRequired, "payment_required", "The rest of this month costs %s. Add credits or a payment method first.", inv.Money(inv.Total))
}

// billFrom bills a subscription from a time on to the end of the month that is open,
// and says so on it. Months that were closed ahead of their time are made up for.
func billFrom(ctx context.Context, tx tenants.Tx, sub *Subscription, from time.Time) (Invoice, error) {
	zone := tx.Tenant().Zone
	c := CycleOf(zone, from)
	if now := CycleOf(zone, tx.Now()); now.Start.After(c.Start) {
		c = now
	}
	closed, _, err := lastClosed(ctx, tx)
	if err != nil {
		return Invoice{}, err
	}
	for !c.Month.After(closed) {
		c = c.Next(zone)
	}
	sub.Status, sub.BilledUntil = Subscribed, &c.End
	if err := updateSubscription(ctx, tx, *sub); err != nil {
		return Invoice{}, err
	}
	return issueNow(ctx, tx, SubscriptionKind, sub.UserID, sub.Currency, sub.PlanName+", monthly price", sub.linesFrom(zone, from, c))
}

// OnSubscriptionDue bills a subscription whose trial is over, from that day on.
func (s *Service) OnSubscriptionDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	return s.settle(ctx, m.Tenant, func(tx tenants.Tx) error {
		sub, err := lockSubscription(ctx, tx, id)
		if fail.Is(err, fail.NotFound) {
			return m.Done(ctx, tx)
		}
		if err != nil {
			return err
		}
		if sub.TrialEndsAt != nil && tx.Now().Before(*sub.TrialEndsAt) {
			return bus.Later(sub.TrialEndsAt.Sub(tx.Now()), "the trial is not over yet")
		}
		if err := afterTrial(ctx, tx, sub); err != nil {
			return err
		}
		return m.Done(ctx, tx)
	})
}

func afterTrial(ctx context.Context, tx tenants.Tx, sub Subscription) error {
	switch {
	case sub.Status == Trial:
		_, err := billFrom(ctx, tx, &sub, *sub.TrialEndsAt)
		return err
	case sub.Status == Cancelling && sub.Over(tx.Now()):
		sub.Status, sub.EndedAt = Ended, sub.EndsAt
		return updateSubscription(ctx, tx, sub)
	}
	return nil
}

// advances are the subscriptions of the cycle that begins, for the invoice of the
// one that ends (R25). One that was cancelled ends here; one in its trial waits.
func advances(ctx context.Context, tx tenants.Tx, c Cycle) ([]advance, error) {
	if err := endCancelled(ctx, tx, c.Start); err != nil {
		return nil, err
	}
	subs, err := unbilledSubscriptions(ctx, tx, c.Start)
	if err != nil {
		return nil, err
	}
	var all []advance
	for _, sub := range subs {
		for _, l := range sub.linesFrom(tx.Tenant().Zone, *sub.BilledUntil, c) {
			all = append(all, advance{sub.UserID, l})
		}
	}
	return all, billedUntilEnd(ctx, tx, subs, c.End)
}
