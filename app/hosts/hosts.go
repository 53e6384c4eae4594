// Package hosts is the machines that desktops come from: Kasm servers and Docker
// engines. An operator adds one, tests it, lets it take desktops, drains it and
// retires it; a running program follows within seconds. What a host can make
// desktops from is compared with what the shops sell.
//
// How each kind is spoken to is its driver's business; the makers of drivers are
// handed in.
package hosts

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// The kinds of hosts that the installation knows, which a plan's driver names.
const (
	Kasm   = "kasm"
	Docker = "docker"
)

// The states of a host.
const (
	Active   = "active"   // takes new desktops
	Draining = "draining" // keeps what it has and takes nothing new
	Retired  = "retired"  // is asked no more
)

// Settings are what a driver is made of.
type Settings struct {
	Name, URL, Key, Secret, Auth string
	Insecure                     bool
	Options                      Options
}

// String hides the key and its secret.
func (s Settings) String() string { return "desktop host " + s.Name }

// GoString hides the key and its secret.
func (s Settings) GoString() string { return s.String() }

// LogValue hides the key and its secret.
func (s Settings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Options are what only some kinds of hosts have.
type Options struct {
	ImageTag string `json:"image_tag,omitempty"` // Docker: the tag of the images
	ShmMB    int    `json:"shm_mb,omitempty"`    // Docker: shared memory of a desktop; 0 for the driver's own
}

// Maker makes the driver of one kind of host. It does not call the host.
type Maker func(Settings) (workspaces.Driver, error)

// Tester is a driver that can look whether its host gives all that the product
// needs, without changing anything there. now is what the host's clock should say.
type Tester interface {
	Test(ctx context.Context, now time.Time) []workspaces.HostCheck
}

// Imager is a driver whose host tells what it makes desktops from.
type Imager interface {
	Images(ctx context.Context) ([]workspaces.HostImage, error)
	// CreateImage makes an image of a template in another size, from one that is there.
	CreateImage(ctx context.Context, template string, vcpu, ramMB int) (id string, err error)
}

// Host is a desktop host as the provider's tables keep it, without its secret.
type Host struct {
	ID          uuid.UUID              `db:"id"`
	Name        string                 `db:"name"`
	Kind        string                 `db:"driver"`
	URL         string                 `db:"url"`
	Key         string                 `db:"api_key"`
	Auth        string                 `db:"auth"`
	Insecure    bool                   `db:"insecure"`
	Simulator   bool                   `db:"simulator"`
	Status      string                 `db:"status"`
	Zone        string                 `db:"zone"`
	Capacity    int                    `db:"capacity"` // 0 for as many as the host itself says
	Options     Options                `db:"options"`
	Checks      []workspaces.HostCheck `db:"checks"`
	CheckedAt   *time.Time             `db:"checked_at"`
	LastOKAt    *time.Time             `db:"last_ok_at"`
	LastError   *string                `db:"last_error"`
	LastErrorAt *time.Time             `db:"last_error_at"`
	CreatedAt   time.Time              `db:"created_at"`
}

// Config is what the service is made of. All are needed.
type Config struct {
	DB     *tenants.DB
	Key    *seal.Key
	Now    func() time.Time // business time
	Wall   func() time.Time // for caches
	Log    *slog.Logger
	Makers map[string]Maker // by kind; a kind without one cannot be used
}

// Service is every use case of a desktop host, and the fleet that desktops are
// placed on. It is safe for use by many goroutines.
type Service struct {
	Config

	mu      sync.Mutex
	fleet   []workspaces.Host
	until   time.Time
	change  int // counts invalidations, so that a read that began before one is not kept
	drivers map[uuid.UUID]kept
}

// New makes the service.
func New(c Config) *Service { return &Service{Config: c, drivers: map[uuid.UUID]kept{}} }

// List gives every host, the retired last.
func (s *Service) List(ctx context.Context) (all []Host, err error) {
	return all, s.DB.CentralRead(ctx, hostsQ(&all))
}

// Get finds a host. Errors: NotFound.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (h Host, err error) {
	return h, s.DB.CentralRead(ctx, hostQ(&h, id))
}

// Named finds a host by its name. Errors: NotFound.
func (s *Service) Named(ctx context.Context, name string) (Host, error) {
	all, err := s.List(ctx)
	if err != nil {
		return Host{}, err
	}
	for _, h := range all {
		if h.Name == name {
			return h, nil
		}
	}
	return Host{}, fail.Missing("desktop host")
}

// Stray is a desktop that nobody claimed and that was destroyed on a host.
type Stray struct {
	At      time.Time `db:"at"`
	Desktop string    `db:"subject"`
	User    string    `db:"host_user"`
	State   string    `db:"state"`
}

// Strays lists the latest desktops that nobody claimed and that were destroyed on
// a host, the newest first.
func (s *Service) Strays(ctx context.Context, h Host, limit int) (list []Stray, err error) {
	return list, s.DB.CentralRead(ctx, straysQ(&list, h.Name, limit))
}
