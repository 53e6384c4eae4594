package docker

import (
	"context"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// How long a list waits for what desktops answer about themselves; what comes later
// is told by the next list. It waits longer for those that were never heard, because
// what they are is more than whether somebody uses them.
const (
	patience      = time.Second
	firstPatience = 3 * time.Second
)

// List tells every desktop of the engine, by one call to it. A container that runs
// counts as starting until its web server has answered once.
func (d *Driver) List(ctx context.Context) (workspaces.Listing, error) {
	var l workspaces.Listing
	found, err := d.engine.ContainerList(context.WithValue(ctx, dateKey{}, &l.CurrentTime), everyDesktop())
	if err != nil {
		return workspaces.Listing{}, hostError(err)
	}
	d.swept.Do(func() { go d.sweep(context.WithoutCancel(ctx)) })
	d.known.keep(found.Items)
	d.look(ctx, found.Items)
	l.Desktops = make([]workspaces.Desktop, len(found.Items))
	for i, c := range found.Items {
		l.Desktops[i] = d.told(c)
	}
	return l, nil
}

// everyDesktop asks for all desktops, whatever state they are in.
func everyDesktop() client.ContainerListOptions {
	return client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelDesktop+"="+yes)}
}

func (d *Driver) told(c container.Summary) workspaces.Desktop {
	desktop := workspaces.Desktop{
		ID: c.ID, Username: c.Labels[labelUser], UserID: userID(c.Labels[labelUser]), ImageID: c.Labels[labelImage],
		Intent: c.Labels[labelIntent], Created: time.Unix(c.Created, 0).UTC(), State: stateOf(c.State),
	}
	if desktop.State != workspaces.HostRunning {
		return desktop
	}
	desktop.State, desktop.Use = d.known.told(c.ID, publicPort(c), d.now())
	return desktop
}

// stateOf says the engine's words in the port's. One that was created and never
// started is off: whoever needs it starts it.
func stateOf(s container.ContainerState) string {
	switch s {
	case container.StateRunning:
		return workspaces.HostRunning
	case container.StateRestarting:
		return workspaces.HostStarting
	case container.StatePaused:
		return workspaces.HostPaused
	case container.StateCreated, container.StateExited:
		return workspaces.HostStopped
	case container.StateRemoving, container.StateDead:
		return workspaces.HostDeleting
	}
	return "unknown"
}

// publicPort is where the desktop listens on loopback; 0 while it does not. It is
// a new one at each start, which is how a start is told from the one before.
func publicPort(c container.Summary) uint16 {
	for _, p := range c.Ports {
		if p.PrivatePort == vncPort && p.PublicPort != 0 {
			return p.PublicPort
		}
	}
	return 0
}
