package workspaces

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// places are the hosts that a workspace's desktop may be asked of, the best first.
//
// A host that was asked already and has not clearly refused comes alone, since it
// may have made the desktop (at most one per intent). Else the host that keeps the
// customer's profile comes first, then those with the most room; draining hosts take
// nothing new.
func (s *Service) places(ctx context.Context, row liveRow) ([]Host, error) {
	hosts, err := s.Fleet.Hosts(ctx)
	if err != nil {
		return nil, &HostError{Kind: HostUnavailable, Message: "the list of desktop hosts cannot be read", Cause: err}
	}
	if row.AskedServerID != nil {
		if i := slices.IndexFunc(hosts, func(h Host) bool { return h.ID == *row.AskedServerID }); i >= 0 {
			return hosts[i : i+1], nil
		}
	}
	var fitting []Host
	known := false
	rooms := s.Rooms(ctx)
	for _, h := range hosts {
		if !h.Active || h.Kind != row.Driver {
			continue
		}
		known = true
		if rooms.of(h.ID).Fits(row.VCPU, row.RAMMB) {
			fitting = append(fitting, h)
		}
	}
	switch {
	case !known:
		return nil, &HostError{Kind: HostUnavailable, Message: "there is no desktop host to ask"}
	case len(fitting) == 0:
		return nil, &HostError{Kind: HostNoCapacity, Message: "no desktop host has room for a desktop of this size"}
	}
	slices.SortStableFunc(fitting, func(a, b Host) int { return s.preference(row, rooms, b) - s.preference(row, rooms, a) })
	return fitting, nil
}

// preference is higher for a host that should be asked sooner.
func (s *Service) preference(row liveRow, rooms Rooms, h Host) int {
	const home, roomiest = 1 << 30, 1 << 20
	if row.ServerID != nil && *row.ServerID == h.ID {
		return home // its profile and its downloaded images are there
	}
	room := rooms.of(h.ID)
	switch {
	case !room.Known:
		return 0 // one that has told its room is surer
	case room.Free >= 0:
		return min(room.Free, roomiest)
	}
	free := int64(0)
	for _, space := range room.Spaces {
		free += min(space.MilliCPU/int64(max(row.VCPU, 1)*1000), space.RAMMB/int64(max(row.RAMMB, 1)))
	}
	return int(min(free, roomiest))
}

// elsewhere tells that a refusal of one host says nothing about the next one.
func elsewhere(err error) bool {
	switch HostKindOf(err) {
	case HostNoCapacity, HostLimit, HostNotFound, HostRefused:
		return true
	}
	return false
}

// ask notes which host is about to be asked for the workspace's desktop.
func (s *Service) ask(ctx context.Context, t tenants.Tenant, id uuid.UUID, host *uuid.UUID) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error { return setAsked(ctx, tx, id, host) })
}

// preparations remembers which start waits for which image, for the page that shows
// it. It is about hosts on this machine, so it need not outlive the program.
type preparations struct {
	mu  sync.Mutex
	are map[uuid.UUID]preparation
}

type preparation struct {
	host  Preparer
	image string
}

func (p *preparations) begin(id uuid.UUID, host Preparer, image string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.are == nil {
		p.are = map[uuid.UUID]preparation{}
	}
	p.are[id] = preparation{host, image}
}

func (p *preparations) end(id uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.are, id)
}

func (p *preparations) of(id uuid.UUID) (preparation, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it, known := p.are[id]
	return it, known
}

// Preparing tells how far the host is with what a start waits for, if that is
// something that takes its time.
func (s *Service) Preparing(_ context.Context, w Workspace) (Progress, bool) {
	it, known := s.preparing.of(w.ID)
	if !known || w.Status != Provisioning {
		return Progress{}, false
	}
	return it.host.Preparing(it.image)
}

// Keeps tells what of a workspace outlives a stop: on the host where it is, or on
// the one that a workspace of this kind would come to.
func (s *Service) Keeps(ctx context.Context, w Workspace, driver string) Keeping {
	ctx, cancel := context.WithTimeout(ctx, roomWithin)
	defer cancel()
	hosts, err := s.Fleet.Hosts(ctx)
	if err != nil {
		return KeepsDisk
	}
	for _, h := range hosts {
		if w.ServerID != nil && h.ID == *w.ServerID || w.ServerID == nil && h.Active && h.Kind == driver {
			if k, err := h.Driver.Keeps(ctx); err == nil {
				return k
			}
			break
		}
	}
	return KeepsDisk
}
