// Package drivertest holds every desktop host to the same words: what
// workspaces.Driver promises, as tests that run against any implementation, a
// simulated host and a true one alike.
package drivertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Subject is a host to be tested. Other desktops on it do not disturb the tests, as
// long as nobody else uses accounts that begin with Prefix.
type Subject struct {
	Driver      workspaces.Driver
	Unreachable workspaces.Driver // the same kind of driver, where no host answers

	Template    string // what the host has in this size
	VCPU, RAMMB int
	Unknown     string // a template that it has not
	Missing     string // the id, as the host spells ids, of a desktop that is not there

	Prefix  string   // of the accounts that are made; "ez.drivertest." when empty
	Secrets []string // words that no error may contain; passwords of accounts are looked for anyway

	Intents    bool // the host remembers to which intent a desktop answers
	CannotStop bool // the host has nothing that turns a desktop off and keeps it

	Many     int           // desktops at once; 20 when zero
	Patience time.Duration // until a desktop must be up, off or gone; a minute when zero
	Every    time.Duration // between two looks; 20 ms when zero
}

// Run holds a host to all that is promised. subject is called once for each test.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*host)
	}{
		{"accounts", accounts}, {"images", images}, {"unknown template", unknownTemplate},
		{"life", life}, {"stop and resume", stopAndResume}, {"destroy", destroy}, {"unknown desktop", unknownDesktop},
		{"one desktop for an intent", oneForAnIntent}, {"cancelled", cancelled}, {"unreachable", unreachable}, {"many", many},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(newHost(t, subject(t)))
		})
	}
}

// host is a Subject with what the tests remember of it.
type host struct {
	*testing.T
	Subject
	secrets []string
	number  int
}

func newHost(t *testing.T, s Subject) *host {
	t.Helper()
	if s.Prefix == "" {
		s.Prefix = "ez.drivertest."
	}
	if s.Many == 0 {
		s.Many = 20
	}
	if s.Patience == 0 {
		s.Patience = time.Minute
	}
	if s.Every == 0 {
		s.Every = 20 * time.Millisecond
	}
	return &host{T: t, Subject: s, secrets: s.Secrets}
}

// person is an account that exists on the host.
type person struct {
	id   string
	user workspaces.HostUser
}

// newPerson is not on the host yet. Its password is one that every policy accepts.
func (h *host) newPerson() workspaces.HostUser {
	h.number++
	name := strings.ReplaceAll(uuid.NewString(), "-", "")
	password := "Ez-" + strings.ReplaceAll(uuid.NewString(), "-", "") + "-7A"
	h.secrets = append(h.secrets, password)
	return workspaces.HostUser{Username: h.Prefix + name, Password: password, FirstName: "Ada", LastName: fmt.Sprint("Number ", h.number)}
}

func (h *host) person() person {
	h.Helper()
	u := h.newPerson()
	id, err := h.Driver.EnsureUser(h.Context(), u)
	h.fine("account", err)
	if id == "" {
		h.Fatal("the account has no id")
	}
	return person{id: id, user: u}
}

// fine ends the test unless a call went well.
func (h *host) fine(what string, err error) {
	h.Helper()
	h.plain(what, err)
	if err != nil {
		h.Fatalf("%s: %v", what, err)
	}
}

// plain makes sure that an error is a HostError of a known kind and tells no secret.
func (h *host) plain(what string, err error) {
	h.Helper()
	if err == nil {
		return
	}
	var known *workspaces.HostError
	if !errors.As(err, &known) || error(known) != err {
		h.Errorf("%s: %T %v is no *HostError", what, err, err)
		return
	}
	switch known.Kind {
	case workspaces.HostNoCapacity, workspaces.HostLimit, workspaces.HostUnavailable, workspaces.HostNotFound,
		workspaces.HostNotReady, workspaces.HostRefused, workspaces.HostPreparing:
	default:
		h.Errorf("%s: a kind that nobody knows: %q", what, known.Kind)
	}
	if known.Message == "" {
		h.Errorf("%s: the operator is told nothing", what)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		h.silent(what, fmt.Sprintf("%v %+v %#v", e, e, e))
	}
}

func (h *host) silent(what, text string) {
	h.Helper()
	for _, secret := range h.secrets {
		if secret != "" && strings.Contains(text, secret) {
			h.Errorf("%s: a secret is told", what)
		}
	}
}

