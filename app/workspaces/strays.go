package workspaces

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// strays looks after the shop's desktops that none of its live workspaces claims:
// one that a start waits for is taken into use, one that runs although its
// workspace is stopped is stopped, and one that is nobody's is destroyed (R6).
func (r *Reconciler) strays(ctx context.Context, sh *shop, g sighting) error {
	unknown := r.unknown(sh, g)
	if len(unknown) == 0 {
		return nil
	}
	ids := make([]string, len(unknown))
	for i, d := range unknown {
		ids[i] = d.ID
	}
	var busy []uuid.UUID
	var claimed []liveRow
	var given []discarded
	// In this order: whoever has just asked for a desktop holds a lease or has claimed it.
	if err := r.s.DB.Read(ctx, sh.tenant, leasedQ(&busy, r.s.Wall()), claimedQ(&claimed, g.host.ID, ids), discardedQ(&given, g.host.ID, ids)); err != nil {
		return err
	}
	owner, gone := map[string]liveRow{}, map[string]time.Time{}
	for _, row := range claimed {
		owner[*row.DesktopID] = row
	}
	for _, d := range given {
		gone[d.DesktopID] = d.DiscardedAt
	}
	for _, d := range unknown {
		_, user, _ := parseUsername(d.Username)
		if err := r.stray(ctx, sh, g, d, owner, gone, slices.Contains(busy, user)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) unknown(sh *shop, g sighting) []Desktop {
	known := map[string]bool{}
	for _, row := range sh.rows {
		if row.DesktopID != nil {
			known[*row.DesktopID] = true
		}
	}
	var unknown []Desktop
	for _, d := range g.byTenant[sh.tenant.ID] {
		if !known[d.ID] && presenceOf(d.State) != away {
			unknown = append(unknown, d)
		}
	}
	return unknown
}

func (r *Reconciler) stray(ctx context.Context, sh *shop, g sighting, d Desktop, owner map[string]liveRow, gone map[string]time.Time, awaited bool) error {
	if row, claimed := owner[d.ID]; claimed {
		return r.awake(ctx, sh, g, row, d)
	}
	given, discarded := gone[d.ID]
	if discarded && r.s.Clock.Now().Sub(given) < grace {
		r.lookAgain(sh.tenant)
		return nil // it was told to go a moment ago
	}
	if p := presenceOf(d.State); !discarded && (p == up || p == coming) {
		if adopted, err := r.adopt(ctx, sh, g, d); adopted || err != nil {
			return err
		}
	}
	if !discarded && (awaited || !r.old(g, d)) {
		r.lookAgain(sh.tenant)
		return nil
	}
	return r.destroyStray(ctx, sh, g, d)
}

// lookAgain looks at a shop's strays soon: what runs for nobody is to go before
// the next full round.
func (r *Reconciler) lookAgain(t tenants.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.soon[t.ID] {
		return
	}
	r.soon[t.ID] = true
	time.AfterFunc(lookAgainAfter, func() {
		r.mu.Lock()
		delete(r.soon, t.ID)
		r.mu.Unlock()
		r.Poke(t)
	})
}

// old judges by the host's own clock, so that a desktop that is being written
// down right now has time. One in a state that says nothing has more: the host may
// yet find out what it is, and its start could take it into use.
func (r *Reconciler) old(g sighting, d Desktop) bool {
	if d.Created.IsZero() || g.hostNow.IsZero() {
		return false
	}
	least := grace
	if presenceOf(d.State) == unclear {
		least = unclearGrace
	}
	return g.hostNow.Sub(d.Created) >= least
}

// awake: a desktop is up whose workspace is stopped.
func (r *Reconciler) awake(ctx context.Context, sh *shop, g sighting, row liveRow, d Desktop) error {
	if p := presenceOf(d.State); row.Desired == WantRunning || row.Observed != SeenStopped || p != up && p != coming {
		return nil
	}
	return r.commit(ctx, sh, g, found{change: []liveRow{row}})
}

// adopt gives a desktop to a start of its customer that waits for one like it and
// that no worker is busy with.
func (r *Reconciler) adopt(ctx context.Context, sh *shop, g sighting, d Desktop) (bool, error) {
	_, user, _ := parseUsername(d.Username)
	for _, row := range sh.rows {
		if row.UserID != user || row.Desired != WantRunning || row.DesktopID != nil || r.leased(row) {
			continue
		}
		if !d.answersTo(row.intent(sh.tenant)) || row.AskedServerID != nil && *row.AskedServerID != g.host.ID {
			continue
		}
		image, err := r.s.image(ctx, g.host, row)
		if err != nil || image != d.ImageID {
			continue
		}
		adopted, err := r.claim(ctx, sh.tenant, g.host, row.ID, d.ID)
		if adopted || err != nil {
			return adopted, err
		}
	}
	return false, nil
}

func (r *Reconciler) claim(ctx context.Context, t tenants.Tenant, host Host, id uuid.UUID, desktop string) (adopted bool, err error) {
	var account Account
	err = r.s.DB.In(ctx, t, func(tx tenants.Tx) error {
		adopted = false
		row, err := lockWorkspace(ctx, tx, id)
		if err != nil || row.Desired != WantRunning || row.DesktopID != nil || r.leased(row) {
			return err
		}
		known := false
		if account, known, err = findAccount(ctx, tx, row.UserID, host.ID); err != nil || !known {
			return err
		}
		row.claim(tx.Now(), host.ID, account, desktop)
		adopted = true
		return save(ctx, tx, &row.Workspace)
	})
	if tenants.IsUnique(err, "workspaces_desktop") {
		return false, nil
	}
	return adopted && err == nil, err
}

func (r *Reconciler) destroyStray(ctx context.Context, sh *shop, g sighting, d Desktop) error {
	err := g.host.Driver.Destroy(ctx, d.UserID, d.ID)
	if err != nil && HostKindOf(err) != HostNotFound {
		r.s.Log.WarnContext(ctx, "a desktop that nobody claims could not be destroyed yet", "tenant", sh.tenant.Slug, "desktop", d.ID, "err", err)
		return nil
	}
	r.s.Log.WarnContext(ctx, "a desktop that nobody claims was destroyed", "tenant", sh.tenant.Slug, "desktop", d.ID, "user", d.Username, "rule", "R6")
	if err := r.s.DB.In(ctx, sh.tenant, func(tx tenants.Tx) error { return discard(ctx, tx, g.host.ID, d.ID) }); err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]string{"host": g.host.Name, "user": d.Username, "image": d.ImageID, "state": d.State})
	if err != nil {
		return err
	}
	id := sh.tenant.ID
	return r.s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		return record(ctx, tx, "system", &id, "desktop.stray_destroyed", d.ID, detail)
	})
}

// healthEvery is how often a state that did not change is written down again.
const healthEvery = 10 * time.Second

// noted is what was last written down about a host, in wall time.
type noted struct {
	failed bool
	at     time.Time
}

// news tells whether a host's state is worth writing down.
func (r *Reconciler) news(h Host, failed bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.noted[h.ID]
	if known && last.failed == failed && r.s.Wall().Sub(last.at) < healthEvery {
		return false
	}
	r.noted[h.ID] = noted{failed: failed, at: r.s.Wall()}
	return true
}

// health remembers whether a host answers, for the operator's pages.
func (r *Reconciler) health(ctx context.Context, h Host, failure error) {
	if !r.news(h, failure != nil) {
		return
	}
	err := r.s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if failure == nil {
			return serverOK(ctx, tx, h.ID, r.s.Clock.Now())
		}
		return serverFailed(ctx, tx, h.ID, r.s.Clock.Now(), failure.Error())
	})
	if err != nil {
		r.s.Log.ErrorContext(ctx, "the state of a desktop host could not be written down", "host", h.Name, "err", err)
	}
}
