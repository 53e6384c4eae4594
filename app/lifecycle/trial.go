package lifecycle

import (
	"context"
	"strconv"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// maxTrial is how many days a trial may last from now.
const maxTrial = 365

// SetTrial gives a shop a trial until then, or moves the end of the one it has. A
// shop whose trial had ended and that was suspended for it sells again. The zero
// until ends the trial now. A closed shop and the house are fail.Conflict; a day
// that has gone by, or is further away than a year, is fail.Invalid (field
// trial_ends).
func (s *Service) SetTrial(ctx context.Context, t tenants.Tenant, actor string, until time.Time) error {
	now := s.Clock.Now()
	if !until.IsZero() && (!until.After(now) || until.After(now.AddDate(0, 0, maxTrial+1))) {
		return fail.Fields{"trial_ends": "Choose a day between tomorrow and a year from now."}.Err()
	}
	return s.central(ctx, func(tx tenants.CentralTx) error {
		was, err := tenants.LockStanding(ctx, tx, t.ID)
		switch {
		case err != nil:
			return err
		case was.House || was.Status == tenants.Closed:
			return fail.New(fail.Conflict, "This shop cannot be on trial.")
		case until.IsZero() && was.Status != tenants.Trial:
			return fail.New(fail.Conflict, "This shop is not on trial.")
		case until.IsZero():
			return s.endTrial(ctx, tx, t, actor)
		}
		return s.extendTrial(ctx, tx, t, was, actor, until)
	})
}

func (s *Service) extendTrial(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, was tenants.Standing, actor string, until time.Time) error {
	if err := setTrialEnd(ctx, tx, t.ID, actor, until); err != nil {
		return err
	}
	for _, at := range trialTimes(tx.Now(), until) {
		if err := setOrForget(ctx, tx, t, at); err != nil {
			return err
		}
	}
	resumes := was.Status == tenants.Suspended && was.SuspendedFor == tenants.ForTrial
	if was.Status == tenants.Active || resumes {
		if _, _, err := tenants.ChangeStatus(ctx, tx, t.ID, tenants.StatusChange{Status: tenants.Trial, Actor: actor, Reason: "Trial until " + day(t, until)}); err != nil {
			return err
		}
	}
	if resumes {
		return s.announce(ctx, tx, t, EventResumed, Notice{Reason: "Your trial lasts until " + day(t, until), Cause: was.SuspendedFor})
	}
	return s.announce(ctx, tx, t, EventTrialSet, Notice{TrialEnds: day(t, until)})
}

// trialTimes are what is to come of a trial. A time that has gone by is zero: a
// trial of a week has no warning a week before.
func trialTimes(now, ends time.Time) []bus.DueTime {
	times := []bus.DueTime{{Key: keyWarn7, At: ends.AddDate(0, 0, -7)}, {Key: keyWarn1, At: ends.AddDate(0, 0, -1)}, {Key: keyTrialEnd, At: ends}}
	for i := range times[:2] {
		if !times[i].At.After(now) {
			times[i].At = time.Time{}
		}
	}
	return times
}

func setOrForget(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, d bus.DueTime) error {
	if d.At.IsZero() {
		return bus.UndueFor(ctx, tx, t, kind, d.Key)
	}
	return bus.DueFor(ctx, tx, t, kind, d.Key, d.At)
}

// EnsureDue asks for the times of a new shop's trial. It belongs into the
// transaction that creates the shop.
func (s *Service) EnsureDue(ctx context.Context, tx tenants.Tx) error {
	t := tx.Tenant()
	if t.Status != tenants.Trial || t.TrialEndsAt == nil {
		return nil
	}
	var times []bus.DueTime
	for _, d := range trialTimes(tx.Now(), *t.TrialEndsAt) {
		if !d.At.IsZero() {
			times = append(times, d)
		}
	}
	return bus.DueAll(ctx, tx, kind, times)
}

// warn tells the owner that the trial ends soon. One that was moved meanwhile has
// another time for that.
func (s *Service) warn(ctx context.Context, m *bus.Message, days int) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		was, err := tenants.LockStanding(ctx, tx, m.Tenant.ID)
		if err != nil {
			return err
		}
		if err := m.DoneFor(ctx, tx); err != nil {
			return err
		}
		if was.Status != tenants.Trial || was.TrialEndsAt == nil || !tx.Now().Before(*was.TrialEndsAt) {
			return nil
		}
		return s.announce(ctx, tx, m.Tenant, EventTrialEnding, Notice{Days: days, TrialEnds: day(m.Tenant, *was.TrialEndsAt)})
	})
}

// trialOver ends a trial whose time has come.
func (s *Service) trialOver(ctx context.Context, m *bus.Message) error {
	return s.central(ctx, func(tx tenants.CentralTx) error {
		was, err := tenants.LockStanding(ctx, tx, m.Tenant.ID)
		if err != nil {
			return err
		}
		if err := m.DoneFor(ctx, tx); err != nil {
			return err
		}
		if was.Status != tenants.Trial {
			return nil
		}
		return s.endTrial(ctx, tx, m.Tenant, "trial")
	})
}

// endTrial makes a reseller of a shop that can pay, or that the provider trusts to;
// any other is suspended until it can.
func (s *Service) endTrial(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, actor string) error {
	if err := disarm(ctx, tx, t); err != nil {
		return err
	}
	pays, err := paysProvider(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	c := tenants.StatusChange{Status: tenants.Active, Actor: actor, Reason: "The trial ended"}
	if !pays {
		c = tenants.StatusChange{Status: tenants.Suspended, Actor: actor, Reason: "The trial ended, and there is no way to pay yet", Cause: tenants.ForTrial}
	}
	if _, _, err := tenants.ChangeStatus(ctx, tx, t.ID, c); err != nil {
		return err
	}
	if err := s.announce(ctx, tx, t, EventTrialEnded, Notice{Status: string(c.Status)}); err != nil || pays {
		return err
	}
	return s.announce(ctx, tx, t, EventSuspended, Notice{Reason: c.Reason, Cause: c.Cause})
}

// SetPaysByInvoice notes that a reseller pays its invoices by bank transfer, which
// is a way to pay at the end of its trial. One that was suspended for want of any
// sells again.
func (s *Service) SetPaysByInvoice(ctx context.Context, t tenants.Tenant, actor string, agreed bool) error {
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if err := setPaysByInvoice(ctx, tx, t.ID, agreed); err != nil {
			return err
		}
		return audit(ctx, tx, actor, t.ID, "tenant.pays_by_invoice", map[string]string{"agreed": strconv.FormatBool(agreed)})
	})
	if err != nil || !agreed {
		return err
	}
	return s.resume(ctx, t, Decision{Actor: actor, Reason: "It is agreed that you pay by invoice"}, func(was tenants.Standing) (bool, error) {
		return was.SuspendedFor == tenants.ForTrial, nil
	})
}
