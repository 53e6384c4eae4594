// Package webhooks tells a reseller's own systems what happens in the shop. The owner
// names endpoints and chooses events; every event becomes one message to each endpoint
// that wants it, signed as standardwebhooks.com says, and is tried again under the same
// id until the endpoint takes it or three days have passed. An endpoint that takes
// nothing for days is switched off and its owners are written to.
//
// An endpoint may be anywhere, so nothing of ours is reachable through one: only public
// addresses are called, whatever a name resolves to at that moment, and no answer leads
// on. README.md says what receivers rely on.
package webhooks

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// The bounds of a shop.
const (
	MaxEndpoints   = 10
	maxTestsAnHour = 20
	keepDays       = 30 // of deliveries that ended
	offAfter       = 5 * 24 * time.Hour
	overlap        = 24 * time.Hour // in which the secret before a new one signs, too
	answerWithin   = 10 * time.Second
	secretBytes    = 32
	triesBeforeOff = 4 // of the message that ends an endpoint which has failed for days
	longestText    = 80
	longestURL     = 500
	purpose        = "webhook-secret"
	secretPrefix   = "whsec_"
	messagePrefix  = "msg_"
	TestEvent      = "webhook.test"
)

// EventSwitchedOff is announced to each owner when an endpoint was given up.
const EventSwitchedOff = "webhook.switched_off"

// Status is what an endpoint is.
type Status string

// An endpoint gets messages, or its owner has paused it, or it was switched off because
// it took nothing.
const (
	Active  Status = "active"
	Paused  Status = "paused"
	Failing Status = "failing"
)

// Endpoint is an address of a reseller's own system.
type Endpoint struct {
	ID           uuid.UUID
	URL          string
	Description  string
	Events       []string // public names
	OldUntil     *time.Time
	Status       Status
	FailingSince *time.Time // since when it has taken nothing
	LastMs       int        // how long it took the last time
	CreatedAt    time.Time
	ChangedAt    time.Time
}

// sealed is an endpoint with its secrets, which are never shown again.
type sealed struct {
	Endpoint
	Secret    []byte
	OldSecret []byte
}

// State of a delivery.
type State string

// A message waits for its next try, was taken, or was given up.
const (
	Waiting State = "waiting"
	Sent    State = "sent"
	Failed  State = "failed"
)

// Delivery is one message to one endpoint, and what came of the last try.
type Delivery struct {
	ID         uuid.UUID
	EndpointID uuid.UUID
	Event      string
	Body       string
	Status     State
	Tries      int
	MadeAt     time.Time
	NextAt     *time.Time // of a waiting one
	TriedAt    *time.Time
	Answer     *int // HTTP status; nil when nobody answered
	TookMs     *int
	Said       string // the answer's first words, or why there was none
}

// MessageID is the webhook-id that receivers tell repetitions by.
func (d Delivery) MessageID() string { return MessageIDOf(d.ID) }

// MessageIDOf is the webhook-id of a delivery.
func MessageIDOf(id uuid.UUID) string { return messagePrefix + id.String() }

// Sealer keeps secrets.
type Sealer interface {
	Seal(plain, context []byte) []byte
	Open(sealed, context []byte) ([]byte, error)
}

// Config is what the service is made of.
type Config struct {
	DB     *tenants.DB
	Sealer Sealer
	Clock  clock.Clock      // business time
	Wall   func() time.Time // for signatures and leases
	Log    *slog.Logger
	// Loopback lets endpoints be on this machine and without TLS. It is for an
	// installation that listens to this machine only, such as the demonstration.
	Loopback bool
	Roots    *x509.CertPool // nil for the machine's
}

// Service keeps endpoints and sends to them.
type Service struct {
	Config
	client *http.Client
}

// New makes the service.
func New(c Config) *Service {
	s := &Service{Config: c}
	s.client = s.newClient()
	return s
}
