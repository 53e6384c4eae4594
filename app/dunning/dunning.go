// Package dunning follows open invoices until they are paid (R23): it tries again,
// reminds, suspends and in the end terminates, each step once, on the days that the
// shop has set; and it gives back what was suspended when the money comes.
package dunning

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// Desktops is what dunning can do to a customer's desktops. A suspended customer
// starts nothing, and what runs stops at the end of its paid block.
type Desktops interface {
	SuspendCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error
	ResumeCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) error
	TerminateCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error
}

// Charger tries to collect an open invoice from the customer's saved card.
type Charger interface {
	ChargeInvoice(ctx context.Context, t tenants.Tenant, invoice uuid.UUID) (Outcome, error)
}

// Outcome is what an attempt to collect came to.
type Outcome = struct {
	Paid          bool
	NoMethod      bool   // nothing saved to charge
	NeedsCustomer bool   // the bank wants to see the customer (3-D Secure)
	Pending       bool   // the processor has not decided
	Failure       string // a sentence for people
}

// Config is what the service is made of.
type Config struct {
	DB       *tenants.DB
	Clock    clock.Clock // business time
	Desktops Desktops
	Charger  Charger
	Log      *slog.Logger
}

// Service takes the steps.
type Service struct {
	Config
}

// New makes the service.
func New(c Config) *Service { return &Service{Config: c} }
