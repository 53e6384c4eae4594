package workspaces

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Driver is one desktop host. Every error it returns is a *HostError. Ids are in
// one spelling, always the same. What only some hosts can do stands in interfaces
// of its own: Gauger, Preparer, Doorman.
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
	Request(ctx context.Context, w Wish) (desktopID string, err error)
	// Resume starts a desktop that Stop turned off.
	Resume(ctx context.Context, userID, desktopID string) error
	// Stop turns a desktop off and keeps its disk; HostRefused where the host has no such thing.
	Stop(ctx context.Context, userID, desktopID string) error
	// Destroy ends a desktop and its disk; what the host keeps of a customer's
	// profile stays.
	Destroy(ctx context.Context, userID, desktopID string) error
	// Keepalive puts off the time at which the host ends the desktop by itself.
	Keepalive(ctx context.Context, desktopID string) error
	// Link makes a fresh address of a running desktop; earlier ones may stop
	// working. A Doorman's desktops have none of their own: HostRefused.
	Link(ctx context.Context, userID, desktopID string) (Link, error)
	// Room tells what there is room for now. A host that does not tell, or may not,
	// has an unknown room, which is no error.
	Room(ctx context.Context) (Room, error)
	// Keeps tells what of a desktop outlives a stop.
	Keeps(ctx context.Context) (Keeping, error)
}

// Wish is a desktop that is to be made.
type Wish struct {
	UserID  string   // what EnsureUser returned
	User    HostUser // the same account, with its password
	ImageID string   // what FindImage returned
	VCPU    int
	RAMMB   int
	Labels  Labels
	Rights  Rights
}

// Labels say whose a desktop is and which intent it answers to. A host that can
// remember them tells them again in its list.
type Labels struct {
	Tenant    string // slug
	Workspace uuid.UUID
	Run       int
}

// Intent names one start of one workspace: the same for every attempt at it.
func (l Labels) Intent() string { return l.Workspace.String() + "." + strconv.Itoa(l.Run) }

// Rights is what a plan allows on its desktops. Group names the plan on hosts that
// keep rights by group, such as "ez.acme.developer_basic".
type Rights struct {
	Group      string
	Clipboard  bool
	Upload     bool
	Download   bool
	MaxSession time.Duration // the host's own hard limit of a run; 0 for none
}

// Restrict tells that something is not allowed.
func (r Rights) Restrict() bool {
	return !r.Clipboard || !r.Upload || !r.Download || r.MaxSession > 0
}

// Room is what a host has room for. The zero value knows nothing and fits all.
type Room struct {
	Known  bool
	Free   int     // desktops that may still be started; -1 when only the machines limit it
	Spaces []Space // machine by machine; nil when the host does not tell
}

// Space is what one machine of a host has left.
type Space struct {
	MilliCPU int64
	RAMMB    int64
}

// Fits tells whether one more desktop of this size can start.
func (r Room) Fits(vcpu, ramMB int) bool {
	if !r.Known {
		return true
	}
	if r.Free == 0 {
		return false
	}
	fits := r.Spaces == nil
	for _, s := range r.Spaces {
		fits = fits || s.MilliCPU >= int64(vcpu)*1000 && s.RAMMB >= int64(ramMB)
	}
	return fits
}

// Keeping is what of a desktop outlives a stop.
type Keeping string

// The ways of keeping.
const (
	KeepsDisk    Keeping = "disk"    // everything but the running programs
	KeepsProfile Keeping = "profile" // the home folder; programs installed elsewhere are gone
	KeepsNothing Keeping = "nothing"
)

// Gauge is what a running desktop uses. Nil is not known.
type Gauge struct {
	CPUPercent *float64 // of one CPU, so four busy CPUs are 400
	RAMMB      *int64
}

// Gauger is a Driver that can tell what a desktop uses.
type Gauger interface {
	Gauge(ctx context.Context, userID, desktopID string) (Gauge, error)
}

// Progress is how far a host is with something that a start waits for, such as
// the download of an image.
type Progress struct {
	Percent  int    // 0 to 100; -1 when the host does not tell
	Sentence string // "Downloading the desktop's image: 43 % of 1.2 GB."
}

// Preparer is a Driver whose images may have to be fetched first. A Request for
// one that is being fetched is HostPreparing; it is asked again until it is there.
type Preparer interface {
	// Prepare begins to fetch an image in the background; nothing when it is there
	// or being fetched already.
	Prepare(ctx context.Context, imageID string) error
	// Preparing tells how far the fetching of an image is; false when none goes on.
	Preparing(imageID string) (Progress, bool)
}

// Doorman is a Driver whose desktops are reached through our own web server.
type Doorman interface {
	// Upstream tells where a running desktop listens. Errors: HostNotReady, HostNotFound.
	Upstream(ctx context.Context, userID, desktopID string) (Upstream, error)
}

// Upstream is where a desktop's own web server listens, and how to sign in there.
// It is for the proxy alone.
type Upstream struct {
	URL         string // such as https://127.0.0.1:32771
	Username    string
	Password    string
	Certificate [32]byte // SHA-256 of the one certificate (DER) that is believed; zero with plain http
	Downloads   bool     // the plan lets files out of the desktop; not the driver's to say
}

// String hides the password.
func (u Upstream) String() string { return "desktop at " + u.URL }

// GoString hides the password.
func (u Upstream) GoString() string { return u.String() }

// LogValue hides the password.
func (u Upstream) LogValue() slog.Value { return slog.StringValue(u.String()) }

// Host is one desktop host of the installation.
type Host struct {
	ID       uuid.UUID // central.kasm_servers
	Name     string
	Kind     string // kasm or docker; a plan's driver names it
	Zone     string // the operator's word for where it stands
	Active   bool   // takes new desktops
	Capacity int    // desktops at once by the operator's word; 0 for as many as the host says
	Driver   Driver
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
	Intent   string    // Labels.Intent of its request; "" when the host does not remember
	Use      Use       // whether somebody looks at it
}

// answersTo tells whether the desktop may be the one of an intent, as far as its host
// remembers.
func (d Desktop) answersTo(intent string) bool { return d.Intent == "" || d.Intent == intent }

// Use tells whether somebody is connected to a desktop.
type Use int

// What a host may know about the use of a desktop.
const (
	UseUnknown Use = iota // the host does not say
	Unused
	InUse
)

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
	HostPreparing   HostKind = "preparing"   // it fetches what the desktop is made from; ask again
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
