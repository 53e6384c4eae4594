package docker

import (
	"context"
	"errors"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// FindImage names what a desktop is made from. The template is a docker name; one
// that the engine does not hold yet is fetched when a desktop is asked for.
func (d *Driver) FindImage(ctx context.Context, template string, vcpu, ramMB int) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", hostError(err)
	}
	ref, err := fullReference(template, d.config.Tag)
	if err != nil || vcpu < 1 || ramMB < 1 {
		return "", &workspaces.HostError{Kind: workspaces.HostNotFound, Cause: err,
			Message: fmt.Sprintf("%q with %d vCPU and %d MB is no image for Docker; correct the template, such as kasmweb/desktop:1.16.0.", template, vcpu, ramMB)}
	}
	return imageID(ref, vcpu, ramMB), nil
}

// Request makes and starts a desktop. For one intent there is one container: asked
// again, it gives the one that is there. While the image is being fetched it is
// HostPreparing.
func (d *Driver) Request(ctx context.Context, w workspaces.Wish) (string, error) {
	ref, vcpu, ramMB, ok := parseImageID(w.ImageID)
	if !ok || w.Labels.Workspace == uuid.Nil || w.User.Username == "" || w.User.Password == "" {
		return "", refusal("a desktop needs an image, a workspace and an account with its password")
	}
	if w.UserID != userID(w.User.Username) {
		return "", &workspaces.HostError{Kind: workspaces.HostNotFound, Message: "the account's id does not belong to its name"}
	}
	if err := d.imageReady(ctx, ref, w.ImageID); err != nil {
		return "", without(err, w.User.Password)
	}
	if w.VCPU > 0 && w.RAMMB > 0 {
		vcpu, ramMB = w.VCPU, w.RAMMB
	}
	id, err := d.bring(ctx, w, d.spec(w, ref, vcpu, ramMB))
	return id, without(err, w.User.Password)
}

// bring creates the container, or finds the one that answers to its name, and starts it.
func (d *Driver) bring(ctx context.Context, w workspaces.Wish, spec client.ContainerCreateOptions) (string, error) {
	if err := d.ensureNetwork(ctx); err != nil {
		return "", err
	}
	fresh, err := d.ensureHome(ctx, w.Labels)
	if err != nil {
		return "", err
	}
	if !fresh {
		spec.Config.Labels[labelHome] = inherits
	}
	made, err := d.engine.ContainerCreate(ctx, spec)
	if cerrdefs.IsConflict(err) {
		return d.adopt(ctx, w, spec.Name)
	}
	if err == nil {
		_, err = d.engine.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	}
	if err == nil {
		return made.ID, nil
	}
	d.forgetNetwork()
	if kindOf(err) != workspaces.HostUnavailable { // else it may have started all the same
		d.undo(ctx, made.ID, w.Labels.Workspace, fresh)
	}
	return "", err
}

// adopt takes the container that has the intent's name already. One that was made
// and never started, because its maker died, is started now.
func (d *Driver) adopt(ctx context.Context, w workspaces.Wish, name string) (string, error) {
	found, err := d.engine.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return "", unclear(err)
	}
	c := found.Container
	if c.Config == nil || c.State == nil || c.Config.Labels[labelDesktop] != yes || c.Config.Labels[labelIntent] != w.Labels.Intent() {
		return "", refusal("another container has the name " + name + "; remove it")
	}
	switch c.State.Status {
	case container.StateRunning, container.StateRestarting:
		return c.ID, nil
	case container.StatePaused:
		_, err = d.engine.ContainerUnpause(ctx, c.ID, client.ContainerUnpauseOptions{})
	case container.StateRemoving, container.StateDead:
		return "", &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "the container of an earlier try is being removed"}
	default:
		_, err = d.engine.ContainerStart(ctx, c.ID, client.ContainerStartOptions{})
	}
	return c.ID, err
}

