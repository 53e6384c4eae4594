package kasmsim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const journalName = "journal.jsonl"

// change collects what one call touched, until it is written down.
type change struct {
	Users    map[string]bool
	Desktops map[string]bool
	Groups   map[string]bool
	Images   map[string]bool
	Keys     map[string]bool
	Runs     []int
	Clock    bool
	Settings bool
}

func (c change) empty() bool {
	return len(c.Users)+len(c.Desktops)+len(c.Groups)+len(c.Images)+len(c.Keys) == 0 && len(c.Runs) == 0 && !c.Clock && !c.Settings
}

// line is one change on disk. A change is one line and one write, so that a kill
// leaves it whole or not at all. A null says that the user, desktop, group, image or
// key is gone.
type line struct {
	Users    map[string]*user    `json:"users,omitempty"`
	Desktops map[string]*desktop `json:"desktops,omitempty"`
	Groups   map[string]*group   `json:"groups,omitempty"`
	Images   map[string]*Image   `json:"images,omitempty"`
	Keys     map[string]*apiKey  `json:"keys,omitempty"`
	Runs     []numbered          `json:"runs,omitempty"`
	Clock    *simClock           `json:"clock,omitempty"`
	Settings *Settings           `json:"settings,omitempty"`
}

type numbered struct {
	N int `json:"n"`
	Run
}

// flush appends the pending change to the journal.
func (s *Sim) flush() error {
	pending := s.change
	s.change = change{}
	if s.journal == nil || pending.empty() {
		return nil
	}
	raw, err := json.Marshal(s.lineFor(pending))
	if err != nil {
		return fmt.Errorf("kasmsim: write the journal: %w", err)
	}
	if _, err := s.journal.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("kasmsim: write the journal: %w", err)
	}
	return nil
}

func (s *Sim) lineFor(c change) line {
	l := line{Users: map[string]*user{}, Desktops: map[string]*desktop{}}
	for id := range c.Users {
		l.Users[id] = s.users[id]
	}
	for id := range c.Desktops {
		l.Desktops[id] = s.desktops[id]
	}
	l.Groups, l.Keys = picked(s.groups, c.Groups), picked(s.keys, c.Keys)
	for id := range c.Images {
		if l.Images == nil {
			l.Images = map[string]*Image{}
		}
		l.Images[id] = s.findImage(id)
	}
	for _, n := range c.Runs {
		l.Runs = append(l.Runs, numbered{N: n, Run: s.runs[n]})
	}
	if c.Clock {
		l.Clock = &s.clock
	}
	if c.Settings {
		l.Settings = &s.settings
	}
	return l
}

func picked[T any](all map[string]*T, ids map[string]bool) map[string]*T {
	if len(ids) == 0 {
		return nil
	}
	some := make(map[string]*T, len(ids))
	for id := range ids {
		some[id] = all[id]
	}
	return some
}

func mark(set *map[string]bool, id string) {
	if *set == nil {
		*set = map[string]bool{}
	}
	(*set)[id] = true
}

// open reads the journal of an earlier run and makes it ready for appending.
func (s *Sim) open(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("kasmsim: make the folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, journalName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("kasmsim: open the journal: %w", err)
	}
	whole, err := s.replay(f)
	if err == nil {
		// A last line cut off by a crash was never answered for.
		err = errors.Join(f.Truncate(whole), seek(f, whole))
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("kasmsim: read the journal: %w", err)
	}
	s.journal = f
	return nil
}

func seek(f *os.File, to int64) error {
	_, err := f.Seek(to, io.SeekStart)
	return err
}

// replay applies every whole line and returns where the last one ends.
func (s *Sim) replay(f io.Reader) (int64, error) {
	r := bufio.NewReaderSize(f, 1<<20)
	var whole int64
	for n := 1; ; n++ {
		raw, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		var l line
		if err := json.Unmarshal(bytes.TrimSpace(raw), &l); err != nil {
			return whole, fmt.Errorf("line %d cannot be read: %w", n, err)
		}
		s.restore(l)
		whole += int64(len(raw))
	}
}

func (s *Sim) restore(l line) {
	for id, u := range l.Users {
		if u == nil {
			s.dropUser(id)
			continue
		}
		s.putUser(u)
	}
	for id, d := range l.Desktops {
		if d == nil {
			delete(s.desktops, id)
			continue
		}
		s.desktops[id] = d
	}
	overlay(s.groups, l.Groups)
	overlay(s.keys, l.Keys)
	for id, img := range l.Images {
		s.putImage(id, img)
	}
	for _, r := range l.Runs {
		for len(s.runs) <= r.N {
			s.runs = append(s.runs, Run{})
		}
		s.runs[r.N] = r.Run
	}
	if l.Clock != nil {
		s.clock = *l.Clock
	}
	if l.Settings != nil {
		s.settings = *l.Settings
	}
}

// overlay puts what a line holds over what there is; nil takes away.
func overlay[T any](all, some map[string]*T) {
	for id, item := range some {
		if item == nil {
			delete(all, id)
			continue
		}
		all[id] = item
	}
}
