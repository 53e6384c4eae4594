package hosts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	// channel is where every change of a host is announced.
	channel = "ezscale_hosts"
	// believedFor is how long the list of hosts is believed before it is read again,
	// should an announcement be missed.
	believedFor = 5 * time.Second
)

// kept is a driver and the settings it was made with.
type kept struct {
	settings row
	driver   workspaces.Driver
}

// Hosts gives the hosts that are in use, those that take new desktops first. One
// that cannot be spoken to, for want of the right secret key for example, stays
// in the list, takes nothing new and says why at every call.
func (s *Service) Hosts(ctx context.Context) ([]workspaces.Host, error) {
	s.mu.Lock()
	fleet, fresh, began := s.fleet, s.Wall().Before(s.until), s.change
	s.mu.Unlock()
	if fresh {
		return fleet, nil
	}
	var rows []row
	if err := s.DB.CentralRead(ctx, fleetQ(&rows)); err != nil {
		return nil, fmt.Errorf("read the desktop hosts: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fleet = make([]workspaces.Host, 0, len(rows))
	used := map[uuid.UUID]kept{}
	for _, r := range rows {
		host, driver := s.host(r)
		fleet, used[r.ID] = append(fleet, host), driver
	}
	if s.change == began {
		s.fleet, s.until, s.drivers = fleet, s.Wall().Add(believedFor), used
	}
	return fleet, nil
}

// host makes a row a host, with the driver it had if that still serves.
func (s *Service) host(r row) (workspaces.Host, kept) {
	k, known := s.drivers[r.ID]
	if !known || !k.settings.same(r) {
		k = kept{settings: r}
		var err error
		if k.driver, err = s.drive(r); err != nil {
			k.driver = broken{err}
			s.Log.Error("a desktop host cannot be used", "host", r.Name, "error", err)
		}
	}
	_, unusable := k.driver.(broken)
	return workspaces.Host{ID: r.ID, Name: r.Name, Kind: r.Kind, Zone: r.Zone, Capacity: r.Capacity, Active: r.Status == Active && !unusable, Driver: k.driver}, k
}

func (s *Service) drive(r row) (workspaces.Driver, error) {
	maker, known := s.Makers[r.Kind]
	if !known {
		return nil, fmt.Errorf("this program has no driver for hosts of the kind %q", r.Kind)
	}
	secret, err := s.Key.Open(r.Secret, secretContext())
	if err != nil {
		return nil, fmt.Errorf("open the secret of the desktop host %s: %w", r.Name, err)
	}
	return maker(Settings{Name: r.Name, URL: r.URL, Key: r.Key, Secret: string(secret), Auth: r.Auth, Insecure: r.Insecure, Options: r.Options})
}

func secretContext() []byte { return seal.Context(uuid.Nil, seal.KasmAPISecret) }

// forget makes the next question about the hosts read them again.
func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until, s.change = time.Time{}, s.change+1
}

// driverOf gives the driver of a host, a retired one's too.
func (s *Service) driverOf(ctx context.Context, id uuid.UUID) (row, workspaces.Driver, error) {
	var r row
	if err := s.DB.CentralRead(ctx, rowQ(&r, id)); err != nil {
		return r, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, k := s.host(r)
	s.drivers[id] = k
	return r, k.driver, nil
}

// broken stands for a host that cannot be spoken to.
type broken struct{ cause error }

func (b broken) fault() error {
	return &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: b.cause.Error(), Cause: errors.Unwrap(b.cause)}
}

// List fails.
func (b broken) List(context.Context) (workspaces.Listing, error) {
	return workspaces.Listing{}, b.fault()
}

// EnsureUser fails.
func (b broken) EnsureUser(context.Context, workspaces.HostUser) (string, error) {
	return "", b.fault()
}

// FindImage fails.
func (b broken) FindImage(context.Context, string, int, int) (string, error) { return "", b.fault() }

// Request fails.
func (b broken) Request(context.Context, workspaces.Wish) (string, error) { return "", b.fault() }

// Resume fails.
func (b broken) Resume(context.Context, string, string) error { return b.fault() }

// Stop fails.
func (b broken) Stop(context.Context, string, string) error { return b.fault() }

// Destroy fails.
func (b broken) Destroy(context.Context, string, string) error { return b.fault() }

// Keepalive fails.
func (b broken) Keepalive(context.Context, string) error { return b.fault() }

// Link fails.
func (b broken) Link(context.Context, string, string) (workspaces.Link, error) { return "", b.fault() }

// Room fails.
func (b broken) Room(context.Context) (workspaces.Room, error) { return workspaces.Room{}, b.fault() }

// Keeps fails.
func (b broken) Keeps(context.Context) (workspaces.Keeping, error) { return "", b.fault() }
