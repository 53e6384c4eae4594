package workspaces

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

// Schedule starts and stops a workspace by the clock on the customer's wall. Minutes
// count from midnight; Weekdays is a mask in which Monday is 1 and Sunday 64.
//
// The weekdays are those of the start, or of the stop where there is no start. A stop
// that is earlier in the day than the start belongs to the day after it: 22:00 to
// 06:00 on Fridays ends on Saturday. When clocks are put forward, a time that does not
// exist happens at the first moment after the gap; when they are put back, one that
// exists twice happens the first time.
type Schedule struct {
	WorkspaceID uuid.UUID `db:"workspace_id"`
	StartMinute *int16    `db:"start_minute"`
	StopMinute  *int16    `db:"stop_minute"`
	Weekdays    int16     `db:"weekdays"`
	TimeZone    string    `db:"time_zone"`
}

const everyDay = 1<<7 - 1

// The days as a form names them, and as people read them. Monday comes first.
var (
	dayWords = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	dayNames = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

// ParseSchedule reads what a form says: "09:00", "18:00" (one of them may be empty),
// mon to sun, an IANA zone. Errors: Invalid (start_time, stop_time, weekdays,
// time_zone).
func ParseSchedule(start, stop string, weekdays []string, zone string) (Schedule, error) {
	wrong := fail.Fields{}
	c := Schedule{StartMinute: minuteOf(start, "start_time", wrong), StopMinute: minuteOf(stop, "stop_time", wrong), TimeZone: strings.TrimSpace(zone)}
	for _, word := range weekdays {
		word = strings.ToLower(strings.TrimSpace(word))
		i := slices.Index(dayWords[:], word)
		if i < 0 {
			wrong.Add("weekdays", "There is no day %q; name days as mon, tue, wed, thu, fri, sat or sun.", word)
			continue
		}
		c.Weekdays |= 1 << i
	}
	c.check(wrong)
	return c, wrong.Err()
}

func minuteOf(text, field string, wrong fail.Fields) *int16 {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	at, err := time.Parse("15:04", text)
	if err != nil { // browsers that show seconds send them
		at, err = time.Parse("15:04:05", text)
	}
	if err != nil {
		wrong.Add(field, "Give a time of day from 00:00 to 23:59, such as 09:00.")
		return nil
	}
	minute := int16(at.Hour()*60 + at.Minute())
	return &minute
}

func (c Schedule) check(wrong fail.Fields) {
	outside := func(m *int16) bool { return m != nil && (*m < 0 || *m >= 24*60) }
	switch {
	case outside(c.StartMinute):
		wrong.Add("start_time", "Give a time of day from 00:00 to 23:59, such as 09:00.")
	case outside(c.StopMinute):
		wrong.Add("stop_time", "Give a time of day from 00:00 to 23:59, such as 18:00.")
	case c.StartMinute == nil && c.StopMinute == nil && len(wrong) == 0:
		wrong.Add("start_time", "Give a time to start, a time to stop, or both.")
	case c.StartMinute != nil && c.StopMinute != nil && *c.StartMinute == *c.StopMinute:
		wrong.Add("stop_time", "The stop has to be at another time than the start.")
	}
	if c.Weekdays <= 0 || c.Weekdays > everyDay {
		wrong.Add("weekdays", "Choose at least one day.")
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" || c.TimeZone == "Local" {
		wrong.Add("time_zone", "This time zone is not known. Use a name such as Europe/Berlin.")
	}
}

// zone is UTC for one that this program does not know.
func (c Schedule) zone() *time.Location {
	if loc, err := time.LoadLocation(c.TimeZone); err == nil {
		return loc
	}
	return time.UTC
}

// event is a start or a stop.
type event struct {
	at    time.Time
	start bool
}

// around lists what the schedule does in the week before a moment and the one after
// it, in order, one thing at a moment. Where a gap lets a start and a stop fall on
// one, what comes later on the clock stands.
func (c Schedule) around(now time.Time) []event {
	loc := c.zone()
	today := now.In(loc)
	var all []event
	for d := -9; d <= 9; d++ {
		day := time.Date(today.Year(), today.Month(), today.Day()+d, 0, 0, 0, 0, time.UTC)
		if c.Weekdays&(1<<((day.Weekday()+6)%7)) == 0 {
			continue
		}
		if c.StartMinute != nil {
			all = append(all, event{onWall(day.Add(time.Duration(*c.StartMinute)*time.Minute), loc), true})
		}
		if c.StopMinute != nil {
			wall := day.Add(time.Duration(*c.StopMinute) * time.Minute)
			if c.StartMinute != nil && *c.StopMinute < *c.StartMinute {
				wall = wall.AddDate(0, 0, 1)
			}
			all = append(all, event{onWall(wall, loc), false})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int {
		return cmp.Or(a.at.Compare(b.at), c.order(a)-c.order(b))
	})
	single := all[:0]
	for i, e := range all {
		if i+1 == len(all) || !all[i+1].at.Equal(e.at) {
			single = append(single, e)
		}
	}
	return single
}

// order is what comes first on the clock of one day.
func (c Schedule) order(e event) int {
	switch {
	case e.start && c.StartMinute != nil:
		return int(*c.StartMinute)
	case !e.start && c.StopMinute != nil:
		return int(*c.StopMinute)
	}
	return 0
}

// Next is the first thing that the schedule does after a moment: a start or a stop.
// The zero time means that it does nothing, which no checked schedule does.
func (c Schedule) Next(after time.Time) (at time.Time, start bool) {
	for _, e := range c.around(after) {
		if e.at.After(after) {
			return e.at.UTC(), e.start
		}
	}
	return time.Time{}, false
}

// last is what the schedule did last, at a moment or before.
func (c Schedule) last(until time.Time) (e event, found bool) {
	for _, each := range c.around(until) {
		if !each.at.After(until) {
			e, found = each, true
		}
	}
	return e, found
}

// nextStop is when it stops next; nil when it never does.
func (c Schedule) nextStop(after time.Time) *time.Time {
	for _, e := range c.around(after) {
		if e.at.After(after) && !e.start {
			at := e.at.UTC()
			return &at
		}
	}
	return nil
}

// onWall is the first moment at which the clocks of a zone show a time or have passed
// it. wall is that time in UTC's clothes.
func onWall(wall time.Time, loc *time.Location) time.Time {
	at := wall.Add(-26 * time.Hour).In(loc) // no zone is further from UTC
	for {
		_, offset := at.Zone()
		from, to := at.ZoneBounds()
		candidate := wall.Add(-time.Duration(offset) * time.Second)
		if !from.IsZero() && candidate.Before(from) {
			return from.UTC() // the clocks jumped over it
		}
		if to.IsZero() || candidate.Before(to) {
			return candidate
		}
		at = to
	}
}

// Sentence says what the schedule does: "Starts at 09:00 and stops at 18:00, Monday
// to Friday, Europe/Berlin time."
func (c Schedule) Sentence() string {
	days := c.days()
	switch {
	case c.StartMinute == nil && c.StopMinute == nil:
		return "Neither starts nor stops."
	case c.StopMinute == nil:
		return fmt.Sprintf("Starts at %s, %s, %s time.", hand(*c.StartMinute), days, c.TimeZone)
	case c.StartMinute == nil:
		return fmt.Sprintf("Stops at %s, %s, %s time.", hand(*c.StopMinute), days, c.TimeZone)
	case *c.StopMinute < *c.StartMinute:
		return fmt.Sprintf("Starts at %s, %s, and stops at %s on the day after, %s time.", hand(*c.StartMinute), days, hand(*c.StopMinute), c.TimeZone)
	}
	return fmt.Sprintf("Starts at %s and stops at %s, %s, %s time.", hand(*c.StartMinute), hand(*c.StopMinute), days, c.TimeZone)
}

func hand(minute int16) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// days words the weekdays: "every day", "Monday to Friday", "Monday, Wednesday and
// Friday".
func (c Schedule) days() string {
	if c.Weekdays == everyDay {
		return "every day"
	}
	var chosen []string
	first, last := -1, -1
	for i, name := range dayNames {
		if c.Weekdays&(1<<i) != 0 {
			chosen = append(chosen, name)
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	switch n := len(chosen); {
	case n == 0:
		return "never"
	case n > 2 && last-first+1 == n:
		return dayNames[first] + " to " + dayNames[last]
	case n > 1:
		return strings.Join(chosen[:n-1], ", ") + " and " + chosen[n-1]
	}
	return "every " + chosen[0]
}
