package kasm

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	// probeFor is how long an answer to "may desktops be stopped?" is believed.
	probeFor = 10 * time.Minute
	// refusalFor is the same after a desktop was in fact not stopped: a server may
	// know better of a desktop that is there than of one that is not.
	refusalFor = 24 * time.Hour
)

// stops remembers whether the server stops desktops and keeps their disks.
type stops struct {
	mu    sync.Mutex
	can   bool
	until time.Time
}

// Keeps tells what of a desktop outlives a stop: everything where desktops can be
// stopped, else the profile where the images keep one, else nothing.
func (d *Driver) Keeps(ctx context.Context) (workspaces.Keeping, error) {
	can, err := d.canStop(ctx)
	if err != nil {
		return "", hostError(err)
	}
	if can {
		return workspaces.KeepsDisk, nil
	}
	images, err := d.listImages(ctx)
	if err != nil {
		return "", hostError(err)
	}
	for _, img := range images {
		if img.Enabled && img.ProfilePath != "" {
			return workspaces.KeepsProfile, nil
		}
	}
	return workspaces.KeepsNothing, nil
}

// canStop asks the server to stop a desktop that does not exist: whoever may not
// stop any is told so, everybody else that there is no such desktop.
func (d *Driver) canStop(ctx context.Context) (bool, error) {
	d.stops.mu.Lock()
	can, until := d.stops.can, d.stops.until
	d.stops.mu.Unlock()
	if d.now().Before(until) {
		return can, nil
	}
	err := d.client.Stop(ctx, nobody(), nobody())
	if KindOf(err) == KindUnavailable && !missing(err) {
		return false, err
	}
	can = !forbidden(err)
	d.noteStops(can, probeFor)
	return can, nil
}

// stopped learns from the answer to a true stop.
func (d *Driver) stopped(err error) {
	switch {
	case err == nil:
		d.noteStops(true, probeFor)
	case forbidden(err):
		d.noteStops(false, refusalFor)
	}
}

func (d *Driver) noteStops(can bool, believed time.Duration) {
	d.stops.mu.Lock()
	defer d.stops.mu.Unlock()
	d.stops.can, d.stops.until = can, d.now().Add(believed)
}

// nobody is an id that nothing has.
func nobody() string { return uuid.NewString() }

// profile is the mode in which a desktop is asked for: with a profile that stays
// where nothing else of it would, if its image has a place for one.
func (d *Driver) profile(ctx context.Context, imageID string) string {
	can, err := d.canStop(ctx)
	if err != nil || can {
		return ""
	}
	images, err := d.listImages(ctx)
	if err != nil {
		return ""
	}
	for _, img := range images {
		if img.ID == imageID && img.ProfilePath != "" {
			return "Enabled"
		}
	}
	return ""
}
