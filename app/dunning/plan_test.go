package dunning_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/dunning"
)

func TestPlansOfSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		setting                  string
		suspend, terminate       int
		warnSuspend, warnTermine int
		wrong                    bool
	}{
		{"", 10, 30, 3, 7, false},
		{`{"suspend":2,"terminate":3}`, 2, 3, 1, 1, false},
		{`{"suspend":1,"terminate":1}`, 1, 2, 1, 1, false},
		{`{"suspend":20,"terminate":60,"warn_suspend":[5,2],"warn_terminate":[14]}`, 20, 60, 5, 14, false},
		{`{"suspend":-4}`, 0, 30, 1, 7, false},
		{`{"retry":"often"}`, 10, 30, 3, 7, true},
		{`[1,2`, 10, 30, 3, 7, true},
	} {
		p, err := dunning.PlanOf(c.setting)
		if p.Suspend != c.suspend || p.Terminate != c.terminate || p.WarnSuspend[0] != c.warnSuspend || p.WarnTerminate[0] != c.warnTermine || (err != nil) != c.wrong {
			t.Errorf("%s: %+v, %v", c.setting, p, err)
		}
	}
}

// Whatever the plan and however long nothing ran: nothing is taken away before its
// warning was sent as many days before as the plan says, no step comes twice, and
// at most one letter of a kind goes at once (R23).
func TestNothingIsTakenAwayUnwarnedR23(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 5)
		setting, err := json.Marshal(map[string]any{"retry": days.Draw(t, "retry"), "remind": days.Draw(t, "remind"), "suspend": rapid.IntRange(1, 40).Draw(t, "suspend"), "terminate": rapid.IntRange(1, 80).Draw(t, "terminate")})
		if err != nil {
			t.Fatal(err)
		}
		p, err := dunning.PlanOf(string(setting))
		if err != nil {
			t.Fatal(err)
		}
		zone := rapid.SampledFrom([]*time.Location{time.UTC, zoneOf("Europe/Berlin"), zoneOf("America/New_York"), zoneOf("Pacific/Apia")}).Draw(t, "zone")
		c := dunning.Case{Due: time.Date(2026, 10, 1+rapid.IntRange(0, 60).Draw(t, "due"), 0, 0, 0, 0, time.UTC)}
		now := c.Due.Add(-24 * time.Hour)
		at := map[dunning.Kind]time.Time{}
		seen := map[string]bool{}
		for range 60 {
			now = now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "pause")) * time.Hour)
			turn := p.Turn(c, zone, now)
			kinds := map[dunning.Kind]bool{}
			for _, s := range append(turn.Do, turn.Skip...) {
				if seen[s.Name()] {
					t.Fatalf("%s comes twice", s.Name())
				}
				seen[s.Name()] = true
			}
			for _, s := range turn.Skip {
				c.Taken = append(c.Taken, dunning.Taken{Step: s.Name(), At: now, Outcome: "skipped"})
			}
			for _, s := range turn.Do {
				if kinds[s.Kind] {
					t.Fatalf("two of %s at once", s.Kind)
				}
				kinds[s.Kind] = true
				c.Taken = append(c.Taken, dunning.Taken{Step: s.Name(), At: now, Outcome: "sent"})
				if _, before := at[s.Kind]; !before {
					at[s.Kind] = now
				}
				if s.Kind == dunning.Suspend && !warned(zone, at[dunning.WarnSuspend], now, p.WarnSuspend[0]) {
					t.Fatalf("suspended at %s, warned at %s", now, at[dunning.WarnSuspend])
				}
				if s.Kind == dunning.Terminate && !warned(zone, at[dunning.WarnTerminate], now, p.WarnTerminate[0]) {
					t.Fatalf("ended at %s, warned at %s", now, at[dunning.WarnTerminate])
				}
			}
			if next, more := p.Next(c, zone, now); more && !next.After(now) {
				t.Fatalf("the next time %s is not after %s", next, now)
			}
		}
		if at[dunning.Terminate].IsZero() {
			t.Fatal("it never ends")
		}
	})
}

func warned(zone *time.Location, first, now time.Time, days int) bool {
	if first.IsZero() {
		return false
	}
	y, m, d := first.In(zone).Date()
	return !now.Before(time.Date(y, m, d+days, 0, 0, 0, 0, zone))
}

func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}
