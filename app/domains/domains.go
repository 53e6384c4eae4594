// Package domains is the names that resellers bring: how a shop asks for one, how
// its owner is proven, what has to be true until visitors reach the shop under it,
// and what happens when it points elsewhere. A name is served once its owner is
// proven, looked at again every day, and given up when it has left for good.
package domains

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/sync/singleflight"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/tenants"
)

// What is announced about a shop's names.
const (
	EventVerified = "domain.verified" // its owner is proven: it is served, and gets a certificate
	EventLapsed   = "domain.lapsed"   // it no longer points at us
	EventReleased = "domain.released" // it was given up for that
	EventRemoved  = "domain.removed"  // the shop has it no longer, for whatever reason
)

// Bounds of what a shop may ask for, and how long things wait.
const (
	MaxDomains   = 25 // of a shop
	addsPerHour  = 30 // of a shop
	checksPerMin = 60 // of a shop, by its people

	ClaimDays = 7 // until a claim that nobody proved ends
	GraceDays = 7 // until a name that left is given up, unless the provider set otherwise
)

// Names is the domain name system.
type Names interface {
	CNAME(ctx context.Context, name string) (string, error)
	TXT(ctx context.Context, name string) ([]string, error)
	Addrs(ctx context.Context, name string) ([]netip.Addr, error)
	CAA(ctx context.Context, name string) ([]names.CAA, error)
}

// Signer answers for this installation when it looks for itself.
type Signer interface {
	Sign(text, context []byte) []byte
	Verify(text, signature, context []byte) bool
}

// Issuer obtains the certificate of a proven name; its errors are sentences.
type Issuer interface {
	Obtain(ctx context.Context, domain string) error
}

// Config is what the service is made of.
type Config struct {
	DB        *tenants.DB
	Names     Names
	Signer    Signer
	Authority *Authority  // whose certificates these are
	Clock     clock.Clock // business time: what days are counted in
	Wall      func() time.Time
	Log       *slog.Logger

	EdgeHost  string       // names point at <slug>.<EdgeHost>
	EdgeIPs   []netip.Addr // where the edge is; what EdgeHost says when empty
	HTTPPort  int          // where visitors reach the edge
	HTTPSPort int
	HTTPS     bool // we serve TLS ourselves
}

// Service decides about names. It is safe for use by many goroutines.
type Service struct {
	Config
	looks  singleflight.Group
	mu     sync.Mutex
	seen   map[string]time.Time // when a domain was last looked at from here
	asked  map[string][]time.Time
	silent time.Time // until when the name servers are not asked on our own account
}

// New makes the service.
func New(c Config) *Service {
	if c.Wall == nil {
		c.Wall = time.Now
	}
	return &Service{Config: c, seen: map[string]time.Time{}, asked: map[string][]time.Time{}}
}

// The steps on the way of a name to its visitors, in their order.
const (
	StepOwner       = "owner"       // its owner is proven
	StepAddress     = "address"     // it leads to our edge
	StepCAA         = "caa"         // no CAA record keeps our authority out
	StepHTTP        = "http"        // we reach ourselves through it
	StepCertificate = "certificate" // there is a certificate
	StepRedirect    = "redirect"    // plain visitors are led to HTTPS
	StepHSTS        = "hsts"        // browsers are told to stay there
)

// The states of a step.
const (
	Good    = "good"
	Waiting = "waiting" // something has to happen first
	Bad     = "bad"     // somebody has to mend it
	Off     = "off"     // not the business of this installation
)

// Step is one step of a name, as it was when somebody last looked.
type Step struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	State    string `json:"state"`
	Sentence string `json:"sentence"`
}

func step(name, state, sentence string) Step {
	return Step{Name: name, OK: state == Good, State: state, Sentence: sentence}
}

// Domain is a shop's name with what was last found about it.
type Domain struct {
	tenants.Domain
	Steps []Step
}

// Live says that visitors reach the shop there and everything about it is as it
// should be.
func (d Domain) Live() bool {
	for _, s := range d.Steps {
		if s.State != Good && s.State != Off {
			return false
		}
	}
	return d.VerifiedAt != nil && len(d.Steps) > 0
}

// State is how a name stands, in one word: pending, lapsed, failed (its certificate),
// active (proven and served; with HTTPS its certificate is there), or verified (the
// certificate is still being obtained).
func (d Domain) State(https bool) string {
	switch {
	case d.VerifiedAt == nil:
		return "pending"
	case d.LapsedAt != nil:
		return "lapsed"
	case !https || d.SSLStatus == "active":
		return "active"
	case d.SSLStatus == "failed":
		return "failed"
	}
	return "verified"
}

// Expires is when a claim that nobody has proven ends.
func (d Domain) Expires() time.Time { return d.CreatedAt.AddDate(0, 0, ClaimDays) }

// TXTName is where a shop's token is looked for.
func (d Domain) TXTName() string { return "_ezscale." + d.Domain.Domain }

// Apex says that the name is what was registered, which cannot be a CNAME because it
// has other records, too (RFC 1912, section 2.4).
func (d Domain) Apex() bool {
	registered, err := publicsuffix.EffectiveTLDPlusOne(d.Domain.Domain)
	return err == nil && registered == d.Domain.Domain
}

// Unicode is how people write the name, empty where that is how it is kept.
func (d Domain) Unicode() string { return Unicode(d.Domain.Domain) }

// Unicode is a name in letters of its own script, empty where it has none but ours.
func Unicode(name string) string {
	text, err := idna.Lookup.ToUnicode(name)
	if err != nil || text == name {
		return ""
	}
	return text
}

// Target is what the CNAME of a shop's name has to say.
func (s *Service) Target(t tenants.Tenant) string { return t.Slug + "." + s.EdgeHost }
