package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// kindSweep is the due time at which an open payment is asked about; its key is
	// the payment. It stands only while the payment is open (R22).
	kindSweep = "payment_sweep"
	// kindSetup is the same for a card that is being saved.
	kindSetup = "card_sweep"

	soon   = time.Minute // after a call, in case its answer is lost
	hourly = time.Hour
)

// watch sees to it that a payment is asked about, whatever happens to us.
func (s *Service) watch(ctx context.Context, tx tenants.Tx, p payment, after time.Duration) error {
	return bus.Due(ctx, tx, kindSweep, p.ID.String(), tx.Now().Add(after), nil)
}

// OnSweepDue asks about one open payment, and again in an hour while it stays open.
func (s *Service) OnSweepDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	if err := s.Refresh(ctx, m.Tenant, id); err != nil && !NoCards(err) {
		return err
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		p, found, err := lockPayment(ctx, tx, id)
		if err != nil || !found || !p.Open() {
			return err
		}
		return s.watch(ctx, tx, p, hourly)
	})
}

// Refresh asks the processor about a payment that is open and applies the answer.
func (s *Service) Refresh(ctx context.Context, t tenants.Tenant, id uuid.UUID) error {
	var p payment
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) { p, err = findPayment(ctx, tx, id); return err })
	if err != nil || !p.Open() {
		return err
	}
	at, err := s.at(ctx, t)
	if err != nil {
		return err
	}
	if p.Method == byCheckout {
		_, err = s.look(ctx, t, at, p)
		return err
	}
	_, err = s.follow(ctx, t, at, p)
	return err
}

// OnSetupDue looks what came of a card that was being saved, and again while its
// page is open.
func (s *Service) OnSetupDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	again, err := s.refreshSetup(ctx, m.Tenant, id)
	if err != nil && !NoCards(err) {
		return err
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil || !again {
			return err
		}
		return bus.Due(ctx, tx, kindSetup, m.Key, tx.Now().Add(hourly), nil)
	})
}
