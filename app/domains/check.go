package domains

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// fresh is how long a page that draws itself again is content with the last look.
const fresh = 3 * time.Second

// Check looks at a shop's name now and acts on it: one that is proven is served from
// then on, one that has left is warned about. actor is whom the audit log names.
// Errors: fail.NotFound, also for one that was given up just now; fail.TooMany for a
// shop that asks too often.
func (s *Service) Check(ctx context.Context, t tenants.Tenant, typed, actor string) (Domain, error) {
	d, err := s.Find(ctx, t, typed)
	if err != nil {
		return d, err
	}
	if !s.mayAsk(t.ID) {
		return d, fail.New(fail.TooMany, "You check very often. Wait a minute; we look by ourselves, too.")
	}
	return s.once(ctx, t, d, actor)
}

// Watch is Check for a page that draws itself again and again: it looks at most every
// few seconds, and not at a name that is as it should be.
func (s *Service) Watch(ctx context.Context, t tenants.Tenant, id uuid.UUID) (Domain, error) {
	d, err := s.ByID(ctx, t, id)
	if err != nil || d.Live() || !s.stale(id.String()) {
		return d, err
	}
	return s.once(ctx, t, d, "domain")
}

// once lets all who ask for a look at the same name share one.
func (s *Service) once(ctx context.Context, t tenants.Tenant, d Domain, actor string) (Domain, error) {
	v, err, _ := s.looks.Do(d.ID.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookWithin+10*time.Second)
		defer cancel()
		s.saw(d.ID.String())
		return s.acted(ctx, t, d.ID, s.look(ctx, t, d), actor, func(tenants.CentralTx) error { return nil })
	})
	now, _ := v.(Domain)
	return now, err
}

// acted writes down what a look found and what follows from it, in the transaction
// that first does what before does. fail.NotFound says that the name is no longer
// the shop's.
func (s *Service) acted(ctx context.Context, t tenants.Tenant, id uuid.UUID, f finding, actor string, before func(tenants.CentralTx) error) (d Domain, err error) {
	served, gone := false, false
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if err := before(tx); err != nil {
			return err
		}
		was, err := lockByID(ctx, tx, t.ID, id)
		if err != nil {
			return err
		}
		if d, gone, err = s.act(ctx, tx, t, was, f, actor); err != nil {
			return err
		}
		served = gone || (was.VerifiedAt == nil) != (d.VerifiedAt == nil) || was.Type != d.Type
		return nil
	})
	if err == nil && served {
		err = s.DB.Registry().Refresh(ctx)
	}
	if err == nil && gone {
		err = fail.Missing("domain")
	}
	return d, err
}

func (s *Service) act(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, was Domain, f finding, actor string) (d Domain, gone bool, err error) {
	d = was
	if f.known {
		if d, gone, err = s.judge(ctx, tx, t, d, &f, actor); err != nil || gone {
			return d, gone, err
		}
	}
	problem := f.problem()
	if err := noteLook(ctx, tx, d.ID, f.steps, problem); err != nil {
		return d, false, err
	}
	now := tx.Now()
	d.Steps, d.CheckedAt, d.CheckError = f.steps, &now, nil
	if problem != "" {
		d.CheckError = &problem
	}
	return d, false, bus.DueFor(ctx, tx, t, kind, d.ID.String(), next(d, f.known, now))
}

// judge decides what becomes of a name after a look at it. What it finds out that the
// look could not know it adds to the steps.
func (s *Service) judge(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, d Domain, f *finding, actor string) (now Domain, gone bool, err error) {
	vouched := d.VerifiedAt != nil && d.Proof != nil && *d.Proof == tenants.ProofOperator
	switch {
	case vouched:
		return d, false, nil
	case f.proof != "" && d.VerifiedAt == nil && !t.Status.Open():
		return d, false, nil // a shop that does not sell takes no new name
	case f.proof != "":
		now, err = s.prove(ctx, tx, t, d, f.proof, actor)
		if !fail.Is(err, fail.Conflict) {
			return now, false, err
		}
		// Another shop was first: the records are right, and the claim is worth nothing.
		f.proof, f.steps[0] = "", step(StepOwner, Bad, err.Error())
	}
	if d.VerifiedAt == nil {
		return s.unproven(ctx, tx, t, d)
	}
	return s.lapse(ctx, tx, t, d, f.problem())
}

// unproven ends a claim that nobody proved in time, so that names are not kept from
// others by asking for them.
func (s *Service) unproven(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, d Domain) (Domain, bool, error) {
	if tx.Now().Before(d.Expires()) {
		return d, false, nil
	}
	_, err := s.forget(ctx, tx, t, d.Domain.Domain, "domain", "domain.expired", "nobody proved it")
	return d, true, err
}

// lapse warns about a name that no longer points at us, and gives it up when that
// has lasted for as long as the provider waits.
func (s *Service) lapse(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, d Domain, why string) (Domain, bool, error) {
	now := tx.Now()
	if d.LapsedAt != nil && d.ReleaseAt != nil && now.Before(*d.ReleaseAt) {
		return d, false, nil
	}
	told := event{Domain: d.Domain.Domain, Reason: why}
	var err error
	if told.UserID, err = ownerOf(ctx, tx, t.ID); err != nil {
		return d, false, err
	}
	if d.LapsedAt != nil && d.ReleaseAt != nil {
		if _, err := s.forget(ctx, tx, t, d.Domain.Domain, "domain", "domain.released", why); err != nil {
			return d, false, err
		}
		return d, true, bus.AppendFor(ctx, tx, t, EventReleased, told)
	}
	grace, err := graceOf(ctx, tx)
	if err != nil {
		return d, false, err
	}
	release := now.AddDate(0, 0, grace)
	d.LapsedAt, d.ReleaseAt = &now, &release
	if err := markLapsed(ctx, tx, d.ID, now, release); err != nil {
		return d, false, err
	}
	if err := audit(ctx, tx, "domain", t.ID, EventLapsed, d.Domain.Domain, why); err != nil {
		return d, false, err
	}
	told.ReleaseOn = release.In(t.Zone).Format("January 2, 2006")
	return d, false, bus.AppendFor(ctx, tx, t, EventLapsed, told)
}

// stale says whether a name was not looked at from here for a moment.
func (s *Service) stale(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Wall().Sub(s.seen[id]) >= fresh
}

func (s *Service) saw(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Wall()
	for known, at := range s.seen {
		if now.Sub(at) > fresh {
			delete(s.seen, known)
		}
	}
	s.seen[id] = now
}

// mayAsk counts the looks that a shop's people asked for within a minute.
func (s *Service) mayAsk(tenant uuid.UUID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.Wall().Add(-time.Minute)
	for id, times := range s.asked {
		if times = slices.DeleteFunc(times, func(at time.Time) bool { return at.Before(since) }); len(times) == 0 {
			delete(s.asked, id)
		} else {
			s.asked[id] = times
		}
	}
	key := tenant.String()
	if len(s.asked[key]) >= checksPerMin {
		return false
	}
	s.asked[key] = append(s.asked[key], s.Wall())
	return true
}
