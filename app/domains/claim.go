package domains

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Add notes that a shop wants a name. It is served once it is proven, which Check
// finds out; asked again nothing changes. Errors: fail.Invalid (field domain) for
// what is no name of one's own, fail.Conflict for another shop's, fail.TooMany beyond
// what a shop may have or ask for in an hour.
func (s *Service) Add(ctx context.Context, t tenants.Tenant, typed, actor string) (d Domain, err error) {
	name, err := s.DB.NormalDomain(typed)
	if err != nil {
		return d, err
	}
	if !t.Status.Open() {
		return d, fail.New(fail.Conflict, "This shop is not open, so it takes no domain.")
	}
	err = s.change(ctx, func(tx tenants.CentralTx) error {
		if known, found, err := find(ctx, tx, t.ID, name); err != nil || found {
			d = known
			return err
		}
		if err := s.room(ctx, tx, t); err != nil {
			return err
		}
		if d.Domain, err = tenants.ClaimDomain(ctx, tx, t.ID, name); err != nil {
			return err
		}
		if err := audit(ctx, tx, actor, t.ID, "domain.added", name, ""); err != nil {
			return err
		}
		return bus.DueFor(ctx, tx, t, kind, d.ID.String(), tx.Now())
	})
	return d, err
}

func (s *Service) room(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant) error {
	c, err := countsOf(ctx, tx, t.ID, tx.Now().Add(-time.Hour))
	switch {
	case err != nil:
		return err
	case c.Names >= MaxDomains:
		return fail.New(fail.TooMany, "A shop may have %d domains. Remove one first.", MaxDomains)
	case c.Added >= addsPerHour:
		return fail.New(fail.TooMany, "You have added %d domains within an hour. Try again later.", c.Added)
	}
	return nil
}

// Vouch makes a name a shop's own on the word of somebody of the provider: it is
// served at once, and not given up when its records change. The shop need not have
// asked for it. Errors: those of Add.
func (s *Service) Vouch(ctx context.Context, t tenants.Tenant, typed, actor string) (d Domain, err error) {
	name, err := s.DB.NormalDomain(typed)
	if err != nil {
		return d, err
	}
	if t.Status == tenants.Closed {
		return d, fail.New(fail.Conflict, "This shop is closed, so it takes no domain.")
	}
	err = s.change(ctx, func(tx tenants.CentralTx) error {
		was, found, err := find(ctx, tx, t.ID, name)
		if err != nil {
			return err
		}
		if !found {
			if was.Domain, err = tenants.ClaimDomain(ctx, tx, t.ID, name); err != nil {
				return err
			}
		}
		if d, err = s.prove(ctx, tx, t, was, tenants.ProofOperator, actor); err != nil {
			return err
		}
		return bus.DueFor(ctx, tx, t, kind, d.ID.String(), tx.Now().Add(daily))
	})
	return d, err
}

// prove makes a claim the shop's own and announces it, the first time.
func (s *Service) prove(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, was Domain, proof, actor string) (d Domain, err error) {
	d.Steps = was.Steps
	if d.Domain, err = tenants.ProveDomain(ctx, tx, t.ID, was.Domain.Domain, proof); err != nil {
		return d, err
	}
	if was.VerifiedAt != nil && was.Proof != nil && *was.Proof == proof && was.LapsedAt == nil {
		return d, nil
	}
	if err := audit(ctx, tx, actor, t.ID, "domain.verified", d.Domain.Domain, proof); err != nil || was.VerifiedAt != nil {
		return d, err
	}
	return d, bus.AppendFor(ctx, tx, t, EventVerified, event{Domain: d.Domain.Domain})
}

// event is what is announced about a name.
type event struct {
	Domain    string    `json:"domain"`
	UserID    uuid.UUID `json:"user_id,omitzero"` // whom to write to
	Reason    string    `json:"reason,omitempty"`
	ReleaseOn string    `json:"release_on,omitempty"`
}

// Remove takes a name from a shop: it is not served any more, and its certificate is
// forgotten. fail.NotFound when the shop does not have it.
func (s *Service) Remove(ctx context.Context, t tenants.Tenant, typed, actor string) error {
	name, err := s.DB.NormalDomain(typed)
	if err != nil {
		return fail.Missing("domain")
	}
	return s.change(ctx, func(tx tenants.CentralTx) error {
		_, err := s.forget(ctx, tx, t, name, actor, "domain.removed", "")
		return err
	})
}

func (s *Service) forget(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, name, actor, action, reason string) (tenants.Domain, error) {
	d, err := tenants.ForgetDomain(ctx, tx, t.ID, name)
	if err != nil {
		return d, err
	}
	if err := bus.UndueFor(ctx, tx, t, kind, d.ID.String()); err != nil {
		return d, err
	}
	if err := audit(ctx, tx, actor, t.ID, action, name, reason); err != nil {
		return d, err
	}
	return d, bus.AppendFor(ctx, tx, t, EventRemoved, event{Domain: name})
}

// MakePrimary makes a proven name the one that the shop's other names lead to.
// Errors: fail.NotFound, fail.Conflict for a name that is not proven.
func (s *Service) MakePrimary(ctx context.Context, t tenants.Tenant, typed, actor string) error {
	name, err := s.DB.NormalDomain(typed)
	if err != nil {
		return fail.Missing("domain")
	}
	return s.change(ctx, func(tx tenants.CentralTx) error {
		if err := tenants.MakePrimary(ctx, tx, t.ID, name); err != nil {
			return err
		}
		return audit(ctx, tx, actor, t.ID, "domain.primary", name, "")
	})
}

// change is a transaction after which this process knows the shops anew.
func (s *Service) change(ctx context.Context, fn func(tx tenants.CentralTx) error) error {
	if err := s.DB.Central(ctx, fn); err != nil {
		return err
	}
	return s.DB.Registry().Refresh(ctx)
}
