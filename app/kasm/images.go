package kasm

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Images tells what the server makes desktops from.
func (d *Driver) Images(ctx context.Context) ([]workspaces.HostImage, error) {
	images, err := d.client.Images(ctx)
	if err != nil {
		return nil, hostError(err)
	}
	d.mu.Lock()
	d.images, d.until = images, d.now().Add(imagesFor)
	d.mu.Unlock()
	out := make([]workspaces.HostImage, 0, len(images))
	for _, img := range images {
		if img.Type == "" || strings.EqualFold(img.Type, "Container") {
			out = append(out, told(img))
		}
	}
	return out, nil
}

// told is an image as the product speaks of it. A part of a processor is no size
// that a plan has.
func told(img Image) workspaces.HostImage {
	vcpu := -1
	if whole := math.Trunc(img.Cores); whole == img.Cores && whole > 0 && whole < 1<<20 {
		vcpu = int(whole)
	}
	return workspaces.HostImage{ID: img.ID, Name: img.Name, FriendlyName: img.FriendlyName, VCPU: vcpu, RAMMB: int(min(img.MemoryBytes>>20, math.MaxInt32)),
		Enabled: img.Enabled, Available: img.Available, KeepsProfile: img.ProfilePath != ""}
}

// CreateImage makes an image of a template in another size, by copying one of its
// images. Who may start it follows from the groups of the plans. Errors: HostNotFound
// when there is none to copy, HostRefused.
func (d *Driver) CreateImage(ctx context.Context, template string, vcpu, ramMB int) (string, error) {
	images, err := d.client.Images(ctx)
	if err != nil {
		return "", hostError(err)
	}
	var from *Image
	for i, img := range images {
		if !told(img).Named(template) {
			continue
		}
		if img.Enabled && sized(img, vcpu, ramMB) {
			return img.ID, nil // somebody was quicker
		}
		if from == nil || img.Enabled && !from.Enabled {
			from = &images[i]
		}
	}
	if from == nil {
		return "", &workspaces.HostError{Kind: workspaces.HostNotFound, Message: "Kasm has no image of " + template + " in any size that could be copied; add one there first."}
	}
	made, err := d.client.CloneImage(ctx, from.ID, ImageCopy{FriendlyName: sizedName(from.FriendlyName, from.Name, vcpu, ramMB), Cores: vcpu, MemoryBytes: int64(ramMB) << 20})
	if err != nil {
		return "", hostError(err)
	}
	d.mu.Lock()
	d.until = time.Time{}
	d.mu.Unlock()
	return made.ID, nil
}

// sizedName words an image and its size, whatever size stood there before.
func sizedName(friendly, name string, vcpu, ramMB int) string {
	if i := strings.LastIndex(friendly, " ("); i > 0 && strings.Contains(friendly[i:], "vCPU") {
		friendly = friendly[:i]
	}
	if friendly == "" {
		friendly = name
	}
	memory := fmt.Sprintf("%d MB", ramMB)
	if ramMB%1024 == 0 {
		memory = fmt.Sprintf("%d GB", ramMB/1024)
	}
	return fmt.Sprintf("%s (%d vCPU, %s)", friendly, vcpu, memory)
}
