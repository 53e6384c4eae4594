// Package clock is business time: what a session, a block, a cycle and a due
// time are measured by. Sign-in sessions, tokens, leases, limits and logs use
// wall time instead, so that moving the business clock never signs anybody in
// or out.
package clock

import (
	"sync"
	"time"
)

// Clock tells business time in UTC, truncated to whole microseconds because
// that is what the database keeps.
type Clock interface {
	Now() time.Time
}

// Wall is real time: the business clock of every production installation.
type Wall struct{}

// Now is the machine's time.
func (Wall) Now() time.Time { return trim(time.Now()) }

// Movable is a clock that tests and the demonstration move. Rate 1 runs with
// real time from where it was set, rate 0 stands still.
type Movable struct {
	mu     sync.Mutex
	base   time.Time
	anchor time.Time
	rate   int
	wall   func() time.Time
}

// NewMovable starts a clock at the given time and rate (0 or 1).
func NewMovable(at time.Time, rate int) *Movable {
	m := &Movable{wall: time.Now}
	m.Set(at, rate)
	return m
}

// Now is the clock's time.
func (m *Movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now()
}

// Rate is 0 or 1.
func (m *Movable) Rate() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rate
}

// Offset is how far the clock is ahead of real time.
func (m *Movable) Offset() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now().Sub(m.wall())
}

// Set moves the clock to a time and lets it run on at the rate.
func (m *Movable) Set(at time.Time, rate int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base, m.anchor, m.rate = trim(at), m.wall(), rate
}

func (m *Movable) now() time.Time {
	if m.rate == 0 {
		return m.base
	}
	return trim(m.base.Add(m.wall().Sub(m.anchor)))
}

func trim(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
