package billing

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Cancel ends a customer's subscription with what was billed of it, or with its trial;
// nothing is given back (R25). user is uuid.Nil for staff. Errors: NotFound. One that
// is cancelled already stays so.
func (s *Service) Cancel(ctx context.Context, t tenants.Tenant, user, id uuid.UUID, actor string) (Subscription, error) {
	return s.change(ctx, t, user, id, actor, cancel)
}

// Keep takes a cancelling back while the subscription still runs. Errors: NotFound,
// Conflict when it has ended or its workspace is destroyed.
func (s *Service) Keep(ctx context.Context, t tenants.Tenant, user, id uuid.UUID, actor string) (Subscription, error) {
	return s.change(ctx, t, user, id, actor, keep)
}

type changing func(ctx context.Context, tx tenants.Tx, sub *Subscription) (changed bool, err error)

func (s *Service) change(ctx context.Context, t tenants.Tenant, user, id uuid.UUID, actor string, how changing) (sub Subscription, err error) {
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		if sub, err = lockSubscription(ctx, tx, id); err != nil {
			return err
		}
		if user != uuid.Nil && sub.UserID != user {
			return fail.Missing("subscription")
		}
		changed, err := how(ctx, tx, &sub)
		if err != nil || !changed {
			return err
		}
		if err := updateSubscription(ctx, tx, sub); err != nil {
			return err
		}
		return audit(ctx, tx, actor, "subscription."+sub.Status, sub.ID.String(), map[string]string{"plan": sub.ServiceType})
	})
	return sub, err
}

func cancel(_ context.Context, tx tenants.Tx, sub *Subscription) (bool, error) {
	if sub.Status != Trial && sub.Status != Subscribed {
		return false, nil
	}
	sub.EndsAt = sub.BilledUntil
	if sub.Status == Trial {
		sub.EndsAt = sub.TrialEndsAt
	}
	if now := tx.Now(); sub.EndsAt == nil || sub.EndsAt.Before(now) {
		sub.EndsAt = &now
	}
	sub.Status = Cancelling
	return true, nil
}

func keep(ctx context.Context, tx tenants.Tx, sub *Subscription) (bool, error) {
	if sub.Status == Trial || sub.Status == Subscribed {
		return false, nil
	}
	if sub.Over(tx.Now()) {
		return false, fail.New(fail.Conflict, "This subscription has ended; order the plan again.")
	}
	if gone, err := serviceGone(ctx, tx, sub.ServiceID); err != nil || gone {
		if err == nil {
			err = fail.New(fail.Conflict, "Its workspace is destroyed, so there is nothing to keep.")
		}
		return false, err
	}
	sub.Status, sub.EndsAt = Subscribed, nil
	if sub.BilledUntil == nil {
		sub.Status = Trial
	}
	return true, nil
}

// Destroyed cancels the subscription of a service whose workspace is destroyed, in
// that transaction.
func (s *Service) Destroyed(ctx context.Context, tx tenants.Tx, service uuid.UUID) error {
	sub, found, err := lockSubscriptionOf(ctx, tx, service)
	if err != nil || !found {
		return err
	}
	if changed, err := cancel(ctx, tx, &sub); err != nil || !changed {
		return err
	}
	return updateSubscription(ctx, tx, sub)
}
