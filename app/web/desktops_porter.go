package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// believedFor is how long what the database said of a pass is believed, and
	// checkEvery how often whoever is inside is checked again: a stop, a sign-out
	// or a new password closes an open desktop within the sum of the two.
	believedFor = time.Second
	checkEvery  = 2 * time.Second
	// upstreamFor is how long a desktop is taken to listen where it did.
	upstreamFor = 10 * time.Second
	// forgottenAfter is how long the way to a desktop is kept that nobody goes.
	forgottenAfter = time.Minute
	// socketsPerDesktop is how many websockets one desktop may have open.
	socketsPerDesktop = 20
)

// errTurnedAway is the answer to a pass that counts no more: the desktop was
// stopped or started again, or its person signed out.
var errTurnedAway = errors.New("the pass counts no more")

// porter lets people through to desktops that are reached through us.
type porter struct {
	s     *server
	wall  func() time.Time
	spent spent

	mu       sync.Mutex
	believed map[pass]verdict
	ways     map[uuid.UUID]*way // by workspace
}

type verdict struct {
	at  time.Time
	err error // nil or errTurnedAway
}

func newPorter(s *server, wall func() time.Time) *porter {
	return &porter{s: s, wall: wall, spent: spent{tickets: map[[16]byte]int64{}}, believed: map[pass]verdict{}, ways: map[uuid.UUID]*way{}}
}

// check is nil while a pass counts: its desktop runs, in the run it was made for,
// and its person is still signed in where they launched it. It asks the database,
// never the desktop host, so that a host that is slow holds nobody inside. Errors:
// errTurnedAway, and whatever kept the question from being asked.
func (p *porter) check(ctx context.Context, t tenants.Tenant, of pass) error {
	now := p.wall()
	if of.over(now) {
		return errTurnedAway
	}
	p.mu.Lock()
	known, ok := p.believed[of]
	p.mu.Unlock()
	if ok && now.Sub(known.at) < believedFor {
		return known.err
	}
	err := p.ask(ctx, t, of)
	if err == nil || errors.Is(err, errTurnedAway) {
		p.believe(of, verdict{now, err})
	}
	return err
}

func (p *porter) believe(of pass, v verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, old := range p.believed {
		if v.at.Sub(old.at) >= believedFor {
			delete(p.believed, other)
		}
	}
	p.believed[of] = v
}

func (p *porter) ask(ctx context.Context, t tenants.Tenant, of pass) error {
	var person accounts.User
	var found bool
	var card workspaces.Card
	ctx, cancel := context.WithTimeout(ctx, pageWithin)
	defer cancel()
	err := p.s.DB.Read(ctx, t, accounts.UserFindQ(&person, &found, of.user), workspaces.CardQ(&card, of.user, of.workspace))
	switch {
	case fail.Is(err, fail.NotFound):
		return errTurnedAway
	case err != nil:
		return err
	case !found || person.Status != accounts.Active || person.SessionEpoch != int(of.epoch) || card.Status != workspaces.Running || card.Run != int(of.run):
		return errTurnedAway
	}
	_, signedIn, err := p.s.DB.SessionStore().FindCtx(ctx, of.session())
	if err == nil && !signedIn {
		err = errTurnedAway
	}
	return err
}

// watch ends a visit to a desktop when its pass counts no more. While nobody can
// be asked, it goes on.
func (p *porter) watch(ctx context.Context, end context.CancelFunc, t tenants.Tenant, of pass) {
	again := time.NewTicker(checkEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			if errors.Is(p.check(ctx, t, of), errTurnedAway) {
				end()
				return
			}
		}
	}
}

// way is how one desktop is reached.
type way struct {
	finding sync.Mutex // one asks the host, the others wait

	// guarded by the porter
	run       uint32
	upstream  workspaces.Upstream
	transport *http.Transport // of this upstream and its certificate alone
	asked     time.Time       // the host
	used      time.Time
	sockets   int
}

// route is a way as one request goes it.
type route struct {
	upstream  workspaces.Upstream
	transport *http.Transport
}

// find tells how a desktop is reached. Errors: as Service.Upstream's; errTurnedAway
// for another run than the pass's.
func (p *porter) find(ctx context.Context, t tenants.Tenant, of pass) (route, error) {
	w := p.wayTo(of.workspace)
	w.finding.Lock()
	defer w.finding.Unlock()
	p.mu.Lock()
	known, fresh := route{w.upstream, w.transport}, w.transport != nil && w.run == of.run && p.wall().Sub(w.asked) < upstreamFor
	p.mu.Unlock()
	if fresh {
		return known, nil
	}
	u, desk, err := p.s.Workspaces.Upstream(ctx, t, of.workspace)
	if err != nil {
		return route{}, err
	}
	if desk.Run != int(of.run) || desk.UserID != of.user {
		return route{}, errTurnedAway
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.transport == nil || w.run != of.run || w.upstream != u {
		if w.transport != nil {
			w.transport.CloseIdleConnections()
		}
		w.run, w.upstream, w.transport = of.run, u, transportTo(u)
	}
	w.asked = p.wall()
	return route{w.upstream, w.transport}, nil
}

func (p *porter) wayTo(workspace uuid.UUID) *way {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.wall()
	for id, w := range p.ways {
		if id != workspace && w.sockets == 0 && now.Sub(w.used) > forgottenAfter {
			if w.transport != nil {
				w.transport.CloseIdleConnections()
			}
			delete(p.ways, id)
		}
	}
	w, ok := p.ways[workspace]
	if !ok {
		w = &way{}
		p.ways[workspace] = w
	}
	w.used = now
	return w
}

// lost makes the host be asked again where a desktop listens.
func (p *porter) lost(workspace uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w, ok := p.ways[workspace]; ok {
		w.asked = time.Time{}
	}
}

// plugIn counts a websocket of a desktop; false when there are as many as may be.
func (p *porter) plugIn(workspace uuid.UUID) (unplug func(), ok bool) {
	w := p.wayTo(workspace)
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.sockets >= socketsPerDesktop {
		return nil, false
	}
	w.sockets++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		w.sockets--
		w.used = p.wall()
	}, true
}
