package views

import (
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	// countdown is how long before a desktop stops by itself its card counts down.
	countdown = 10 * time.Minute
	// glance is how long after somebody was last seen connected it is said that
	// nobody is: the hosts are asked every workspaces.Interval.
	glance = 3 * workspaces.Interval
	// slowPoll is how often a card asks again while it counts down, in seconds.
	slowPoll = 60
)

// keeps says what a stop keeps of the desktop, and what it does not.
func (d Desk) keeps() string {
	switch d.Keeps {
	case workspaces.KeepsDisk:
		return "A stop keeps the whole disk, your files and what you installed alike; only the programs that are open are closed."
	case workspaces.KeepsProfile:
		return "A stop keeps your home folder; programs that you installed outside of it, and those that are open, are gone."
	case workspaces.KeepsNothing:
		return "A stop keeps nothing: files and programs on this desktop are lost, so save what you need elsewhere first."
	}
	return ""
}

// whenStopped words the same as a reason to keep or destroy a desktop.
func (d Desk) whenStopped() string {
	switch d.Keeps {
	case workspaces.KeepsProfile:
		return "A stopped desktop keeps your home folder and costs nothing. Destroy it only when you need neither."
	case workspaces.KeepsNothing:
		return "A stopped desktop costs nothing, but this one keeps no files either. Destroy it when you do not need it any more."
	}
	return "A stopped desktop keeps its files and costs nothing. Destroy it only when you need neither."
}

// own says that the card stands on the desktop's own page, where there is room
// for more.
func (d Desk) own() bool { return d.Next == "" }

// Lost says that a start of the desktop's old self failed, so that only a fresh
// one may be left.
func (d Desk) lost() bool {
	return d.Status == workspaces.Stopped && d.Failure != "" && d.DesktopID != nil && !d.Stopping()
}

// idle is the rule about a desktop that nobody looks at, and until when somebody
// has put it off.
func (d Desk) idle() string {
	said := idleSentence(int(d.IdleStop(d.PlanIdleStop) / time.Minute))
	at, ruled := d.IdleStopsAt(d.PlanIdleStop)
	if ruled && d.ExtendedUntil != nil && at.Equal(*d.ExtendedUntil) && at.After(d.Now) {
		said += " You keep it until " + strings.TrimPrefix(d.hour(at), "at ") + " in any case."
	}
	return said
}

func idleSentence(minutes int) string {
	if minutes == 0 {
		return "Keeps running when nobody is connected."
	}
	return "Stops by itself after " + during(minutes) + " without anybody connected."
}

// during words a length in minutes: "45 minutes", "1 hour", "2 hours 30 minutes".
func during(minutes int) string {
	if minutes < 60 {
		return many(int64(minutes), "minute")
	}
	text := many(int64(minutes/60), "hour")
	if minutes%60 > 0 {
		text += " " + many(int64(minutes%60), "minute")
	}
	return text
}

// hour is a time as it stands in a sentence: "at 14:45", "tomorrow at 09:00".
func (w When) hour(t time.Time) string {
	switch day := w.Day(t); day {
	case "today":
		return "at " + w.Clock(t)
	case "tomorrow", "yesterday":
		return day + " at " + w.Clock(t)
	default:
		return "on " + day + " at " + w.Clock(t)
	}
}

// limit is when the present run ends and why, in one sentence; "" without a limit.
func (d Desk) limit() string {
	at, limited := d.LimitAt()
	if !limited || d.Status != workspaces.Running {
		return ""
	}
	return "Stops " + d.hour(at) + ", " + d.limitReason(at) + "."
}

// chosen says that the limit which comes first is the customer's own, of this run.
func (d Desk) chosen(at time.Time) bool {
	return d.RunLimit != nil && d.LastStartedAt != nil && !d.LastStartedAt.Add(time.Duration(*d.RunLimit)*time.Second).After(at)
}

