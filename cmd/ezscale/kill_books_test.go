package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

// simRun is one uninterrupted run of a desktop, as the desktop host recorded it.
type simRun struct {
	KasmID string     `json:"kasm_id"`
	From   time.Time  `json:"running_from"`
	To     *time.Time `json:"running_to"` // nil while it runs
	By     string     `json:"ended_by"`
}

func (r simRun) end(now time.Time) time.Time {
	if r.To == nil {
		return now
	}
	return *r.To
}

func (r simRun) String() string {
	end := "now"
	if r.To != nil {
		end = clockTime(*r.To) + " by " + r.By
	}
	return fmt.Sprintf("the run of %s from %s to %s", r.KasmID, clockTime(r.From), end)
}

// booked is one session, as the books have it.
type booked struct {
	ID              string
	Workspace       string
	Desktop         string
	Started         time.Time
	Proof           time.Time
	Stopped         *time.Time
	Seconds         int64
	BillableSeconds int64
	By              string
	Blocks          []bookedBlock
}

type bookedBlock struct {
	No      int
	Starts  time.Time
	Seconds int
}

func (s booked) String() string {
	end := "now"
	if s.Stopped != nil {
		end = clockTime(*s.Stopped) + " by " + s.By
	}
	return fmt.Sprintf("session %s of desktop %s from %s to %s, %d blocks", s.ID, s.Desktop, clockTime(s.Started), end, len(s.Blocks))
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05.000000") }

// promise compares the books with the record and names everything that breaks
// the promise. now is the host's time at which the record was taken, after the
// books were read.
func promise(sessions []booked, runs []simRun, now time.Time, away []span) (broken []string) {
	complain := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	of := map[int][]booked{} // by the run's place
	var billed, recorded int
	for _, s := range sessions {
		billed += len(s.Blocks)
		for _, problem := range wrongBlocks(s) {
			complain("%s: %s", s, problem)
		}
		i := slices.IndexFunc(runs, func(r simRun) bool { return holds(r, s, now) })
		if i < 0 {
			complain("%s lies inside no recorded run%s", s, runsOf(runs, s.Desktop))
			continue
		}
		of[i] = append(of[i], s)
		if late := s.Started.Sub(runs[i].From); late > workspaces.Interval+overlap(away, runs[i].From, s.Started) {
			complain("%s starts %s after its run, of which we were down %s", s, late, overlap(away, runs[i].From, s.Started))
		}
	}
	for i, r := range runs {
		length := r.end(now).Sub(r.From)
		recorded += blocksIn(length)
		switch mine := of[i]; {
		case len(mine) > 1:
			complain("%s has %d sessions: %v", r, len(mine), mine)
		case len(mine) == 0 && length > workspaces.Interval+overlap(away, r.From, r.end(now)):
			complain("%s of %s has no session; we were down %s of it", r, length, overlap(away, r.From, r.end(now)))
		case len(mine) == 1 && len(mine[0].Blocks) > blocksIn(length):
			complain("%s bills more than %s, which has %d blocks", mine[0], r, blocksIn(length))
		case len(mine) == 1 && mine[0].Stopped == nil && r.To != nil:
			complain("%s goes on after %s", mine[0], r)
		}
	}
	if billed > recorded {
		complain("%d blocks are billed, %d were recorded", billed, recorded)
	}
	return broken
}

// holds says that a session lies inside a run.
func holds(r simRun, s booked, now time.Time) bool {
	if plain(r.KasmID) != plain(s.Desktop) || s.Started.Before(r.From) || !s.Started.Before(r.end(now)) {
		return false
	}
	return s.Stopped == nil || !s.Stopped.After(r.end(now))
}

func plain(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

func runsOf(runs []simRun, desktop string) (text string) {
	for _, r := range runs {
		if plain(r.KasmID) == plain(desktop) {
			text += "; there is " + r.String()
		}
	}
	return text
}

// blocksIn is ceil(length / block).
func blocksIn(length time.Duration) int { return int((length + killBlock - 1) / killBlock) }

// wrongBlocks says what is wrong with the blocks of a session: they number
// ceil(length / block), from 0, one after the other.
func wrongBlocks(s booked) (problems []string) {
	until := s.Proof
	if s.Stopped != nil {
		until = *s.Stopped
	}
	want := max(blocksIn(until.Sub(s.Started)), 1) // seen once is seen running: the first block is charged
	if len(s.Blocks) != want {
		problems = append(problems, fmt.Sprintf("it should have %d blocks", want))
	}
	for i, b := range s.Blocks {
		starts := s.Started.Add(time.Duration(i) * killBlock)
		if b.No != i || !b.Starts.Equal(starts) || b.Seconds != int(killBlock/time.Second) {
			problems = append(problems, fmt.Sprintf("block %d in its place %d starts at %s and has %d s; it should start at %s", b.No, i, clockTime(b.Starts), b.Seconds, clockTime(starts)))
		}
	}
	if s.Stopped == nil {
		return problems
	}
	if !s.Stopped.After(s.Started) {
		problems = append(problems, "it has no length")
	}
	if seconds := int64((s.Stopped.Sub(s.Started) + time.Second - 1) / time.Second); s.Seconds != seconds || s.BillableSeconds != int64(want)*int64(killBlock/time.Second) {
		problems = append(problems, fmt.Sprintf("it says %d s and %d s billable; it was %d s", s.Seconds, s.BillableSeconds, seconds))
	}
	return problems
}

// span is a time during which we were down.
type span struct{ from, to time.Time }

// outages keeps when we were down.
type outages struct {
	mu   sync.Mutex
	past []span
	from time.Time // zero while we are up
}

func (o *outages) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.from.IsZero() {
		o.from = time.Now()
	}
}

// over ends the outage and says how long it was.
func (o *outages) over() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := span{o.from, time.Now()}
	o.past, o.from = append(o.past, last), time.Time{}
	return last.to.Sub(last.from)
}

func overlap(away []span, from, to time.Time) (sum time.Duration) {
	for _, a := range away {
		start, end := a.from, a.to
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(end.Sub(start), 0)
	}
	return sum
}

// spread is the least, the middle and the most of some times.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "never"
	}
	sorted := slices.Sorted(slices.Values(all))
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	return fmt.Sprintf("%s at the least, %s in the middle, %s at the most, of %d", round(sorted[0]), round(sorted[len(sorted)/2]), round(sorted[len(sorted)-1]), len(sorted))
}
