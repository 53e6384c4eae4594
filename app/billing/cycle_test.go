package billing

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return v.UTC()
}

func TestCycleR3R5(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, zone, at, start, end, key string }{
		{"UTC", "UTC", "2026-09-30T23:59:59.999999Z", "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z", "2026-10-01"},
		{"the edge is the new cycle's", "UTC", "2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-01"},
		{"V24 New York leaves daylight saving in November", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z", "2026-12-01"},
		{"V24 the moment before", "America/New_York", "2026-11-01T03:59:59Z", "2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z", "2026-11-01"},
		{"Kiritimati, 14 hours ahead", "Pacific/Kiritimati", "2026-09-30T10:00:00Z", "2026-09-30T10:00:00Z", "2026-10-31T10:00:00Z", "2026-11-01"},
		{"Pago Pago, 11 hours behind", "Pacific/Pago_Pago", "2026-10-01T10:59:59Z", "2026-09-01T11:00:00Z", "2026-10-01T11:00:00Z", "2026-10-01"},
		{"Havana puts midnight of 1 November back: the earlier one counts", "America/Havana", "2026-11-01T04:30:00Z", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z", "2026-12-01"},
		{"Asuncion left midnight of 1 October 2017 out", "America/Asuncion", "2017-10-01T04:00:00Z", "2017-10-01T04:00:00Z", "2017-11-01T03:00:00Z", "2017-11-01"},
		{"across the year", "Europe/Berlin", "2026-12-31T23:00:00Z", "2026-12-31T23:00:00Z", "2027-01-31T23:00:00Z", "2027-02-01"},
	} {
		z := zone(t, c.zone)
		got := CycleOf(z, at(t, c.at))
		if !got.Start.Equal(at(t, c.start)) || !got.End.Equal(at(t, c.end)) || got.Key() != c.key {
			t.Errorf("%s: want [%s, %s) %s, got [%s, %s) %s", c.name, c.start, c.end, c.key, got.Start, got.End, got.Key())
		}
		again, err := cycleOfKey(z, got.Key())
		if err != nil || !again.Start.Equal(got.Start) {
			t.Errorf("%s: the key leads to %v, %v", c.name, again, err)
		}
		ending, err := cycleEndingAt(z, got.End)
		if err != nil || !ending.Start.Equal(got.Start) {
			t.Errorf("%s: the edge leads to %v, %v", c.name, ending, err)
		}
	}
	for _, key := range []string{"", "2026-10-02", "October", "2026-13-01"} {
		if _, err := cycleOfKey(time.UTC, key); err == nil {
			t.Errorf("%q passed for a key", key)
		}
	}
	if _, err := cycleEndingAt(zone(t, "America/New_York"), at(t, "2026-10-01T00:00:00Z")); err == nil {
		t.Error("midnight UTC passed for an edge in New York")
	}
}

func TestCyclesFollowOneAnother(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"America/New_York", "America/Havana", "America/Asuncion", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Atlantic/Azores", "Asia/Kathmandu"} {
		zones = append(zones, zone(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		when := time.Unix(rapid.Int64Range(1_200_000_000, 2_200_000_000).Draw(t, "time"), 0).UTC()
		c := CycleOf(z, when)
		if when.Before(c.Start) || !when.Before(c.End) {
			t.Fatalf("%s is not in [%s, %s)", when, c.Start, c.End)
		}
		if next := c.Next(z); !next.Start.Equal(c.End) {
			t.Fatalf("a gap between %s and %s", c.End, next.Start)
		}
	})
}

func TestVectorsOverEdges(t *testing.T) {
	t.Parallel()
	utc, ny := time.UTC, zone(t, "America/New_York")
	for _, c := range []struct {
		name, start, stop string
		zone              *time.Location
		want              []int64 // by month from that of the start
	}{
		{"V18", "2026-09-30T23:50:00Z", "2026-10-01T00:20:00Z", utc, []int64{1, 1}},
		{"V19", "2026-09-30T23:59:30Z", "2026-10-01T00:05:00Z", utc, []int64{1, 0}},
		{"V20", "2026-09-30T22:00:00Z", "2026-10-01T00:00:00Z", utc, []int64{8, 0}},
		{"V22", "2027-01-31T23:59:30Z", "2027-03-01T00:00:30Z", utc, []int64{1, 2688, 0}},
		{"V24", "2026-11-01T03:40:00Z", "2026-11-01T06:30:00Z", ny, []int64{2, 10}},
	} {
		stop := at(t, c.stop)
		run := Run{StartedAt: at(t, c.start), StoppedAt: &stop, BlockSeconds: 900}
		month, sum := CycleOf(c.zone, run.StartedAt), int64(0)
		for i, want := range c.want {
			if got := run.blocksIn(month); got != want {
				t.Errorf("%s, month %d: want %d blocks, got %d", c.name, i, want, got)
			}
			sum += want
			month = month.Next(c.zone)
		}
		if got := run.begun(stop); got != sum {
			t.Errorf("%s: want %d blocks in all, got %d", c.name, sum, got)
		}
	}
}
