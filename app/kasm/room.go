package kasm

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

// listedFor is how long the latest list is believed before a server is called full
// for what it says.
const listedFor = time.Second

// rooms remembers what the server told of its room, and what its desktops use of it
// by the latest list.
type rooms struct {
	mu     sync.Mutex
	used   map[string]use // by the machine's id, and by its name
	live   int            // desktops that run or are about to
	listed time.Time      // zero before the first list
}

// use is what the desktops on one machine take.
type use struct {
	kasms    int
	milliCPU int64
	memory   int64 // bytes
}

// estate is what the server is licensed for, and whether it grows by itself.
type estate struct {
	licence int  // desktops at once, 0 for no limit or none known
	elastic bool // machines are added when there are too few
}

// noteUse adds up what the desktops of a list take, machine by machine.
func (d *Driver) noteUse(kasms []Kasm) {
	used, live := map[string]use{}, 0
	for _, k := range kasms {
		switch k.Operational {
		case StateStopped, StateDeleting:
			continue
		}
		live++
		for _, machine := range []string{k.ServerID, strings.ToLower(k.Hostname)} {
			if machine != "" {
				u := used[machine]
				used[machine] = use{u.kasms + 1, u.milliCPU + int64(k.Cores*1000), u.memory + k.MemoryBytes}
			}
		}
	}
	d.rooms.mu.Lock()
	defer d.rooms.mu.Unlock()
	d.rooms.used, d.rooms.live, d.rooms.listed = used, live, d.now()
}

// Room tells what there is room for: what the licence still allows, and what the
// machines have left, as far as the key may ask. Where it may not, nothing is known,
// which is no error. It asks every time, and before it says that nothing fits it
// looks at the desktops again, too: some may have ended since.
func (d *Driver) Room(ctx context.Context) (workspaces.Room, error) {
	room, err := d.askRoom(ctx)
	if err == nil && !room.Fits(1, 1<<10) && d.listIsOld() {
		if _, err = d.List(ctx); err != nil {
			return workspaces.Room{}, err
		}
		room, err = d.askRoom(ctx)
	}
	return room, hostError(err)
}

func (d *Driver) listIsOld() bool {
	d.rooms.mu.Lock()
	defer d.rooms.mu.Unlock()
	return d.now().Sub(d.rooms.listed) >= listedFor
}

func (d *Driver) askRoom(ctx context.Context) (workspaces.Room, error) {
	var agents []Agent
	var loads []AgentLoad
	var e estate
	var wrong [3]error
	var all sync.WaitGroup
	all.Go(func() { agents, wrong[0] = permitted(d.client.Agents(ctx)) })
	all.Go(func() { loads, wrong[1] = permitted(d.client.AgentReport(ctx)) })
	all.Go(func() { e, wrong[2] = d.askEstate(ctx) })
	all.Wait()
	for _, err := range wrong {
		if err != nil {
			return workspaces.Room{}, err
		}
	}
	d.rooms.mu.Lock()
	used, live, listed := d.rooms.used, d.rooms.live, d.rooms.listed
	d.rooms.mu.Unlock()
	room := workspaces.Room{Free: -1}
	if !e.elastic {
		room.Spaces, room.Free = spaces(agents, loads, used)
	}
	if e.licence > 0 {
		if listed.IsZero() {
			for _, l := range loads {
				live += l.Kasms
			}
		}
		if left := max(e.licence-live, 0); room.Free < 0 || left < room.Free {
			room.Free = left
		}
	}
	room.Known = room.Spaces != nil || room.Free >= 0
	if !room.Known {
		room = workspaces.Room{}
	}
	return room, nil
}

// permitted makes nothing of a call that the key may not make, or that the server
// does not have.
func permitted[T any](items []T, err error) ([]T, error) {
	if forbidden(err) {
		return nil, nil
	}
	return items, err
}

// forbidden tells that a key may not make a call, or that the server lacks it.
func forbidden(err error) bool { return KindOf(err) == KindUnauthorised || missing(err) }

func (d *Driver) askEstate(ctx context.Context) (estate, error) {
	licences, err := permitted(d.client.Licences(ctx))
	if err != nil {
		return estate{}, err
	}
	zones, err := permitted(d.client.Zones(ctx))
	if err != nil {
		return estate{}, err
	}
	return estate{licence: concurrent(licences), elastic: slices.ContainsFunc(zones, func(z Zone) bool { return z.AutoScaling })}, nil
}

// concurrent is how many desktops the licences allow at once, 0 when they limit
// something else.
func concurrent(licences []Licence) int {
	limit := 0
	for _, l := range licences {
		if strings.Contains(strings.ToLower(l.Type), "concurrent") {
			limit += l.Limit
		}
	}
	return limit
}

// spaces tells what each machine has left. free is how many more desktops the
// machines take where each has a limit, -1 where their size alone decides. Of two
// figures the more generous counts: a desktop that finds no room after all is refused
// by Kasm, while one that is never asked for is never sold.
func spaces(agents []Agent, loads []AgentLoad, used map[string]use) (left []workspaces.Space, free int) {
	if len(agents) == 0 {
		return spacesByReport(loads), -1
	}
	limited := true
	for _, a := range agents {
		if !a.Enabled || strings.EqualFold(a.Status, "missing") {
			continue
		}
		taken, load := used[a.ServerID], loadOf(loads, a)
		if taken == (use{}) {
			taken = used[strings.ToLower(a.Hostname)]
		}
		if load.Name != "" {
			taken.kasms = load.Kasms
		}
		space := workspaces.Space{MilliCPU: max(int64(a.Cores*1000)-taken.milliCPU, 0), RAMMB: max(a.MemoryBytes-taken.memory, load.MemoryFree, 0) >> 20}
		if a.Cores == 0 {
			space.MilliCPU = math.MaxInt32
		}
		if a.MaxKasms > 0 {
			n := max(a.MaxKasms-taken.kasms, 0)
			if free += n; n == 0 {
				space = workspaces.Space{}
			}
		}
		limited = limited && a.MaxKasms > 0
		left = append(left, space)
	}
	if !limited || len(left) == 0 {
		free = -1
	}
	if left == nil {
		left = []workspaces.Space{} // every machine is turned off
	}
	return left, free
}

// spacesByReport knows the memory alone, so processors are taken as free.
func spacesByReport(loads []AgentLoad) (left []workspaces.Space) {
	for _, l := range loads {
		if l.MemoryTotal > 0 {
			left = append(left, workspaces.Space{MilliCPU: math.MaxInt32, RAMMB: l.MemoryFree >> 20})
		}
	}
	return left
}

func loadOf(loads []AgentLoad, a Agent) AgentLoad {
	for _, l := range loads {
		if l.ServerID != "" && l.ServerID == a.ServerID || strings.EqualFold(l.Name, a.Hostname) {
			return l
		}
	}
	return AgentLoad{}
}
