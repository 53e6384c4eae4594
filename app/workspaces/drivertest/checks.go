package drivertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

func accounts(h *host) {
	one := h.person()
	again, err := h.Driver.EnsureUser(h.Context(), one.user)
	h.fine("the same account again", err)
	if again != one.id {
		h.Errorf("one account has the ids %q and %q", one.id, again)
	}
	renewed := one.user
	renewed.Password = h.newPerson().Password
	if again, err = h.Driver.EnsureUser(h.Context(), renewed); err != nil || again != one.id {
		h.Errorf("an account with a new password: %q, %v", again, err)
	}
	if other := h.person(); other.id == one.id {
		h.Error("two customers have one account")
	}
}

func images(h *host) {
	one := h.image()
	if one == "" || h.image() != one {
		h.Errorf("the image's id is %q, and not always", one)
	}
	if bigger, err := h.Driver.FindImage(h.Context(), h.Template, h.VCPU+1, h.RAMMB*2); err == nil && bigger == one {
		h.Error("two sizes have one image id, so that desktops of them cannot be told apart")
	} else if err != nil {
		h.kind("another size", err, workspaces.HostNotFound)
	}
}

// unknownTemplate: what is not there is said at once, or when a desktop of it is asked for.
func unknownTemplate(h *host) {
	image, err := h.Driver.FindImage(h.Context(), h.Unknown, h.VCPU, h.RAMMB)
	if err != nil {
		h.kind("unknown template", err, workspaces.HostNotFound)
		return
	}
	wish := h.wish(h.person(), image)
	h.until("the host says that it has no such image", func() bool {
		id, err := h.Driver.Request(h.Context(), wish)
		if err == nil {
			h.Fatalf("desktop %s was made of an image that is not there", id)
		}
		if workspaces.HostKindOf(err) == workspaces.HostPreparing {
			h.preparing(image)
			return false
		}
		h.kind("request", err, workspaces.HostRefused, workspaces.HostNotFound)
		return true
	})
}

func life(h *host) {
	p, image := h.person(), h.image()
	wish := h.wish(p, image)
	id := h.request(wish)
	h.up(id)
	d := h.one(id)
	if d.UserID != p.id || !strings.EqualFold(d.Username, p.user.Username) || d.ImageID != image {
		h.Errorf("asked for by %s (%s) of %s, listed %+v", p.user.Username, p.id, image, d)
	}
	if age := time.Since(d.Created); d.Created.IsZero() || age > time.Hour || age < -time.Hour {
		h.Errorf("made at %v", d.Created)
	}
	if h.Intents && d.Intent != wish.Labels.Intent() {
		h.Errorf("it answers to %q; want %q", d.Intent, wish.Labels.Intent())
	}
	h.fine("keepalive", h.Driver.Keepalive(h.Context(), id))
	h.way(p, id)
	h.gauge(p, id)
	_, err := h.Driver.Room(h.Context())
	h.fine("room", err)
	if h.state(id) != workspaces.HostRunning {
		h.Errorf("after all that it is %q", h.state(id))
	}
}

// way: a desktop is reached by a link, or through the doorman.
func (h *host) way(p person, id string) {
	h.Helper()
	door, hasDoor := h.Driver.(workspaces.Doorman)
	link, err := h.Driver.Link(h.Context(), p.id, id)
	if !hasDoor {
		h.fine("link", err)
		if !strings.Contains(link.Reveal(), "://") || strings.Contains(fmt.Sprintf("%v %+v %#v", link, link, link), link.Reveal()) {
			h.Error("the link is none, or it prints")
		}
		return
	}
	h.kind("link of a host with a door", err, workspaces.HostRefused)
	u, err := door.Upstream(h.Context(), p.id, id)
	h.fine("upstream", err)
	if !strings.HasPrefix(u.URL, "http") || u.Username == "" || u.Password == "" {
		h.Errorf("upstream %v with the account %q", u, u.Username)
	}
	if strings.HasPrefix(u.URL, "https") && u.Certificate == [32]byte{} {
		h.Error("any certificate is believed")
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", u, u, u), u.Password) {
		h.Error("the upstream prints its password")
	}
}

func (h *host) gauge(p person, id string) {
	h.Helper()
	g, can := h.Driver.(workspaces.Gauger)
	if !can {
		return
	}
	got, err := g.Gauge(h.Context(), p.id, id)
	h.fine("gauge", err)
	if got.CPUPercent != nil && *got.CPUPercent < 0 || got.RAMMB != nil && *got.RAMMB < 0 {
		h.Errorf("it uses less than nothing: %v %v", got.CPUPercent, got.RAMMB)
	}
}

