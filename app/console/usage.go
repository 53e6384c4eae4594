package console

import (
	"context"
	"log/slog"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

const (
	rollAfter  = 3  // days after which a day is summed up: what is charged late is mostly there
	rollAtOnce = 31 // days that are summed up at once, so that nothing is locked for long
)

// RollTo is the midnight up to which a shop's use is to be summed up.
func RollTo(now time.Time, zone *time.Location) time.Time {
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d-rollAfter, 0, 0, 0, 0, zone)
}

// Behind tells whether there are days to sum up.
func (r Rolled) Behind(found bool, now time.Time, zone *time.Location) bool {
	return !found || r.TimeZone != zone.String() || r.Until.Before(RollTo(now, zone))
}

// rollWithin is the wall time after which a roll is left to the next one.
const rollWithin = 2 * time.Minute

// KeepUp sums up what is behind, beside the request that found it so. A shop that is
// being summed up already is left alone.
func (s *Service) KeepUp(ctx context.Context, t tenants.Tenant, log *slog.Logger) {
	if _, busy := s.rolling.LoadOrStore(t.ID, true); busy {
		return
	}
	go func() {
		defer s.rolling.Delete(t.ID)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollWithin)
		defer cancel()
		if err := s.Roll(ctx, t); err != nil {
			log.Warn("days are not summed up", "tenant", t.Slug, "error", err)
		}
	}()
}

// Roll sums up the use of days that are over. What the sums do not hold yet is read
// from the blocks: they are never needed and never wrong, only faster.
func (s *Service) Roll(ctx context.Context, t tenants.Tenant) error {
	for more := true; more; {
		var err error
		if more, err = s.rollSome(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// rollSome sums up some days in one transaction. Somebody else's that is under way is
// left to it.
func (s *Service) rollSome(ctx context.Context, t tenants.Tenant) (more bool, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		more = false
		goal := RollTo(tx.Now(), t.Zone)
		was, ok, err := lockRolled(ctx, tx, t.Zone.String(), goal)
		if err != nil || !ok {
			return err
		}
		if was.TimeZone != t.Zone.String() {
			more = true
			return forgetRolled(ctx, tx)
		}
		y, m, d := was.Until.In(t.Zone).Date()
		until := time.Date(y, m, d+rollAtOnce, 0, 0, 0, 0, t.Zone)
		if goal.Before(until) {
			until = goal
		}
		if !was.Until.Before(until) {
			return nil
		}
		more = until.Before(goal)
		return roll(ctx, tx, was.Until, until, t.Zone)
	})
	return more, err
}
