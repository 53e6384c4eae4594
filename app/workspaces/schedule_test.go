package workspaces_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/workspaces"
)

func schedule(t testing.TB, start, stop, zone string, days ...string) workspaces.Schedule {
	t.Helper()
	if len(days) == 0 {
		days = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	}
	c, err := workspaces.ParseSchedule(start, stop, days, zone)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSchedulesAreReadFromAForm(t *testing.T) {
	t.Parallel()
	week := []string{"mon", "tue", "wed", "thu", "fri"}
	c := schedule(t, "9:05", " 18:00:00 ", "Europe/Berlin", "Mon", "fri", "mon")
	if *c.StartMinute != 545 || *c.StopMinute != 1080 || c.Weekdays != 17 || c.TimeZone != "Europe/Berlin" {
		t.Errorf("read %+v", c)
	}
	for field, c := range map[string]struct {
		start, stop, zone string
		days              []string
	}{
		"start_time": {"25:00", "18:00", "UTC", week},
		"stop_time":  {"09:00", "24:00", "UTC", week},
		"weekdays":   {"09:00", "18:00", "UTC", []string{"monday"}},
		"time_zone":  {"09:00", "18:00", "Mars/Base", week},
	} {
		if _, err := workspaces.ParseSchedule(c.start, c.stop, c.days, c.zone); !wrongField(err, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for field, c := range map[string]struct {
		start, stop, zone string
		days              []string
	}{
		"start_time": {"", "", "UTC", week}, "stop_time": {"09:00", "09:00", "UTC", week},
		"weekdays": {"09:00", "18:00", "UTC", nil}, "time_zone": {"09:00", "18:00", "", week},
	} {
		if _, err := workspaces.ParseSchedule(c.start, c.stop, c.days, c.zone); !wrongField(err, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := workspaces.ParseSchedule("09:00", "", week, "Local"); !wrongField(err, "time_zone") {
		t.Errorf("the machine's own zone: %v", err)
	}
}

func TestSchedulesSayWhatTheyDo(t *testing.T) {
	t.Parallel()
	week := []string{"mon", "tue", "wed", "thu", "fri"}
	for want, c := range map[string]workspaces.Schedule{
		"Starts at 09:00 and stops at 18:00, Monday to Friday, Europe/Berlin time.":             schedule(t, "09:00", "18:00", "Europe/Berlin", week...),
		"Starts at 09:00 and stops at 18:00, every day, UTC time.":                              schedule(t, "09:00", "18:00", "UTC"),
		"Starts at 22:00, Monday to Friday, and stops at 06:00 on the day after, UTC time.":     schedule(t, "22:00", "06:00", "UTC", week...),
		"Starts at 09:00, every Monday, UTC time.":                                              schedule(t, "09:00", "", "UTC", "mon"),
		"Stops at 18:30, Saturday and Sunday, America/New_York time.":                           schedule(t, "", "18:30", "America/New_York", "sun", "sat"),
		"Starts at 07:00 and stops at 08:00, Monday, Wednesday and Friday, Europe/London time.": schedule(t, "07:00", "08:00", "Europe/London", "wed", "mon", "fri"),
	} {
		if got := c.Sentence(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWhatAScheduleDoesNext(t *testing.T) {
	t.Parallel()
	week := []string{"mon", "tue", "wed", "thu", "fri"}
	for name, c := range map[string]struct {
		schedule  workspaces.Schedule
		after, at string
		start     bool
	}{
		"in the morning":           {schedule(t, "09:00", "18:00", "Europe/Berlin", week...), "2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z", true},
		"strictly after":           {schedule(t, "09:00", "18:00", "Europe/Berlin", week...), "2026-11-23T08:00:00Z", "2026-11-23T17:00:00Z", false},
		"over the weekend":         {schedule(t, "09:00", "18:00", "Europe/Berlin", week...), "2026-11-27T17:00:00Z", "2026-11-30T08:00:00Z", true},
		"once a week":              {schedule(t, "09:00", "", "UTC", "mon"), "2026-11-23T09:00:00Z", "2026-11-30T09:00:00Z", true},
		"the local day counts":     {schedule(t, "09:00", "", "Pacific/Auckland", "mon"), "2026-11-21T00:00:00Z", "2026-11-22T20:00:00Z", true},
		"over midnight, stop":      {schedule(t, "22:00", "06:00", "UTC", "fri"), "2026-11-27T22:00:00Z", "2026-11-28T06:00:00Z", false},
		"over midnight, start":     {schedule(t, "22:00", "06:00", "UTC", "fri"), "2026-11-28T06:00:00Z", "2026-12-04T22:00:00Z", true},
		"stop at midnight":         {schedule(t, "09:00", "00:00", "UTC", "sun"), "2026-11-29T09:00:00Z", "2026-11-30T00:00:00Z", false},
		"only a stop":              {schedule(t, "", "18:00", "UTC", "tue"), "2026-11-24T18:00:00Z", "2026-12-01T18:00:00Z", false},
		"a gap, Berlin":            {schedule(t, "02:30", "08:00", "Europe/Berlin"), "2027-03-27T20:00:00Z", "2027-03-28T01:00:00Z", true},
		"the day after the gap":    {schedule(t, "02:30", "08:00", "Europe/Berlin"), "2027-03-28T20:00:00Z", "2027-03-29T00:30:00Z", true},
		"a gap, New York":          {schedule(t, "02:00", "08:00", "America/New_York"), "2027-03-14T00:00:00Z", "2027-03-14T07:00:00Z", true},
		"twice, Berlin":            {schedule(t, "02:30", "08:00", "Europe/Berlin"), "2026-10-24T20:00:00Z", "2026-10-25T00:30:00Z", true},
		"not a second time":        {schedule(t, "02:30", "08:00", "Europe/Berlin"), "2026-10-25T00:30:00Z", "2026-10-25T07:00:00Z", false},
		"twice, New York":          {schedule(t, "", "01:30", "America/New_York"), "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z", false},
		"half an hour, Lord Howe":  {schedule(t, "02:15", "08:00", "Australia/Lord_Howe"), "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z", true},
		"both in a gap: the later": {schedule(t, "02:10", "02:50", "Europe/Berlin"), "2027-03-27T20:00:00Z", "2027-03-28T01:00:00Z", false},
		"and over midnight":        {schedule(t, "02:50", "02:10", "Europe/Berlin"), "2027-03-27T20:00:00Z", "2027-03-28T01:00:00Z", true},
		"longer in the gap":        {schedule(t, "22:00", "06:00", "Europe/Berlin", "sat"), "2027-03-27T21:00:00Z", "2027-03-28T04:00:00Z", false},
	} {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		at, start := c.schedule.Next(after)
		if got := at.Format(time.RFC3339); got != c.at || start != c.start {
			t.Errorf("%s: %s %v, want %s %v", name, got, start, c.at, c.start)
		}
	}
}

// A schedule goes forward, starts and stops in turn, and keeps to its days and to the
// clock on the wall, in whatever zone, whatever the clocks do.
func TestSchedulesKeepToTheWall(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham",
		"Pacific/Kiritimati", "Pacific/Niue", "America/St_Johns", "Asia/Tehran", "America/Asuncion", "Africa/Cairo", "America/Nuuk", "Asia/Beirut"}
	rapid.Check(t, func(r *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(r, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			r.Fatal(err)
		}
		minute := rapid.Int16Range(0, 1439)
		start, stop := minute.Draw(r, "start"), minute.Draw(r, "stop")
		if start == stop {
			stop = (stop + 1) % 1440
		}
		c := workspaces.Schedule{StartMinute: &start, StopMinute: &stop, Weekdays: rapid.Int16Range(1, 127).Draw(r, "days"), TimeZone: zone}
		now := time.Unix(rapid.Int64Range(1_640_995_200, 2_145_916_800).Draw(r, "now"), 0)
		wasStart, shared := false, true
		for i := range 20 {
			at, isStart := c.Next(now)
			if !at.After(now) {
				r.Fatalf("%s is not after %s", at, now)
			}
			local, wall := at.In(loc), stop
			day := int(local.Weekday()+6) % 7
			if isStart {
				wall = start
			} else if stop < start {
				day = (day + 6) % 7
			}
			gap := afterGap(at, loc)
			if c.Weekdays&(1<<day) == 0 && !gap {
				r.Fatalf("%s is no day of it", local)
			}
			if got := int16(local.Hour()*60 + local.Minute()); got != wall && !gap {
				r.Fatalf("%s, and the clock should show %02d:%02d", local, wall/60, wall%60)
			}
			if _, offset := local.Zone(); !gap {
				earlier := at.Add(-time.Hour).In(loc)
				if _, before := earlier.Zone(); before != offset && earlier.Format("15:04") == local.Format("15:04") {
					r.Fatalf("%s is the second time that day", local)
				}
			}
			if i > 0 && isStart == wasStart && !shared && !gap {
				r.Fatalf("%s does the same twice", local)
			}
			now, wasStart, shared = at, isStart, gap
		}
	})
}

// afterGap tells that the clocks jumped over something just then.
func afterGap(at time.Time, loc *time.Location) bool {
	_, before := at.Add(-time.Second).In(loc).Zone()
	_, after := at.In(loc).Zone()
	return after > before
}

func (w *world) plan(id workspaces.Card, c workspaces.Schedule) {
	w.Helper()
	if err := w.service.SetSchedule(w.ctx, w.shop, w.who(), id.ID, c); err != nil {
		w.Fatal(err)
	}
}

// wall words a time of day, the given time after now.
func (w *world) wall(after time.Duration) string {
	return w.clock.Now().Add(after).UTC().Format("15:04")
}

func TestADesktopThatKeepsOfficeHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.advance(w.clock.Now().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(w.clock.Now())) // to midnight
	c := w.running()
	w.advance(time.Hour)
	w.stopNow(c)
	w.plan(c, schedule(t, "09:00", "18:00", "UTC"))
	if w.dues("schedule") != 1 {
		t.Fatalf("%d times are set", w.dues("schedule"))
	}
	w.advance(7*time.Hour + 59*time.Minute)
	if got := w.card(c.ID); got.Status != workspaces.Stopped {
		t.Fatalf("%s before nine", got.Status)
	}
	w.advance(2 * time.Minute)
	got := w.reach(c.ID, workspaces.Running)
	if at, by := got.StopsAt(got.PlanIdleStop); at.Hour() != 18 || at.Minute() != 0 || by != "schedule" {
		t.Errorf("stops at %s by %q", at, by)
	}
	w.advance(3 * 24 * time.Hour)
	list := w.sessions(c.ID)
	if len(list) != 5 { // the first run, three whole days, and the fourth
		t.Fatalf("%d sessions", len(list))
	}
	for _, s := range list[1:4] {
		begun := s.StartedAt.UTC()
		if begun.Hour() != 9 || begun.Minute() > 3 || s.StartedBy != "schedule" || s.StoppedAt.UTC().Format("15:04:05.000000") != "18:00:00.000000" || *s.EndedBy != "schedule" || s.Charged != 36 {
			t.Errorf("from %s to %s, %d blocks, %s to %s", s.StartedAt, s.StoppedAt, s.Charged, s.StartedBy, *s.EndedBy)
		}
	}
	w.checkBooks()
	if err := w.service.RemoveSchedule(w.ctx, w.shop, w.who(), c.ID); err != nil {
		t.Fatal(err)
	}
	w.advance(24 * time.Hour)
	if got := w.card(c.ID); got.Status != workspaces.Running || w.dues("schedule") != 0 || got.ScheduledStopAt != nil {
		t.Errorf("%s without a schedule, %d times left", got.Status, w.dues("schedule"))
	}
}

// The desktop of somebody whose schedule starts nothing now makes no shop busy: rounds
// are for what runs.
func TestASleepingScheduleKeepsNoShopBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(time.Minute)
	w.stopNow(c)
	w.plan(c, schedule(t, w.wall(12*time.Hour), "", "UTC"))
	w.round()
	if all, err := w.rounds.Drift(w.ctx); err != nil || len(all) != 0 || w.rounds.Moving() {
		t.Errorf("drift %+v, %v, moving %v", all, err, w.rounds.Moving())
	}
	var n int
	w.exec(`update kasm_workspaces set revision = revision where id = $1`, c.ID)
	for _, kind := range []string{"block", "deadline", "limit", "converge", "keepalive", "idle"} {
		n += w.dues(kind)
	}
	if n != 0 {
		t.Errorf("%d due times make the shop busy", n)
	}
}

func TestAScheduleIsRefusedWhatACustomerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.advance(time.Minute)
	w.stopNow(c)
	w.plan(c, schedule(t, w.wall(2*time.Hour), "", "UTC"))
	w.credit.set(true)
	w.advance(3 * time.Hour)
	refused := w.announced("workspace.schedule_refused")
	if len(refused) != 1 || refused[0].Error != "Add credits or a payment method first." || refused[0].WorkspaceID != c.ID || refused[0].Run != 1 {
		t.Fatalf("announced %+v", refused)
	}
	if got := w.card(c.ID); got.Status != workspaces.Stopped || got.Run != 1 || got.Failure != "" {
		t.Errorf("refused: %+v", got.Workspace)
	}
	w.credit.set(false)
	w.set(map[string]any{"capacity": 0})
	w.advance(24 * time.Hour)
	if n := len(w.sessions(c.ID)); n != 1 {
		t.Errorf("no room, and %d sessions", n)
	}
	w.set(map[string]any{"capacity": -1})
	w.advance(24 * time.Hour)
	if got := w.reach(c.ID, workspaces.Running); got.StartedBy != "schedule" {
		t.Errorf("the schedule goes on, and %q", got.StartedBy)
	}
}

// While the program is down a schedule is not kept. Afterwards what it did last counts:
// a stop is made up for, a start only within the hour.
func TestASchedulesTimesWhileTheProgramWasDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start, stop time.Duration // from now; 0 for none
		down        time.Duration
		run, want   workspaces.Status
	}{
		"a start, a little late": {2 * time.Hour, 0, 2*time.Hour + 59*time.Minute, workspaces.Stopped, workspaces.Running},
		"a start, too late":      {2 * time.Hour, 0, 4 * time.Hour, workspaces.Stopped, workspaces.Stopped},
		"a stop":                 {0, 10 * time.Minute, 50 * time.Minute, workspaces.Running, workspaces.Stopped},
		"both":                   {20 * time.Minute, 40 * time.Minute, 55 * time.Minute, workspaces.Stopped, workspaces.Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.advance(w.clock.Now().Truncate(time.Minute).Add(time.Minute).Sub(w.clock.Now()))
			ws := w.running()
			w.advance(time.Minute)
			if c.run == workspaces.Stopped {
				w.stopNow(ws)
			}
			start, stop := "", ""
			if c.start > 0 {
				start = w.wall(c.start)
			}
			if c.stop > 0 {
				stop = w.wall(c.stop)
			}
			ended := w.clock.Now().Add(c.stop)
			w.plan(ws, schedule(t, start, stop, "UTC"))
			w.jump(c.down)
			w.bus.WakeDue()
			w.settle()
			w.round()
			if got := w.reach(ws.ID, c.want); c.run == workspaces.Running && !got.LastStoppedAt.Equal(ended) {
				t.Errorf("stopped at %s, want %s", got.LastStoppedAt, ended)
			}
			if n := w.dues("schedule"); n != 1 {
				t.Errorf("%d times are set", n)
			}
			w.checkBooks()
		})
	}
}

func TestAStopBySchedulePassesByALaterRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.advance(w.clock.Now().Truncate(time.Minute).Add(time.Minute).Sub(w.clock.Now()))
	c := w.running()
	w.plan(c, schedule(t, "", w.wall(10*time.Minute), "UTC"))
	// Started again in the very moment of the stop, before the stop was handled.
	w.exec(`update kasm_workspaces set last_started_at = $2, last_used_at = $2 where id = $1`, c.ID, w.clock.Now().Add(11*time.Minute))
	w.jump(12 * time.Minute)
	w.bus.WakeDue()
	w.settle()
	if got := w.card(c.ID); got.Status != workspaces.Running || got.ScheduledStopAt.Sub(w.clock.Now()) < 20*time.Hour {
		t.Errorf("%s, stops next at %s", got.Status, got.ScheduledStopAt)
	}
}

func TestADestroyedWorkspaceHasNoSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.running()
	w.plan(c, schedule(t, "09:00", "18:00", "Europe/Berlin"))
	var got workspaces.Schedule
	var found bool
	if err := w.db.Read(w.ctx, w.shop, workspaces.ScheduleQ(&got, &found, w.user, c.ID)); err != nil || !found || *got.StartMinute != 540 {
		t.Fatalf("read %+v %v", got, err)
	}
	if _, err := w.service.Destroy(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if err := w.db.Read(w.ctx, w.shop, workspaces.ScheduleQ(&got, &found, w.user, c.ID)); err != nil || found || w.dues("schedule") != 0 {
		t.Errorf("it is left: %v %v, %d times", found, err, w.dues("schedule"))
	}
	err := w.service.SetSchedule(w.ctx, w.shop, w.who(), c.ID, schedule(t, "09:00", "", "UTC"))
	if err == nil || wrongField(err, "weekdays") {
		t.Errorf("a schedule for a destroyed workspace: %v", err)
	}
	if err := w.service.SetSchedule(w.ctx, w.shop, w.who(), c.ID, workspaces.Schedule{TimeZone: "UTC"}); !wrongField(err, "weekdays") {
		t.Errorf("a schedule that was not checked: %v", err)
	}
}

// A day at one go: the warning, the stop and the schedule come in their order.
func TestADayOfRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idleAfter(30)
	w.advance(w.clock.Now().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(w.clock.Now()))
	c := w.running()
	w.plan(c, schedule(t, "09:00", "09:20", "UTC"))
	w.advance(24 * time.Hour)
	list := w.sessions(c.ID)
	slices.Reverse(list)
	if len(list) != 2 || *list[0].EndedBy != "idle" || list[0].StoppedAt.Sub(list[0].StartedAt) != 30*time.Minute ||
		*list[1].EndedBy != "schedule" || list[1].StoppedAt.Sub(list[1].StartedAt) > 20*time.Minute {
		t.Errorf("sessions %+v", list)
	}
	if n := len(w.warnings()); n != 1 {
		t.Errorf("%d warnings", n)
	}
}
