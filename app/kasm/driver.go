package kasm

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

// imagesFor is how long a list of images is believed.
const imagesFor = time.Minute

// Driver makes a Kasm server do what the life of a desktop needs.
type Driver struct {
	client *Client
	now    func() time.Time // wall time
	log    *slog.Logger

	mu     sync.Mutex
	images []Image
	until  time.Time

	rooms rooms
	stops stops
	plans plans
}

// NewDriver makes a driver of a client. now is wall time.
func NewDriver(c *Client, now func() time.Time) *Driver {
	return &Driver{client: c, now: now, log: slog.New(slog.DiscardHandler)}
}

// LogTo lets the driver say what it does without, such as rights that its key may
// not set. It is called before the driver is used.
func (d *Driver) LogTo(log *slog.Logger) *Driver {
	d.log = log
	return d
}

// List tells every desktop of the server.
func (d *Driver) List(ctx context.Context) (workspaces.Listing, error) {
	l, err := d.client.List(ctx)
	if err != nil {
		return workspaces.Listing{}, hostError(err)
	}
	d.noteUse(l.Kasms)
	out := workspaces.Listing{CurrentTime: l.CurrentTime, Desktops: make([]workspaces.Desktop, len(l.Kasms))}
	for i, k := range l.Kasms {
		out.Desktops[i] = workspaces.Desktop{ID: k.ID, UserID: k.UserID, Username: k.Username, ImageID: k.ImageID, State: k.Operational, Created: k.Created}
		out.Desktops[i].Use = useOf(k)
		if k.Operational == "" {
			out.Desktops[i].State = "unknown" // listed without a word is not absent
		}
	}
	return out, nil
}

// EnsureUser finds or makes the account. One that exists already, because an
// earlier answer was lost, gets the given password, so that ours is the true one.
func (d *Driver) EnsureUser(ctx context.Context, u workspaces.HostUser) (string, error) {
	found, err := d.client.UserByName(ctx, u.Username)
	if KindOf(err) == KindNotFound {
		found, err = d.client.CreateUser(ctx, NewUser{Username: u.Username, Password: u.Password, FirstName: u.FirstName, LastName: u.LastName})
		if err == nil {
			return found.ID, nil
		}
		if KindOf(err) != KindConflict {
			return "", hostError(err)
		}
		found, err = d.client.UserByName(ctx, u.Username)
	}
	if err != nil {
		return "", hostError(err)
	}
	return found.ID, hostError(d.client.SetPassword(ctx, found.ID, u.Password))
}

// FindImage finds the image of a template in a size: the template is an image's
// id, or its docker name without the tag. Kasm cannot change a desktop's size, so
// each size is an image of its own. Errors: HostNotFound.
func (d *Driver) FindImage(ctx context.Context, template string, vcpu, ramMB int) (string, error) {
	images, err := d.listImages(ctx)
	if err != nil {
		return "", hostError(err)
	}
	for _, img := range images {
		if img.Enabled && told(img).Named(template) && sized(img, vcpu, ramMB) {
			return img.ID, nil
		}
	}
	return "", &workspaces.HostError{Kind: workspaces.HostNotFound, Message: "Kasm has no enabled image " + template + " of this size; add one, or correct the template."}
}

