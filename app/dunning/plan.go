package dunning

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Plan says on which days a shop takes which step (R23). Days are counted from the
// day on which an invoice is due; the days of the warnings from that of which they
// warn, backwards.
type Plan struct {
	Retry         []int `json:"retry"`
	Remind        []int `json:"remind"`
	Suspend       int   `json:"suspend"`   // 0 is never
	Terminate     int   `json:"terminate"` // 0 is never
	WarnSuspend   []int `json:"warn_suspend"`
	WarnTerminate []int `json:"warn_terminate"`
	GraceHours    int   `json:"grace_hours"` // for a customer whom the bank wants to see
}

// DefaultPlan is what holds for a shop that has set nothing.
func DefaultPlan() Plan {
	return Plan{Retry: []int{1, 3, 5}, Remind: []int{1, 5}, Suspend: 10, Terminate: 30, GraceHours: 72}
}

const (
	furthest = 3650 // days; what lies beyond is a slip of the pen
	// The warnings of a shop that has named none, in days before.
	suspendLead   = 3
	terminateLead = 7
	lastCall      = 2
)

// PlanOf reads the setting. What it leaves out is as in DefaultPlan; one that
// cannot be read is an error that says why.
func PlanOf(setting string) (Plan, error) {
	p := DefaultPlan()
	if setting == "" {
		return p.complete(), nil
	}
	if err := json.Unmarshal([]byte(setting), &p); err != nil {
		return DefaultPlan().complete(), fmt.Errorf("the setting dunning cannot be read: %w", err)
	}
	return p.complete(), nil
}

// complete fills in the warnings, without which nothing is taken away, and throws
// out what makes no sense.
func (p Plan) complete() Plan {
	p.Retry, p.Remind = tidy(p.Retry), tidy(p.Remind)
	p.Suspend, p.Terminate = min(max(p.Suspend, 0), furthest), min(max(p.Terminate, 0), furthest)
	if p.Terminate > 0 && p.Terminate <= p.Suspend {
		p.Terminate = p.Suspend + 1
	}
	p.GraceHours = min(max(p.GraceHours, 0), 24*furthest)
	p.WarnSuspend, p.WarnTerminate = leads(p.WarnSuspend), leads(p.WarnTerminate)
	if len(p.WarnSuspend) == 0 {
		p.WarnSuspend = []int{max(1, min(suspendLead, p.Suspend-1))}
	}
	if len(p.WarnTerminate) == 0 {
		between := p.Terminate - p.Suspend
		p.WarnTerminate = []int{max(1, min(terminateLead, between-1))}
		if p.WarnTerminate[0] > lastCall {
			p.WarnTerminate = append(p.WarnTerminate, lastCall)
		}
	}
	return p
}

func tidy(days []int) []int {
	days = slices.DeleteFunc(slices.Clone(days), func(d int) bool { return d < 0 || d > furthest })
	slices.Sort(days)
	return slices.Compact(days)
}

// leads are the days before, the furthest first.
func leads(days []int) []int {
	days = slices.DeleteFunc(tidy(days), func(d int) bool { return d == 0 })
	slices.Reverse(days)
	return days
}

// Kind is what a step does.
type Kind string

// The kinds of steps, in the order in which those of one day are taken.
const (
	Retry         Kind = "retry"
	Remind        Kind = "remind"
	WarnSuspend   Kind = "warn_suspend"
	Suspend       Kind = "suspend"
	WarnTerminate Kind = "warn_terminate"
	Terminate     Kind = "terminate"
)

// Step is one step with its day as the plan names it, and when it is to be taken.
type Step struct {
	Kind Kind
	Day  int
	At   time.Time
}

// Name tells the steps of one invoice apart: "remind:5".
func (s Step) Name() string { return fmt.Sprintf("%s:%d", s.Kind, s.Day) }

// Taken is a step that was taken or skipped.
type Taken struct {
	Step    string    `db:"step"`
	At      time.Time `db:"taken_at"`
	Outcome string    `db:"outcome"`
	Detail  string    `db:"detail"`
}

