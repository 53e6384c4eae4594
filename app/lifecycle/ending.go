package lifecycle

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// kind is the kind of a reseller's due times; the keys say what is due.
const (
	kind        = "lifecycle"
	keyWarn7    = "trial_warn_7"
	keyWarn1    = "trial_warn_1"
	keyTrialEnd = "trial_end"
	keyRelease  = "release"
	keyRemoval  = "removal_near"
	keyRemove   = "remove"
)

// EventDomainRemoved says that a shop has a name no longer: its certificate goes.
const EventDomainRemoved = "domain.removed"

// OnDue does what a reseller's time has come for. All of it bears repetition.
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	switch m.Key {
	case keyWarn7:
		return s.warn(ctx, m, 7)
	case keyWarn1:
		return s.warn(ctx, m, 1)
	case keyTrialEnd:
		return s.trialOver(ctx, m)
	case keyRelease:
		return s.release(ctx, m)
	case keyRemoval:
		return s.removalNear(ctx, m)
	case keyRemove:
		return s.remove(ctx, m)
	}
	return nil
}

// EnsureAll asks for the times of shops from before there were any: trials that
// run, and shops that were closed.
func (s *Service) EnsureAll(ctx context.Context) error {
	var missing []uuid.UUID
	if err := s.DB.CentralRead(ctx, withoutDueQ(&missing)); err != nil {
		return err
	}
	for _, id := range missing {
		t, ok := s.DB.Registry().ByID(id)
		if !ok {
			continue
		}
		if err := s.DB.Central(ctx, func(tx tenants.CentralTx) error { return s.ensure(ctx, tx, t) }); err != nil {
			s.Log.WarnContext(ctx, "what a reseller waits for is not timed", "tenant", t.Slug, "error", err)
		}
	}
	return nil
}

func (s *Service) ensure(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant) error {
	was, err := tenants.LockStanding(ctx, tx, t.ID)
	switch {
	case err != nil || was.DroppedAt != nil:
		return err
	case was.Status == tenants.Closed && was.ClosedAt != nil:
		return endings(ctx, tx, t, *was.ClosedAt)
	case was.Status != tenants.Trial || was.TrialEndsAt == nil:
		return nil
	}
	for _, at := range trialTimes(tx.Now(), *was.TrialEndsAt) {
		if err := setOrForget(ctx, tx, t, at); err != nil {
			return err
		}
	}
	return nil
}

// disarm calls off what a trial waits for.
func disarm(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant) error {
	for _, key := range []string{keyWarn7, keyWarn1, keyTrialEnd} {
		if err := bus.UndueFor(ctx, tx, t, kind, key); err != nil {
			return err
		}
	}
	return nil
}

// endings asks for everything that a closed shop still has before it.
func endings(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, closed time.Time) error {
	dates := datesFrom(closed)
	for _, d := range []bus.DueTime{{Key: keyRelease, At: dates.Release}, {Key: keyRemoval, At: dates.Remove.AddDate(0, 0, -warnDays)}, {Key: keyRemove, At: dates.Remove}} {
		if err := bus.DueFor(ctx, tx, t, kind, d.Key, d.At); err != nil {
			return err
		}
	}
	return nil
}

// release gives up the names of a closed shop: anybody who proves them may have
// them from now on.
func (s *Service) release(ctx context.Context, m *bus.Message) error {
	return s.central(ctx, func(tx tenants.CentralTx) error {
		was, err := tenants.LockStanding(ctx, tx, m.Tenant.ID)
		if err != nil {
			return err
		}
		if err := m.DoneFor(ctx, tx); err != nil {
			return err
		}
		if was.Status != tenants.Closed || was.ReleasedAt != nil {
			return nil
		}
		names, err := giveUpNames(ctx, tx, was.ID)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := bus.AppendFor(ctx, tx, m.Tenant, EventDomainRemoved, map[string]string{"domain": name}); err != nil {
				return err
			}
			if err := audit(ctx, tx, "lifecycle", was.ID, "domain.released", map[string]string{"domain": name}); err != nil {
				return err
			}
		}
		return s.announce(ctx, tx, m.Tenant, EventReleased, Notice{RemoveOn: day(m.Tenant, datesFrom(*was.ClosedAt).Remove)})
	})
}

// removalNear tells the owner for the last time that the data goes.
func (s *Service) removalNear(ctx context.Context, m *bus.Message) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		was, err := tenants.LockStanding(ctx, tx, m.Tenant.ID)
		if err != nil {
			return err
		}
		if err := m.DoneFor(ctx, tx); err != nil {
			return err
		}
		if was.Status != tenants.Closed || was.DroppedAt != nil {
			return nil
		}
		return s.announce(ctx, tx, m.Tenant, EventRemoval, Notice{RemoveOn: day(m.Tenant, datesFrom(*was.ClosedAt).Remove)})
	})
}

// remove takes the data of a closed shop away, once nothing in it is left to be
// settled. The due time goes with the data.
func (s *Service) remove(ctx context.Context, m *bus.Message) error {
	now, ok := s.DB.Registry().ByID(m.Tenant.ID)
	if !ok || now.Gone() || now.Status != tenants.Closed {
		return nil
	}
	var left unsettled
	if err := s.DB.Read(ctx, now, unsettledQ(&left)); err != nil {
		return err
	}
	if left.any() && s.Clock.Now().Before(DatesOf(now).Remove.AddDate(0, 0, patienceDays)) {
		s.Log.WarnContext(ctx, "a closed shop's data stays for a day more", "tenant", now.Slug, "sessions", left.Sessions, "blocks", left.Blocks)
		return bus.Later(24*time.Hour, "something of the closed shop is not settled")
	}
	if s.Files != nil {
		if err := s.Files.DeleteAll(ctx, now.ID); err != nil {
			return err
		}
	}
	return s.DB.Drop(ctx, now.ID, "lifecycle")
}
