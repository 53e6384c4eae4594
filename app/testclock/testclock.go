// Package testclock moves business time for tests and the demonstration, and lets
// everything that was due meanwhile happen, in order and through the same code
// that real time runs.
package testclock

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Stepper goes from due time to due time. At each step it sets the simulator's
// clock, looks once at the desktops, and waits until the consumers have
// committed what came due. A month passes in seconds.
type Stepper struct {
	db    *tenants.DB
	bus   *bus.Bus
	clock *clock.Movable
	host  Desktops
	sim   SimClock
	log   *slog.Logger

	mu    sync.Mutex // one move at a time
	blind bool       // some host did not answer at the last step
}

// Desktops is what the clock needs of the desktop hosts' observer.
type Desktops interface {
	Round(ctx context.Context) error // look at every host once, now
	Moving() bool                    // some desktop is on its way to another state
	Between(fn func())               // run fn while no round is under way
}

// SimClock sets the simulator's own clock. wall is the moment at which it was
// now, so that two processes on one machine agree to the microsecond.
type SimClock func(ctx context.Context, now, wall time.Time, rate int) error

// Reading is what the clock shows.
type Reading struct {
	Now  time.Time
	Rate int
}

// Move says where the clock is to go. At most one of Now and Advance is set.
type Move struct {
	Now     *time.Time
	Advance *time.Duration
	Rate    *int
}

const (
	// movingStep is how far business time goes while a desktop is getting ready,
	// so that it is seen soon after it really was.
	movingStep = time.Second
	// blindStep is the same while a host does not answer: it takes its time to say
	// so, and there is nothing to be seen. What runs on another host is still seen
	// within the interval in which real time looks.
	blindStep = 30 * time.Second
	// idleLimit is how long the consumers may take to catch up with one move.
	idleLimit = 60 * time.Second
)

// New resumes the clock where an earlier run of the program left it.
func New(ctx context.Context, db *tenants.DB, c *clock.Movable, sim SimClock, log *slog.Logger) (*Stepper, error) {
	t := &Stepper{db: db, clock: c, sim: sim, log: log}
	var saved clockRow
	var found bool
	if err := db.CentralRead(ctx, savedClockQ(&saved, &found)); err != nil {
		return nil, err
	}
	if found {
		at := saved.At
		if saved.Rate == 1 {
			at = at.Add(clock.Wall{}.Now().Sub(saved.Wall))
		}
		c.Set(at, saved.Rate)
	}
	return t, sim(ctx, c.Now(), clock.Wall{}.Now(), c.Rate())
}

// Drive connects the clock to what it drives; until then it only shows time.
func (t *Stepper) Drive(b *bus.Bus, host Desktops) { t.bus, t.host = b, host }

// Read shows the clock.
func (t *Stepper) Read() Reading { return Reading{Now: t.clock.Now(), Rate: t.clock.Rate()} }

// Move takes the clock forward, and answers when everything due up to then is
// committed: fail.Invalid for going back, fail.Unavailable "not_idle" when the
// consumers do not catch up within a minute.
func (t *Stepper) Move(ctx context.Context, to Move) (Reading, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rate := t.clock.Rate()
	if to.Rate != nil {
		rate = *to.Rate
	}
	now := t.clock.Now()
	target := now
	switch {
	case to.Now != nil:
		target = to.Now.UTC()
	case to.Advance != nil:
		target = now.Add(*to.Advance)
	}
	if rate == 0 && to.Now == nil {
		target = wholeMillisecond(target)
	}
	if target.Before(now) {
		return t.Read(), &fail.Error{Kind: fail.Invalid, Message: "The clock does not go back.", Fields: map[string]string{"now": "Give a time after " + now.Format(time.RFC3339) + "."}}
	}
	err := t.walk(ctx, now, target, rate)
	return t.Read(), err
}

