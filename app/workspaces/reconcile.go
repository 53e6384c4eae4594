package workspaces

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/tenants"
)

const (
	// grace is how old, on the host's own clock, a desktop must be that nobody
	// claims and nobody can be asking for, before it is destroyed.
	grace = 10 * time.Second
	// unclearGrace is the same for one of which the host cannot say what it does.
	unclearGrace = time.Minute
	// lookAgainAfter is until a desktop that may soon be destroyed is looked at
	// again, in wall time.
	lookAgainAfter = 3 * time.Second
	// tenantsAtOnce bounds how many shops are reconciled at the same time.
	tenantsAtOnce = 8
	roundFor      = 90 * time.Second
)

// Reconciler compares what the desktop hosts list with what the shops believe,
// both ways (R6), with one list call a host for all shops.
type Reconciler struct {
	s      *Service
	flight flight

	mu    sync.Mutex
	busy  map[uuid.UUID]tenants.Tenant // shops in which something is about to change
	soon  map[uuid.UUID]bool           // shops that are to be looked at again by themselves
	noted map[uuid.UUID]noted
	wake  chan struct{}
	gate  sync.Mutex // held by a round, and by whoever moves the clocks
	last  lastRound
}

// lastRound is what the last full round came to.
type lastRound struct {
	began time.Time // business time
	ended time.Time // wall time; zero before the first
	err   error
}

// NewReconciler makes the reconciler of a service. The service pokes it when
// something is about to change.
func NewReconciler(s *Service) *Reconciler {
	r := &Reconciler{s: s, busy: map[uuid.UUID]tenants.Tenant{}, soon: map[uuid.UUID]bool{}, noted: map[uuid.UUID]noted{}, wake: make(chan struct{}, 1)}
	s.poked, s.look, s.lookSince = r.Poke, r.Round, r.RoundSince
	return r
}

// Poke says that something is about to change in a shop, so that the next looks
// come quickly.
func (r *Reconciler) Poke(t tenants.Tenant) {
	r.mu.Lock()
	r.busy[t.ID] = t
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Reconciler) busyTenants() []tenants.Tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]tenants.Tenant, 0, len(r.busy))
	for _, t := range r.busy {
		list = append(list, t)
	}
	return list
}

func (r *Reconciler) setBusy(t tenants.Tenant, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if busy {
		r.busy[t.ID] = t
		return
	}
	delete(r.busy, t.ID)
}

// Round compares once, everything. A call while a round runs waits for the next
// one, which begins after the call; all such calls share it. When it returns,
// what the round found is committed. A host that cannot be reached and a shop
// that fails do not keep the others from being done; their errors come joined.
func (r *Reconciler) Round(ctx context.Context) error {
	return r.flight.do(ctx, true, r.round)
}

// RoundSince is Round, unless one that began at a business time or later ended a
// moment ago: that one counts. What falls due at the same time for a thousand
// desktops thus looks once, be it in vain.
func (r *Reconciler) RoundSince(ctx context.Context, at time.Time) error {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if !last.ended.IsZero() && !last.began.Before(at) && r.s.Wall().Sub(last.ended) < whenFailing {
		return last.err
	}
	return r.Round(ctx)
}

// Tick is Round for the shops alone in which something is about to change.
func (r *Reconciler) Tick(ctx context.Context) error {
	return r.flight.do(ctx, false, r.round)
}

// sighting is one host's answer.
type sighting struct {
	host     Host
	at       time.Time // business time of the proof
	hostNow  time.Time
	desktops map[string]Desktop
	byTenant map[uuid.UUID][]Desktop
	err      error
}

// shop is one tenant in a round. rows were read before any host was asked, so
// that a row which has not changed since is older than what its host says.
type shop struct {
	tenant tenants.Tenant
	rows   []liveRow
	err    error
}

func (r *Reconciler) round(ctx context.Context, full bool) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	ctx, cancel := context.WithTimeout(ctx, roundFor)
	defer cancel()
	began := r.s.Clock.Now()
	err := r.compare(ctx, full)
	if full {
		r.mu.Lock()
		r.last = lastRound{began, r.s.Wall(), err}
		r.mu.Unlock()
	}
	return err
}

func (r *Reconciler) compare(ctx context.Context, full bool) error {
	shops, err := r.shops(ctx, full)
	if err != nil {
		return err
	}
	r.each(ctx, shops, r.read)
	sightings, err := r.look(ctx)
	if err != nil {
		return err
	}
	if full {
		shops = r.withListed(shops, sightings)
	}
	r.each(ctx, shops, func(ctx context.Context, sh *shop) error { return r.reconcile(ctx, sh, sightings) })
	return faults(shops, sightings)
}

