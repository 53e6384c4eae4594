package kasmsim

import (
	"slices"
	"time"
)

// The ways in which a run ends.
const (
	EndedByDestroy = "destroy"
	EndedByStop    = "stop"
	EndedByPause   = "pause"
	EndedByKill    = "kill"
	EndedByExpire  = "expire"
)

// Run is one uninterrupted run of a desktop: what truly happened, to compare a bill
// with. A desktop that was ended before it ran has none.
type Run struct {
	KasmID      string `json:"kasm_id"`
	UserID      string `json:"user_id"`
	Username    string `json:"username"`
	ImageID     string `json:"image_id"`
	RequestedAt Stamp  `json:"requested_at"`
	RunningFrom Stamp  `json:"running_from"`
	RunningTo   *Stamp `json:"running_to"` // null while it runs
	EndedBy     string `json:"ended_by"`   // "" while it runs
}

// Record is the answer of GET /sim/record.
type Record struct {
	Now  Stamp `json:"now"`
	Runs []Run `json:"runs"`
}

// Stamp is a time in UTC, written with milliseconds.
type Stamp struct{ time.Time }

const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON writes RFC 3339 with exactly three decimals.
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + s.UTC().Format(stampLayout) + `"`), nil
}

// since leaves out runs that ended before t.
func since(runs []Run, t time.Time) []Run {
	kept := make([]Run, 0, len(runs))
	for _, r := range runs {
		if r.RunningTo == nil || !r.RunningTo.Before(t) {
			kept = append(kept, r)
		}
	}
	return kept
}

// settle applies, for every desktop, all that is due now, each at its own time and
// in the order of those times.
func (s *Sim) settle(now instant) {
	if !s.mayHappen(now) {
		return
	}
	s.soonest = due{}
	var opened []Run
	for _, d := range s.desktops {
		opened = s.advance(d, now, opened)
		s.expect(d)
	}
	slices.SortStableFunc(opened, func(a, b Run) int { return a.RunningFrom.Compare(b.RunningFrom.Time) })
	for _, r := range opened {
		s.openRun(r)
	}
}

// advance brings one desktop up to now; the runs that open are added to opened.
func (s *Sim) advance(d *desktop, now instant, opened []Run) []Run {
	for h, ok := d.next(now, s.clock); ok; h, ok = d.next(now, s.clock) {
		opened = s.apply(d, h, opened)
	}
	return opened
}

func (s *Sim) mayHappen(now instant) bool {
	return !s.soonest.Sim.IsZero() && !now.sim.Before(s.soonest.Sim) ||
		!s.soonest.Wall.IsZero() && !now.wall.Before(s.soonest.Wall)
}

// expect remembers when to look at the desktop again.
func (s *Sim) expect(d *desktop) {
	if d.State == gone {
		return
	}
	next := d.soonest()
	if !next.Sim.IsZero() && (s.soonest.Sim.IsZero() || next.Sim.Before(s.soonest.Sim)) {
		s.soonest.Sim = next.Sim
	}
	if !next.Wall.IsZero() && (s.soonest.Wall.IsZero() || next.Wall.Before(s.soonest.Wall)) {
		s.soonest.Wall = next.Wall
	}
}

func (s *Sim) apply(d *desktop, h happening, opened []Run) []Run {
	s.touch(d)
	switch {
	case h.expiry:
		opened = s.endRun(d, h.at, EndedByExpire, opened)
		d.end(s.rules(d.UserID).after)
	case h.to == running:
		d.State, d.Steps = running, d.Steps[1:]
		opened = append(opened, Run{
			KasmID: d.ID, UserID: d.UserID, Username: d.Username, ImageID: d.ImageID,
			RequestedAt: Stamp{d.RequestedAt}, RunningFrom: Stamp{h.at},
		})
	default:
		if h.to == starting {
			d.StartedAt = h.at
		}
		d.State, d.Steps = h.to, d.Steps[1:]
	}
	if d.State == gone {
		delete(s.desktops, d.ID)
	}
	return opened
}

func (s *Sim) openRun(r Run) {
	n := len(s.runs)
	s.runs = append(s.runs, r)
	s.change.Runs = append(s.change.Runs, n)
	if d, ok := s.desktops[r.KasmID]; ok && r.RunningTo == nil {
		d.Run = n
	}
}

// endRun closes the desktop's run, which may be one that opened in the same settle.
func (s *Sim) endRun(d *desktop, at time.Time, by string, opened []Run) []Run {
	to := &Stamp{at}
	for i := range opened {
		if opened[i].KasmID == d.ID && opened[i].RunningTo == nil {
			opened[i].RunningTo, opened[i].EndedBy = to, by
			return opened
		}
	}
	if d.Run != noRun {
		s.runs[d.Run].RunningTo, s.runs[d.Run].EndedBy = to, by
		s.change.Runs = append(s.change.Runs, d.Run)
		d.Run = noRun
	}
	return opened
}
