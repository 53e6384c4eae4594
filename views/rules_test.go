package views

import (
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
)

var ruleNoon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) *time.Time {
	at := ruleNoon.Add(-d)
	return &at
}

// ruled is a desktop at 0.20 an hour that has run for 37 minutes.
func ruled(change func(*Desk)) Desk {
	started := ruleNoon.Add(-37 * time.Minute)
	d := Desk{When: When{Zone: time.UTC, Now: ruleNoon}, Shop: "Northwind Desktops", Keeps: workspaces.KeepsProfile, Card: workspaces.Card{
		PlanName: "Developer Basic", PricePerHour: decimal.RequireFromString("0.20"), Currency: "USD", BlockSeconds: 900, PlanIdleStop: 30,
		Workspace: workspaces.Workspace{ID: uuid.MustParse("00000000-0000-0000-0000-000000000001"), Status: workspaces.Running, Desired: workspaces.WantRunning,
			Observed: workspaces.SeenRunning, TemplateName: "Ubuntu with VS Code", VCPU: 2, RAMMB: 4096, LastStartedAt: &started, LastUsedAt: &ruleNoon, ProvisionedAt: &started},
	}}
	d.Session = &metering.Session{StartedAt: started, CostPerHour: d.PricePerHour, Currency: "USD", BlockSeconds: 900, PlanName: d.PlanName}
	change(&d)
	return d
}

func TestRulesInOneSentence(t *testing.T) {
	t.Parallel()
	seconds := func(n int) *int { return &n }
	amount := decimal.RequireFromString("0.15")
	tests := []struct {
		name                string
		change              func(*Desk)
		idle, limit, soon   string
		withoutPuttingItOff bool
	}{
		{name: "the plan's", change: func(*Desk) {}, idle: "Stops by itself after 30 minutes without anybody connected."},
		{name: "an hour and a half", change: func(d *Desk) { d.IdleStopMinutes = seconds(90) }, idle: "Stops by itself after 1 hour 30 minutes without anybody connected."},
		{name: "never", change: func(d *Desk) { d.IdleStopMinutes = seconds(0) }, idle: "Keeps running when nobody is connected."},
		{name: "unused for 25 minutes", change: func(d *Desk) { d.LastUsedAt = before(25*time.Minute + 48*time.Second) },
			idle: "Stops by itself after 30 minutes without anybody connected.", soon: "Nobody is connected. Stops at 12:04"},
		{name: "warned earlier than ten minutes before", change: func(d *Desk) {
			d.IdleStopMinutes, d.LastUsedAt, d.IdleWarnedAt = seconds(480), before(7*time.Hour), before(time.Minute)
		}, idle: "Stops by itself after 8 hours without anybody connected.", soon: "Nobody is connected. Stops at 13:00"},
		{name: "put off", change: func(d *Desk) {
			d.LastUsedAt, d.ExtendedUntil = before(29*time.Minute), before(-16*time.Minute)
		}, idle: "Stops by itself after 30 minutes without anybody connected. You keep it until 12:16 in any case."},
		{name: "a time", change: func(d *Desk) { d.RunLimit = seconds(4500) },
			idle: "Stops by itself after 30 minutes without anybody connected.", limit: "Stops at 12:38, after 1 hour 15 minutes."},
		{name: "a time that is nearly up", change: func(d *Desk) { d.RunLimit = seconds(2700) },
			idle: "Stops by itself after 30 minutes without anybody connected.", limit: "Stops at 12:08, after 45 minutes.", soon: "Stops at 12:08, after 45 minutes"},
		{name: "a budget", change: func(d *Desk) { d.RunLimit, d.RunBudget = seconds(2700), &amount },
			idle: "Stops by itself after 30 minutes without anybody connected.", limit: "Stops at 12:08, when $0.15 is spent.", soon: "Stops at 12:08, when $0.15 is spent"},
		{name: "the idle stop before the limit", change: func(d *Desk) {
			d.RunLimit, d.LastUsedAt = seconds(2700), before(26*time.Minute)
		}, idle: "Stops by itself after 30 minutes without anybody connected.", limit: "Stops at 12:08, after 45 minutes.", soon: "Nobody is connected. Stops at 12:04"},
		{name: "as ordered", change: func(d *Desk) { d.SessionDuration = seconds(2700) }, withoutPuttingItOff: true,
			idle: "Stops by itself after 30 minutes without anybody connected.", limit: "Stops at 12:08, after 45 min, as it was ordered.", soon: "Stops at 12:08, after 45 min, as it was ordered"},
		{name: "tomorrow", change: func(d *Desk) { d.RunLimit = seconds(24 * 3600) },
			idle: "Stops by itself after 30 minutes without anybody connected.", limit: "Stops tomorrow at 11:23, after 24 hours."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := ruled(tt.change)
			e, soon := d.ending()
			if d.idle() != tt.idle || d.limit() != tt.limit || e.Why != tt.soon || soon != (tt.soon != "") {
				t.Errorf("got %q, %q and %q", d.idle(), d.limit(), e.Why)
			}
			if soon && e.Puttoff == tt.withoutPuttingItOff {
				t.Errorf("may it be put off: %t", e.Puttoff)
			}
		})
	}
}

