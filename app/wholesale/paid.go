package wholesale

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Payment says who paid a wholesale invoice, or who says so, and by which
// reference it is found again.
type Payment struct {
	By        string // an operator, or the processor
	Reference string // of the bank transfer or of the processor's payment
}

// MarkPaid notes on an operator's word that a wholesale invoice was paid, such as
// by bank transfer. The reseller is told, and one that was past due or suspended
// for it is itself again at once. One that was paid before is fail.Conflict, unless
// it was by the same reference; an unknown number is fail.NotFound.
func (s *Service) MarkPaid(ctx context.Context, operator, number, reference string) (Invoice, error) {
	reference = strings.TrimSpace(reference)
	if len(reference) > 200 || strings.ContainsRune(reference, 0) {
		return Invoice{}, fail.Fields{"reference": "Use at most 200 plain characters."}.Err()
	}
	var inv Invoice
	if err := s.DB.CentralRead(ctx, InvoiceQ(&inv, uuid.Nil, number)); err != nil {
		return inv, err
	}
	return s.Settle(ctx, inv.ID, Payment{By: operator, Reference: reference})
}

// Settle notes that the whole of an invoice came in. Repeated by the same
// reference it changes nothing.
func (s *Service) Settle(ctx context.Context, invoice uuid.UUID, p Payment) (Invoice, error) {
	var inv Invoice
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
		if inv, err = lockInvoice(ctx, tx, invoice); err != nil {
			return err
		}
		switch {
		case inv.Status == Paid && inv.Reference == p.Reference:
			return nil
		case inv.Status != Open:
			return fail.New(fail.Conflict, "This invoice is %s already.", inv.Status)
		}
		at := tx.Now()
		inv.Status, inv.PaidAt, inv.PaidBy, inv.Reference = Paid, &at, p.By, p.Reference
		if err := savePaid(ctx, tx, inv); err != nil {
			return err
		}
		return audit(ctx, tx, p.By, &inv.TenantID, "wholesale.paid", inv.Number, map[string]string{"reference": p.Reference})
	})
	if err != nil {
		return inv, err
	}
	return inv, s.thank(ctx, inv)
}

// thank does what follows from a payment; all of it bears repetition.
func (s *Service) thank(ctx context.Context, inv Invoice) error {
	if err := s.enforce(ctx, inv.TenantID, inv.Number, true); err != nil {
		return err
	}
	t, ok := s.DB.Registry().ByID(inv.TenantID)
	if !ok {
		return nil
	}
	terms, err := s.Terms(ctx, t)
	if err != nil {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if err := bus.Undue(ctx, tx, kind, inv.ID.String()); err != nil {
			return err
		}
		return tell(ctx, tx, EventPaid, terms, inv, time.Time{})
	})
}

// The steps that operators take by hand.
const (
	StepPastDue = "past_due"
	StepSuspend = "suspend"
	StepResume  = "resume"
)

// Take lets an operator take a step about an unpaid invoice by hand, before its
// time: past due, suspended, or back to a first notice with the shop resumed.
func (s *Service) Take(ctx context.Context, operator, number, step string) (Invoice, error) {
	var inv Invoice
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
		if inv, err = lockNumber(ctx, tx, number); err != nil {
			return err
		}
		if inv.Status != Open {
			return fail.New(fail.Conflict, "This invoice is %s already.", inv.Status)
		}
		now := tx.Now()
		switch step {
		case StepPastDue:
			inv.PastDueAt = earliest(inv.PastDueAt, now)
		case StepSuspend:
			inv.PastDueAt, inv.SuspendedAt = earliest(inv.PastDueAt, now), earliest(inv.SuspendedAt, now)
		case StepResume: // its days begin anew
			inv.PastDueAt, inv.SuspendedAt = &now, nil
		default:
			return fail.New(fail.BadRequest, "There is no such step.")
		}
		if err := saveSteps(ctx, tx, inv); err != nil {
			return err
		}
		return audit(ctx, tx, operator, &inv.TenantID, "wholesale."+step, inv.Number, nil)
	})
	if err != nil {
		return inv, err
	}
	t, ok := s.DB.Registry().ByID(inv.TenantID)
	if !ok {
		return inv, fail.Missing("shop")
	}
	return inv, s.step(ctx, t, inv.ID)
}

func earliest(at *time.Time, now time.Time) *time.Time {
	if at != nil {
		return at
	}
	return &now
}
