package lifecycle

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// Notice is what an announcement says, each field as far as it applies. Days are
// written as the shop reads them.
type Notice struct {
	UserID    uuid.UUID `json:"user_id"` // the owner
	Reason    string    `json:"reason,omitempty"`
	Cause     string    `json:"cause,omitempty"`  // of a suspension: operator, unpaid, trial
	Status    string    `json:"status,omitempty"` // after the end of a trial
	TrialEnds string    `json:"trial_ends,omitempty"`
	Days      int       `json:"days,omitempty"` // left of the trial
	ReleaseOn string    `json:"release_on,omitempty"`
	RemoveOn  string    `json:"remove_on,omitempty"`
}

// announce says to everybody what became of a shop. A shop without an owner, such as
// one that is being made, is told nothing, but all others hear of it.
func (s *Service) announce(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, event string, n Notice) (err error) {
	if n.UserID, err = ownerOf(ctx, tx, t); err != nil {
		return err
	}
	return bus.AppendFor(ctx, tx, t, event, n)
}

func day(t tenants.Tenant, at time.Time) string {
	zone := t.Zone
	if zone == nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2 January 2006")
}