// kind makes sure that a call failed in one of some ways.
func (h *host) kind(what string, err error, wanted ...workspaces.HostKind) {
	h.Helper()
	h.plain(what, err)
	if err == nil {
		h.Errorf("%s went well; want %v", what, wanted)
		return
	}
	for _, k := range wanted {
		if workspaces.HostKindOf(err) == k {
			return
		}
	}
	h.Errorf("%s: %s (%v); want %v", what, workspaces.HostKindOf(err), err, wanted)
}

func (h *host) image() string {
	h.Helper()
	id, err := h.Driver.FindImage(h.Context(), h.Template, h.VCPU, h.RAMMB)
	h.fine("image", err)
	return id
}

func (h *host) wish(p person, image string) workspaces.Wish {
	return workspaces.Wish{
		UserID: p.id, User: p.user, ImageID: image, VCPU: h.VCPU, RAMMB: h.RAMMB,
		Labels: workspaces.Labels{Tenant: "drivertest", Workspace: uuid.New(), Run: 1},
		Rights: workspaces.Rights{Group: "ez.drivertest.plan", Clipboard: true, Upload: true, Download: true},
	}
}

// request asks for a desktop until its image is there. It is gone after the test.
func (h *host) request(w workspaces.Wish) string {
	h.Helper()
	id := ""
	h.until("a desktop is made", func() bool {
		var err error
		id, err = h.Driver.Request(h.Context(), w)
		if err != nil && workspaces.HostKindOf(err) == workspaces.HostPreparing {
			h.plain("request", err)
			h.preparing(w.ImageID)
			return false
		}
		h.fine("request", err)
		return true
	})
	if id == "" {
		h.Fatal("the desktop has no id")
	}
	h.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), h.Patience)
		defer cancel()
		if err := h.Driver.Destroy(ctx, w.UserID, id); err != nil && workspaces.HostKindOf(err) != workspaces.HostNotFound {
			h.Errorf("tidy up: %v", err)
		}
	})
	return id
}

func (h *host) preparing(image string) {
	h.Helper()
	p, can := h.Driver.(workspaces.Preparer)
	if !can {
		h.Fatal("a host that prepares nothing asks to wait for it")
	}
	if progress, goesOn := p.Preparing(image); goesOn && (progress.Sentence == "" || progress.Percent < -1 || progress.Percent > 100) {
		h.Errorf("progress: %+v", progress)
	}
}

func (h *host) until(what string, done func() bool) {
	h.Helper()
	for end := time.Now().Add(h.Patience); !done(); {
		if time.Now().After(end) {
			h.Fatalf("in %v it did not come about that %s", h.Patience, what)
		}
		select {
		case <-time.After(h.Every):
		case <-h.Context().Done():
			h.Fatal("the test is over")
		}
	}
}

func (h *host) list() []workspaces.Desktop {
	h.Helper()
	l, err := h.Driver.List(h.Context())
	h.fine("list", err)
	h.silent("list", fmt.Sprintf("%+v", l))
	seen := map[string]bool{}
	for _, d := range l.Desktops {
		if d.ID == "" || d.State == "" || seen[d.ID] {
			h.Errorf("the list has a desktop without id or state, or twice: %+v", d)
		}
		if !l.CurrentTime.IsZero() && d.Created.After(l.CurrentTime.Add(5*time.Second)) {
			h.Errorf("desktop %s was made at %v, and it is %v", d.ID, d.Created, l.CurrentTime)
		}
		seen[d.ID] = true
	}
	return l.Desktops
}

// state of a desktop; "" when it is not listed.
func (h *host) state(id string) string {
	h.Helper()
	return h.one(id).State
}

func (h *host) one(id string) workspaces.Desktop {
	h.Helper()
	for _, d := range h.list() {
		if d.ID == id {
			return d
		}
	}
	return workspaces.Desktop{}
}

func (h *host) up(id string) {
	h.Helper()
	h.until("the desktop runs", func() bool {
		switch s := h.state(id); s {
		case workspaces.HostRunning:
			return true
		case "", workspaces.HostStopped, workspaces.HostPaused, workspaces.HostDeleting:
			h.Fatalf("on its way up the desktop is %q", s)
		}
		return false
	})
}

// running makes a desktop that is up.
func (h *host) running() (person, string) {
	h.Helper()
	p := h.person()
	id := h.request(h.wish(p, h.image()))
	h.up(id)
	return p, id
}
