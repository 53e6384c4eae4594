package lifecycle

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// maxReason is how many bytes a reason may have.
const maxReason = 500

func (d Decision) checked() (Decision, error) {
	d.Reason = strings.TrimSpace(d.Reason)
	switch {
	case d.Reason == "":
		return d, fail.Fields{"reason": "Say why, in a sentence; the owner reads it."}.Err()
	case len(d.Reason) > maxReason || strings.ContainsRune(d.Reason, 0):
		return d, fail.Fields{"reason": "Use at most 500 plain characters."}.Err()
	}
	return d, nil
}

// Suspend keeps a shop from selling until somebody resumes it: its pages answer that
// it is closed for the moment, nothing starts, and desktops that run finish the block
// that is paid. A shop that was suspended because of money then waits for a person,
// too. The house is fail.Conflict, a missing reason fail.Invalid (field reason).
func (s *Service) Suspend(ctx context.Context, t tenants.Tenant, d Decision) error {
	d, err := d.checked()
	if err != nil {
		return err
	}
	return s.suspend(ctx, t, tenants.StatusChange{Actor: d.Actor, Reason: d.Reason, Cause: tenants.ForOperator})
}

// SuspendUnpaid suspends a shop for a wholesale invoice that is not paid; a payment
// takes it back (R24). One that is suspended or closed already stays as it is.
func (s *Service) SuspendUnpaid(ctx context.Context, tenant uuid.UUID, number string) error {
	t, ok := s.DB.Registry().ByID(tenant)
	if !ok {
		return fail.Missing("shop")
	}
	err := s.suspend(ctx, t, tenants.StatusChange{Actor: "billing", Reason: "Wholesale invoice " + number + " is not paid", Cause: tenants.ForUnpaid})
	if fail.Is(err, fail.Conflict) { // closed meanwhile
		return nil
	}
	return err
}

func (s *Service) suspend(ctx context.Context, t tenants.Tenant, c tenants.StatusChange) error {
	c.Status = tenants.Suspended
	return s.central(ctx, func(tx tenants.CentralTx) error {
		was, changed, err := tenants.ChangeStatus(ctx, tx, t.ID, c)
		switch {
		case err != nil:
			return err
		case changed:
			return s.announce(ctx, tx, t, EventSuspended, Notice{Reason: c.Reason, Cause: c.Cause})
		case c.Cause == tenants.ForOperator && was.SuspendedFor != c.Cause:
			if err := restate(ctx, tx, t.ID, c); err != nil {
				return err
			}
			return s.announce(ctx, tx, t, EventSuspended, Notice{Reason: c.Reason, Cause: c.Cause})
		}
		return nil
	})
}

// Resume lets a suspended shop sell again: on trial while that lasts, else as a
// reseller that pays. A shop that sells is left as it is; a closed one is
// fail.Conflict, a missing reason fail.Invalid (field reason).
func (s *Service) Resume(ctx context.Context, t tenants.Tenant, d Decision) error {
	d, err := d.checked()
	if err != nil {
		return err
	}
	return s.resume(ctx, t, d, func(tenants.Standing) (bool, error) { return true, nil })
}

// Paid resumes a shop that was suspended because of money, now that nothing calls
// for it any more. A suspension for another reason stays.
func (s *Service) Paid(ctx context.Context, tenant uuid.UUID) error {
	t, ok := s.DB.Registry().ByID(tenant)
	if !ok {
		return nil
	}
	return s.resume(ctx, t, Decision{Actor: "billing", Reason: "No unpaid invoice keeps it closed any more"}, func(was tenants.Standing) (bool, error) {
		return was.SuspendedFor == tenants.ForUnpaid || was.SuspendedFor == tenants.ForTrial, nil
	})
}

func (s *Service) resume(ctx context.Context, t tenants.Tenant, d Decision, may func(tenants.Standing) (bool, error)) error {
	return s.central(ctx, func(tx tenants.CentralTx) error {
		was, err := tenants.LockStanding(ctx, tx, t.ID)
		switch {
		case err != nil || was.Status.Open():
			return err
		case was.Status == tenants.Closed:
			return fail.New(fail.Conflict, "This shop is closed and cannot be opened again.")
		}
		if ok, err := may(was); err != nil || !ok {
			return err
		}
		to := tenants.Active
		if was.TrialEndsAt != nil && tx.Now().Before(*was.TrialEndsAt) {
			to = tenants.Trial
		}
		if _, _, err := tenants.ChangeStatus(ctx, tx, t.ID, tenants.StatusChange{Status: to, Actor: d.Actor, Reason: d.Reason}); err != nil {
			return err
		}
		return s.announce(ctx, tx, t, EventResumed, Notice{Reason: d.Reason, Cause: was.SuspendedFor})
	})
}

// Close ends a shop for good: its pages are gone at once, its desktops are
// destroyed, its last months are still billed, and its names and data follow after
// their days (ReleaseDays, RemoveDays). Repeated it only makes sure that the
// desktops are gone. The house is fail.Conflict, a missing reason fail.Invalid.
func (s *Service) Close(ctx context.Context, t tenants.Tenant, d Decision) error {
	d, err := d.checked()
	if err != nil {
		return err
	}
	err = s.central(ctx, func(tx tenants.CentralTx) error {
		_, changed, err := tenants.ChangeStatus(ctx, tx, t.ID, tenants.StatusChange{Status: tenants.Closed, Actor: d.Actor, Reason: d.Reason})
		if err != nil || !changed {
			return err
		}
		if err := disarm(ctx, tx, t); err != nil {
			return err
		}
		if err := endings(ctx, tx, t, tx.Now()); err != nil {
			return err
		}
		dates := datesFrom(tx.Now())
		return s.announce(ctx, tx, t, EventClosing, Notice{Reason: d.Reason, ReleaseOn: day(t, dates.Release), RemoveOn: day(t, dates.Remove)})
	})
	if err != nil || s.Desktops == nil {
		return err
	}
	if now, ok := s.DB.Registry().ByID(t.ID); ok && !now.Gone() {
		if err := s.empty(ctx, now); err != nil { // the announcement has it done again
			s.Log.WarnContext(ctx, "not all of a closed shop's desktops are destroyed yet", "tenant", t.Slug, "error", err)
		}
	}
	return nil
}

// OnClosing destroys the desktops of a shop that was closed and ends its people's
// sessions (reseller.closing).
func (s *Service) OnClosing(ctx context.Context, m *bus.Message) error { return s.empty(ctx, m.Tenant) }

func (s *Service) empty(ctx context.Context, t tenants.Tenant) error {
	if err := s.Desktops.DestroyAll(ctx, t, "system"); err != nil {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error { return endSessions(ctx, tx) })
}

// central is one change of a shop; everybody sees it when it returns.
func (s *Service) central(ctx context.Context, fn func(tenants.CentralTx) error) error {
	if err := s.DB.Central(ctx, fn); err != nil {
		return err
	}
	return s.DB.Registry().Refresh(ctx)
}
