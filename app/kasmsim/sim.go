// Package kasmsim is a Kasm Workspaces server to try the product against: it
// speaks Kasm's developer API, starts desktops that are only rows, and keeps its
// own record of what truly ran. Bills are checked against that record, so it is
// made from the simulator's transitions alone and shares no code with the product.
//
// README.md tells outsiders how to use it.
package kasmsim

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// Options are all optional.
type Options struct {
	Dir        string           // where state and record are kept; "" keeps them in memory only
	Clock      func() time.Time // wall time; time.Now when nil
	Log        *slog.Logger     // silent when nil
	Images     []Image          // DefaultImages when nil
	Key        string           // API key; when it or Secret is empty both are made up (and kept in Dir)
	Secret     string
	StartDelay time.Duration // request to running; 0 keeps what was set before (3 s at first), negative is none
	StopDelay  time.Duration // destroy to gone; 0 keeps what was set before (1 s at first), negative is none

	// Set holds further settings by the names that /sim/settings knows.
	Set map[string]any
	// Permissions are what the key may do, by Kasm's names such as "Users View".
	// Nil keeps what was set before (everything at first).
	Permissions []string
}

// Sim is one simulated server. It is safe for use by many goroutines.
type Sim struct {
	wall   func() time.Time
	log    *slog.Logger
	images []Image
	key    string
	secret string

	mu       sync.Mutex
	clock    simClock
	lastWall time.Time
	settings Settings
	users    map[string]*user
	names    map[string]string // lower-case username → user id
	desktops map[string]*desktop
	groups   map[string]*group
	keys     map[string]*apiKey // by the key itself
	runs     []Run
	soonest  due // nothing happens by itself before this
	change   change
	journal  *os.File
	broken   bool // the journal could not be written
}

// New makes a simulator and takes up what an earlier one left in o.Dir, desktops
// included: for them no time was lost, since the simulator's clock ran on.
func New(o Options) (*Sim, error) {
	s := &Sim{
		wall: o.Clock, log: o.Log, images: o.Images, key: o.Key, secret: o.Secret,
		settings: defaultSettings(),
		users:    map[string]*user{}, names: map[string]string{}, desktops: map[string]*desktop{},
		groups: systemGroups(), keys: map[string]*apiKey{},
	}
	if s.wall == nil {
		s.wall = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.images == nil {
		s.images = DefaultImages()
	}
	s.images = slices.Clone(s.images) // they can be changed
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("kasmsim: %w", err)
	}
	if err := s.takeKey(o.Dir); err != nil {
		return nil, err
	}
	if o.Dir != "" {
		if err := s.open(o.Dir); err != nil {
			return nil, err
		}
	}
	s.begin(o)
	if err := errors.Join(s.arrange(o), s.flush()); err != nil {
		if s.journal != nil {
			s.journal.Close()
		}
		return nil, err
	}
	return s, nil
}

// begin completes what the journal did not hold.
func (s *Sim) begin(o Options) {
	s.lastWall = grained(s.wall())
	if s.clock.Base.IsZero() {
		s.clock = simClock{Base: s.lastWall, Wall: s.lastWall, Rate: 1}
		s.change.Clock = true
	}
	if o.StartDelay != 0 {
		s.settings.StartDelayMS = max(o.StartDelay, 0).Milliseconds()
		s.change.Settings = true
	}
	if o.StopDelay != 0 {
		s.settings.StopDelayMS = max(o.StopDelay, 0).Milliseconds()
		s.change.Settings = true
	}
	for _, d := range s.desktops {
		s.expect(d)
	}
}

// Check tells what is wrong with what the options set by name, in words for whoever
// gave them. New checks as well.
func (o Options) Check() error {
	if unknown := unknownPermissions(o.Permissions); len(unknown) > 0 {
		return fmt.Errorf("there is no permission %q; there are %q", unknown, Permissions())
	}
	_, err := o.over(defaultSettings())
	return err
}

// over puts what the options set by name over other settings.
func (o Options) over(settings Settings) (Settings, error) {
	fields := map[string]json.RawMessage{}
	for name, value := range o.Set {
		raw, err := json.Marshal(value)
		if err != nil {
			return settings, fmt.Errorf("setting %s: %w", name, err)
		}
		fields[name] = raw
	}
	merged, wrong := settings.merge(fields)
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		return settings, fmt.Errorf("setting %s: %s", name, wrong[name])
	}
	return merged, nil
}

// arrange takes up what the options set by name.
func (s *Sim) arrange(o Options) error {
	if o.Permissions != nil {
		s.keys[s.key] = &apiKey{Permissions: o.Permissions}
		mark(&s.change.Keys, s.key)
	}
	if len(o.Set) == 0 {
		return nil
	}
	merged, err := o.over(s.settings)
	s.settings, s.change.Settings = merged, true
	return err
}

// Key is the API key that the simulator accepts.
func (s *Sim) Key() string { return s.key }

// Secret is the API key's secret.
func (s *Sim) Secret() string { return s.secret }

// Record gives the runs so far, the oldest first, and the simulator's time.
func (s *Sim) Record() Record {
	var rec Record
	s.at(func(now instant) {
		rec = Record{Now: Stamp{now.sim}, Runs: append([]Run{}, s.runs...)}
	})
	return rec
}

// Close writes everything out. A simulator that is killed instead loses nothing
// but, if the whole machine stops, its last moments.
func (s *Sim) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return nil
	}
	err := errors.Join(s.flush(), s.journal.Sync(), s.journal.Close())
	s.journal, s.broken = nil, true
	return err
}

// at runs fn alone, at one moment, after everything due by then has been applied,
// and writes down what changed before anybody is told. It reports whether the
// journal holds.
func (s *Sim) at(fn func(now instant)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return false
	}
	now := s.now()
	s.settle(now)
	fn(now)
	if err := s.flush(); err != nil {
		s.broken = true
		s.log.Error("the simulator stops answering", "err", err)
		return false
	}
	return true
}

// now reads both clocks. Wall time that jumps back is taken as standing still.
func (s *Sim) now() instant {
	if w := grained(s.wall()); w.After(s.lastWall) {
		s.lastWall = w
	}
	return instant{sim: s.clock.at(s.lastWall), wall: s.lastWall}
}

// touch marks a desktop for the journal.
func (s *Sim) touch(d *desktop) {
	mark(&s.change.Desktops, d.ID)
}

func randomHex(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// Handler serves Kasm's API, the simulator's own endpoints under /sim/ and the
// page that stands for a desktop.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", s.faults(s.apiHandler()))
	s.ownRoutes(mux)
	pageRoutes(mux)
	// No web page of another site may turn the knobs.
	return http.NewCrossOriginProtection().Handler(mux)
}
