package wholesale

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// remindDays is how long before the due date a reminder goes.
const remindDays = 3

func (t Terms) remindAt(due time.Time) time.Time {
	return begins(t.Zone(), civil(time.UTC, due).AddDate(0, 0, -remindDays))
}

// pastDueAt is the end of the due date in the provider's zone.
func (t Terms) pastDueAt(due time.Time) time.Time {
	return begins(t.Zone(), civil(time.UTC, due).AddDate(0, 0, 1))
}

// suspendAt is so many days after the reseller was told that it is past due.
func (t Terms) suspendAt(told time.Time) time.Time {
	return told.AddDate(0, 0, t.SuspendDays)
}

// advance takes the step whose time has come, if any: the event to announce, and
// when to look again (the zero time: never). Each step is taken once; a suspension
// comes no sooner than its days after past due was told.
func (t Terms) advance(inv *Invoice, now time.Time) (event string, next time.Time) {
	if inv.Status != Open {
		return "", time.Time{}
	}
	switch {
	case inv.PastDueAt != nil && inv.SuspendedAt == nil && !now.Before(t.suspendAt(*inv.PastDueAt)):
		inv.SuspendedAt, event = &now, EventSuspended
	case inv.PastDueAt == nil && !now.Before(t.pastDueAt(inv.DueDate)):
		inv.PastDueAt, event = &now, EventPastDue
	case inv.PastDueAt == nil && inv.RemindedAt == nil && !now.Before(t.remindAt(inv.DueDate)):
		inv.RemindedAt, event = &now, EventReminder
	}
	switch {
	case inv.SuspendedAt != nil:
		return event, time.Time{}
	case inv.PastDueAt != nil:
		return event, t.suspendAt(*inv.PastDueAt)
	case inv.RemindedAt != nil:
		return event, t.pastDueAt(inv.DueDate)
	}
	return event, t.remindAt(inv.DueDate)
}

// step looks at an invoice whose time has come. What is written in the provider's
// books, what it does to the shop and who is told bear repetition one by one, so a
// crash between them is made good when the due time comes again.
func (s *Service) step(ctx context.Context, t tenants.Tenant, id uuid.UUID) error {
	terms, err := s.Terms(ctx, t)
	if err != nil {
		return err
	}
	var inv Invoice
	var next time.Time
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
		if inv, err = lockInvoice(ctx, tx, id); err != nil || inv.TenantID != t.ID {
			return err
		}
		_, next = terms.advance(&inv, tx.Now())
		return saveSteps(ctx, tx, inv)
	})
	if fail.Is(err, fail.NotFound) {
		return bus.Permanent(err)
	}
	if err != nil || inv.TenantID != t.ID {
		return err
	}
	if err := s.enforce(ctx, t.ID, inv.Number, false); err != nil {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if err := tellSteps(ctx, tx, terms, inv, next); err != nil {
			return err
		}
		if next.IsZero() {
			return bus.Undue(ctx, tx, kind, id.String())
		}
		return bus.Due(ctx, tx, kind, id.String(), next, nil)
	})
}

// tellSteps announces the newest step that was taken. The letters are kept by
// invoice and step, so saying it again writes no second one.
func tellSteps(ctx context.Context, tx tenants.Tx, t Terms, inv Invoice, next time.Time) error {
	switch {
	case inv.Status == Paid:
		return tell(ctx, tx, EventPaid, t, inv, time.Time{})
	case inv.Status != Open:
		return nil
	case inv.SuspendedAt != nil:
		return tell(ctx, tx, EventSuspended, t, inv, time.Time{})
	case inv.PastDueAt != nil:
		return tell(ctx, tx, EventPastDue, t, inv, next)
	case inv.RemindedAt != nil:
		return tell(ctx, tx, EventReminder, t, inv, next)
	}
	return nil
}

// enforce brings a reseller's standing in line with its open invoices: past due
// while one is, suspended while one calls for it, and itself again at once when
// none does. paid says that money came in just now, which is what a shop waits for
// whose trial ended. A suspension or closing for another reason stays (R24).
func (s *Service) enforce(ctx context.Context, tenant uuid.UUID, number string, paid bool) error {
	var terms Terms
	var owed late
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
		if owed, err = lateOf(ctx, tx, tenant); err != nil {
			return err
		}
		status := "active"
		if owed.PastDue > 0 {
			status = "past_due"
		}
		_, err = setBilling(ctx, tx, tenant, status)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.DB.CentralRead(ctx, termsQ(&terms, tenant)); err != nil {
		return err
	}
	switch {
	case owed.Suspended > 0 && terms.TenantStatus.Open():
		return s.Shops.SuspendUnpaid(ctx, tenant, number)
	case owed.Suspended == 0 && terms.TenantStatus == tenants.Suspended && (terms.SuspendedFor == tenants.ForUnpaid || paid && terms.SuspendedFor == tenants.ForTrial):
		return s.Shops.Paid(ctx, tenant)
	}
	return s.DB.Registry().Refresh(ctx)
}
