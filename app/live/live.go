// Package live tells open pages that something of theirs has changed. It turns
// events into short names; the page then fetches the fragment of that name, so
// that what it shows always comes from the database and nothing is ever pushed
// that the page could not read.
package live

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	perUser  = 8                      // open pages of one user that are told
	perShop  = 64                     // open pages that watch a whole shop
	waiting  = 512                    // names kept for a page that does not read
	coalesce = 100 * time.Millisecond // the same name is not said again sooner
)

// Bus is where the events come from; *bus.Bus is one.
type Bus interface {
	Watch(ctx context.Context, fn func(tenantID uuid.UUID, name string, payload json.RawMessage)) error
}

type viewer struct{ tenant, user uuid.UUID }

// Hub knows which pages are open on this node.
type Hub struct {
	mu      sync.Mutex
	viewers map[viewer][]*subscriber // the oldest first
	over    bool
}

// NewHub is a hub without pages.
func NewHub() *Hub { return &Hub{viewers: map[viewer][]*subscriber{}} }

// Run passes events on until the context ends, and with it every page's names:
// the pages connect again, to a node that is there.
func (h *Hub) Run(ctx context.Context, b Bus) error {
	defer h.end()
	return b.Watch(ctx, h.Event)
}

func (h *Hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	for _, open := range h.viewers {
		for _, s := range open {
			s.stop()
		}
	}
}

// Subscribe gives the names that concern a user of a tenant, or with uuid.Nil
// for the user everything of the tenant, for its staff. The channel is closed by
// cancel, and for the oldest page of a user who opens more than eight.
func (h *Hub) Subscribe(tenantID, userID uuid.UUID) (names <-chan string, cancel func()) {
	v, s := viewer{tenantID, userID}, newSubscriber()
	most := perUser
	if userID == uuid.Nil {
		most = perShop
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	open := append(h.viewers[v], s)
	for len(open) > most {
		open[0].stop()
		open = open[1:]
	}
	h.viewers[v] = open
	if h.over {
		s.stop()
	}
	go s.pump()
	return s.names, func() { h.leave(v, s) }
}

func (h *Hub) leave(v viewer, s *subscriber) {
	s.stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := make([]*subscriber, 0, len(h.viewers[v]))
	for _, other := range h.viewers[v] {
		if other != s {
			kept = append(kept, other)
		}
	}
	if h.viewers[v] = kept; len(kept) == 0 {
		delete(h.viewers, v)
	}
}

// Open is how many pages are told.
func (h *Hub) Open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, open := range h.viewers {
		n += len(open)
	}
	return n
}

// Event passes one event on. It never blocks.
func (h *Hub) Event(tenantID uuid.UUID, name string, payload json.RawMessage) {
	about, err := subjectOf(payload)
	if err != nil {
		return // nobody can be told whom it concerns
	}
	names := namesOf(name, about.workspace)
	if len(names) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if about.user != uuid.Nil {
		h.tell(viewer{tenantID, about.user}, names)
		h.tell(viewer{tenantID, uuid.Nil}, names)
		return
	}
	for v := range h.viewers { // about nobody is for everybody
		if v.tenant == tenantID {
			h.tell(v, names)
		}
	}
}

func (h *Hub) tell(v viewer, names []string) {
	for _, s := range h.viewers[v] {
		s.add(names)
	}
}

type subject struct{ user, workspace uuid.UUID }

// subjectOf reads whom and what an event is about; absent or empty is nobody.
func subjectOf(payload json.RawMessage) (s subject, err error) {
	var ids struct {
		User      string `json:"user_id"`
		Workspace string `json:"workspace_id"`
	}
	if err := json.Unmarshal(payload, &ids); err != nil {
		return s, err
	}
	if ids.User != "" {
		s.user, err = uuid.Parse(ids.User)
	}
	if ids.Workspace != "" && err == nil {
		s.workspace, err = uuid.Parse(ids.Workspace)
	}
	return s, err
}

// namesOf is what changes on a page. A due time changes nothing by itself: its
// effects have events of their own.
func namesOf(event string, workspace uuid.UUID) (names []string) {
	noun, rest, _ := strings.Cut(event, ".")
	if rest == "due" || strings.HasSuffix(rest, ".due") {
		return nil
	}
	if workspace != uuid.Nil {
		names = append(names, "workspace-"+workspace.String())
	}
	switch noun {
	case "session", "block":
		names = append(names, "cost")
	case "invoice":
		names = append(names, "invoices", "balance")
	case "balance", "credit", "bonus", "limits", "payment", "refund", "topup":
		names = append(names, "balance")
	}
	return names
}