// Case is what the steps of one invoice depend on.
type Case struct {
	Due        time.Time  // the day, as midnight UTC
	GraceUntil *time.Time // nothing is taken away before
	Taken      []Taken
}

func (c Case) taken(s Step) bool {
	return slices.ContainsFunc(c.Taken, func(t Taken) bool { return t.Step == s.Name() })
}

// first is when a step of the kind was first taken, not skipped.
func (c Case) first(kind Kind) (at time.Time, found bool) {
	for _, t := range c.Taken {
		if k, _, _ := cut(t.Step); k == kind && t.Outcome != skipped && (!found || t.At.Before(at)) {
			at, found = t.At, true
		}
	}
	return at, found
}

// civilHour is when in the day steps are taken, in the shop's zone.
const civilHour = 10

// morning is the civil hour of a day, which is given as midnight UTC.
func morning(zone *time.Location, day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), civilHour, 0, 0, 0, zone)
}

// dayOf is the civil day of a moment, as midnight UTC.
func dayOf(zone *time.Location, at time.Time) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Calendar is what the plan comes to for one invoice.
type Calendar struct {
	Steps                  []Step // not taken yet, in the order in which they come
	SuspendOn, TerminateOn time.Time
}

// Calendar works out when each step that is left comes. Desktops are taken away no
// sooner than the first warning of it was sent by as many days as the plan says, so
// after a pause in which nothing could be sent everything moves back (R23).
func (p Plan) Calendar(c Case, zone *time.Location, now time.Time) Calendar {
	var cal Calendar
	today := dayOf(zone, now)
	add := func(kind Kind, day int, on time.Time) {
		s := Step{Kind: kind, Day: day, At: morning(zone, on)}
		if (kind == Suspend || kind == Terminate) && c.GraceUntil != nil && c.GraceUntil.After(s.At) {
			s.At = *c.GraceUntil
		}
		if !c.taken(s) {
			cal.Steps = append(cal.Steps, s)
		}
	}
	for _, d := range p.Retry {
		add(Retry, d, c.Due.AddDate(0, 0, d))
	}
	for _, d := range p.Remind {
		add(Remind, d, c.Due.AddDate(0, 0, d))
	}
	notBefore := time.Time{}
	if p.Suspend > 0 {
		cal.SuspendOn = p.actionDay(c, zone, WarnSuspend, p.WarnSuspend, p.Suspend, today, notBefore)
		if at, done := c.first(Suspend); done {
			cal.SuspendOn = dayOf(zone, at)
		}
		for _, lead := range p.WarnSuspend {
			add(WarnSuspend, lead, cal.SuspendOn.AddDate(0, 0, -lead))
		}
		add(Suspend, p.Suspend, cal.SuspendOn)
		notBefore = cal.SuspendOn
	}
	if p.Terminate > 0 {
		cal.TerminateOn = p.actionDay(c, zone, WarnTerminate, p.WarnTerminate, p.Terminate, today, notBefore)
		for _, lead := range p.WarnTerminate {
			add(WarnTerminate, lead, cal.TerminateOn.AddDate(0, 0, -lead))
		}
		add(Terminate, p.Terminate, cal.TerminateOn)
	}
	slices.SortStableFunc(cal.Steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Day, b.Day))
	})
	return cal
}

// actionDay is the day on which desktops are taken away: the plan's, or as many days
// after the first warning as the plan says, whichever is later.
func (p Plan) actionDay(c Case, zone *time.Location, warning Kind, leads []int, days int, today, notBefore time.Time) time.Time {
	planned, lead := c.Due.AddDate(0, 0, days), leads[0]
	warned := planned.AddDate(0, 0, -lead)
	if notBefore.After(warned) {
		warned = notBefore
	}
	if at, sent := c.first(warning); sent {
		warned = dayOf(zone, at)
	} else if today.After(warned) {
		warned = today
	}
	if earliest := warned.AddDate(0, 0, lead); earliest.After(planned) {
		return earliest
	}
	return planned
}

func rank(k Kind) int {
	return slices.Index([]Kind{Retry, Remind, WarnSuspend, Suspend, WarnTerminate, Terminate}, k)
}