// unclear: what was there a moment ago is gone, so the next try may go well.
func unclear(err error) error {
	if cerrdefs.IsNotFound(err) {
		return &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "a container went away while it was looked at", Cause: err}
	}
	return err
}

// undo removes what a failed request leaves behind, so that nothing of it is listed.
// The home folder goes too if it was made for this request.
func (d *Driver) undo(ctx context.Context, id string, workspace uuid.UUID, fresh bool) {
	ctx = context.WithoutCancel(ctx)
	if id != "" {
		if _, err := d.engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true}); err != nil && !cerrdefs.IsNotFound(err) {
			d.log.WarnContext(ctx, "a container that did not start could not be removed", "container", short(id), "err", err)
			return
		}
	}
	if !fresh {
		return
	}
	if _, err := d.engine.VolumeRemove(ctx, volumeName(workspace), client.VolumeRemoveOptions{}); err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
		d.log.WarnContext(ctx, "a volume that is not needed could not be removed", "workspace", workspace, "err", err)
	}
}

// ensureHome makes the workspace's volume, once. fresh tells that it was not there.
func (d *Driver) ensureHome(ctx context.Context, l workspaces.Labels) (fresh bool, err error) {
	name := volumeName(l.Workspace)
	_, err = d.engine.VolumeInspect(ctx, name, client.VolumeInspectOptions{})
	if err == nil || !cerrdefs.IsNotFound(err) {
		return false, err
	}
	labels := ownerLabels(l)
	labels[labelHome] = yes
	_, err = d.engine.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Labels: labels})
	return err == nil, err
}

// noICC is the bridge's option that keeps its containers apart.
const noICC = "com.docker.network.bridge.enable_icc"

// ensureNetwork makes the bridge that desktops stand in, each for itself.
func (d *Driver) ensureNetwork(ctx context.Context) error {
	d.netMu.Lock()
	defer d.netMu.Unlock()
	if d.netID != "" {
		return nil
	}
	found, err := d.engine.NetworkInspect(ctx, d.config.Network, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		_, err = d.engine.NetworkCreate(ctx, d.config.Network, client.NetworkCreateOptions{
			Driver: "bridge", Options: map[string]string{noICC: "false"}, Labels: map[string]string{labelNetwork: yes},
		})
		if err != nil && !cerrdefs.IsConflict(err) { // a conflict: somebody else made it now
			return err
		}
		found, err = d.engine.NetworkInspect(ctx, d.config.Network, client.NetworkInspectOptions{})
	}
	if err != nil {
		return err
	}
	if !separate(found.Network.Network) {
		return refusal(shared(d.config.Network))
	}
	d.netID = found.Network.ID
	return nil
}

func separate(n network.Network) bool { return n.Driver == "bridge" && n.Options[noICC] == "false" }

func shared(name string) string {
	return "The network " + name + " lets desktops reach each other; remove it, and it is made anew, or name another one."
}

// forgetNetwork looks at the network again before the next desktop.
func (d *Driver) forgetNetwork() {
	d.netMu.Lock()
	defer d.netMu.Unlock()
	d.netID = ""
}

// imageReady is nil once the engine holds the image.
func (d *Driver) imageReady(ctx context.Context, ref, id string) error {
	_, err := d.engine.ImageInspect(ctx, ref)
	if err == nil || !cerrdefs.IsNotFound(err) {
		return err
	}
	if failure := d.pulls.failure(ref, d.now()); failure != nil {
		return failure
	}
	if err := d.Prepare(ctx, id); err != nil {
		return err
	}
	p, goesOn := d.Preparing(id)
	if !goesOn {
		if failure := d.pulls.failure(ref, d.now()); failure != nil {
			return failure
		}
		p.Sentence = "The desktop's image has just arrived."
	}
	return &workspaces.HostError{Kind: workspaces.HostPreparing, Message: p.Sentence, Cause: errors.New("image " + ref)}
}