// faults joins what went wrong where.
func faults(shops []*shop, sightings []sighting) error {
	var all []error
	for _, g := range sightings {
		if g.err != nil {
			all = append(all, fmt.Errorf("desktop host %s: %w", g.host.Name, g.err))
		}
	}
	for _, sh := range shops {
		if sh.err != nil {
			all = append(all, fmt.Errorf("reconcile %s: %w", sh.tenant.Slug, sh.err))
		}
	}
	return errors.Join(all...)
}

func (r *Reconciler) shops(ctx context.Context, full bool) ([]*shop, error) {
	list := r.busyTenants()
	if full {
		var ids []uuid.UUID
		if err := r.s.DB.CentralRead(ctx, busyTenantsQ(&ids)); err != nil {
			return nil, err
		}
		for _, id := range ids {
			if t, ok := r.s.DB.Registry().ByID(id); ok {
				list = append(list, t)
			}
		}
	}
	seen := map[uuid.UUID]bool{}
	var shops []*shop
	for _, t := range list {
		if !seen[t.ID] {
			seen[t.ID] = true
			shops = append(shops, &shop{tenant: t})
		}
	}
	return shops, nil
}

func (r *Reconciler) read(ctx context.Context, sh *shop) error {
	return r.s.DB.Read(ctx, sh.tenant, liveQ(&sh.rows))
}

// each does something for every shop that has not failed yet.
func (r *Reconciler) each(ctx context.Context, shops []*shop, do func(context.Context, *shop) error) {
	var g errgroup.Group
	g.SetLimit(tenantsAtOnce)
	for _, sh := range shops {
		if sh.err != nil {
			continue
		}
		g.Go(func() error {
			if sh.err = do(ctx, sh); sh.err != nil {
				r.s.Log.ErrorContext(ctx, "a shop could not be reconciled", "tenant", sh.tenant.Slug, "err", sh.err)
			}
			return nil
		})
	}
	_ = g.Wait()
}

// look asks every host once, side by side.
func (r *Reconciler) look(ctx context.Context) ([]sighting, error) {
	hosts, err := r.s.Fleet.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	sightings := make([]sighting, len(hosts))
	var g errgroup.Group
	for i, h := range hosts {
		g.Go(func() error {
			sightings[i] = r.lookAt(ctx, h)
			return nil
		})
	}
	return sightings, g.Wait()
}

func (r *Reconciler) lookAt(ctx context.Context, h Host) sighting {
	g := sighting{host: h, desktops: map[string]Desktop{}, byTenant: map[uuid.UUID][]Desktop{}}
	sent := r.s.Clock.Now()
	listing, err := h.Driver.List(ctx)
	g.err = err
	r.health(ctx, h, err)
	if err != nil {
		return g
	}
	r.s.counted(h, listing)
	g.at, g.hostNow = seenAt(listing.CurrentTime, sent, r.s.Clock.Now()), listing.CurrentTime
	for _, d := range listing.Desktops {
		g.desktops[d.ID] = d
		slug, _, ours := parseUsername(d.Username)
		if !ours {
			continue
		}
		t, known := r.s.DB.Registry().BySlug(slug)
		if !known {
			r.s.Log.WarnContext(ctx, "a desktop belongs to a shop that is not known here; it is left alone", "host", h.Name, "desktop", d.ID, "user", d.Username)
			continue
		}
		g.byTenant[t.ID] = append(g.byTenant[t.ID], d)
	}
	return g
}

// withListed adds the shops that have desktops without having anything live.
func (r *Reconciler) withListed(shops []*shop, sightings []sighting) []*shop {
	seen := map[uuid.UUID]bool{}
	for _, sh := range shops {
		seen[sh.tenant.ID] = true
	}
	for _, g := range sightings {
		for id := range g.byTenant {
			if t, ok := r.s.DB.Registry().ByID(id); ok && !seen[id] {
				seen[id] = true
				shops = append(shops, &shop{tenant: t})
			}
		}
	}
	return shops
}

// flight lets one round run at a time. Whoever comes while one runs shares the
// next one, which is a full one if any of them wants that.
type flight struct {
	mu      sync.Mutex
	running bool
	next    *call
}

type call struct {
	full bool
	done chan struct{}
	err  error
}

func (f *flight) do(ctx context.Context, full bool, round func(context.Context, bool) error) error {
	f.mu.Lock()
	if f.next == nil {
		f.next = &call{done: make(chan struct{})}
	}
	c := f.next
	c.full = c.full || full
	if !f.running {
		f.running = true
		// The round serves everybody who waits, so it outlives whoever came first.
		go f.run(context.WithoutCancel(ctx), round)
	}
	f.mu.Unlock()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *flight) run(ctx context.Context, round func(context.Context, bool) error) {
	for {
		f.mu.Lock()
		c := f.next
		f.next = nil
		if c == nil {
			f.running = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		c.err = round(ctx, c.full)
		close(c.done)
	}
}
