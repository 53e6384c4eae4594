package workspaces

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Driver is one desktop host. Every error it returns is a *HostError. Ids are in
// one spelling, always the same.
type Driver interface {
	// List tells every desktop of the host at one moment; it is the one proof of
	// what runs. It never leaves one out: if it cannot tell all, it fails.
	List(ctx context.Context) (Listing, error)
	// EnsureUser makes sure that the customer's account exists with this password,
	// and returns the host's id of it.
	EnsureUser(ctx context.Context, u HostUser) (id string, err error)
	// FindImage finds what a desktop of a template in a size is made from.
	FindImage(ctx context.Context, template string, vcpu, ramMB int) (id string, err error)
	// Request asks for one new desktop, once.
	Request(ctx context.Context, userID, imageID string) (desktopID string, err error)
	// Resume starts a desktop that Stop turned off.
	Resume(ctx context.Context, userID, desktopID string) error
	// Stop turns a desktop off and keeps its disk; HostRefused where the host has no such thing.
	Stop(ctx context.Context, userID, desktopID string) error
	// Destroy ends a desktop and its disk.
	Destroy(ctx context.Context, userID, desktopID string) error
	// Keepalive puts off the time at which the host ends the desktop by itself.
	Keepalive(ctx context.Context, desktopID string) error
	// Link makes a fresh address of a running desktop. Earlier ones stop working.
	Link(ctx context.Context, userID, desktopID string) (Link, error)
}

// Host is one desktop host of the installation.
type Host struct {
	ID     uuid.UUID // central.kasm_servers
	Name   string
	Active bool // takes new desktops
	Driver Driver
}

// Fleet knows the desktop hosts, the preferred first.
type Fleet interface {
	Hosts(ctx context.Context) ([]Host, error)
}

// Hosts is a fleet that never changes.
type Hosts []Host

// Hosts gives the fleet itself.
func (h Hosts) Hosts(context.Context) ([]Host, error) { return h, nil }

// HostUser is a customer's account on a desktop host.
type HostUser struct {
	Username  string
	Password  string
	FirstName string
	LastName  string
}

// String hides the password.
func (u HostUser) String() string { return "host user " + u.Username }

// GoString hides the password.
func (u HostUser) GoString() string { return u.String() }

// LogValue hides the password.
func (u HostUser) LogValue() slog.Value { return slog.StringValue(u.String()) }

// Listing is every desktop of a host. CurrentTime is the host's own clock, zero
// when it does not say.
type Listing struct {
	CurrentTime time.Time
	Desktops    []Desktop
}

// Desktop is one desktop as its host tells of it.
type Desktop struct {
	ID       string
	UserID   string
	Username string
	ImageID  string
	State    string    // one of the Host… states, or a word not known yet
	Created  time.Time // on the host's clock; zero when it does not say
}

// The states of a desktop that mean something here. Any other word is neither
// running nor ended, and charges nothing.
const (
	HostRequested = "requested"
	HostStarting  = "starting"
	HostRunning   = "running"
	HostStopped   = "stopped"
	HostPaused    = "paused"
	HostDeleting  = "deleting"
)

// HostKind sorts what a host may say instead of doing what it was asked.
type HostKind string

// The kinds of a HostError.
const (
	HostNoCapacity  HostKind = "no_capacity" // no room now
	HostLimit       HostKind = "limit"       // a limit of the user or of the licence
	HostUnavailable HostKind = "unavailable" // no proper answer; the call may have had its effect
	HostNotFound    HostKind = "not_found"   // no such user, image or desktop
	HostNotReady    HostKind = "not_ready"   // the desktop does not run
	HostRefused     HostKind = "refused"     // the host will not do this, now or later
)

// HostError is what a Driver returns. Message is for the operator.
type HostError struct {
	Kind    HostKind
	Message string
	Cause   error
}

// Error is the message.
func (e *HostError) Error() string { return "desktop host: " + e.Message }

// Unwrap gives the driver's own error.
func (e *HostError) Unwrap() error { return e.Cause }

// HostKindOf gives the kind of a driver's error; an unknown one is HostUnavailable,
// which is the kind that assumes nothing.
func HostKindOf(err error) HostKind {
	var e *HostError
	if errors.As(err, &e) {
		return e.Kind
	}
	return HostUnavailable
}

// Link is the address of a running desktop. Whoever holds it is signed in as the
// customer, so it prints as a placeholder; Reveal gives it out for a redirect.
type Link string

const redacted = "[desktop link]"

// Reveal gives the true address.
func (l Link) Reveal() string { return string(l) }

// String hides the address.
func (l Link) String() string { return redacted }

// GoString hides the address.
func (l Link) GoString() string { return redacted }

// LogValue hides the address.
func (l Link) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the address in JSON and other encodings.
func (l Link) MarshalText() ([]byte, error) { return []byte(redacted), nil }
