package dunning

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// DueDunning is the kind of due time of the next step; its key is the invoice's id.
const DueDunning = "dunning"

// why is the reason under which desktops are stopped, as sessions show it.
const why = "suspended"

// OnFinalised begins to follow an invoice on which something is left to pay
// (invoice.finalised).
func (s *Service) OnFinalised(ctx context.Context, m *bus.Message) error {
	var made struct {
		InvoiceID uuid.UUID `json:"invoice_id"`
		AmountDue string    `json:"amount_due"`
	}
	if err := m.Decode(&made); err != nil {
		return err
	}
	if due, err := decimal.NewFromString(made.AmountDue); err == nil && !due.IsPositive() {
		return nil
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return s.arm(ctx, tx, made.InvoiceID)
	})
}

// arm sets the due time of an invoice's next step, or calls it off.
func (s *Service) arm(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) error {
	inv, plan, err := s.look(ctx, tx, invoice)
	if err != nil {
		return err
	}
	return armAt(ctx, tx, inv, plan)
}

func armAt(ctx context.Context, tx tenants.Tx, inv invoice, plan Plan) error {
	if !inv.open() {
		return bus.Undue(ctx, tx, DueDunning, inv.ID.String())
	}
	at, more := plan.Next(inv.Case, tx.Tenant().Zone, tx.Now())
	if !more {
		return bus.Undue(ctx, tx, DueDunning, inv.ID.String())
	}
	if inv.waits() {
		at = tomorrow(tx.Tenant().Zone, tx.Now())
	}
	return bus.Due(ctx, tx, DueDunning, inv.ID.String(), at, nil)
}

// look locks an invoice and reads all that its next step depends on.
func (s *Service) look(ctx context.Context, tx tenants.Tx, id uuid.UUID) (invoice, Plan, error) {
	inv, err := lockInvoice(ctx, tx, id)
	if err != nil {
		return invoice{}, Plan{}, err
	}
	plan, err := s.plan(ctx, tx)
	return inv, plan, err
}

// plan reads the shop's setting. One that cannot be read must not let invoices lie:
// the default takes its place, and the log says so.
func (s *Service) plan(ctx context.Context, tx tenants.Tx) (Plan, error) {
	text, err := settingOf(ctx, tx)
	if err != nil {
		return Plan{}, err
	}
	plan, wrong := PlanOf(text)
	if wrong != nil && s.Log != nil {
		s.Log.WarnContext(ctx, "a shop's days of dunning cannot be read", "tenant", tx.Tenant().Slug, "error", wrong)
	}
	return plan, nil
}

// OnDue takes the steps of an invoice whose time has come. A try to collect is made
// before the transaction of the others: the processor is asked under a key of its
// own, so asking twice collects once (R22).
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	tries := false
	err = s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		inv, plan, err := s.look(ctx, tx, id)
		if err == nil && inv.open() && !inv.waits() {
			tries = has(plan.Turn(inv.Case, tx.Tenant().Zone, tx.Now()).Do, Retry)
		}
		return err
	})
	if fail.Is(err, fail.NotFound) {
		return bus.Permanent(err)
	}
	if err != nil {
		return err
	}
	var came *Outcome
	if tries {
		outcome, err := s.charge(ctx, m.Tenant, id)
		if err != nil {
			return err
		}
		came = &outcome
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return s.turn(ctx, tx, id, came)
	})
}

func (s *Service) charge(ctx context.Context, t tenants.Tenant, id uuid.UUID) (Outcome, error) {
	if s.Charger == nil {
		return Outcome{NoMethod: true}, nil
	}
	return s.Charger.ChargeInvoice(ctx, t, id)
}

// turn takes what is to be taken now and sets the next due time.
func (s *Service) turn(ctx context.Context, tx tenants.Tx, id uuid.UUID, came *Outcome) error {
	inv, plan, err := s.look(ctx, tx, id)
	if err != nil {
		return err
	}
	if !inv.open() {
		return s.settled(ctx, tx, inv)
	}
	if inv.waits() {
		return armAt(ctx, tx, inv, plan)
	}
	now := tx.Now()
	turn := plan.Turn(inv.Case, tx.Tenant().Zone, now)
	if has(turn.Do, Retry) && came == nil { // it became due in between
		return bus.Due(ctx, tx, DueDunning, id.String(), now, nil)
	}
	for _, step := range turn.Skip {
		if err := take(ctx, tx, &inv, step, skipped, ""); err != nil {
			return err
		}
	}
	for _, step := range turn.Do {
		if err := s.step(ctx, tx, &inv, plan, step, turn.Calendar, came); err != nil {
			return err
		}
		if step.Kind == Retry && came != nil && came.Pending { // what comes of it will be known tomorrow
			return bus.Due(ctx, tx, DueDunning, id.String(), tomorrow(tx.Tenant().Zone, now), nil)
		}
	}
	return armAt(ctx, tx, inv, plan)
}

// step takes one step and writes down that it did, both in the same transaction.
func (s *Service) step(ctx context.Context, tx tenants.Tx, inv *invoice, plan Plan, step Step, cal Calendar, came *Outcome) error {
	switch step.Kind {
	case Retry:
		return s.tried(ctx, tx, inv, plan, step, *came)
	case Remind:
		return s.letter(ctx, tx, inv, step, EventReminded, cal.SuspendOn)
	case WarnSuspend:
		if inv.SuspendedFor != "" { // there is nothing left to warn of
			return take(ctx, tx, inv, step, done, "suspended already")
		}
		return s.letter(ctx, tx, inv, step, EventWarned, cal.SuspendOn)
	case Suspend:
		return s.suspend(ctx, tx, inv, step, cal)
	case WarnTerminate:
		return s.letter(ctx, tx, inv, step, EventWarned, cal.TerminateOn)
	}
	return s.terminate(ctx, tx, inv, step)
}

