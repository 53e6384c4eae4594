package console

import (
	"context"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

const (
	rollAfter  = 3  // days after which a day is summed up: what is charged late is mostly there
	rollAtOnce = 62 // days that are summed up at once, so that nobody waits long for it
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

// Roll sums up the use of days that are over, some of them at once. What the sums do
// not hold yet is read from the blocks: they are never needed and never wrong, only
// faster. Somebody else's roll that is under way is left to it.
func (s *Service) Roll(ctx context.Context, t tenants.Tenant) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		goal := RollTo(tx.Now(), t.Zone)
		was, ok, err := lockRolled(ctx, tx, t.Zone.String(), goal)
		if err != nil || !ok {
			return err
		}
		if was.TimeZone != t.Zone.String() {
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
		return roll(ctx, tx, was.Until, until, t.Zone)
	})
}
