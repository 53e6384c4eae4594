package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Launched is how a running desktop is reached: by a link of its host's, or through
// our own web server at /desktop/<workspace id>/.
type Launched struct {
	Link    Link
	Proxied bool
}

// Launch makes a fresh link to a running desktop. Errors: NotFound, Conflict while
// it does not run, Unavailable when the host does not answer.
func (s *Service) Launch(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) (Launched, error) {
	var row liveRow
	var found bool
	if err := s.DB.Read(ctx, t, byIDQ(&row, &found, id)); err != nil {
		return Launched{}, err
	}
	switch {
	case !found || !who.Staff && row.UserID != who.UserID:
		return Launched{}, fail.Missing("workspace")
	case row.Status != Running || row.DesktopID == nil:
		return Launched{}, fail.New(fail.Conflict, "This workspace is not running; start it first.")
	}
	host, err := s.hostOf(ctx, row)
	if err == nil {
		var link Link
		if link, err = host.Driver.Link(ctx, *row.HostUserID, *row.DesktopID); err == nil {
			return Launched{Link: link}, nil
		}
	}
	switch HostKindOf(err) {
	case HostNotReady, HostNotFound:
		return Launched{}, fail.Wrap(err, fail.Conflict, "This desktop is not ready; try again in a moment.")
	}
	return Launched{}, fail.Wrap(err, fail.Unavailable, "The desktop host does not answer; try again in a moment.")
}

// Upstream tells the proxy where a workspace's desktop listens. Errors: NotFound,
// Conflict while it does not run, Unavailable.
func (s *Service) Upstream(ctx context.Context, t tenants.Tenant, id uuid.UUID) (u Upstream, w Workspace, err error) {
	return u, w, fail.New(fail.Unavailable, "not yet")
}

// gaugeFor is how long somebody may wait for a desktop's gauges.
const gaugeFor = time.Second

// Gauge tells what a running workspace uses, as far as its host tells in time.
func (s *Service) Gauge(ctx context.Context, t tenants.Tenant, w Workspace) Gauge { return Gauge{} }
