package views

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Rules is the part of a desktop's page about what starts and stops it by itself.
type Rules struct {
	Desk      Desk
	Idle      IdleForm
	Until     RunUntil
	Schedule  workspaces.Schedule
	Scheduled bool
	Timetable Timetable
}

// The rules, each a row of its own that is answered alone.
const (
	RuleUntil    = "until"
	RuleIdle     = "idle"
	RuleSchedule = "schedule"
)

func ruleID(rule string) string { return "desk-" + rule }

// rule is how a row's form is sent in place.
func (r Rules) form(action, rule string) FormProps {
	return FormProps{Action: r.Desk.path(action), Target: "#" + ruleID(rule), Class: "form"}
}

// untilLive follows the desktop, because only a run has a limit.
func (r Rules) untilLive() Live {
	return Live{ID: ruleID(RuleUntil), URL: r.Desk.path(""), Events: []string{"workspace-" + r.Desk.ID.String()}, Part: true}
}

func (r Rules) until() string {
	if said := r.Desk.limit(); said != "" {
		return said
	}
	if said := r.Desk.planned(); said != "" {
		return said
	}
	if r.Desk.Status == workspaces.Running {
		return "Runs until you stop it."
	}
	return "Choose beside Start how long the next run may last or what it may cost."
}

// limited says that the present run has a limit that its customer may remove.
func (r Rules) limited() bool { return r.Desk.RunLimit != nil && r.Desk.Status == workspaces.Running }

// IdleForm is the choice of an idle stop: minutes, "0" for never, "" for what the
// plan says.
type IdleForm struct {
	Minutes string
	Wrong   Wrong
}

// IdleOf is the form as it stands for a desktop.
func IdleOf(w workspaces.Workspace) (f IdleForm) {
	if w.IdleStopMinutes != nil {
		f.Minutes = strconv.Itoa(*w.IdleStopMinutes)
	}
	return f
}

func (f IdleForm) options(plan int) []Option {
	usual := "never"
	if plan > 0 {
		usual = "after " + during(plan)
	}
	out := []Option{{"", "As the plan says (" + usual + ")"}, {"0", "Never"}}
	lengths := []int{15, 30, 60, 120, 240, 480}
	if n, err := strconv.Atoi(f.Minutes); err == nil && n > 0 && !slices.Contains(lengths, n) {
		lengths = append(lengths, n)
		slices.Sort(lengths)
	}
	for _, n := range lengths {
		out = append(out, Option{strconv.Itoa(n), "After " + during(n)})
	}
	return out
}

func (r Rules) gone() bool { return r.Desk.Status == workspaces.Terminated }

// ruleOpener labels the button that opens a rule's form.
func ruleOpener(rule string, set bool, label, what string) ButtonProps {
	if set {
		return ButtonProps{ID: ruleID(rule) + "-open", Label: "Change", Describe: "Change " + what}
	}
	return ButtonProps{ID: ruleID(rule) + "-open", Label: label, Describe: label}
}

// Timetable is a schedule as its form shows it.
type Timetable struct {
	Start, Stop string // "09:00", or ""
	Days        []string
	Zone        string
	Guess       bool // nothing is chosen yet: the browser's own zone comes first
	Wrong       Wrong
}

// weekdays are as a form sends them, Monday first.
var weekdays = [...]Option{{"mon", "Mon"}, {"tue", "Tue"}, {"wed", "Wed"}, {"thu", "Thu"}, {"fri", "Fri"}, {"sat", "Sat"}, {"sun", "Sun"}}

// TimetableOf is the form as it stands: the schedule, or working days in the
// shop's zone.
func TimetableOf(c workspaces.Schedule, found bool, zone *time.Location) Timetable {
	if !found {
		return Timetable{Days: []string{"mon", "tue", "wed", "thu", "fri"}, Zone: zone.String(), Guess: true}
	}
	t := Timetable{Start: clockOf(c.StartMinute), Stop: clockOf(c.StopMinute), Zone: c.TimeZone}
	for i, day := range weekdays {
		if c.Weekdays&(1<<i) != 0 {
			t.Days = append(t.Days, day.Value)
		}
	}
	return t
}

func clockOf(minute *int16) string {
	if minute == nil {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", *minute/60, *minute%60)
}

func (t Timetable) on(day string) bool { return slices.Contains(t.Days, day) }

func (t Timetable) zones() []Option {
	var out []Option
	for _, name := range zoneNames() {
		out = append(out, Option{name, zoneLabel(name)})
	}
	if !slices.Contains(zoneNames(), t.Zone) && t.Zone != "" {
		out = append([]Option{{t.Zone, zoneLabel(t.Zone)}}, out...)
	}
	return out
}

// next is what the schedule does next, on the clock that it was made for.
func (r Rules) next() string {
	zone, err := time.LoadLocation(r.Schedule.TimeZone)
	if err != nil {
		return ""
	}
	at, starts := r.Schedule.Next(r.Desk.Now)
	if at.IsZero() {
		return ""
	}
	there := When{Zone: zone, Now: r.Desk.Now}
	if starts {
		return "Next: it starts " + there.hour(at) + "."
	}
	return "Next: it stops " + there.hour(at) + "."
}
