package docker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	pullFor    = 2 * time.Hour    // an image may be many gigabytes on a slow line
	failureFor = 20 * time.Second // until one that could not be fetched is tried again
)

// pulls are the images that are being fetched, by reference, and those that lately
// could not be.
type pulls struct {
	mu      sync.Mutex
	running map[string]*pull
}

type pull struct {
	progress progress
	failed   error
	failedAt time.Time
}

// Prepare begins to fetch an image in the background; nothing when it is there or
// being fetched already.
func (d *Driver) Prepare(ctx context.Context, id string) error {
	ref, _, _, ok := parseImageID(id)
	if !ok {
		return refusal("there is no such image")
	}
	if _, err := d.engine.ImageInspect(ctx, ref); err == nil || !cerrdefs.IsNotFound(err) {
		return hostError(err)
	}
	if d.pulls.begin(ref) {
		go d.fetch(context.WithoutCancel(ctx), ref)
	}
	return nil
}

// Preparing tells how far the fetching of an image is.
func (d *Driver) Preparing(id string) (workspaces.Progress, bool) {
	ref, _, _, ok := parseImageID(id)
	if !ok {
		return workspaces.Progress{}, false
	}
	d.pulls.mu.Lock()
	defer d.pulls.mu.Unlock()
	p := d.pulls.running[ref]
	if p == nil || p.failed != nil {
		return workspaces.Progress{}, false
	}
	return p.progress.told(), true
}

func (p *pulls) begin(ref string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.running[ref]; old != nil && old.failed == nil {
		return false
	}
	p.running[ref] = &pull{progress: progress{layers: map[string]layer{}}}
	return true
}

// failure is why an image could not be fetched a moment ago.
func (p *pulls) failure(ref string, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.running[ref]; old != nil && old.failed != nil && now.Sub(old.failedAt) < failureFor {
		return old.failed
	}
	return nil
}

func (p *pulls) end(ref string, failed error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if failed == nil {
		delete(p.running, ref)
		return
	}
	p.running[ref] = &pull{failed: failed, failedAt: now}
}

func (d *Driver) fetch(ctx context.Context, ref string) {
	ctx, cancel := context.WithTimeout(ctx, pullFor)
	defer cancel()
	began := d.now()
	err := d.stream(ctx, ref)
	if err != nil {
		err = pullError(ref, err)
		d.log.WarnContext(ctx, "a desktop's image could not be fetched", "image", ref, "err", err)
	} else {
		d.log.InfoContext(ctx, "a desktop's image was fetched", "image", ref, "took", d.now().Sub(began))
	}
	d.pulls.end(ref, err, d.now())
}

func (d *Driver) stream(ctx context.Context, ref string) error {
	answer, err := d.engine.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	for m, err := range answer.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if m.Error != nil {
			return m.Error
		}
		d.pulls.mu.Lock()
		if p := d.pulls.running[ref]; p != nil {
			p.progress.hear(m)
		}
		d.pulls.mu.Unlock()
	}
	return nil
}

// absent are the words of registries that have no such image, or show it to nobody.
var absent = []string{"manifest unknown", "not found", "no such image", "repository does not exist", "access denied", "access to the resource is denied", "unauthorized", "no matching manifest", "invalid reference"}

// pullError: what the registry does not have will not come by asking again.
func pullError(ref string, err error) error {
	text := strings.ToLower(err.Error())
	gone := cerrdefs.IsNotFound(err)
	for _, words := range absent {
		gone = gone || strings.Contains(text, words)
	}
	lookup := strings.Contains(text, "no such host") || strings.Contains(text, "lookup ")
	if gone && !lookup {
		return &workspaces.HostError{Kind: workspaces.HostRefused, Cause: err, Message: "the registry has no image " + ref + " for this machine, or does not give it out; correct the template or its tag, or sign the engine in."}
	}
	kind := workspaces.HostUnavailable
	if kindOf(err) == workspaces.HostNoCapacity {
		kind = workspaces.HostNoCapacity
	}
	return &workspaces.HostError{Kind: kind, Cause: err, Message: "the image " + ref + " could not be fetched: " + err.Error()}
}

// layer is one part of an image. done counts from 0 to 1 of its bytes, unpacked from
// 0 to 1 of its way onto the disk.
type layer struct {
	size           int64 // 0 is not known yet
	done, unpacked float64
}

// progress follows the engine's words about the layers of an image.
type progress struct {
	layers map[string]layer
	shown  int // never goes back
}

// fetching is the part of the work that is the download; the rest is unpacking.
const fetching = 0.8

func (p *progress) hear(m jsonstream.Message) {
	if m.ID == "" || strings.HasPrefix(m.Status, "Pulling from") {
		return
	}
	l := p.layers[m.ID]
	switch m.Status {
	case "Downloading":
		if m.Progress != nil && m.Progress.Total > 0 {
			l.size, l.done = m.Progress.Total, part(m.Progress)
		}
	case "Verifying Checksum", "Download complete":
		l.done = 1
	case "Extracting":
		l.done = 1
		if m.Progress != nil && m.Progress.Total > 0 {
			l.size, l.unpacked = m.Progress.Total, part(m.Progress)
		}
	case "Pull complete", "Already exists":
		l.done, l.unpacked = 1, 1
	}
	p.layers[m.ID] = l
	p.shown = max(p.shown, p.percent())
}

func part(p *jsonstream.Progress) float64 { return min(1, float64(p.Current)/float64(p.Total)) }

// total adds up the sizes; layers whose size is not known yet count as the mean of
// the others.
func (p *progress) total() (mean, sum float64, sure bool) {
	known := 0
	for _, l := range p.layers {
		if l.size > 0 {
			known++
			sum += float64(l.size)
		}
	}
	if known == 0 {
		return 1, float64(len(p.layers)), false
	}
	mean = sum / float64(known)
	return mean, sum + mean*float64(len(p.layers)-known), known == len(p.layers)
}

func (p *progress) percent() int {
	mean, sum, _ := p.total()
	if sum == 0 {
		return 0
	}
	done := 0.0
	for _, l := range p.layers {
		weight := mean
		if l.size > 0 {
			weight = float64(l.size)
		}
		done += weight * (fetching*l.done + (1-fetching)*l.unpacked)
	}
	return min(99, int(100*done/sum)) // all of it is when it is there
}

func (p *progress) told() workspaces.Progress {
	if len(p.layers) == 0 {
		return workspaces.Progress{Percent: -1, Sentence: "Downloading the desktop's image."}
	}
	sentence := fmt.Sprintf("Downloading the desktop's image: %d %%.", p.shown)
	if _, sum, sure := p.total(); sure {
		sentence = fmt.Sprintf("Downloading the desktop's image: %d %% of %s.", p.shown, size(sum))
	}
	return workspaces.Progress{Percent: p.shown, Sentence: sentence}
}

func size(bytes float64) string {
	if bytes >= 1e9 {
		return fmt.Sprintf("%.1f GB", bytes/1e9)
	}
	return fmt.Sprintf("%.0f MB", max(1, bytes/1e6))
}
