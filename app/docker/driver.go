// Package docker makes one machine with a Docker engine a desktop host: every
// desktop is a container of a kasmweb/* image (or any that serves KasmVNC on port
// 6901), with the plan's limits, a volume of its own for the home folder and no way
// to reach another desktop. Nothing is written down beside the engine: what a
// desktop is and whose stands in its container's labels. README.md tells what
// survives what, and what is not enforced.
package docker

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Config says which engine, and how desktops are made there.
type Config struct {
	URL          string   // unix:///var/run/docker.sock when empty; only engines of this machine
	Tag          string   // for templates that name none, such as 1.16.0; latest when empty
	ShmMB        int      // shared memory of a desktop; browsers need 512, which is the default
	Network      string   // the bridge that the driver makes; ezscale when empty
	Capabilities []string // kept for images that start as root, such as CHOWN; kasmweb's need none

	CPUOvercommit    float64 // CPUs that may be promised for each there is; 2 when zero
	MemoryOvercommit float64 // the same for memory; 1 when zero

	Now func() time.Time // wall time; time.Now when nil
	Log *slog.Logger     // slog.Default when nil
}

// Driver is one Docker engine. It is safe for concurrent use.
type Driver struct {
	config Config
	engine *client.Client
	now    func() time.Time
	log    *slog.Logger

	netMu sync.Mutex
	netID string // of the network, once it was seen to be right

	pulls   pulls
	known   known
	samples samples
	slots   chan struct{} // bounds the questions to desktops that go on at once
	swept   sync.Once
}

// The driver does all that the port knows of.
var (
	_ workspaces.Driver   = (*Driver)(nil)
	_ workspaces.Gauger   = (*Driver)(nil)
	_ workspaces.Preparer = (*Driver)(nil)
	_ workspaces.Doorman  = (*Driver)(nil)
)

const (
	defaultURL     = "unix:///var/run/docker.sock"
	defaultNetwork = "ezscale"
	defaultShmMB   = 512
	questions      = 8 // asked of desktops at once
)

// New makes a driver of an engine. It does not call it yet.
func New(c Config) (*Driver, error) {
	c = withDefaults(c)
	if err := ours(c.URL); err != nil {
		return nil, err
	}
	if slices.Contains([]string{"host", "none", "bridge", "default"}, c.Network) {
		return nil, fmt.Errorf("docker: desktops need a bridge network of their own, not %q", c.Network)
	}
	engine, err := client.New(client.WithHost(c.URL), client.WithUserAgent("ezscale"), client.WithHTTPResponseHook(noteDate))
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	return &Driver{config: c, engine: engine, now: c.Now, log: c.Log, slots: make(chan struct{}, questions),
		pulls: pulls{running: map[string]*pull{}}, known: known{desks: map[string]*desk{}}, samples: samples{last: map[string]sample{}}}, nil
}

func withDefaults(c Config) Config {
	if c.URL == "" {
		c.URL = defaultURL
	}
	if c.Tag == "" {
		c.Tag = "latest"
	}
	if c.ShmMB <= 0 {
		c.ShmMB = defaultShmMB
	}
	if c.Network == "" {
		c.Network = defaultNetwork
	}
	if c.CPUOvercommit <= 0 {
		c.CPUOvercommit = 2
	}
	if c.MemoryOvercommit <= 0 {
		c.MemoryOvercommit = 1
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// ours refuses engines of other machines: a desktop listens on the engine's own
// loopback, where only a program beside it gets.
func ours(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("docker: the engine's address %q: %w", address, err)
	}
	switch {
	case u.Scheme == "unix":
		return nil
	case (u.Scheme == "tcp" || u.Scheme == "http") && slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname()):
		return nil
	}
	return fmt.Errorf("docker: the engine has to be on this machine (unix:///… or tcp://127.0.0.1:…), not %q", address)
}

// EnsureUser gives the account's id. There are no accounts in an engine: each desktop
// gets a password of its own when it is made.
func (d *Driver) EnsureUser(ctx context.Context, u workspaces.HostUser) (string, error) {
	if u.Username == "" || u.Password == "" {
		return "", refusal("a customer's account needs a name and a password")
	}
	if err := ctx.Err(); err != nil {
		return "", hostError(err)
	}
	return userID(u.Username), nil
}

// Keeps: a stopped container keeps all that was written in it.
func (d *Driver) Keeps(context.Context) (workspaces.Keeping, error) {
	return workspaces.KeepsDisk, nil
}

// Link: a desktop is reached through the Doorman's upstream alone.
func (d *Driver) Link(context.Context, string, string) (workspaces.Link, error) {
	return "", refusal("a container has no address for browsers; it is reached through the shop's own web server")
}

type dateKey struct{}

// noteDate remembers the engine's own clock, which stands in the head of every answer.
func noteDate(r *http.Response) {
	if at, wanted := r.Request.Context().Value(dateKey{}).(*time.Time); wanted {
		if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
			*at = date.UTC()
		}
	}
}
