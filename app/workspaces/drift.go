package workspaces

import (
	"context"

	"github.com/google/uuid"
)

// Drift is one difference between what a shop believes and what a host lists.
type Drift struct {
	Host        string    `json:"host"`
	Tenant      string    `json:"tenant"`
	WorkspaceID uuid.UUID `json:"workspace_id"` // uuid.Nil for a desktop that no live workspace claims
	DesktopID   string    `json:"desktop_id"`
	Believed    string    `json:"believed"` // our observed state, "unknown" for a desktop of nobody's
	Listed      string    `json:"listed"`   // the host's word, "missing" when it does not list the desktop
}

// Drift compares with every host now and changes nothing. Rounds mend what it
// shows. Hosts that cannot be reached come in the error.
func (r *Reconciler) Drift(ctx context.Context) ([]Drift, error) {
	shops, err := r.shops(ctx, true)
	if err != nil {
		return nil, err
	}
	r.each(ctx, shops, r.read)
	sightings, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	known := len(shops)
	shops = r.withListed(shops, sightings)
	r.each(ctx, shops[known:], r.read)
	all := []Drift{}
	for _, sh := range shops {
		for _, g := range sightings {
			if g.err == nil && sh.err == nil {
				all = append(all, r.driftOf(sh, g)...)
			}
		}
	}
	return all, faults(shops, sightings)
}

func (r *Reconciler) driftOf(sh *shop, g sighting) (all []Drift) {
	for _, row := range sh.rows {
		if row.ServerID == nil || *row.ServerID != g.host.ID || row.DesktopID == nil {
			continue
		}
		listed := g.state(row)
		trial := row.Workspace
		if e := trial.see(listed, r.s.Clock.Now(), r.s.Patience); e == (effect{}) || e == (effect{prove: true}) {
			continue
		}
		if listed == absent {
			listed = "missing"
		}
		all = append(all, Drift{g.host.Name, sh.tenant.Slug, row.ID, *row.DesktopID, string(row.Observed), listed})
	}
	for _, d := range r.unknown(sh, g) {
		if presenceOf(d.State) != off { // a stopped workspace keeps its disk there
			all = append(all, Drift{Host: g.host.Name, Tenant: sh.tenant.Slug, DesktopID: d.ID, Believed: "unknown", Listed: d.State})
		}
	}
	return all
}
