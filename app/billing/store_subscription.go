package billing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const subscriptionColumns = `s.id, s.user_id, s.plan_id, s.service_id, s.service_type, s.plan_name, s.status, s.price, s.wholesale_price, s.currency,
		s.tax_class, s.included_hours, s.started_at, s.trial_ends_at, s.billed_until, s.ends_at, s.ended_at`

// monthly is what a plan costs a month, as it is sold now.
type monthly struct {
	CatalogPlanID string          `db:"catalog_plan_id"`
	ServiceType   string          `db:"service_type"`
	PlanName      string          `db:"name"`
	Price         decimal.Decimal `db:"price"`
	Currency      string          `db:"currency"`
	IncludedHours int             `db:"included_hours"`
	TrialDays     int             `db:"trial_days"`
}

func monthlyTerms(ctx context.Context, tx tenants.Tx, plan uuid.UUID) (monthly, bool, error) {
	return tenants.Find[monthly](ctx, tx, `-- billing.monthlyTerms
		select catalog_plan_id, service_type, name, price, currency, included_hours, trial_days from plans where id = $1 and price > 0`, plan)
}

func insertSubscription(ctx context.Context, tx tenants.Tx, s Subscription) error {
	_, err := tx.Exec(ctx, `-- billing.insertSubscription
		insert into subscriptions (id, user_id, plan_id, service_id, service_type, plan_name, status, price, wholesale_price, currency, tax_class,
			included_hours, started_at, trial_ends_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, s.ID, s.UserID, s.PlanID, s.ServiceID, s.ServiceType, s.PlanName, s.Status,
		s.Price, s.WholesalePrice, s.Currency, s.TaxClass, s.IncludedHours, s.StartedAt, s.TrialEndsAt)
	return err
}

func updateSubscription(ctx context.Context, tx tenants.Tx, s Subscription) error {
	_, err := tx.Exec(ctx, `-- billing.updateSubscription
		update subscriptions set status = $2, billed_until = $3, ends_at = $4, ended_at = $5 where id = $1`, s.ID, s.Status, s.BilledUntil, s.EndsAt, s.EndedAt)
	return err
}

func lockSubscription(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Subscription, error) {
	return tenants.Get[Subscription](ctx, tx, "subscription", `-- billing.lockSubscription
		select `+subscriptionColumns+` from subscriptions s where s.id = $1 for update`, id)
}

func lockSubscriptionOf(ctx context.Context, tx tenants.Tx, service uuid.UUID) (Subscription, bool, error) {
	return tenants.Find[Subscription](ctx, tx, `-- billing.lockSubscriptionOf
		select `+subscriptionColumns+` from subscriptions s where s.service_id = $1 for update`, service)
}

func serviceGone(ctx context.Context, tx tenants.Tx, service uuid.UUID) (bool, error) {
	return tenants.Get[bool](ctx, tx, "service", `-- billing.serviceGone
		select status = 'terminated' from services where id = $1`, service)
}

// mayPayLater says whether a customer may owe: by agreement, or with a card on file.
func mayPayLater(ctx context.Context, tx tenants.Tx, user uuid.UUID) (bool, error) {
	return tenants.Get[bool](ctx, tx, "customer", `-- billing.mayPayLater
		select u.pay_mode = 'postpaid' or exists (select from payment_methods m where m.user_id = u.id and m.status = 'active') from users u where u.id = $1`, user)
}

func endCancelled(ctx context.Context, tx tenants.Tx, at time.Time) error {
	_, err := tx.Exec(ctx, `-- billing.endCancelled
		update subscriptions set status = 'ended', ended_at = ends_at where status = 'cancelling' and ends_at <= $1`, at)
	return err
}

// unbilledSubscriptions are those to be billed for the month that begins at a time.
func unbilledSubscriptions(ctx context.Context, tx tenants.Tx, at time.Time) ([]Subscription, error) {
	return tenants.List[Subscription](ctx, tx, `-- billing.unbilledSubscriptions
		select `+subscriptionColumns+` from subscriptions s where s.status = 'active' and s.billed_until <= $1 order by s.started_at, s.id for update`, at)
}

func billedUntilEnd(ctx context.Context, tx tenants.Tx, subs []Subscription, end time.Time) error {
	ids := make([]uuid.UUID, len(subs))
	for i, s := range subs {
		ids[i] = s.ID
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `-- billing.billedUntilEnd
		update subscriptions set billed_until = $2 where id = any($1)`, ids, end)
	return err
}

// SubscriptionsQ reads a customer's subscriptions, those that run first.
func SubscriptionsQ(dst *[]Subscription, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- billing.SubscriptionsQ
		select `+subscriptionColumns+` from subscriptions s where s.user_id = $1 order by s.ended_at is not null, s.started_at desc, s.id`, user)
}

// SubscriptionOfQ reads the subscription behind a workspace of a customer.
func SubscriptionOfQ(dst *Subscription, found *bool, user, workspace uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- billing.SubscriptionOfQ
		select `+subscriptionColumns+` from subscriptions s join kasm_workspaces w on w.service_id = s.service_id where w.id = $2 and s.user_id = $1`, user, workspace)
}
