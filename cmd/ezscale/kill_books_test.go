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
	BlockSeconds    int
	Blocks          []bookedBlock
}

func (s booked) block() time.Duration { return time.Duration(s.BlockSeconds) * time.Second }

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
// books were read; away is when we could not look.
func promise(sessions []booked, runs []simRun, now time.Time, away []span) (broken []string) {
	complain := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	desktops := map[string][]int{} // the places of a desktop's runs
	for i, r := range runs {
		desktops[plain(r.KasmID)] = append(desktops[plain(r.KasmID)], i)
	}
	of := map[int][]booked{} // by the run's place
	var billed, recorded int
	for _, s := range sessions {
		billed += len(s.Blocks)
		for _, problem := range wrongBlocks(s) {
			complain("%s: %s", s, problem)
		}
		mine := desktops[plain(s.Desktop)]
		at := slices.IndexFunc(mine, func(i int) bool { return holds(runs[i], s, now) })
		if at < 0 {
			complain("%s lies inside no recorded run%s", s, listed(runs, mine))
			continue
		}
		r := runs[mine[at]]
		of[mine[at]] = append(of[mine[at]], s)
		if late := s.Started.Sub(r.From); late > workspaces.Interval+overlap(away, r.From, s.Started) {
			complain("%s starts %s after its run, of which we were down %s", s, late, overlap(away, r.From, s.Started))
		}
	}
	for i, r := range runs {
		length := r.end(now).Sub(r.From)
		switch mine := of[i]; {
		case len(mine) > 1:
			complain("%s has %d sessions: %v", r, len(mine), mine)
		case len(mine) == 0 && length > workspaces.Interval+overlap(away, r.From, r.end(now)):
			complain("%s of %s has no session; we were down %s of it", r, length, overlap(away, r.From, r.end(now)))
		case len(mine) == 1 && len(mine[0].Blocks) > blocksIn(length, mine[0].block()):
			complain("%s bills more than %s, which has %d blocks", mine[0], r, blocksIn(length, mine[0].block()))
		case len(mine) == 1 && mine[0].Stopped == nil && r.To != nil:
			complain("%s goes on after %s", mine[0], r)
		}
		if len(of[i]) > 0 {
			recorded += blocksIn(length, of[i][0].block())
		}
	}
	if billed > recorded {
		complain("%d blocks are billed, %d were recorded", billed, recorded)
	}
	return broken
}

// holds says that a session lies inside a run of its desktop.
func holds(r simRun, s booked, now time.Time) bool {
	if s.Started.Before(r.From) || !s.Started.Before(r.end(now)) {
		return false
	}
	return s.Stopped == nil || !s.Stopped.After(r.end(now))
}

func plain(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

func listed(runs []simRun, places []int) (text string) {
	for _, i := range places {
		text += "; there is " + runs[i].String()
	}
	return text
}

// blocksIn is ceil(length / block).
func blocksIn(length, block time.Duration) int { return int((length + block - 1) / block) }

// wrongBlocks says what is wrong with the blocks of a session: they number
// ceil(length / block), from 0, one after the other.
func wrongBlocks(s booked) (problems []string) {
	until := s.Proof
	if s.Stopped != nil {
		until = *s.Stopped
	}
	want := max(blocksIn(until.Sub(s.Started), s.block()), 1) // seen once is seen running: the first block is charged
	if len(s.Blocks) != want {
		problems = append(problems, fmt.Sprintf("it should have %d blocks", want))
	}
	for i, b := range s.Blocks {
		starts := s.Started.Add(time.Duration(i) * s.block())
		if b.No != i || !b.Starts.Equal(starts) || b.Seconds != s.BlockSeconds {
			problems = append(problems, fmt.Sprintf("block %d in its place %d starts at %s and has %d s; it should start at %s", b.No, i, clockTime(b.Starts), b.Seconds, clockTime(starts)))
		}
	}
	if s.Stopped == nil {
		return problems
	}
	if !s.Stopped.After(s.Started) {
		problems = append(problems, "it has no length")
	}
	if seconds := int64((s.Stopped.Sub(s.Started) + time.Second - 1) / time.Second); s.Seconds != seconds || s.BillableSeconds != int64(want)*int64(s.BlockSeconds) {
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
