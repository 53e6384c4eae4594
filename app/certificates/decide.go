package certificates

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// owner is whose a subject is, as far as certificates are concerned.
type owner struct {
	tenant  tenants.Tenant
	central bool // the installation's own: the central domain or the wildcard
}

// owner finds whose host it is among those that are proven, in memory.
func (a *Authority) owner(subject string) (owner, bool) {
	if subject == a.wildcard() {
		return owner{central: true}, a.wild != nil
	}
	t, central, ok := a.cfg.DB.Registry().ByHost(subject)
	return owner{tenant: t, central: central}, ok
}

// mayOrder says why no certificate may be ordered, nil if one may. A suspended shop
// keeps what it has, so its certificates are renewed; a closed one loses them.
func (o owner) mayOrder(renewal bool) error {
	switch {
	case o.central:
		return nil
	case o.tenant.Status == tenants.Closed:
		return fail.New(fail.Conflict, "This shop is closed: no certificate is ordered for its names.")
	case o.tenant.Status == tenants.Suspended && !renewal:
		return fail.New(fail.Conflict, "This shop is suspended: no new certificate is ordered for its names.")
	}
	return nil
}

// isLabelBelow says whether host is one label below parent, which is what a wildcard covers.
func isLabelBelow(host, parent string) bool {
	label, rest, ok := strings.Cut(host, ".")
	return ok && label != "" && rest == parent
}

// waits remembers until when a name is not to be tried again, so that a broken one is
// refused from memory. A node that starts anew learns it from the database.
type waits struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]wait
}

type wait struct {
	until time.Time
	why   error
}

func (w *waits) set(name string, until time.Time, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[string]wait{}
	}
	for known, old := range w.by {
		if w.now().After(old.until) {
			delete(w.by, known)
		}
	}
	w.by[name] = wait{until, why}
}

func (w *waits) clear(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, name)
}

// reason is why a name is not to be tried now; nil if it may be.
func (w *waits) reason(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, ok := w.by[name]; ok && w.now().Before(old.until) {
		return old.why
	}
	return nil
}

// refusals tells the log once a minute how many handshakes were refused: strangers
// choose how many there are.
type refusals struct {
	log   *slog.Logger
	now   func() time.Time
	mu    sync.Mutex
	count int
	told  time.Time
}

func (r *refusals) add(name string, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if r.now().Sub(r.told) < time.Minute {
		return
	}
	r.log.Info("handshakes were refused", "count", r.count, "last", name[:min(len(name), 253)], "why", why)
	r.told, r.count = r.now(), 0
}
