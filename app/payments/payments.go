// Package payments brings money in and gives it back: saved cards, hosted
// checkouts, charges without the customer present, automatic top-ups, refunds and
// disputes, each shop with its own account at Stripe. It decides when the processor
// is asked and what its answer means; what is owed and what is booked, billing and
// the ledger decide.
//
// A call to the processor carries a key made of what it pays, and an announcement of
// the processor is a hint: the thing it is about is fetched and applied if it is
// newer than what is known (R22).
package payments

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// Keys are a shop's at Stripe. Without a secret key the shop takes no cards.
type Keys struct {
	Secret  string
	Webhook string
}

// Sealer keeps keys unreadable in the database.
type Sealer interface {
	Seal(plain, context []byte) []byte
	Open(sealed, context []byte) ([]byte, error)
}

// Config is what the service is made of. House and APIBase may be empty.
type Config struct {
	DB      *tenants.DB
	Clock   clock.Clock      // business time
	Wall    func() time.Time // for the processor's clock
	Ledger  *ledger.Service
	Billing *billing.Service
	Sealer  Sealer
	House   Keys                                       // the provider's own, also for wholesale invoices
	APIBase string                                     // where Stripe is, when it is not where it always is
	Links   func(t tenants.Tenant, path string) string // a whole address on the shop's best host
	Log     *slog.Logger

	// Collected books a wholesale invoice that came in, under the processor's name of
	// the payment; repeated by the same name it changes nothing.
	Collected func(ctx context.Context, invoice uuid.UUID, reference string) error
}

// Service takes and returns money for all shops.
type Service struct {
	Config
	transport http.RoundTripper
}

// New makes the service.
func New(c Config) *Service {
	return &Service{Config: c, transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute}}
}