func stopAndResume(h *host) {
	p, id := h.running()
	ctx := h.Context()
	if h.CannotStop {
		for range 2 {
			h.kind("stop", h.Driver.Stop(ctx, p.id, id), workspaces.HostRefused)
		}
		if h.state(id) != workspaces.HostRunning {
			h.Errorf("after a refused stop it is %q", h.state(id))
		}
		if keeps, err := h.Driver.Keeps(ctx); err != nil || keeps == workspaces.KeepsDisk {
			h.Errorf("a host that cannot stop desktops keeps %q, %v", keeps, err)
		}
		return
	}
	h.fine("resume of what runs", h.Driver.Resume(ctx, p.id, id))
	for range 2 { // all of it twice
		h.fine("stop", h.Driver.Stop(ctx, p.id, id))
		h.until("the desktop is off", func() bool {
			s := h.state(id)
			return s == workspaces.HostStopped || s == workspaces.HostPaused
		})
		h.fine("stop of what is off", h.Driver.Stop(ctx, p.id, id))
		if door, has := h.Driver.(workspaces.Doorman); has {
			_, err := door.Upstream(ctx, p.id, id)
			h.kind("upstream of what is off", err, workspaces.HostNotReady)
		}
		h.fine("resume", h.Driver.Resume(ctx, p.id, id))
		h.fine("resume of what was just resumed", h.Driver.Resume(ctx, p.id, id))
		h.up(id)
	}
	if keeps, err := h.Driver.Keeps(ctx); err != nil || keeps != workspaces.KeepsDisk {
		h.Errorf("a host that stops desktops keeps %q, %v", keeps, err)
	}
	if d := h.one(id); d.UserID != p.id || d.ImageID != h.image() {
		h.Errorf("after stop and resume it is another: %+v", d)
	}
}

func destroy(h *host) {
	p, id := h.running()
	h.fine("destroy", h.Driver.Destroy(h.Context(), p.id, id))
	if err := h.Driver.Destroy(h.Context(), p.id, id); err != nil {
		h.kind("destroy again", err, workspaces.HostNotFound)
	}
	h.until("the desktop is gone", func() bool { return h.state(id) == "" })
	h.gone(p, id)
	if !h.CannotStop {
		p, id = h.running()
		h.fine("stop", h.Driver.Stop(h.Context(), p.id, id))
		h.fine("destroy of what is off", h.Driver.Destroy(h.Context(), p.id, id))
		h.until("the desktop is gone", func() bool { return h.state(id) == "" })
	}
}

func unknownDesktop(h *host) { h.gone(h.person(), h.Missing) }

// gone: every call says of a desktop that is not there that it is not there.
func (h *host) gone(p person, id string) {
	h.Helper()
	ctx := h.Context()
	h.kind("destroy of what is gone", h.Driver.Destroy(ctx, p.id, id), workspaces.HostNotFound)
	if !h.CannotStop {
		h.kind("stop of what is gone", h.Driver.Stop(ctx, p.id, id), workspaces.HostNotFound)
		h.kind("resume of what is gone", h.Driver.Resume(ctx, p.id, id), workspaces.HostNotFound)
	}
	h.kind("keepalive of what is gone", h.Driver.Keepalive(ctx, id), workspaces.HostNotFound)
	_, err := h.Driver.Link(ctx, p.id, id)
	if door, has := h.Driver.(workspaces.Doorman); has {
		h.kind("link of what is gone", err, workspaces.HostNotFound, workspaces.HostRefused)
		_, err = door.Upstream(ctx, p.id, id)
		h.kind("upstream of what is gone", err, workspaces.HostNotFound)
	} else {
		h.kind("link of what is gone", err, workspaces.HostNotFound)
	}
	if g, can := h.Driver.(workspaces.Gauger); can {
		_, err = g.Gauge(ctx, p.id, id)
		h.kind("gauge of what is gone", err, workspaces.HostNotFound)
	}
}

// oneForAnIntent: a host that remembers intents makes one desktop for each, however
// often and at how many places it is asked.
func oneForAnIntent(h *host) {
	if !h.Intents {
		return // the caller looks for a desktop that answers before it asks for one
	}
	wish := h.wish(h.person(), h.image())
	id := h.request(wish)
	var all sync.WaitGroup
	answers := make([]string, 5)
	for i := range answers {
		all.Go(func() {
			again, err := h.Driver.Request(h.Context(), wish)
			if err != nil {
				h.kind("the same request", err, workspaces.HostUnavailable)
			}
			answers[i] = again
		})
	}
	all.Wait()
	for _, again := range answers {
		if again != "" && again != id {
			h.Errorf("one intent has the desktops %s and %s", id, again)
		}
	}
	next := wish
	next.Labels.Run++
	if other := h.request(next); other == id {
		h.Error("the next intent has the desktop of the one before")
	}
	count := map[string]int{}
	for _, d := range h.list() {
		count[d.Intent]++
	}
	if count[wish.Labels.Intent()] != 1 || count[next.Labels.Intent()] != 1 {
		h.Errorf("desktops per intent: %d and %d", count[wish.Labels.Intent()], count[next.Labels.Intent()])
	}
}

