// Package wholesale bills resellers for what their customers used (R24): the same
// blocks that made the customers' invoices, at the other rate, with the tier's
// discount, fee or commission, on the reseller's own cycle day. It shows both sides
// linked line by line, and follows what happens to a reseller that does not pay.
//
// A document is drawn up in the reseller's own schema, in one transaction with the
// note of which blocks it is about, and is given its number among the provider's
// documents afterwards. README.md says why, and what a crash in between leaves.
package wholesale

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// Shops suspends a reseller that does not pay, and resumes it when it has. Both bear
// repetition, and leave alone what was decided for another reason.
type Shops interface {
	SuspendUnpaid(ctx context.Context, tenant uuid.UUID, number string) error
	Paid(ctx context.Context, tenant uuid.UUID) error
}

// Config is what the service is made of.
type Config struct {
	DB    *tenants.DB
	Shops Shops
	Clock clock.Clock // business time
	Log   *slog.Logger
}

// Service makes and settles wholesale invoices.
type Service struct {
	Config
}

// New makes the service.
func New(c Config) *Service { return &Service{Config: c} }
