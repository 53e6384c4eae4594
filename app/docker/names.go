package docker

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
)

// The labels of everything that the driver makes.
const (
	labelDesktop   = "ezscale.desktop"   // marks a desktop's container
	labelHome      = "ezscale.home"      // marks a desktop's volume; on a container, found: the volume was there before it
	labelGone      = "ezscale.gone"      // names a volume that is to be removed
	labelNetwork   = "ezscale.network"   // marks the network
	labelTenant    = "ezscale.tenant"    // the shop's slug
	labelWorkspace = "ezscale.workspace" // id
	labelIntent    = "ezscale.intent"    // workspaces.Labels.Intent
	labelUser      = "ezscale.user"      // the customer's account
	labelImage     = "ezscale.image"     // what FindImage returned
	labelVCPU      = "ezscale.vcpu"
	labelRAM       = "ezscale.ram_mb"
	labelGroup     = "ezscale.plan" // workspaces.Rights.Group
	yes            = "yes"
	inherits       = "found"
)

// userID is the account's id: its name, in one spelling.
func userID(username string) string { return strings.ToLower(username) }

// containerName is one for each intent, so that the engine itself refuses a second
// container for it.
func containerName(l workspaces.Labels) string { return "ezscale-" + l.Intent() }

func volumeName(workspace uuid.UUID) string { return "ezscale-home-" + workspace.String() }

// imageID names what a desktop is made from: an image and a size, so that two
// plans with the same image are told apart.
func imageID(ref string, vcpu, ramMB int) string {
	return ref + "#" + strconv.Itoa(vcpu) + "x" + strconv.Itoa(ramMB)
}

var sizes = regexp.MustCompile(`^([1-9][0-9]{0,3})x([1-9][0-9]{0,7})$`)

// parseImageID is the reverse of imageID.
func parseImageID(id string) (ref string, vcpu, ramMB int, ok bool) {
	ref, size, _ := strings.Cut(id, "#")
	parts := sizes.FindStringSubmatch(size)
	if ref == "" || parts == nil {
		return "", 0, 0, false
	}
	vcpu, _ = strconv.Atoi(parts[1])
	ramMB, _ = strconv.Atoi(parts[2])
	return ref, vcpu, ramMB, true
}

// fullReference is a template's docker name with its tag, or with the given one.
func fullReference(template, tag string) (string, error) {
	named, err := reference.ParseNormalizedNamed(template)
	if err != nil {
		return "", err
	}
	if reference.IsNameOnly(named) {
		if named, err = reference.WithTag(named, tag); err != nil {
			return "", err
		}
	}
	return reference.FamiliarString(named), nil
}