// calls are all that a host can be asked.
func (h *host) calls(ctx context.Context, d workspaces.Driver, p person, w workspaces.Wish, id string) map[string]error {
	_, list := d.List(ctx)
	_, account := d.EnsureUser(ctx, h.newPerson())
	_, image := d.FindImage(ctx, h.Template, h.VCPU, h.RAMMB)
	_, request := d.Request(ctx, w)
	_, link := d.Link(ctx, p.id, id)
	_, room := d.Room(ctx)
	_, keeps := d.Keeps(ctx)
	all := map[string]error{
		"list": list, "account": account, "image": image, "request": request, "link": link, "room": room, "keeps": keeps,
		"stop": d.Stop(ctx, p.id, id), "resume": d.Resume(ctx, p.id, id), "destroy": d.Destroy(ctx, p.id, id), "keepalive": d.Keepalive(ctx, id),
	}
	if g, can := d.(workspaces.Gauger); can {
		_, all["gauge"] = g.Gauge(ctx, p.id, id)
	}
	if door, can := d.(workspaces.Doorman); can {
		_, all["upstream"] = door.Upstream(ctx, p.id, id)
	}
	if prep, can := d.(workspaces.Preparer); can {
		all["prepare"] = prep.Prepare(ctx, w.ImageID)
	}
	return all
}

// answerless are the calls that a driver may do by itself, without its host.
var answerless = map[string]bool{"account": true, "image": true, "link": true, "room": true, "keeps": true}

// cancelled: whoever hung up gets an error and no effect.
func cancelled(h *host) {
	p, id := h.running()
	ctx, cancel := context.WithCancel(h.Context())
	cancel()
	before := len(h.mine(p))
	for what, err := range h.calls(ctx, h.Driver, p, h.wish(p, h.image()), id) {
		h.unavailable("cancelled "+what, what, err)
	}
	if h.state(id) != workspaces.HostRunning || len(h.mine(p)) != before {
		h.Errorf("calls that were cancelled had effects: it is %q, of %d desktops", h.state(id), len(h.mine(p)))
	}
}

// unreachable: no answer is no answer, and never "not found".
func unreachable(h *host) {
	p := person{id: h.Missing, user: h.newPerson()}
	image := h.image()
	for what, err := range h.calls(h.Context(), h.Unreachable, p, h.wish(h.person(), image), h.Missing) {
		h.unavailable("unreachable "+what, what, err)
	}
}

func (h *host) unavailable(what, call string, err error) {
	h.Helper()
	if answerless[call] && err == nil || call == "link" && workspaces.HostKindOf(err) == workspaces.HostRefused {
		h.plain(what, err)
		return
	}
	h.kind(what, err, workspaces.HostUnavailable)
}

func (h *host) mine(p person) []workspaces.Desktop {
	h.Helper()
	var mine []workspaces.Desktop
	for _, d := range h.list() {
		if d.UserID == p.id {
			mine = append(mine, d)
		}
	}
	return mine
}

// many: the list leaves none out, and mixes none up.
func many(h *host) {
	image, owner := h.image(), map[string]person{}
	people := []person{h.person(), h.person(), h.person(), h.person()}
	for i := range h.Many {
		p := people[i%len(people)]
		owner[h.request(h.wish(p, image))] = p
	}
	if len(owner) != h.Many {
		h.Fatalf("%d requests made %d desktops", h.Many, len(owner))
	}
	h.until("all run", func() bool {
		up := 0
		for _, d := range h.list() {
			if p, ours := owner[d.ID]; ours && d.UserID != p.id {
				h.Errorf("desktop %s of %s is listed as one of %s", d.ID, p.id, d.UserID)
			} else if ours && d.State == workspaces.HostRunning {
				up++
			}
		}
		return up == h.Many
	})
	for id, p := range owner {
		h.fine("destroy", h.Driver.Destroy(h.Context(), p.id, id))
	}
	h.until("all are gone", func() bool {
		for _, d := range h.list() {
			if _, ours := owner[d.ID]; ours {
				return false
			}
		}
		return true
	})
}
