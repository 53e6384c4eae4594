package kasm

import (
	"log/slog"
	"strings"
	"time"
)

const redacted = "[desktop link]"

// Link is the address of a running desktop. Whoever holds it is signed in as the
// desktop's user, so it prints as a placeholder everywhere; Reveal gives it out.
type Link string

// Reveal gives the true address, for the redirect of a customer who is signed in.
func (l Link) Reveal() string { return string(l) }

// String hides the address.
func (l Link) String() string {
	if l == "" {
		return ""
	}
	return redacted
}

// GoString hides the address.
func (l Link) GoString() string { return l.String() }

// LogValue hides the address.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText hides the address in JSON and other encodings.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Image is one of Kasm's workspace images. Its size cannot be changed per desktop.
type Image struct {
	ID           string
	Name         string // docker reference
	FriendlyName string
	Type         string // Container, Server, Server Pool or Link
	Enabled      bool
	Available    bool // pulled on some agent
	Hidden       bool
	Cores        float64
	MemoryBytes  int64
	GPUs         int
	ProfilePath  string // where persistent profiles are kept, "" for nowhere
}

// NewUser is what CreateUser sends.
type NewUser struct {
	Username     string
	Password     string // must satisfy Kasm's policy: upper, lower, digit, special
	FirstName    string
	LastName     string
	Organization string
}

// String hides the password.
func (u NewUser) String() string { return "new kasm user " + u.Username }

// GoString hides the password.
func (u NewUser) GoString() string { return u.String() }

// LogValue hides the password.
func (u NewUser) LogValue() slog.Value { return slog.StringValue(u.String()) }

// User is a person as Kasm knows them.
type User struct {
	ID        string
	Username  string
	FirstName string
	LastName  string
	Locked    bool
	Disabled  bool
	Created   time.Time // zero when Kasm does not say
	KasmIDs   []string  // desktops, where Kasm lists them
	Groups    []Group
}

// RequestKasm asks for one desktop.
type RequestKasm struct {
	UserID            string
	ImageID           string
	Environment       map[string]string
	EnableSharing     bool
	StartPage         string // page that browser images open, "" for none
	Language          string // such as en_US.UTF-8, "" for Kasm's own
	TimeZone          string // such as Europe/London, "" for Kasm's own
	PersistentProfile string // Enabled, Disabled, Reset or "" for the image's own
}

// Requested is the answer to Request.
type Requested struct {
	KasmID   string
	Status   string
	UserID   string
	Username string
	ShareID  string // for Join; "" unless sharing was asked for
	Link     Link   // works once the desktop runs, until the next Status call
}

// Status is the answer to the call of that name.
type Status struct {
	Operational string // requested, starting, running, stopped, paused, deleting or a word not known yet
	Message     string
	Progress    int // 0 to 100
	Link        Link
	Kasm        Kasm
}

// Kasm is one desktop. Times are zero where Kasm gives none.
type Kasm struct {
	ID             string
	UserID         string
	Username       string
	ImageID        string
	Operational    string
	StartDate      time.Time
	Created        time.Time
	KeepaliveDate  time.Time
	ExpirationDate time.Time // Kasm deletes the desktop then, unless kept alive
	InUse          bool      // a viewer is attached
	UseKnown       bool      // Kasm says whether one is
	Cores          float64
	MemoryBytes    int64
	Hostname       string        // of the agent
	ServerID       string        // of the agent
	Zone           string        // name
	ShareID        string        // for Join; "" unless sharing is on
	IdleDisconnect time.Duration // after which an idle viewer is cut off, 0 when unknown
}

// Running tells whether the desktop is proven to run. Any word but "running", the
// unknown ones too, is not running and is never billed.
func (k Kasm) Running() bool { return k.Operational == StateRunning }

// The states that Kasm is known to report.
const (
	StateRequested = "requested"
	StateStarting  = "starting"
	StateRunning   = "running"
	StateStopped   = "stopped"
	StatePaused    = "paused"
	StateDeleting  = "deleting"
)

// Listing is every desktop of the server at one moment. What it says was true at
// some moment between Sent and Received (wall time here).
type Listing struct {
	CurrentTime time.Time // the server's own clock; zero when it does not say
	Sent        time.Time
	Received    time.Time
	Kasms       []Kasm
}

// ParseID gives the one spelling of an id that the product uses: 32 lower-case hex
// digits. Kasm writes ids with and without dashes. ok is false for anything else.
func ParseID(s string) (id string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(s) != 32 {
		return "", false
	}
	s = strings.ToLower(s)
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", false
		}
	}
	return s, true
}
