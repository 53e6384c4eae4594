package clock

import (
	"testing"
	"time"
)

func TestMovableStandsStillAndRuns(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := time.Date(2026, 9, 1, 12, 0, 0, 123456789, time.UTC)
	m := &Movable{wall: func() time.Time { return wall }}

	m.Set(at, 0)
	wall = wall.Add(time.Hour)
	if got, want := m.Now(), at.Truncate(time.Microsecond); !got.Equal(want) {
		t.Errorf("standing still: got %v, want %v", got, want)
	}

	m.Set(at, 1)
	wall = wall.Add(90 * time.Second)
	if got, want := m.Now(), at.Truncate(time.Microsecond).Add(90*time.Second); !got.Equal(want) {
		t.Errorf("running: got %v, want %v", got, want)
	}
	if got, want := m.Offset(), m.Now().Sub(wall); got != want {
		t.Errorf("offset: got %v, want %v", got, want)
	}
}

func TestWallIsUTCInMicroseconds(t *testing.T) {
	t.Parallel()
	now := Wall{}.Now()
	if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
		t.Errorf("got %v, want UTC in whole microseconds", now)
	}
}
