package kasm

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// serversFor is how long the list of servers is believed before it is read again.
const serversFor = 15 * time.Second

// Fleet is the Kasm servers of the installation as the provider's tables list
// them, each with a client that lives as long as its settings do.
type Fleet struct {
	db   *tenants.DB
	key  *seal.Key
	wall func() time.Time

	mu      sync.Mutex
	hosts   []workspaces.Host
	until   time.Time
	drivers map[uuid.UUID]kept
}

// kept is a driver and the settings it was made with.
type kept struct {
	settings serverRow
	driver   *Driver
}

// NewFleet makes the fleet. wall is real time.
func NewFleet(db *tenants.DB, key *seal.Key, wall func() time.Time) *Fleet {
	return &Fleet{db: db, key: key, wall: wall, drivers: map[uuid.UUID]kept{}}
}

// Hosts gives the servers, those that take new desktops first.
func (f *Fleet) Hosts(ctx context.Context) ([]workspaces.Host, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wall().Before(f.until) {
		return f.hosts, nil
	}
	var rows []serverRow
	if err := f.db.CentralRead(ctx, serversQ(&rows)); err != nil {
		return nil, fmt.Errorf("read the desktop hosts: %w", err)
	}
	hosts := make([]workspaces.Host, 0, len(rows))
	for _, row := range rows {
		driver, err := f.driverOf(row)
		if err != nil {
			return nil, fmt.Errorf("desktop host %s: %w", row.Name, err)
		}
		hosts = append(hosts, workspaces.Host{ID: row.ID, Name: row.Name, Kind: "kasm", Active: row.Status == "active", Driver: driver})
	}
	f.hosts, f.until = hosts, f.wall().Add(serversFor)
	return hosts, nil
}

func (f *Fleet) driverOf(row serverRow) (*Driver, error) {
	if k, ok := f.drivers[row.ID]; ok && k.settings.same(row) {
		return k.driver, nil
	}
	secret, err := f.key.Open(row.Secret, seal.Context(uuid.Nil, seal.KasmAPISecret))
	if err != nil {
		return nil, fmt.Errorf("open the API secret: %w", err)
	}
	client, err := New(Config{URL: row.URL, Key: row.Key, Secret: string(secret), Auth: row.Auth, Insecure: row.Insecure})
	if err != nil {
		return nil, err
	}
	driver := NewDriver(client, f.wall)
	f.drivers[row.ID] = kept{row, driver}
	return driver, nil
}

// ServerConfig names a Kasm server in plain words.
type ServerConfig struct {
	Name, URL, Key, Secret, Auth string
	Insecure, Simulator          bool
}

// EnsureServer writes a server of the environment into the provider's tables, or
// brings what stands there up to date.
func EnsureServer(ctx context.Context, db *tenants.DB, key *seal.Key, c ServerConfig) error {
	_, err := workspaces.EnsureServer(ctx, db, workspaces.ServerSpec{Name: c.Name, URL: c.URL, Key: c.Key, Auth: c.Auth,
		Secret: key.Seal([]byte(c.Secret), seal.Context(uuid.Nil, seal.KasmAPISecret)), Insecure: c.Insecure, Simulator: c.Simulator})
	return err
}
