// Package lifecycle leads a reseller through its life: a trial, being a customer of
// the provider, suspended when it may not sell for now, closed in the end. It is
// the one place that suspends, resumes and closes a shop, whoever decided it: what
// follows from each change, who is told, and what happens later is decided here.
//
// A change, its entry in the audit log, its announcement and the times of what
// comes later are one transaction on the provider's tables. What has to be done in
// the shop itself is done by whoever hears the announcement, and bears repetition.
package lifecycle

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// The ends of a closed shop, in days after its closing.
const (
	ReleaseDays = 30 // until its names are given up
	RemoveDays  = 90 // until its data is removed
	warnDays    = 7  // before that its owner is told once more

	patienceDays = 30 // that the removal waits at most for what is not settled
)

// What is announced about a reseller.
const (
	EventTrialEnding = "reseller.trial_ending"
	EventTrialEnded  = "reseller.trial_ended"
	EventTrialSet    = "reseller.trial_set"
	EventSuspended   = "reseller.suspended"
	EventResumed     = "reseller.resumed"
	EventClosing     = "reseller.closing" // it is closed; its names and data are still there
	EventReleased    = "reseller.released"
	EventRemoval     = "reseller.removal_near"
)

// Desktops are the shop's machines.
type Desktops interface {
	// DestroyAll destroys every desktop of a shop; repeated it does the rest.
	DestroyAll(ctx context.Context, t tenants.Tenant, by string) error
}

// Files are a shop's pictures.
type Files interface {
	// DeleteAll removes everything a shop has; repeated it changes nothing.
	DeleteAll(ctx context.Context, tenant uuid.UUID) error
}

// Config is what the service is made of. Files is needed where shops are removed.
type Config struct {
	DB       *tenants.DB
	Files    Files
	Clock    clock.Clock // business time
	Desktops Desktops
	Log      *slog.Logger
}

// Service changes what resellers are.
type Service struct {
	Config
}

// New makes the service.
func New(c Config) *Service { return &Service{Config: c} }

// Decision is who decided something about a shop, and why.
type Decision struct {
	Actor  string // as the audit log shows it
	Reason string // a sentence for the owner
}

// Dates are when a closed shop's names and data go; the zero Dates of a shop that
// is not closed.
type Dates struct{ Release, Remove time.Time }

// DatesOf are the dates of a shop.
func DatesOf(t tenants.Tenant) Dates {
	if t.ClosedAt == nil {
		return Dates{}
	}
	return datesFrom(*t.ClosedAt)
}

func datesFrom(closed time.Time) Dates {
	return Dates{Release: closed.AddDate(0, 0, ReleaseDays), Remove: closed.AddDate(0, 0, RemoveDays)}
}
