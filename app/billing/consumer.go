package billing

import (
	"context"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// kindCycle is the due time at a cycle's end; its key is Cycle.Key.
	kindCycle = "cycle"
	// grace is how long after its end a cycle waits for proofs that are late (R3).
	grace = 10 * time.Minute
	// look is how often it looks meanwhile.
	look = 30 * time.Second
)

// OnCycleDue closes the cycle that has ended, and sets the due time of the next
// in the same transaction. It waits while a session's block from before the edge
// is still to be proved, at most ten minutes (R3).
func (s *Service) OnCycleDue(ctx context.Context, m *bus.Message) error {
	zone := m.Tenant.Zone
	c, err := cycleOfKey(zone, m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	return s.settle(ctx, m.Tenant, func(tx tenants.Tx) error {
		if wait, err := notYet(ctx, tx, c, tx.Now()); err != nil || wait > 0 {
			return later(wait, err)
		}
		if _, err := closeCycle(ctx, tx, c); err != nil {
			return err
		}
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return dueAt(ctx, tx, c.Next(zone))
	})
}

func later(wait time.Duration, err error) error {
	if err != nil {
		return err
	}
	return bus.Later(wait, "the billing month cannot be closed yet")
}

// notYet is how long to wait before a cycle may close; zero when it may. A cycle
// that is closed already needs no waiting.
func notYet(ctx context.Context, tx tenants.Tx, c Cycle, now time.Time) (time.Duration, error) {
	if now.Before(c.End) {
		return c.End.Sub(now), nil
	}
	if !now.Before(c.End.Add(grace)) {
		return 0, nil
	}
	if closed, err := isClosed(ctx, tx, c); err != nil || closed {
		return 0, err
	}
	if open, err := unready(ctx, tx, c.End); err != nil || !open {
		return 0, err
	}
	return min(look, c.End.Add(grace).Sub(now)), nil
}

func dueAt(ctx context.Context, tx tenants.Tx, c Cycle) error {
	if err := ensureNightly(ctx, tx); err != nil {
		return err
	}
	return bus.Due(ctx, tx, kindCycle, c.Key(), c.End, nil)
}

// EnsureCycleDue sets the due time of the first cycle of the shop that is not
// closed. It belongs into the transaction that creates a shop, and may be asked
// for again at any time.
func (s *Service) EnsureCycleDue(ctx context.Context, tx tenants.Tx) error {
	c, err := firstOpen(ctx, tx)
	if err != nil {
		return err
	}
	return dueAt(ctx, tx, c)
}

// firstOpen is the cycle after the newest closed one; of a shop that has closed
// none, the one in which it began or its oldest usage lies.
func firstOpen(ctx context.Context, tx tenants.Tx) (Cycle, error) {
	zone := tx.Tenant().Zone
	month, found, err := lastClosed(ctx, tx)
	if err != nil {
		return Cycle{}, err
	}
	if found {
		return cycleOfMonth(zone, month.Year(), month.Month()+1), nil
	}
	began := tx.Now()
	if created := tx.Tenant().CreatedAt; !created.IsZero() && created.Before(began) {
		began = created
	}
	oldest, found, err := oldestUnbilled(ctx, tx, began)
	if err == nil && found {
		began = oldest
	}
	return CycleOf(zone, began), err
}
