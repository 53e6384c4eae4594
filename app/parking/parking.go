// Package parking takes customers out of traffic whose figures pass a bound that
// nobody passes by living as usual: too many blocks in a day, an invoice far over
// the usual, too many top-ups in an hour. A parked customer is charged nothing and
// starts nothing until a person has looked at the numbers and released them.
package parking

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// Desktops stops what a parked customer runs at the end of its paid block.
type Desktops interface {
	SuspendCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error
	ResumeCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) error
}

// Config is what the service is made of.
type Config struct {
	DB       *tenants.DB
	Clock    clock.Clock // business time
	Desktops Desktops
	Log      *slog.Logger
}

// Service watches the bounds.
type Service struct {
	Config
}

// New makes the service.
func New(c Config) *Service { return &Service{Config: c} }
