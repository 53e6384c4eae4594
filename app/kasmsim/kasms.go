package kasmsim

import (
	"cmp"
	"slices"
	"strings"
)

const (
	noResources = "No resources are available to create the requested Kasm. Please try again later or contact an Administrator" +
		" : No Agent slots available. No Agent can be contacted with enough available resources to provision the image"
	userLimit    = "Kasm limit exceeded for user"
	licenceLimit = "License limit exceeded. Unable to create session"
	noImage      = "No Default Image Found"
	notFound     = "Kasm session not found"
)

func (s *Sim) getImages(instant, input) reply {
	wire := make([]wireImage, 0, len(s.images))
	for _, img := range s.images {
		wire = append(wire, s.wireImage(img))
	}
	return ok(map[string]any{"images": wire})
}

func (s *Sim) requestKasm(now instant, in input) reply {
	img, failed := s.requestedImage(in.ImageID)
	if failed != nil {
		return *failed
	}
	u, failed := s.requestingUser(now, in.UserID)
	if failed != nil {
		return *failed
	}
	if !s.mayStart(u, img.ID) {
		return refuse(noImage)
	}
	if problem := s.full(u.ID); problem != "" {
		return refuse(problem)
	}
	d := &desktop{ID: newID(), UserID: u.ID, Username: u.Username, ImageID: img.ID, Token: newToken(), CreatedAt: now.sim, Run: noRun, Profile: in.PersistentProfile}
	if in.EnableSharing {
		d.ShareID = randomHex(4)
	}
	d.begin(now, s.settings, s.rules(u.ID), happens(s.settings.StartFailureRate))
	s.desktops[d.ID] = d
	s.plan(d, now)
	return ok(wireRequested{
		KasmID: dashed(d.ID), Status: string(d.State), UserID: d.UserID, Username: d.Username,
		SessionToken: d.Token, ShareID: orNull(d.ShareID), KasmURL: d.link(),
	})
}

func (s *Sim) requestedImage(raw string) (Image, *reply) {
	if raw == "" {
		r := refuse(noImage)
		return Image{}, &r
	}
	id, valid := canonical(raw)
	if !valid {
		r := crash()
		return Image{}, &r
	}
	for _, img := range s.images {
		if img.ID == id && !img.Disabled {
			return img, nil
		}
	}
	r := refuse(noImage)
	return Image{}, &r
}

// requestingUser makes an anonymous person when none is named, as Kasm does.
func (s *Sim) requestingUser(now instant, raw string) (*user, *reply) {
	if raw == "" {
		return s.addUser(now, "anon_"+randomHex(6)), nil
	}
	u, failed := s.target(targetUser{UserID: raw})
	if failed == nil && (u.Locked || u.Disabled) {
		r := refuse("Unable to create session. The user is locked or disabled")
		return nil, &r
	}
	return u, failed
}

// full tells why no further desktop can run: agents, then the user's limit, then
// the licence, in the order in which Kasm looks.
func (s *Sim) full(userID string) string {
	set, perUser := s.settings, s.rules(userID).perUser
	if set.Capacity < 0 && perUser < 0 && set.LicenceLimit < 0 {
		return ""
	}
	all, own := 0, 0
	for _, d := range s.desktops {
		if d.occupies() {
			all++
			if d.UserID == userID {
				own++
			}
		}
	}
	switch {
	case set.Capacity >= 0 && all >= set.Capacity:
		return noResources
	case perUser >= 0 && own >= perUser:
		return userLimit
	case set.LicenceLimit >= 0 && all >= set.LicenceLimit:
		return licenceLimit
	}
	return ""
}

// plan takes up a desktop's new steps, those due at once included.
func (s *Sim) plan(d *desktop, now instant) {
	s.touch(d)
	for _, r := range s.advance(d, now, nil) {
		s.openRun(r)
	}
	s.expect(d)
}

// named finds the desktop that a call is about; it must belong to the user named.
func (s *Sim) named(in input, withUser bool) (*desktop, *reply) {
	id, valid := canonical(in.KasmID)
	owner, validOwner := canonical(in.UserID)
	if in.KasmID != "" && !valid || withUser && in.UserID != "" && !validOwner {
		r := crash()
		return nil, &r
	}
	d, known := s.desktops[id]
	if !known || withUser && d.UserID != owner {
		r := refuseWith(404, notFound)
		return nil, &r
	}
	return d, nil
}