func TestHintsCountWholeBlocks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate        string
		block       int
		costs, buys string
	}{
		{"0.15", 900, "60 minutes cost $0.15 at most.", "$0.15 buys 1 hour, in blocks of 15 minutes."},
		{"0.20", 3600, "60 minutes cost $0.20 at most.", "$0.20 buys 1 hour, in blocks of 1 hour."},
		{"0.30", 5400, "60 minutes cost $0.45 at most.", "$0.45 buys 1 hour 30 minutes, in blocks of 90 minutes."},
		{"0.125", 420, "60 minutes cost $0.13125 at most.", "$0.116667 buys 56 minutes, in blocks of 7 minutes."},
		{"0", 900, "60 minutes cost $0.00 at most.", "This plan costs nothing."},
	} {
		got := tariff{decimal.RequireFromString(tt.rate), "USD", tt.block}
		if got.costs() != tt.costs || got.buys() != tt.buys {
			t.Errorf("%s in blocks of %d: %q, %q", tt.rate, tt.block, got.costs(), got.buys())
		}
	}
}

func TestRulesLookAsWanted(t *testing.T) {
	t.Parallel()
	budget, limit := decimal.RequireFromString("0.15"), 2700
	nine, six := int16(540), int16(1080)
	office := workspaces.Schedule{StartMinute: &nine, StopMinute: &six, Weekdays: 31, TimeZone: "Europe/Berlin"}
	counting := ruled(func(d *Desk) { d.LastUsedAt = before(25*time.Minute + 48*time.Second) })
	limited := ruled(func(d *Desk) { d.RunLimit, d.RunBudget = &limit, &budget })
	lost := ruled(func(d *Desk) {
		desktop := "d-1"
		d.Status, d.Desired, d.Observed, d.Failure, d.DesktopID, d.Session = workspaces.Stopped, workspaces.WantStopped, workspaces.SeenStopped, "It did not come up.", &desktop, nil
	})
	fetching := ruled(func(d *Desk) {
		d.Status, d.Observed, d.Session, d.RunLimit = workspaces.Provisioning, workspaces.SeenNone, nil, &limit
		d.Preparing = &workspaces.Progress{Percent: 43, Sentence: "Downloading the desktop's image: 43 % of 1.2 GB."}
	})
	unmeasured := ruled(func(d *Desk) {
		d.Status, d.Observed, d.Session = workspaces.Provisioning, workspaces.SeenNone, nil
		d.Preparing = &workspaces.Progress{Percent: -1, Sentence: "Downloading the desktop's image."}
	})
	wrong := Wrong{Fields: map[string]string{"weekdays": "Choose at least one day."}}
	parts := map[string]templ.Component{
		"rules":           RulesCard(Rules{Desk: limited, Until: UntilOf(limited.Card), Schedule: office, Scheduled: true, Timetable: TimetableOf(office, true, time.UTC)}),
		"rules-none":      RulesCard(Rules{Desk: lost, Timetable: TimetableOf(workspaces.Schedule{}, false, time.UTC)}),
		"rules-wrong":     RuleRow(Rules{Desk: counting, Timetable: Timetable{Start: "09:00", Zone: "Mars/Olympus", Wrong: wrong}}, RuleSchedule),
		"card-counting":   DeskCard(counting),
		"card-lost":       DeskCard(lost),
		"card-fetching":   DeskCard(fetching),
		"card-unmeasured": DeskCard(unmeasured),
	}
	for name, c := range parts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, name, render(t, c))
		})
	}
}
