package tenants

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Registry holds every tenant in memory, so that finding a shop by its host costs
// no query. It follows the database by notification, and every 30 seconds anyway.
type Registry struct {
	db   *DB
	list atomic.Pointer[snapshot]

	mu    sync.Mutex // one change at a time
	zones zones
}

// snapshot is never changed after it is made. Each index leads to the tenant itself,
// so that a host costs one look and one copy.
type snapshot struct {
	byID    map[uuid.UUID]*Tenant
	bySlug  map[string]*Tenant
	byHost  map[string]*Tenant
	house   *Tenant
	catalog map[string]priceRow
}

func newRegistry(db *DB) *Registry {
	r := &Registry{db: db, zones: zones{}}
	r.list.Store(newSnapshot(nil, nil))
	return r
}

// ByHost finds whose shop a Host header means, whatever its status. On the
// central domain central is true and the tenant is the house's own shop, the zero
// Tenant if there is none yet. An unknown or malformed host is not ok.
func (r *Registry) ByHost(host string) (t Tenant, central, ok bool) {
	s := r.list.Load()
	if t, found := s.byHost[host]; found {
		return *t, host == r.db.domain, true
	}
	name, err := NormalHost(host)
	if err != nil {
		return Tenant{}, false, false
	}
	if name == r.db.domain {
		t, _ = known(s.house)
		return t, true, true
	}
	t, ok = known(s.byHost[name])
	return t, false, ok
}

// known is a tenant that an index may have led to.
func known(t *Tenant) (Tenant, bool) {
	if t == nil {
		return Tenant{}, false
	}
	return *t, true
}

// ByID finds a tenant by its id.
func (r *Registry) ByID(id uuid.UUID) (Tenant, bool) {
	return known(r.list.Load().byID[id])
}

// BySlug finds a tenant by its short name.
func (r *Registry) BySlug(slug string) (Tenant, bool) {
	return known(r.list.Load().bySlug[slug])
}

// House is the provider's own shop.
func (r *Registry) House() (Tenant, bool) {
	return known(r.list.Load().house)
}

// All is every tenant that has data, the house first, then by age.
func (r *Registry) All() []Tenant {
	s := r.list.Load()
	all := make([]Tenant, 0, len(s.byID))
	for _, t := range s.byID {
		if !t.Gone() {
			all = append(all, *t)
		}
	}
	slices.SortFunc(all, func(a, b Tenant) int {
		return cmp.Or(compareBool(b.House, a.House), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.Slug, b.Slug))
	})
	return all
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Refresh reads all tenants again.
func (r *Registry) Refresh(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var (
		rows    []tenantRow
		domains []domainRow
		prices  []priceRow
	)
	err := r.db.CentralRead(ctx, ListQ(&rows, tenantsSQL+tenantsOrder), ListQ(&domains, domainsSQL), ListQ(&prices, pricesSQL))
	if err != nil {
		return err
	}
	catalog := make(map[string]priceRow, len(prices))
	for _, p := range prices {
		catalog[p.ID] = p
	}
	hosts := map[uuid.UUID][]domainRow{}
	for _, d := range domains {
		hosts[d.TenantID] = append(hosts[d.TenantID], d)
	}
	list := make([]Tenant, len(rows))
	for i, row := range rows {
		list[i] = row.tenant(r.db.domain, hosts[row.ID], r.zones)
	}
	r.list.Store(newSnapshot(list, catalog))
	return nil
}

// put adds or replaces one tenant without reading the others.
func (r *Registry) put(row tenantRow, domains []domainRow) Tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := row.tenant(r.db.domain, domains, r.zones)
	s := r.list.Load()
	list := make([]Tenant, 0, len(s.byID)+1)
	for id, old := range s.byID {
		if id != t.ID {
			list = append(list, *old)
		}
	}
	next := newSnapshot(append(list, t), s.catalog)
	r.list.Store(next)
	return *next.byID[t.ID]
}

func newSnapshot(list []Tenant, catalog map[string]priceRow) *snapshot {
	s := &snapshot{
		byID:    make(map[uuid.UUID]*Tenant, len(list)),
		bySlug:  make(map[string]*Tenant, len(list)),
		byHost:  make(map[string]*Tenant, 2*len(list)),
		catalog: catalog,
	}
	for _, t := range list {
		t.catalog = catalog
		s.byID[t.ID], s.bySlug[t.Slug] = &t, &t
		for _, host := range t.Hosts {
			if !t.Gone() {
				s.byHost[host] = &t
			}
		}
		if t.House {
			s.house = &t
		}
	}
	return s
}

// keep follows the database until the context ends.
func (r *Registry) keep(ctx context.Context) {
	changed := make(chan struct{}, 1)
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() {
		_ = r.db.Listen(ctx, "ezscale_tenants", func(string) {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	})
	timer := time.NewTicker(30 * time.Second)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-changed:
		}
		began := r.db.cfg.Wall()
		if err := r.Refresh(ctx); err != nil && ctx.Err() == nil && r.list.Load().catalog != nil {
			r.db.cfg.Log.Warn("read the tenants again", "error", err)
		}
		// A migration changes every tenant's row: one refresh serves many of them,
		// and takes at most a tenth of the time.
		if pause(ctx, max(100*time.Millisecond, 9*r.db.cfg.Wall().Sub(began))) != nil {
			return
		}
	}
}
