package dunning

import (
	"strconv"
	"strings"
	"time"
)

// The outcomes of a step.
const (
	sent          = "sent"    // a letter
	skipped       = "skipped" // a later step took its place
	done          = "done"
	paidOutcome   = "paid"
	pending       = "pending"
	noMethod      = "no_method"
	needsCustomer = "needs_customer"
	declined      = "declined"
)

// Turn is what is to be done about an invoice now, at most one step of a kind.
type Turn struct {
	Do   []Step
	Skip []Step
	Calendar
}

// Turn picks from the calendar. Of reminders and of tries that have become late only
// the last counts, and a warning says all that a reminder would: a customer never
// gets a bundle of letters because we were away.
func (p Plan) Turn(c Case, zone *time.Location, now time.Time) Turn {
	t := Turn{Calendar: p.Calendar(c, zone, now)}
	at := map[Kind]int{}
	for _, s := range t.Steps {
		if s.At.After(now) || !p.permits(c, s) {
			continue
		}
		if i, there := at[s.Kind]; there {
			t.Skip = append(t.Skip, t.Do[i])
			t.Do[i] = s
			continue
		}
		at[s.Kind] = len(t.Do)
		t.Do = append(t.Do, s)
	}
	if i, reminds := at[Remind]; reminds && (has(t.Do, WarnSuspend) || has(t.Do, Suspend)) {
		t.Skip = append(t.Skip, t.Do[i])
		t.Do = append(t.Do[:i], t.Do[i+1:]...)
	}
	return t
}

// permits keeps what takes desktops away waiting for its warning, which counts only
// once it is written down, and the end waiting for the suspension.
func (p Plan) permits(c Case, s Step) bool {
	before := map[Kind][]Kind{Suspend: {WarnSuspend}, Terminate: {WarnTerminate}}[s.Kind]
	if s.Kind == Terminate && p.Suspend > 0 {
		before = append(before, Suspend)
	}
	for _, kind := range before {
		if _, there := c.first(kind); !there {
			return false
		}
	}
	return true
}

// Next is when the invoice is to be looked at again, at the earliest step that is
// left; false when none is.
func (p Plan) Next(c Case, zone *time.Location, now time.Time) (time.Time, bool) {
	steps := p.Calendar(c, zone, now).Steps
	if len(steps) == 0 {
		return time.Time{}, false
	}
	if at := steps[0].At; at.After(now) {
		return at, true
	}
	return tomorrow(zone, now), true
}

func has(steps []Step, kind Kind) bool {
	for _, s := range steps {
		if s.Kind == kind {
			return true
		}
	}
	return false
}

// tomorrow is the next civil hour after a moment.
func tomorrow(zone *time.Location, now time.Time) time.Time {
	day := dayOf(zone, now)
	if at := morning(zone, day); at.After(now) {
		return at
	}
	return morning(zone, day.AddDate(0, 0, 1))
}

func cut(name string) (kind Kind, day int, ok bool) {
	k, d, found := strings.Cut(name, ":")
	day, err := strconv.Atoi(d)
	return Kind(k), day, found && err == nil
}
