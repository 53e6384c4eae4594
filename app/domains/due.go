package domains

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// kind is the kind of the due times at which names are looked at; the key is the id
// of the row.
const kind = "domain"

// How long it is until the next look.
const (
	daily     = 24 * time.Hour
	again     = 6 * time.Hour    // for a name that left, and for name servers that do not answer
	silence   = 30 * time.Second // of the machine's time: servers that did not answer are not asked on our own account
)

// next is when a name is looked at again.
func next(d Domain, known bool, now time.Time) time.Time {
	wait := daily
	switch {
	case d.VerifiedAt == nil && now.Sub(d.CreatedAt) < 10*time.Minute:
		wait = time.Minute
	case d.VerifiedAt == nil && now.Sub(d.CreatedAt) < time.Hour:
		wait = 5 * time.Minute
	case d.VerifiedAt == nil && now.Sub(d.CreatedAt) < daily:
		wait = time.Hour
	case d.VerifiedAt == nil || d.LapsedAt != nil || !known:
		wait = again
	}
	at := now.Add(wait)
	if d.VerifiedAt == nil && d.Expires().After(now) && d.Expires().Before(at) {
		return d.Expires()
	}
	if d.ReleaseAt != nil && d.ReleaseAt.After(now) && d.ReleaseAt.Before(at) {
		return *d.ReleaseAt
	}
	return at
}

// OnDue looks at a name whose time has come. Repeated it finds the same.
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	t := m.Tenant
	d, err := s.ByID(ctx, t, id)
	gone := fail.Is(err, fail.NotFound)
	if err != nil && !gone {
		return err
	}
	if gone || t.Status == tenants.Closed { // a closed shop's names are given up in their own time
		return s.DB.Central(ctx, func(tx tenants.CentralTx) error { return m.DoneFor(ctx, tx) })
	}
	_, err = s.acted(ctx, t, id, s.quietLook(ctx, t, d), "domain", func(tx tenants.CentralTx) error { return m.DoneFor(ctx, tx) })
	if fail.Is(err, fail.NotFound) {
		return nil
	}
	return err
}

// quietLook spares name servers that did not answer a moment ago.
func (s *Service) quietLook(ctx context.Context, t tenants.Tenant, d Domain) finding {
	s.mu.Lock()
	silent := s.Wall().Before(s.silent)
	s.mu.Unlock()
	if silent {
		return unanswered(d, errSilent)
	}
	f := s.look(ctx, t, d)
	if !f.known {
		s.mu.Lock()
		s.silent = s.Wall().Add(silence)
		s.mu.Unlock()
	}
	return f
}

// Ensure asks for the first look at a shop's names that nothing is due for: those
// that came with the shop, or from an installation of before.
func (s *Service) Ensure(ctx context.Context, t tenants.Tenant) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		missing, err := withoutDue(ctx, tx, t.Schema())
		if err != nil {
			return err
		}
		for _, m := range missing {
			wait := time.Duration(0)
			if m.Proven {
				wait = daily
			}
			if err := bus.DueFor(ctx, tx, t, kind, m.ID.String(), tx.Now().Add(wait)); err != nil {
				return err
			}
		}
		return nil
	})
}

// EnsureAll is Ensure for every shop that needs it.
func (s *Service) EnsureAll(ctx context.Context) error {
	var shops []uuid.UUID
	if err := s.DB.CentralRead(ctx, shopsWithoutDueQ(&shops)); err != nil {
		return err
	}
	for _, id := range shops {
		t, ok := s.DB.Registry().ByID(id)
		if !ok || t.Status == tenants.Closed {
			continue
		}
		if err := s.Ensure(ctx, t); err != nil {
			s.Log.WarnContext(ctx, "a shop's domains are not looked at", "tenant", t.Slug, "error", err)
		}
	}
	return nil
}
