package kasmsim

import "time"

// grain is the resolution of every time in the simulator, so that the list of
// desktops and the record can be compared digit by digit.
const grain = time.Millisecond

// slack is how far behind a clock request may lie and still be taken as "now":
// two running clocks in two programs are never equal.
const slack = time.Second

// simClock is the simulator's own time. At rate 1 it runs with wall time from
// where it was last set, at rate 0 it stands still.
type simClock struct {
	Base time.Time `json:"base"` // simulator's time at Wall
	Wall time.Time `json:"wall"`
	Rate int       `json:"rate"`
}

// at gives the simulator's time at a moment of wall time.
func (c simClock) at(wall time.Time) time.Time {
	if c.Rate == 0 || wall.Before(c.Wall) {
		return c.Base
	}
	return c.Base.Add(wall.Sub(c.Wall))
}

func grained(t time.Time) time.Time { return t.UTC().Round(0).Truncate(grain) }

// instant is one moment as both clocks show it.
type instant struct {
	sim  time.Time
	wall time.Time
}

func (i instant) add(d time.Duration) instant {
	return instant{sim: i.sim.Add(d), wall: i.wall.Add(d)}
}

// due is when something happens: when either clock has come that far.
type due struct {
	Sim  time.Time `json:"sim"`
	Wall time.Time `json:"wall"`
}

func dueAt(i instant) due { return due{Sim: i.sim, Wall: i.wall} }

// reached tells whether the time has come, and when that was on the simulator's
// clock: the earlier of its own due time and of what it showed when wall time had
// come that far.
func (d due) reached(now instant, c simClock) (time.Time, bool) {
	bySim, byWall := !now.sim.Before(d.Sim), !now.wall.Before(d.Wall)
	when := d.Sim
	if byWall {
		if shown := c.at(d.Wall); !bySim || shown.Before(when) {
			when = shown
		}
	}
	if when.After(now.sim) {
		when = now.sim
	}
	return when, bySim || byWall
}
