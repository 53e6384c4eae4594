package docker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	questionFor = 4 * time.Second // how long one desktop may take to answer
	useFor      = time.Minute     // how long an answer about its use is believed
	startFor    = 5 * time.Minute // how long a desktop may take to come up
)

// Words of ours for a container that runs: nothing is concluded from them.
const (
	stateUnheard = "unheard" // it was not asked yet whether it is up
	stateSilent  = "silent"  // it has been running for long, and does not answer
)

// desk is what is known of one start of a desktop.
type desk struct {
	port        uint16
	started     string // the engine's word for when
	password    string
	certificate [32]byte
	ready       bool // its web server has answered as it should
	asked       bool // a question is on its way
	answered    bool // a question came to its end, well or not
	warned      bool
	use         workspaces.Use
	usedAt      time.Time
}

// known remembers desktops by container id.
type known struct {
	mu    sync.Mutex
	desks map[string]*desk
}

// keep forgets all that are not listed as running.
func (k *known) keep(listed []container.Summary) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.desks {
		if !slices.ContainsFunc(listed, func(c container.Summary) bool {
			return c.ID == id && (c.State == container.StateRunning || c.State == container.StatePaused)
		}) {
			delete(k.desks, id)
		}
	}
}

func (k *known) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.desks, id)
}

// told says what a container that runs is as a desktop. While this program has not
// heard of it yet it may have been running for days, so it is not called starting,
// which would end what is being charged for; nor is one that fell silent.
func (k *known) told(id string, port uint16, now time.Time) (state string, use workspaces.Use) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.desks[id]
	switch {
	case port == 0:
		return workspaces.HostStarting, workspaces.UseUnknown
	case e == nil || e.port != port || !e.answered:
		return stateUnheard, workspaces.UseUnknown
	case e.ready:
		return workspaces.HostRunning, e.use
	}
	if started, err := time.Parse(time.RFC3339Nano, e.started); err == nil && now.Sub(started) > startFor {
		return stateSilent, workspaces.UseUnknown
	}
	return workspaces.HostStarting, workspaces.UseUnknown
}

// ready gives what is known of a start, if its web server has answered.
func (k *known) ready(id string, port uint16, started string) (desk, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.desks[id]; e != nil && e.port == port && e.started == started && e.ready {
		return *e, true
	}
	return desk{}, false
}

// ask tells whether there is something to ask a desktop now; whoever gets true
// has to call answered.
func (k *known) ask(id string, port uint16, now time.Time) (is desk, ask bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.desks[id]
	if e == nil || e.port != port {
		e = &desk{port: port}
		k.desks[id] = e
	}
	if port == 0 || e.asked || e.ready && now.Sub(e.usedAt) < useFor {
		return desk{}, false
	}
	e.asked = true
	return *e, true
}

// answered writes down what came of a question, unless that start is over.
func (k *known) answered(id string, is desk) {
	k.mu.Lock()
	defer k.mu.Unlock()
	is.asked, is.answered = false, true
	if e := k.desks[id]; e != nil && e.port == is.port {
		*e = is
	}
}

// remember writes down what was found out without having been announced.
func (k *known) remember(id string, is desk) {
	k.mu.Lock()
	defer k.mu.Unlock()
	is.answered = true
	if e := k.desks[id]; e == nil || e.port != is.port || !e.asked {
		k.desks[id] = &is
	}
}

// look asks the desktops that run what is not known of them, a few at once, and
// waits for the answers for a moment.
func (d *Driver) look(ctx context.Context, listed []container.Summary) {
	var asking sync.WaitGroup
	wait := patience
	for _, c := range listed {
		if c.State != container.StateRunning {
			continue
		}
		is, ask := d.known.ask(c.ID, publicPort(c), d.now())
		if !ask {
			continue
		}
		if !is.answered {
			wait = firstPatience
		}
		asking.Go(func() { d.question(c.ID, is) })
	}
	done := make(chan struct{})
	go func() {
		asking.Wait()
		close(done)
	}()
	enough := time.NewTimer(wait)
	defer enough.Stop()
	select {
	case <-done:
	case <-enough.C:
	case <-ctx.Done():
	}
}

// question asks one desktop whether it is up, or whether somebody is there. It
// outlives the list that began it.
func (d *Driver) question(id string, is desk) {
	d.slots <- struct{}{}
	defer func() { <-d.slots }()
	ctx, cancel := context.WithTimeout(context.Background(), questionFor)
	defer cancel()
	if !is.ready {
		is = d.probe(ctx, id, is)
	}
	if is.ready {
		is.use, is.usedAt = d.useOf(ctx, is), d.now()
		_, _ = d.measure(ctx, id, is.started) // for whoever asks for a gauge within the next minute
	}
	d.known.answered(id, is)
}