func (d *Driver) listImages(ctx context.Context) ([]Image, error) {
	d.mu.Lock()
	images, until := d.images, d.until
	d.mu.Unlock()
	if d.now().Before(until) {
		return images, nil
	}
	images, err := d.client.Images(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.images, d.until = images, d.now().Add(imagesFor)
	d.mu.Unlock()
	return images, nil
}

// sized compares memory with a little play, and processors exactly.
func sized(img Image, vcpu, ramMB int) bool {
	return img.Cores == float64(vcpu) && workspaces.SameRAM(img.MemoryBytes, ramMB)
}

// Request asks for one desktop, for a customer who is a member of the plan's group.
// Where desktops cannot be stopped, it is asked for with a profile that stays.
func (d *Driver) Request(ctx context.Context, w workspaces.Wish) (string, error) {
	if err := d.admit(ctx, w); err != nil {
		return "", hostError(err)
	}
	got, err := d.client.Request(ctx, RequestKasm{UserID: w.UserID, ImageID: w.ImageID, PersistentProfile: d.profile(ctx, w.ImageID)})
	if refused(err) {
		d.plans.forget(w.Rights.Group, w.UserID) // whatever was believed of the group may be wrong
	}
	if refused(err) && strings.Contains(strings.ToLower(err.Error()), "invalid request") {
		// The image was listed a moment ago, so it is the user that Kasm does not know.
		return "", &workspaces.HostError{Kind: workspaces.HostNotFound, Message: "Kasm does not know the customer's account.", Cause: err}
	}
	return got.KasmID, hostError(err)
}

// Resume starts a stopped desktop. One that is on its way already is fine.
func (d *Driver) Resume(ctx context.Context, userID, desktopID string) error {
	err := d.client.Resume(ctx, userID, desktopID)
	return d.unless(ctx, desktopID, err, StateRequested, StateStarting, StateRunning)
}

// Stop turns a desktop off and keeps its disk; one that is off already is fine. A
// key that may not do that, or a version without it, is HostRefused.
func (d *Driver) Stop(ctx context.Context, userID, desktopID string) error {
	err := d.client.Stop(ctx, userID, desktopID)
	d.stopped(err)
	return d.unless(ctx, desktopID, err, StateStopped, StatePaused)
}

// unless forgives a refusal when the desktop is in one of the states that were
// wanted: Kasm refuses what is done already, with words that differ by version.
func (d *Driver) unless(ctx context.Context, desktopID string, err error, wanted ...string) error {
	if !refused(err) {
		return offered(err)
	}
	l, listed := d.client.List(ctx)
	if listed != nil {
		return hostError(listed)
	}
	for _, k := range l.Kasms {
		if k.ID == desktopID && slices.Contains(wanted, k.Operational) {
			return nil
		}
	}
	return hostError(err)
}

// offered tells a server that has no such call from one that gave no answer.
func offered(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Missing() {
		return &workspaces.HostError{Kind: workspaces.HostRefused, Message: "this Kasm has no call " + e.Op, Cause: err}
	}
	return hostError(err)
}

func missing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Missing()
}

// Destroy ends a desktop.
func (d *Driver) Destroy(ctx context.Context, userID, desktopID string) error {
	return hostError(d.client.Destroy(ctx, userID, desktopID))
}

// Keepalive puts off the end of a desktop.
func (d *Driver) Keepalive(ctx context.Context, desktopID string) error {
	_, err := d.client.Keepalive(ctx, desktopID)
	return hostError(err)
}

// Link makes a fresh address of a desktop.
func (d *Driver) Link(ctx context.Context, userID, desktopID string) (workspaces.Link, error) {
	s, err := d.client.Status(ctx, userID, desktopID)
	return workspaces.Link(s.Link.Reveal()), hostError(err)
}

func refused(err error) bool { return KindOf(err) == KindInvalid || KindOf(err) == KindOther }

// hostError turns Kasm's kinds into what they mean for a desktop. A refusal in
// words that nobody knows may pass, so it counts as no proper answer.
func hostError(err error) error {
	if err == nil {
		return nil
	}
	kinds := map[Kind]workspaces.HostKind{
		KindNoCapacity: workspaces.HostNoCapacity, KindLimitReached: workspaces.HostLimit, KindLicenceLimit: workspaces.HostLimit,
		KindNotFound: workspaces.HostNotFound, KindNotReady: workspaces.HostNotReady,
		KindUnauthorised: workspaces.HostRefused, KindConflict: workspaces.HostRefused,
		KindInvalid: workspaces.HostRefused,
	}
	kind, known := kinds[KindOf(err)]
	if !known {
		kind = workspaces.HostUnavailable
	}
	return &workspaces.HostError{Kind: kind, Message: strings.TrimPrefix(err.Error(), "kasm: "), Cause: err}
}

// useOf tells whether somebody looks at a desktop, where Kasm says it.
func useOf(k Kasm) workspaces.Use {
	switch {
	case !k.UseKnown:
		return workspaces.UseUnknown
	case k.InUse:
		return workspaces.InUse
	}
	return workspaces.Unused
}