// getKasmStatus ends the links given out before and makes a new one.
func (s *Sim) getKasmStatus(now instant, in input) reply {
	d, failed := s.named(in, true)
	if failed != nil {
		return *failed
	}
	if d.State != running {
		return ok(wireNotReady{
			ErrorMessage: "This session is currently " + string(d.State) + ".",
			Message:      d.message(), Progress: d.progress(), Status: string(d.State),
		})
	}
	d.Token = newToken()
	s.touch(d)
	return ok(wireStatus{
		CurrentTime: date(now.sim), KasmURL: d.link(), Status: string(d.State), Kasm: s.wireKasm(d, now),
	})
}

func (s *Sim) getKasms(now instant, _ input) reply {
	all := s.sorted()
	wire := make([]wireKasm, 0, len(all))
	for _, d := range all {
		wire = append(wire, s.listed(d, now))
	}
	return ok(wireList{CurrentTime: date(now.sim), Kasms: wire})
}

// sorted gives the desktops, the oldest first.
func (s *Sim) sorted() []*desktop {
	return s.which(func(*desktop) bool { return true })
}

func (s *Sim) which(wanted func(*desktop) bool) []*desktop {
	var found []*desktop
	for _, d := range s.desktops {
		if wanted(d) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b *desktop) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return found
}

func (s *Sim) destroyKasm(now instant, in input) reply {
	d, failed := s.named(in, true)
	if failed != nil {
		return *failed
	}
	if d.State != deleting {
		s.endRun(d, now.sim, EndedByDestroy, nil)
		s.remove(d, now)
	}
	return ok(struct{}{})
}

func (s *Sim) remove(d *desktop, now instant) {
	d.remove(now, s.settings.stopDelay(), s.settings.DeletingSticks)
	s.plan(d, now)
}

// unstick lets go of what stays in the state deleting, once that is no longer set.
func (s *Sim) unstick(now instant) {
	for _, d := range s.which(func(d *desktop) bool { return d.State == deleting && len(d.Steps) == 0 }) {
		s.remove(d, now)
	}
}

// stoppable tells whether desktops may be stopped, paused and resumed, and how a
// server says that they may not.
func (s *Sim) stoppable() (reply, bool) {
	switch s.settings.StopCalls {
	case StopRefused:
		return unauthorized(), false
	case StopMissing:
		return reply{status: 404, html: "<H1>Not Found</H1>\n"}, false
	}
	return reply{}, true
}

func (s *Sim) stopKasm(now instant, in input) reply {
	return s.halt(now, in, stopped, EndedByStop)
}

func (s *Sim) pauseKasm(now instant, in input) reply {
	return s.halt(now, in, paused, EndedByPause)
}

// halt ends the run and keeps the desktop. A paused desktop can be stopped; a
// stopped one cannot be paused.
func (s *Sim) halt(now instant, in input, to state, by string) reply {
	if r, may := s.stoppable(); !may {
		return r
	}
	d, failed := s.named(in, true)
	if failed != nil {
		return *failed
	}
	if d.State == to || d.State == deleting || d.State == stopped || d.State == errored {
		return refuse("Unable to change the session. It is " + string(d.State))
	}
	s.endRun(d, now.sim, by, nil)
	d.end(to)
	s.touch(d)
	return ok(struct{}{})
}

// resumeKasm begins a new run of a desktop that was stopped or paused.
func (s *Sim) resumeKasm(now instant, in input) reply {
	if r, may := s.stoppable(); !may {
		return r
	}
	d, failed := s.named(in, true)
	if failed != nil {
		return *failed
	}
	if d.State != stopped && d.State != paused {
		return refuse("Unable to resume the session. It is " + string(d.State))
	}
	if d.State == stopped {
		if problem := s.full(d.UserID); problem != "" {
			return refuse(problem)
		}
	}
	d.resume(now, s.settings.resumeDelay(), s.rules(d.UserID))
	s.plan(d, now)
	return ok(struct{}{})
}

func (s *Sim) keepalive(now instant, in input) reply {
	d, failed := s.named(in, false)
	if failed != nil {
		return *failed
	}
	if d.live() {
		d.keepAlive(now.sim, s.rules(d.UserID))
		s.touch(d)
		s.expect(d)
	}
	return ok(map[string]bool{"usage_reached": s.settings.UsageReached})
}

// finish removes a desktop at once.
func (s *Sim) finish(d *desktop, now instant, by string) {
	s.endRun(d, now.sim, by, nil)
	d.end(gone)
	delete(s.desktops, d.ID)
	s.touch(d)
}