// wholeMillisecond is the next time that desktop hosts, which count milliseconds,
// can tell: a clock that stands there agrees with theirs.
func wholeMillisecond(at time.Time) time.Time {
	if whole := at.Truncate(time.Millisecond); whole.Before(at) {
		return whole.Add(time.Millisecond)
	}
	return at
}

// walk goes from now to target and lets the clock run on at the rate.
func (t *Stepper) walk(ctx context.Context, now, target time.Time, rate int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	// The clock goes on at its rate even when whoever moved it has gone.
	resume := func() error { return t.set(context.WithoutCancel(ctx), t.clock.Now(), rate, rate, false) }
	if err := t.step(ctx, now, rate); err != nil {
		return firstOf(err, resume())
	}
	for now.Before(target) {
		next, err := t.next(ctx, now, target)
		if err != nil {
			return firstOf(err, resume())
		}
		if err := t.step(ctx, next, rate); err != nil {
			return firstOf(err, resume())
		}
		now = next
	}
	return resume()
}

// next is the following moment at which something is due, or the target.
func (t *Stepper) next(ctx context.Context, now, target time.Time) (time.Time, error) {
	next := target
	due, found, err := t.bus.NextDue(ctx, now)
	if err != nil {
		return next, err
	}
	if found && due.Before(next) {
		next = due
	}
	soon := now.Add(movingStep)
	if t.blind {
		soon = now.Add(blindStep)
	}
	if t.host.Moving() && soon.Before(next) {
		next = soon
	}
	return next, nil
}

// step is one moment: the clocks stand at it, the hosts are looked at, and what
// is due has happened. What was asked of a host meanwhile may have come about at
// the same moment, so then they are looked at once more, if they can be seen.
func (t *Stepper) step(ctx context.Context, at time.Time, rate int) error {
	if err := t.set(ctx, at, 0, rate, true); err != nil {
		return err
	}
	if err := t.look(ctx, at); err != nil || t.blind || !t.host.Moving() {
		return err
	}
	return t.look(ctx, at)
}

// look looks at the hosts and waits for all that follows.
func (t *Stepper) look(ctx context.Context, at time.Time) error {
	err := t.host.Round(ctx)
	t.blind = err != nil
	if err != nil {
		t.log.Warn("desktop hosts not seen at this step", "at", at, "error", err)
	}
	t.bus.WakeDue()
	return t.settle(ctx, at)
}

// set puts every clock to a time. What is kept is the rate to go on with, so
// that a clock killed half way runs on from there; a passing time is not waited
// for.
func (t *Stepper) set(ctx context.Context, at time.Time, rate, keep int, passing bool) error {
	var err error
	t.host.Between(func() {
		if err = t.sim(ctx, at, clock.Wall{}.Now(), rate); err == nil {
			t.clock.Set(at, rate)
		}
	})
	if err != nil {
		return fail.Wrap(err, fail.Unavailable, "The simulator's clock could not be set.")
	}
	return t.db.Central(ctx, func(tx tenants.CentralTx) error {
		return saveClock(ctx, tx, clockRow{At: at, Wall: clock.Wall{}.Now(), Rate: keep}, passing)
	})
}

// settle waits until nothing due by then is left to do.
func (t *Stepper) settle(ctx context.Context, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, idleLimit)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		idle, err := t.bus.Idle(ctx, at)
		if err == nil && idle {
			return nil
		}
		select {
		case <-ctx.Done():
			return fail.Coded(fail.Unavailable, "not_idle", "Not everything that came due by %s was done within a minute.", at.Format(time.RFC3339))
		case <-t.bus.Handled():
		case <-again.C:
		}
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// clockRow is the clock as it is kept: business time At was shown at real time
// Wall, running on at Rate.
type clockRow struct {
	At   time.Time `json:"at"`
	Wall time.Time `json:"wall"`
	Rate int       `json:"rate"`
}

func (r clockRow) encode() (string, error) {
	b, err := json.Marshal(r)
	return string(b), err
}
