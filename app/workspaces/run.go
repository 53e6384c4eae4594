package workspaces

import (
	"context"
	"time"
)

// How often the hosts are asked, in wall time: every Interval, and in quick
// succession while something is about to change.
const (
	Interval    = 30 * time.Second
	firstLook   = 20 * time.Millisecond
	quickest    = 150 * time.Millisecond
	slowest     = time.Second
	whenFailing = 5 * time.Second
)

// Run makes rounds until ctx ends: one at once, one every Interval, and looks in
// between while something is about to change.
func (r *Reconciler) Run(ctx context.Context) error {
	full := time.NewTicker(Interval)
	defer full.Stop()
	quick := time.NewTimer(0)
	defer quick.Stop()
	r.logged(ctx, r.Round(ctx))
	pause := quickest
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-full.C:
			r.logged(ctx, r.Round(ctx))
			if r.anyBusy() {
				quick.Reset(pause)
			}
		case <-r.wake:
			pause = quickest
			quick.Reset(firstLook)
		case <-quick.C:
			pause = r.quickly(ctx, pause, quick)
		}
	}
}

// quickly looks once at the shops where something is about to change and sets
// the timer for the next look, if there is to be one.
func (r *Reconciler) quickly(ctx context.Context, pause time.Duration, quick *time.Timer) time.Duration {
	if !r.anyBusy() {
		return pause
	}
	err := r.Tick(ctx)
	r.logged(ctx, err)
	if err != nil {
		quick.Reset(whenFailing)
		return quickest
	}
	if r.anyBusy() {
		quick.Reset(pause)
	}
	return min(pause*3/2, slowest)
}

func (r *Reconciler) anyBusy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.busy) > 0
}

func (r *Reconciler) logged(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		r.s.Log.WarnContext(ctx, "a round over the desktop hosts was not complete", "err", err)
	}
}
