package kasmsim

import "time"

type state string

const (
	requested state = "requested"
	starting  state = "starting"
	running   state = "running"
	stopped   state = "stopped"
	paused    state = "paused"
	deleting  state = "deleting"
	errored   state = "error"
	gone      state = "gone"
)

const noRun = -1

// step is a change of state that lies ahead.
type step struct {
	To  state `json:"to"`
	Due due   `json:"due"`
}

// desktop is one Kasm session, listed until it is gone.
type desktop struct {
	ID          string    `json:"id"`
	UserID      string    `json:"user_id"`
	Username    string    `json:"username"`
	ImageID     string    `json:"image_id"`
	Token       string    `json:"token"`
	ShareID     string    `json:"share_id,omitempty"`
	Profile     string    `json:"profile,omitempty"` // persistent_profile_mode as asked for
	State       state     `json:"state"`
	RequestedAt time.Time `json:"requested_at"` // or resumed
	CreatedAt   time.Time `json:"created_at"`
	StartedAt   time.Time `json:"started_at,omitzero"` // the container's start
	KeptAlive   time.Time `json:"kept_alive,omitzero"`
	Expires     time.Time `json:"expires"`
	Steps       []step    `json:"steps,omitempty"`
	Run         int       `json:"run"`               // number of its open run, or noRun
	Viewers     int       `json:"viewers,omitempty"` // as POST /sim/view set them

	seen time.Time // last sign of a viewer, wall time
}

// live: the keepalive clock ticks, and nobody may turn back the simulator's.
func (d *desktop) live() bool {
	return d.State == requested || d.State == starting || d.State == running
}

// occupies: takes a place on an agent, in the user's limit and in the licence.
func (d *desktop) occupies() bool { return d.State != stopped && d.State != gone }

// keepAlive puts the end off, unless a time limit fixes it.
func (d *desktop) keepAlive(now time.Time, r rules) {
	d.KeptAlive = now
	if r.limit < 0 {
		d.Expires = now.Add(r.keepalive)
	}
}

// begin plans the way to running, or to the state error.
func (d *desktop) begin(now instant, set Settings, r rules, fails bool) {
	d.State, d.RequestedAt, d.Expires = requested, now.sim, now.sim.Add(r.lasts())
	end := running
	if fails {
		end = errored
	}
	d.Steps = []step{
		{To: starting, Due: dueAt(now.add(set.requestedDelay()))},
		{To: end, Due: dueAt(now.add(set.startDelay()))},
	}
}

// resume plans a new run of a desktop whose disk is there.
func (d *desktop) resume(now instant, delay time.Duration, r rules) {
	d.State, d.RequestedAt, d.StartedAt, d.Expires = starting, now.sim, now.sim, now.sim.Add(r.lasts())
	d.Steps = []step{{To: running, Due: dueAt(now.add(delay))}}
}

// end takes the desktop out of its run.
func (d *desktop) end(to state) { d.State, d.Steps, d.Viewers = to, nil, 0 }

// remove plans the disappearance; a desktop that sticks never disappears.
func (d *desktop) remove(now instant, delay time.Duration, sticks bool) {
	d.end(deleting)
	if sticks {
		return
	}
	d.Steps = []step{{To: gone, Due: dueAt(now.add(delay))}}
}

// happening is the next thing that has come about but is not yet applied.
type happening struct {
	to     state
	at     time.Time
	expiry bool
}

// next gives the earliest change that is due.
func (d *desktop) next(now instant, c simClock) (happening, bool) {
	var first happening
	found := false
	if len(d.Steps) > 0 {
		if at, ok := d.Steps[0].Due.reached(now, c); ok {
			first, found = happening{to: d.Steps[0].To, at: at}, true
		}
	}
	if d.live() && !now.sim.Before(d.Expires) && (!found || d.Expires.Before(first.at)) {
		return happening{to: gone, at: d.Expires, expiry: true}, true
	}
	return first, found
}

// soonest gives the moment before which nothing can happen to the desktop; zero
// times mean never.
func (d *desktop) soonest() due {
	var s due
	if len(d.Steps) > 0 {
		s = d.Steps[0].Due
	}
	if d.live() && (s.Sim.IsZero() || d.Expires.Before(s.Sim)) {
		s.Sim = d.Expires
	}
	return s
}
