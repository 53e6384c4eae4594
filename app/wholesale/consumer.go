package wholesale

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// EnsureDue asks for the end of a new reseller's first cycle. It belongs into the
// transaction that creates the shop. The terms are not in that schema, so the
// first due time is now, and the handler sets the true one.
func (s *Service) EnsureDue(ctx context.Context, tx tenants.Tx) error {
	if tx.Tenant().House {
		return nil
	}
	return bus.Due(ctx, tx, kind, keyCycle, tx.Now(), nil)
}

// EnsureAll does the same for resellers from before there were wholesale invoices.
func (s *Service) EnsureAll(ctx context.Context) error {
	var ids []uuid.UUID
	if err := s.DB.CentralRead(ctx, withoutDueQ(&ids)); err != nil {
		return err
	}
	for _, id := range ids {
		t, ok := s.DB.Registry().ByID(id)
		if !ok {
			continue
		}
		if err := s.DB.In(ctx, t, func(tx tenants.Tx) error { return s.EnsureDue(ctx, tx) }); err != nil {
			s.Log.WarnContext(ctx, "a reseller's wholesale cycle is not waited for", "tenant", t.Slug, "error", err)
		}
	}
	return nil
}

// OnDue closes a reseller's cycle that has ended, or takes the next step about an
// invoice that nobody pays. Both bear repetition.
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	if m.Tenant.House {
		return nil
	}
	if m.Key == keyCycle {
		_, _, err := s.runUntil(ctx, m.Tenant, time.Time{})
		return err
	}
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	return s.step(ctx, m.Tenant, id)
}

// setCycleDue asks for the end of a cycle. One that has ended waits for a proof
// that is late, and is looked at again a little later.
func setCycleDue(ctx context.Context, tx tenants.Tx, at time.Time) error {
	if now := tx.Now(); !at.After(now) {
		at = now.Add(look)
	}
	return bus.Due(ctx, tx, kind, keyCycle, at, nil)
}
