package kasm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
)

func (h *house) room() workspaces.Room {
	h.Helper()
	h.pass(time.Minute)
	room, err := h.driver.Room(h.Context())
	h.must(err)
	return room
}

func TestRoomFollowsTheCapacity(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	if room := h.room(); !room.Known || !room.Fits(8, 16384) || room.Fits(1000, 4096) || room.Fits(2, 1<<30) {
		t.Errorf("without a limit: %+v", room)
	}
	turn(t, h.url, map[string]any{"capacity": 2})
	if room := h.room(); room.Free != 2 || !room.Fits(8, 16384) {
		t.Errorf("with two left: %+v", room)
	}
	user := ensure(t, h.driver, "ez.acme.1")
	h.start(user, basic())
	if room := h.room(); room.Free != 1 || !room.Fits(8, 16384) {
		t.Errorf("with one left: %+v", room)
	}
	h.start(user, basic())
	if room := h.room(); room.Free != 0 || room.Fits(2, 4096) {
		t.Errorf("full: %+v", room)
	}
}

func TestRoomFollowsTheLicence(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	turn(t, h.url, map[string]any{"licence_limit": 2})
	user := ensure(t, h.driver, "ez.acme.1")
	desk := h.start(user, basic())
	list := func() {
		_, err := h.driver.List(t.Context())
		h.must(err)
	}
	list()
	if room := h.room(); room.Free != 1 || !room.Fits(2, 4096) {
		t.Errorf("with one left: %+v", room)
	}
	h.start(user, basic())
	list()
	if room := h.room(); room.Free != 0 || room.Fits(2, 4096) {
		t.Errorf("full: %+v", room)
	}
	h.must(h.driver.Stop(t.Context(), user, desk))
	list()
	if room := h.room(); room.Free != 1 {
		t.Errorf("a stopped desktop takes a place: %+v", room)
	}
}

// Whatever the key may ask, the room is never an error; and the less it may ask, the
// less is known.
func TestRoomIsKnownAsFarAsTheKeyMayAsk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lacking []string
		known   bool
		full    bool // a full server is noticed
	}{
		{nil, true, true},
		{[]string{"Reports View"}, true, true},
		{[]string{"Agents View"}, true, true},
		{[]string{"Licenses View", "Zones View"}, true, true},
		{[]string{"Agents View", "Reports View"}, true, false},
		{[]string{"Agents View", "Reports View", "Licenses View", "Zones View"}, false, false},
	} {
		h := newHouse(t, kasmsim.Options{})
		h.permit(most(c.lacking...)...)
		turn(t, h.url, map[string]any{"capacity": 0})
		room := h.room()
		if room.Known != c.known || room.Fits(2, 4096) == c.full {
			t.Errorf("without %q: %+v", c.lacking, room)
		}
	}
}

// Nobody is turned away by what was so a moment ago.
func TestRoomIsNeverOld(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	for _, capacity := range []int{-1, 0, -1, 0, 5} {
		turn(t, h.url, map[string]any{"capacity": capacity})
		room, err := h.driver.Room(t.Context())
		h.must(err)
		if room.Fits(2, 4096) != (capacity != 0) {
			t.Errorf("capacity %d: %+v", capacity, room)
		}
	}
	if calls := h.made(); slices.Contains(calls, "get_kasm_status") {
		t.Errorf("the calls are %q", calls)
	}
	turn(t, h.url, map[string]any{"unreachable": true})
	h.pass(time.Minute)
	if _, err := h.driver.Room(t.Context()); workspaces.HostKindOf(err) != workspaces.HostUnavailable {
		t.Errorf("a server that is away: %v", err)
	}
}
