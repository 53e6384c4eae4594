package docker

import (
	"context"
	"regexp"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// desktop inspects a container and makes sure that it is a desktop, and whose.
// An empty user is anybody. Errors: HostNotFound.
func (d *Driver) desktop(ctx context.Context, user, id string) (container.InspectResponse, error) {
	if !containerID.MatchString(id) {
		return container.InspectResponse{}, notFound(id)
	}
	found, err := d.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if cerrdefs.IsNotFound(err) || cerrdefs.IsInvalidArgument(err) {
		return container.InspectResponse{}, notFound(id)
	}
	if err != nil {
		return container.InspectResponse{}, hostError(err)
	}
	c := found.Container
	if c.ID != id || c.Config == nil || c.State == nil || c.Config.Labels[labelDesktop] != yes || user != "" && userID(c.Config.Labels[labelUser]) != user {
		return container.InspectResponse{}, notFound(id)
	}
	return c, nil
}

// containerID is what the engine calls a container; names and abbreviations are none.
var containerID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Resume starts a stopped desktop; one that runs already is fine.
func (d *Driver) Resume(ctx context.Context, user, id string) error {
	c, err := d.desktop(ctx, user, id)
	if err != nil {
		return err
	}
	switch c.State.Status {
	case container.StateRunning, container.StateRestarting:
		return nil
	case container.StateRemoving, container.StateDead:
		return notFound(id)
	case container.StatePaused:
		_, err = d.engine.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
	default:
		d.known.forget(id)
		_, err = d.engine.ContainerStart(ctx, id, client.ContainerStartOptions{})
	}
	return d.acted(err, id)
}

// acted tells a container that is gone from one that cannot be acted upon: an
// engine says "not found" of a missing network or runtime as well.
func (d *Driver) acted(err error, id string) error {
	if err == nil || !cerrdefs.IsNotFound(err) {
		return hostError(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), questionFor)
	defer cancel()
	if _, gone := d.desktop(ctx, "", id); workspaces.HostKindOf(gone) == workspaces.HostNotFound && gone != nil {
		return gone
	}
	return hostError(err)
}

// Stop ends a desktop's programs, within ten seconds, and keeps its container and
// its volume; one that is off already is fine.
func (d *Driver) Stop(ctx context.Context, user, id string) error {
	c, err := d.desktop(ctx, user, id)
	if err != nil {
		return err
	}
	switch c.State.Status {
	case container.StateExited, container.StateCreated:
		return nil
	case container.StateRemoving, container.StateDead:
		return notFound(id)
	case container.StatePaused: // what is frozen does not hear that it is to end
		if _, err := d.engine.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{}); err != nil {
			return d.acted(err, id)
		}
	}
	d.known.forget(id)
	grace := stopGrace
	_, err = d.engine.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &grace})
	return d.acted(err, id)
}

// Destroy removes a desktop with its home folder.
func (d *Driver) Destroy(ctx context.Context, user, id string) error {
	c, err := d.desktop(ctx, user, id)
	if err != nil {
		return err
	}
	volume := homeOf(c)
	if d.inherited(id, c) {
		d.log.WarnContext(ctx, "a desktop that did not come up is destroyed; the home folder is older than it and stays", "container", short(id), "volume", volume)
		volume = ""
	}
	if err := d.markGone(ctx, volume); err != nil {
		return hostError(err)
	}
	d.known.forget(id)
	_, err = d.engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case cerrdefs.IsConflict(err):
		return nil // it is being removed already, by somebody who sees to the rest
	case err != nil && !cerrdefs.IsNotFound(err):
		return hostError(err)
	}
	d.removeHome(context.WithoutCancel(ctx), volume)
	return nil
}

func homeOf(c container.InspectResponse) string {
	for _, m := range c.Mounts {
		if m.Destination == home {
			return m.Name
		}
	}
	return ""
}

// hopeFor is how long a desktop that never answered counts as one that failed to start.
const hopeFor = 30 * time.Minute

// inherited: the home folder is that of an earlier container, which was lost, and
// this one was not seen to come up with it. To destroy it is to give a start up, and
// not the customer's files.
func (d *Driver) inherited(id string, c container.InspectResponse) bool {
	made, err := time.Parse(time.RFC3339Nano, c.Created)
	if c.Config.Labels[labelHome] != inherits || err != nil || d.now().Sub(made) > hopeFor {
		return false
	}
	_, ready := d.known.ready(id, inspectedPort(c), c.State.StartedAt)
	return !ready
}

// Keepalive: no container ends by itself, so there is nothing to put off.
func (d *Driver) Keepalive(ctx context.Context, id string) error {
	_, err := d.desktop(ctx, "", id)
	return err
}

// A volume can only be removed after the container that uses it. Should the program
// die in between, nobody would know of it any more; so its name is written down
// first, as the label of an empty volume, and looked for at the next start.

func marker(volume string) string { return volume + "-gone" }

func (d *Driver) markGone(ctx context.Context, volume string) error {
	if volume == "" {
		return nil
	}
	_, err := d.engine.VolumeCreate(ctx, client.VolumeCreateOptions{Name: marker(volume), Labels: map[string]string{labelGone: volume}})
	return err
}

// removeHome removes a volume and its mark. One that another container of the
// workspace uses stays, and is not to go any more.
func (d *Driver) removeHome(ctx context.Context, volume string) {
	if volume == "" {
		return
	}
	for _, name := range []string{volume, marker(volume)} {
		_, err := d.engine.VolumeRemove(ctx, name, client.VolumeRemoveOptions{})
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
			d.log.WarnContext(ctx, "the home folder of a desktop could not be removed; it is tried again when the program starts", "volume", name, "err", err)
			return
		}
	}
}

// sweep removes the home folders that an earlier program marked and did not get to.
func (d *Driver) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, questionFor)
	defer cancel()
	marked, err := d.engine.VolumeList(ctx, client.VolumeListOptions{Filters: make(client.Filters).Add("label", labelGone)})
	if err != nil {
		d.log.WarnContext(ctx, "the volumes that are to go could not be listed", "err", err)
		return
	}
	for _, v := range marked.Items {
		d.removeHome(ctx, v.Labels[labelGone])
	}
}