func (s *Service) tried(ctx context.Context, tx tenants.Tx, inv *invoice, plan Plan, step Step, came Outcome) error {
	outcome := declined
	switch {
	case came.Paid:
		outcome = paidOutcome
	case came.NoMethod:
		outcome = noMethod
	case came.NeedsCustomer:
		outcome = needsCustomer
		if err := grantGrace(ctx, tx, inv, plan); err != nil {
			return err
		}
	case came.Pending:
		outcome = pending
	}
	return take(ctx, tx, inv, step, outcome, came.Failure)
}

// grantGrace lets the desktops be while the customer confirms with the bank (R23).
func grantGrace(ctx context.Context, tx tenants.Tx, inv *invoice, plan Plan) error {
	until := tx.Now().Add(time.Duration(plan.GraceHours) * time.Hour)
	if inv.GraceUntil != nil && !until.After(*inv.GraceUntil) {
		return nil
	}
	inv.GraceUntil = &until
	return setGrace(ctx, tx, inv.ID, until)
}

// letter announces what notify writes about; the letter's key is the invoice and the
// step, so it goes once whatever is delivered how often.
func (s *Service) letter(ctx context.Context, tx tenants.Tx, inv *invoice, step Step, event string, on time.Time) error {
	if err := take(ctx, tx, inv, step, sent, ""); err != nil {
		return err
	}
	return bus.Append(ctx, tx, event, inv.announce(step.Name(), on))
}

func (s *Service) suspend(ctx context.Context, tx tenants.Tx, inv *invoice, step Step, cal Calendar) error {
	if err := take(ctx, tx, inv, step, done, ""); err != nil {
		return err
	}
	first, err := markSuspended(ctx, tx, inv.UserID)
	if err != nil || !first {
		return err
	}
	if err := s.Desktops.SuspendCustomer(ctx, tx, inv.UserID, why); err != nil {
		return err
	}
	inv.SuspendedFor = unpaid
	if err := audit(ctx, tx, "customer.suspended", inv); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventSuspended, inv.announce(step.Name(), cal.TerminateOn))
}

func (s *Service) terminate(ctx context.Context, tx tenants.Tx, inv *invoice, step Step) error {
	if err := take(ctx, tx, inv, step, done, ""); err != nil {
		return err
	}
	if _, err := markSuspended(ctx, tx, inv.UserID); err != nil {
		return err
	}
	if err := s.Desktops.TerminateCustomer(ctx, tx, inv.UserID, why); err != nil {
		return err
	}
	if err := endSubscriptions(ctx, tx, inv.UserID); err != nil {
		return err
	}
	if err := audit(ctx, tx, "customer.terminated", inv); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventTerminated, inv.announce(step.Name(), time.Time{}))
}

// OnSettled gives back what was suspended when nothing overdue is left: the invoice
// was paid, credited or voided.
func (s *Service) OnSettled(ctx context.Context, m *bus.Message) error {
	var about struct {
		InvoiceID uuid.UUID `json:"invoice_id"`
	}
	if err := m.Decode(&about); err != nil {
		return err
	}
	if about.InvoiceID == uuid.Nil {
		return nil
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		inv, err := lockInvoice(ctx, tx, about.InvoiceID)
		if err != nil {
			return err
		}
		if inv.open() {
			return nil
		}
		return s.settled(ctx, tx, inv)
	})
}

// settled ends the steps of an invoice on which nothing is left to pay.
func (s *Service) settled(ctx context.Context, tx tenants.Tx, inv invoice) error {
	if err := bus.Undue(ctx, tx, DueDunning, inv.ID.String()); err != nil {
		return err
	}
	today := dayOf(tx.Tenant().Zone, tx.Now())
	resumed, err := markResumed(ctx, tx, inv.UserID, today)
	if err != nil || !resumed {
		return err
	}
	if !inv.Parked {
		if err := s.Desktops.ResumeCustomer(ctx, tx, inv.UserID); err != nil {
			return err
		}
	}
	if err := audit(ctx, tx, "customer.resumed", &inv); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventResumed, inv.announce("resumed", time.Time{}))
}

// OnFailed gives a customer whom the bank wants to see a time in which to show
// themselves (payment.failed).
func (s *Service) OnFailed(ctx context.Context, m *bus.Message) error {
	var about struct {
		InvoiceID     *uuid.UUID `json:"invoice_id"`
		NeedsCustomer bool       `json:"needs_customer"`
	}
	if err := m.Decode(&about); err != nil {
		return err
	}
	if !about.NeedsCustomer || about.InvoiceID == nil || *about.InvoiceID == uuid.Nil {
		return nil
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		inv, plan, err := s.look(ctx, tx, *about.InvoiceID)
		if err != nil || !inv.open() {
			return err
		}
		if err := grantGrace(ctx, tx, &inv, plan); err != nil {
			return err
		}
		return armAt(ctx, tx, inv, plan)
	})
}

// OnReleased takes up the invoices of a customer who was parked (account.released):
// each is collected now, and its steps go on from there.
func (s *Service) OnReleased(ctx context.Context, m *bus.Message) error {
	var about struct {
		UserID uuid.UUID `json:"user_id"`
	}
	if err := m.Decode(&about); err != nil {
		return err
	}
	var open []uuid.UUID
	if err := s.DB.Read(ctx, m.Tenant, openInvoicesQ(&open, about.UserID)); err != nil {
		return err
	}
	var failed []error
	for _, id := range open {
		_, err := s.charge(ctx, m.Tenant, id)
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		for _, id := range open {
			if err := s.arm(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}
