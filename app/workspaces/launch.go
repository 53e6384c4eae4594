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

// Launch makes a fresh link to a running desktop, or says that it is reached
// through our own web server. Errors: NotFound, Conflict while it does not run,
// Unavailable when the host does not answer.
func (s *Service) Launch(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) (Launched, error) {
	row, err := s.running(ctx, t, id, func(w Workspace) bool { return who.Staff || w.UserID == who.UserID })
	if err != nil {
		return Launched{}, err
	}
	host, err := s.hostOf(ctx, row)
	if err != nil {
		return Launched{}, unreached(err)
	}
	if _, proxied := host.Driver.(Doorman); proxied {
		return Launched{Proxied: true}, nil
	}
	link, err := host.Driver.Link(ctx, *row.HostUserID, *row.DesktopID)
	if err != nil {
		return Launched{}, unreached(err)
	}
	return Launched{Link: link}, nil
}

// Upstream tells the proxy where a workspace's desktop listens, whoever's it is:
// the proxy has made sure of that. Errors: NotFound, Conflict while it does not
// run, Unavailable when the host does not answer or needs no proxy.
func (s *Service) Upstream(ctx context.Context, t tenants.Tenant, id uuid.UUID) (Upstream, Workspace, error) {
	row, err := s.running(ctx, t, id, func(Workspace) bool { return true })
	if err != nil {
		return Upstream{}, Workspace{}, err
	}
	host, err := s.hostOf(ctx, row)
	if err != nil {
		return Upstream{}, Workspace{}, unreached(err)
	}
	doorman, ok := host.Driver.(Doorman)
	if !ok {
		return Upstream{}, Workspace{}, fail.New(fail.Unavailable, "This desktop is reached by a link of its own; open it from its page.")
	}
	u, err := doorman.Upstream(ctx, *row.HostUserID, *row.DesktopID)
	if err != nil {
		return Upstream{}, Workspace{}, unreached(err)
	}
	u.Downloads = row.AllowDownload
	return u, row.Workspace, nil
}

// running reads a desktop that runs and may be seen. Errors: NotFound, Conflict.
func (s *Service) running(ctx context.Context, t tenants.Tenant, id uuid.UUID, may func(Workspace) bool) (row liveRow, err error) {
	var found bool
	if err := s.DB.Read(ctx, t, byIDQ(&row, &found, id)); err != nil {
		return row, err
	}
	switch {
	case !found || !may(row.Workspace):
		return row, fail.Missing("workspace")
	case row.Status != Running || row.DesktopID == nil || row.HostUserID == nil:
		return row, fail.New(fail.Conflict, "This workspace is not running; start it first.")
	}
	return row, nil
}

// unreached is what a customer is told when a host does not lead to the desktop.
func unreached(err error) error {
	switch HostKindOf(err) {
	case HostNotReady, HostNotFound:
		return fail.Wrap(err, fail.Conflict, "This desktop is not ready; try again in a moment.")
	}
	return fail.Wrap(err, fail.Unavailable, "The desktop host does not answer; try again in a moment.")
}

// gaugeFor is how long somebody may wait for a desktop's gauges.
const gaugeFor = time.Second

// Gauge tells what a running workspace uses, as far as its host tells in time.
func (s *Service) Gauge(ctx context.Context, _ tenants.Tenant, w Workspace) Gauge {
	if w.Status != Running || w.DesktopID == nil || w.HostUserID == nil || s.Fleet == nil {
		return Gauge{}
	}
	ctx, cancel := context.WithTimeout(ctx, gaugeFor)
	defer cancel()
	told := make(chan Gauge, 1)
	go func() { told <- s.gauge(ctx, w) }()
	select {
	case g := <-told:
		return g
	case <-ctx.Done(): // whether the host heeds that or not
		return Gauge{}
	}
}

func (s *Service) gauge(ctx context.Context, w Workspace) Gauge {
	host, err := s.hostOf(ctx, liveRow{Workspace: w})
	if err != nil {
		return Gauge{}
	}
	gauger, ok := host.Driver.(Gauger)
	if !ok {
		return Gauge{}
	}
	g, err := gauger.Gauge(ctx, *w.HostUserID, *w.DesktopID)
	if err != nil {
		return Gauge{}
	}
	return g
}
