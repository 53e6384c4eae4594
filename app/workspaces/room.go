package workspaces

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/fail"
)

const (
	// roomFor is how long what a host said about its room is believed.
	roomFor = 2 * time.Second
	// roomWithin is how long somebody may wait for the hosts to tell.
	roomWithin = 2 * time.Second
)

// Rooms is what there is room for on the hosts that take new desktops.
type Rooms []KindRoom

// KindRoom is the room of one host.
type KindRoom struct {
	Host uuid.UUID
	Kind string // kasm or docker
	Room Room
}

// Fits tells whether some host of a kind has room for a desktop of this size. A
// host that does not tell counts as one with room: it refuses by itself.
func (r Rooms) Fits(driver string, vcpu, ramMB int) bool {
	for _, k := range r {
		if k.Kind == driver && k.Room.Fits(vcpu, ramMB) {
			return true
		}
	}
	return false
}

// None tells that there is no host of a kind that takes new desktops.
func (r Rooms) None(driver string) bool {
	for _, k := range r {
		if k.Kind == driver {
			return false
		}
	}
	return true
}

func (r Rooms) of(host uuid.UUID) Room {
	for _, k := range r {
		if k.Host == host {
			return k.Room
		}
	}
	return Room{}
}

// roomKeeper remembers for a moment what the hosts said.
type roomKeeper struct {
	asking sync.Mutex // one asks at a time; whoever waits reads what it found

	mu      sync.Mutex
	rooms   Rooms
	at      time.Time // when they were asked, wall time
	running map[uuid.UUID]int
	placing map[uuid.UUID]int // requests under way
}

// Rooms tells what there is room for now, from memory when that is young. It waits
// for no host longer than two seconds.
func (s *Service) Rooms(ctx context.Context) Rooms { return s.roomsSince(ctx, s.Wall().Add(-roomFor)) }

// roomsSince gives what the hosts said when they were asked after a moment. All who
// want that at the same time share the asking.
func (s *Service) roomsSince(ctx context.Context, since time.Time) Rooms {
	k := &s.rooms
	k.asking.Lock()
	defer k.asking.Unlock()
	k.mu.Lock()
	rooms, at := k.rooms, k.at
	k.mu.Unlock()
	began := s.Wall()
	if at.After(since) && !at.After(began) {
		return rooms
	}
	ctx, cancel := context.WithTimeout(ctx, roomWithin)
	defer cancel()
	rooms, err := s.askRooms(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "the room on the desktop hosts is not known", "err", err)
		return rooms
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rooms, k.at = rooms, began
	return rooms
}

// askRooms asks all hosts side by side. One that does not answer has an unknown room.
func (s *Service) askRooms(ctx context.Context) (Rooms, error) {
	hosts, err := s.Fleet.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	all := make(Rooms, len(hosts))
	var g errgroup.Group
	for i, h := range hosts {
		if !h.Active {
			continue
		}
		g.Go(func() error {
			room, err := h.Driver.Room(ctx)
			if err != nil {
				s.Log.DebugContext(ctx, "a desktop host does not tell its room", "host", h.Name, "err", err)
				room = Room{}
			}
			all[i] = KindRoom{Host: h.ID, Kind: h.Kind, Room: s.capped(h, room)}
			return nil
		})
	}
	_ = g.Wait()
	rooms := make(Rooms, 0, len(all))
	for _, r := range all {
		if r.Host != uuid.Nil {
			rooms = append(rooms, r)
		}
	}
	return rooms, nil
}

// capped applies the operator's own limit to what a host says.
func (s *Service) capped(h Host, room Room) Room {
	if h.Capacity == 0 {
		return room
	}
	k := &s.rooms
	k.mu.Lock()
	defer k.mu.Unlock()
	running, known := k.running[h.ID]
	if !known {
		return room
	}
	free := max(h.Capacity-running-k.placing[h.ID], 0)
	if !room.Known || room.Free < 0 || free < room.Free {
		room.Free = free
	}
	room.Known = true
	return room
}

// counted notes how many desktops a host has that run or are about to.
func (s *Service) counted(h Host, l Listing) {
	if h.Capacity == 0 {
		return
	}
	n := 0
	for _, d := range l.Desktops {
		if p := presenceOf(d.State); p == up || p == coming {
			n++
		}
	}
	k := &s.rooms
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		k.running = map[uuid.UUID]int{}
	}
	k.running[h.ID] = n
}

// reserve takes one of the places that the operator allows on a host, while a
// desktop is asked for and, if that made one, until the host is next counted; false
// when there is none left.
func (s *Service) reserve(h Host) (release func(made bool), ok bool) {
	k := &s.rooms
	k.mu.Lock()
	defer k.mu.Unlock()
	if h.Capacity > 0 && k.running[h.ID]+k.placing[h.ID] >= h.Capacity {
		return nil, false
	}
	if k.placing == nil {
		k.placing = map[uuid.UUID]int{}
	}
	k.placing[h.ID]++
	return func(made bool) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.placing[h.ID]--
		if _, counts := k.running[h.ID]; made && counts {
			k.running[h.ID]++
		}
	}, true
}

// withRoom does something with what the hosts say about their room. When it is
// refused for want of room, the hosts are asked again first, so that nobody is
// turned away by an old answer.
func (s *Service) withRoom(ctx context.Context, do func(Rooms) error) error {
	now := s.Wall()
	err := do(s.Rooms(ctx))
	if isFull(err) {
		err = do(s.roomsSince(ctx, now))
	}
	return err
}

func isFull(err error) bool {
	var refused *fail.Error
	return errors.As(err, &refused) && refused.Code == CodeNoCapacity
}

// take refuses a start that no host has room for, or, if it is bound to one, that
// host has not. Errors: Unavailable with the code no_capacity.
func (r Rooms) take(driver string, bound *uuid.UUID, vcpu, ramMB int) error {
	switch {
	case bound != nil && r.of(*bound).Fits(vcpu, ramMB), bound == nil && r.Fits(driver, vcpu, ramMB):
		return nil
	case bound == nil && r.None(driver):
		return fail.Coded(fail.Unavailable, CodeNoCapacity, "This shop cannot start desktops of this kind at the moment. Nothing was charged; please ask its support.")
	}
	return fail.Coded(fail.Unavailable, CodeNoCapacity, "%s", noRoom)
}
