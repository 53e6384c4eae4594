package workspaces

import (
	"time"
)

const (
	// settling is how long a host may take until its list shows what was asked for.
	settling = 5 * time.Second
	// stubborn is how long a host may go on reporting what it was told to end.
	stubborn = 20 * time.Second
)

const (
	absent       = ""
	hostEndedIt  = "The desktop host ended this desktop. You were charged up to the last time it was seen running; start it again when you like."
	hostLostIt   = "The desktop host no longer has this desktop. You were charged up to the last time it was seen running; start it again when you like."
	neverCameUp  = "The desktop did not come up in time. Nothing was charged; please try again."
	noAnswer     = "The desktop host did not answer. Nothing was charged; please try again in a few minutes."
	noRoom       = "No desktop is free right now. Nothing was charged; please try again in a few minutes."
	atLimit      = "The desktop host allows no more desktops at the moment. Nothing was charged; stop one or try again later."
	hostRefuses  = "This desktop cannot be made at the moment. Nothing was charged; the shop's support has been told."
	budgetSpent  = "What is left of this run's budget buys no further block, so the desktop was stopped. Start it again with another budget, or without one."
	creditSpent  = "What you have does not pay for another block of this desktop, so it was stopped. Nothing was charged for it; add credit and start it again."
	shopIsClosed = "This shop does not start desktops at the moment. Nothing was charged."
)

// The machine's words in failure_code.
const (
	CodeNoCapacity = "no_capacity"
	CodeLimit      = "limit"
	CodeRefused    = "refused"
	CodeDeadline   = "deadline"
	CodeNoAnswer   = "unreachable"
	CodeHost       = "host"
	CodeSuspended  = "suspended"
	CodeBudget     = "budget"
	CodeCredit     = "credit"
)

// presence is what a word of the host means for us.
type presence int

const (
	unclear presence = iota // a word not known: charges nothing, ends nothing
	coming
	up
	off  // with its disk kept
	away // being deleted, or not listed at all
)

func presenceOf(state string) presence {
	switch state {
	case HostRequested, HostStarting:
		return coming
	case HostRunning:
		return up
	case HostStopped, HostPaused:
		return off
	case HostDeleting, absent:
		return away
	}
	return unclear
}

// effect is what a sighting asks for besides the change of the row.
type effect struct {
	changed   bool
	prove     bool   // it runs, as it should: charge what began
	open      bool   // it runs for the first time in this run: begin charging
	first     bool   // with open: it never ran before
	close     string // end charging at the last proof; who ended it
	converge  bool   // something must be asked of the host
	confirmed bool   // what was asked for has come about
	deadline  bool   // a new deadline was set
}

// see applies what the host reports of the workspace's desktop.
func (w *Workspace) see(state string, now time.Time, patience time.Duration) effect {
	switch {
	case w.DesktopID == nil:
		return effect{}
	case w.Desired == WantRunning:
		return w.seeWanted(state, now, patience)
	}
	return w.seeUnwanted(state, now)
}

func (w *Workspace) age(now time.Time) time.Duration { return now.Sub(w.ChangedAt) }

func (w *Workspace) seeWanted(state string, now time.Time, patience time.Duration) effect {
	p := presenceOf(state)
	if w.Observed == SeenStopping && (p == up || p == coming) {
		return effect{converge: w.age(now) >= stubborn} // the run before has to end first
	}
	switch p {
	case up:
		return w.seeUp(now)
	case coming:
		if w.Observed != SeenRunning {
			return effect{}
		}
		// Restarted on the host's side: the run that was charged is over.
		deadline := now.Add(patience)
		w.Observed, w.DeadlineAt = SeenStarting, &deadline
		w.changed(now)
		return effect{changed: true, close: "host", deadline: true}
	case off:
		return w.seeOff(now)
	case away:
		return w.seeAway(state, now)
	}
	return effect{}
}

func (w *Workspace) seeUp(now time.Time) effect {
	if w.Observed == SeenRunning {
		return effect{prove: true}
	}
	e := effect{changed: true, open: true, first: w.ProvisionedAt == nil}
	if e.first {
		w.ProvisionedAt = &now
	}
	w.Observed, w.DeadlineAt, w.DesktopUsed, w.Tries = SeenRunning, nil, true, 0
	w.changed(now)
	return e
}

func (w *Workspace) seeOff(now time.Time) effect {
	switch w.Observed {
	case SeenRunning:
		w.Desired, w.Observed, w.Failure, w.FailureCode = WantStopped, SeenStopped, hostEndedIt, CodeHost
		w.changed(now)
		return effect{changed: true, close: "host"}
	case SeenRequested, SeenStarting:
		if w.age(now) < settling {
			return effect{}
		}
	case SeenStopped:
		return effect{converge: w.age(now) >= settling}
	}
	w.Observed = SeenStopped
	w.changed(now)
	return effect{changed: true, converge: true}
}

func (w *Workspace) seeAway(state string, now time.Time) effect {
	switch w.Observed {
	case SeenRunning:
		by, sentence := "host", hostEndedIt
		if state == absent {
			by, sentence = "gone", hostLostIt
		}
		w.Desired, w.Failure, w.FailureCode = WantStopped, sentence, CodeHost
		w.forget(now)
		return effect{changed: true, close: by}
	case SeenRequested, SeenStarting:
		if state == absent && w.age(now) < settling {
			return effect{}
		}
	}
	w.forget(now)
	return effect{changed: true, converge: true}
}

func (w *Workspace) seeUnwanted(state string, now time.Time) effect {
	switch presenceOf(state) {
	case up, coming:
		if w.Observed == SeenStopped {
			w.Observed = SeenRunning
			w.changed(now)
			return effect{changed: true, converge: true}
		}
		return effect{converge: w.age(now) >= stubborn}
	case off:
		if w.Desired == WantTerminated || !w.DesktopUsed {
			return effect{converge: w.age(now) >= settling}
		}
		if w.Observed == SeenStopped {
			return effect{}
		}
		w.Observed = SeenStopped
		w.changed(now)
		return effect{changed: true, confirmed: true}
	case away:
		w.forget(now)
		return effect{changed: true, confirmed: true}
	}
	return effect{}
}

// step is the one thing to ask of the host next.
type step int

const (
	stepNone step = iota
	stepRequest
	stepResume
	stepStop
	stepDestroy
)

// next decides from the row alone, so that it does not matter which message led
// here, or how often.
func (w *Workspace) next(now time.Time) step {
	switch {
	case w.DesktopID == nil && w.Desired == WantRunning:
		return stepRequest
	case w.DesktopID == nil:
		return stepNone
	case w.Desired == WantRunning && w.Observed == SeenStopped && w.DesktopUsed:
		return stepResume
	case w.Desired == WantRunning && w.Observed == SeenStopped:
		return stepDestroy // it holds nothing worth keeping; a new one follows
	case w.Desired == WantRunning && w.Observed != SeenStopping:
		return stepNone
	case w.Desired == WantTerminated, !w.DesktopUsed:
		return stepDestroy
	case w.Observed == SeenStopped, w.Observed == SeenStopping && w.age(now) < stubborn:
		return stepNone
	}
	return stepStop
}

// seenAt is the time that a listing is true of: the host's clock, held between
// our clock at the sending and at the receiving, in whole milliseconds as hosts
// count (so that it is never after the moment the host meant).
func seenAt(host, sent, received time.Time) time.Time {
	at := host
	switch {
	case host.IsZero() || host.After(received):
		at = received
	case host.Before(sent):
		at = sent
	}
	return at.Truncate(time.Millisecond)
}