func (d Desk) limitReason(at time.Time) string {
	switch {
	case d.chosen(at) && d.RunBudget != nil:
		return "when " + money.Usage(*d.RunBudget, 3600, d.Currency).Format() + " is spent"
	case d.chosen(at):
		return "after " + during(*d.RunLimit/60)
	case d.SessionDuration != nil:
		return "after " + lasting(int64(*d.SessionDuration)) + ", as it was ordered"
	}
	return "by its time limit"
}

// planned is the limit of a run that is about to begin.
func (d Desk) planned() string {
	switch {
	case d.RunLimit == nil || d.Status != workspaces.Provisioning:
		return ""
	case d.RunBudget != nil:
		return "It stops by itself when " + money.Usage(*d.RunBudget, 3600, d.Currency).Format() + " is spent."
	}
	return "It stops by itself " + during(*d.RunLimit/60) + " after it has started."
}

// ending is a stop by itself that is near.
type ending struct {
	At      time.Time
	Why     string
	Puttoff bool
	Way     NavItem // to what would prevent it
}

// ending is what will stop the desktop soon, if anything will.
func (d Desk) ending() (e ending, soon bool) {
	if !d.running() {
		return e, false
	}
	if at, ok := d.IdleStopsAt(d.PlanIdleStop); ok && d.unwatched() && (d.near(at) || d.warned()) {
		e = ending{At: at, Why: "Nobody is connected. Stops " + d.hour(at), Puttoff: true}
	}
	if at, ok := d.LimitAt(); ok && d.near(at) && (e.At.IsZero() || at.Before(e.At)) {
		e = ending{At: at, Why: strings.TrimSuffix(d.limit(), "."), Puttoff: d.chosen(at)}
	}
	if f, set := d.fundsEnding(); set && (e.At.IsZero() || !f.At.After(e.At)) {
		e = f
	}
	return e, !e.At.IsZero()
}

// stopsAt is what the card's clock counts down to, if it does.
func (d Desk) stopsAt() time.Time {
	e, _ := d.ending()
	return e.At
}

// rules are the sentences about what stops the running desktop, as far as it does
// not count down already. The idle stop stands on the desktop's own page alone.
func (d Desk) rules() (out []string) {
	e, _ := d.ending()
	if said := d.limit(); said != "" && !strings.HasPrefix(said, e.Why) || said != "" && e.Why == "" {
		out = append(out, said)
	}
	if d.own() && d.IdleStop(d.PlanIdleStop) > 0 && !strings.HasPrefix(e.Why, "Nobody") {
		out = append(out, d.idle())
	}
	return out
}

func (d Desk) near(at time.Time) bool { return at.Sub(d.Now) <= countdown }

// warned says that the warning about the present idleness was sent.
func (d Desk) warned() bool {
	return d.IdleWarnedAt != nil && d.LastUsedAt != nil && d.IdleWarnedAt.After(*d.LastUsedAt)
}

// unwatched says that nobody was connected for longer than it takes to notice.
func (d Desk) unwatched() bool {
	notice := min(glance, d.IdleStop(d.PlanIdleStop)/2)
	return d.LastUsedAt != nil && d.Now.Sub(*d.LastUsedAt) >= notice
}

// watch is in how many seconds the card of a running desktop asks again by itself,
// so that it begins to count down in time; 0 when nothing will stop it.
func (d Desk) watch() int {
	if _, soon := d.ending(); soon {
		return slowPoll
	}
	seconds := 0
	for _, rule := range []func() (time.Time, bool){d.LimitAt, func() (time.Time, bool) { return d.IdleStopsAt(d.PlanIdleStop) }} {
		if at, ok := rule(); ok && d.running() {
			wait := max(int((at.Sub(d.Now)-countdown)/time.Second), slowPoll)
			if seconds == 0 || wait < seconds {
				seconds = wait
			}
		}
	}
	return seconds
}

// extendLabel names the block that is added and what it costs at most: exactly one
// more block begins in that time.
func (d Desk) extendLabel() string {
	price := money.Usage(d.Session.CostPerHour, int64(d.Session.BlockSeconds), d.Session.Currency).Format()
	return "Keep it for " + every(d.Session.BlockSeconds) + " more (" + price + " at most)"
}
