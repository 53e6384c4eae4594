package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/views"
)

// Desktops without a web address of their own are reached through us. The launch
// page gives a link that works once and for a minute; the link becomes a cookie
// for this one desktop; with it everything below /desktop/<id>/ goes to the
// desktop's own web server, whose password never leaves this program.

// desktopPrefix is where desktops stand, and desktopRoute what is theirs there.
const (
	desktopPrefix = "/desktop/"
	desktopRoute  = "/desktop/:id/*"
	enterRoute    = "/desktop/:id/enter"
)

// maxDesktopBody is the largest request body that a desktop is sent, in bytes.
// What goes over its websocket is not counted.
const maxDesktopBody = 16 << 20

// openDesktops makes the way to them, with a key of this process alone where the
// installation gives none.
func (s *server) openDesktops() (err error) {
	if s.Key == nil {
		if s.Key, err = seal.New(rand.Text() + rand.Text()); err != nil {
			return err
		}
	}
	if s.Wall == nil {
		s.Wall = clock.Wall{}
	}
	s.porter, s.proxy = newPorter(s, s.Wall.Now), newProxy(s.log)
	return nil
}

// launchProxied leads to a desktop behind us by a ticket that works once.
func (s *server) launchProxied(c *echo.Context, card workspaces.Card) error {
	v := visitOf(c)
	p, ok := newPass(card.ID, v.userID, card.Run, v.epoch, s.doors.shop.Token(c.Request().Context()))
	if !ok {
		return errSignedOut
	}
	ticket := p.lasting(s.porter.wall().Add(ticketFor)).signed(s.Key, v.tenant.ID, seal.DesktopTicket)
	return c.Redirect(http.StatusSeeOther, desktopPrefix+card.ID.String()+"/enter?"+url.Values{"ticket": {ticket}}.Encode())
}

// enterDesktop takes a ticket and gives a cookie for it.
func (s *server) enterDesktop(c *echo.Context) error {
	v, ctx := visitOf(c), c.Request().Context()
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	id, err := idOf(c.Param("id"), "desktop")
	if err != nil {
		return err
	}
	p, ok := readPass(s.Key, v.tenant.ID, seal.DesktopTicket, c.QueryParam("ticket"))
	if !ok || p.workspace != id {
		return s.ticketRefused(c)
	}
	switch err := s.porter.check(ctx, v.tenant, p); {
	case errors.Is(err, errTurnedAway):
		return s.ticketRefused(c)
	case err != nil:
		return err
	}
	now := s.porter.wall()
	if !s.porter.spent.once(p, now) {
		return s.ticketRefused(c)
	}
	prefix := desktopPrefix + id.String()
	c.SetCookie(&http.Cookie{Name: s.desktopCookie(id), Value: p.lasting(now.Add(cookieFor)).signed(s.Key, v.tenant.ID, seal.DesktopCookie),
		Path: prefix + "/", MaxAge: int(cookieFor / time.Second), HttpOnly: true, Secure: s.secure,
		SameSite: http.SameSiteLaxMode}) // Strict would be held back on the way from a link on another site, and nobody could enter from there
	return c.Redirect(http.StatusSeeOther, prefix+"/?path="+strings.TrimPrefix(prefix, "/")+"/websockify")
}

// desktopCookie is the name of the cookie of one desktop.
func (s *server) desktopCookie(id uuid.UUID) string {
	if s.secure {
		return "__Secure-ez_desktop_" + id.String()
	}
	return "ez_desktop_" + id.String()
}

// ticketRefused says nothing about the desktop, or whether there is one.
func (s *server) ticketRefused(c *echo.Context) error {
	return s.render(c, http.StatusForbidden, views.FaultPage(s.bareShell(c, "This link works no more"), views.Fault{Status: http.StatusForbidden,
		Title: "This link works no more", Text: "A link to a desktop works once, and for a minute. Open the desktop again from its page.",
		Action: views.NavItem{Label: "Back to the start", Href: "/"}, RequestID: visitOf(c).requestID}))
}

// desktop passes a request on to the desktop that it is for.
func (s *server) desktop(c *echo.Context) error {
	v, r := visitOf(c), c.Request()
	id, err := idOf(c.Param("id"), "desktop")
	if err != nil {
		return err
	}
	p, ok := s.admitted(c, id)
	if ok {
		if err := s.porter.check(r.Context(), v.tenant, p); errors.Is(err, errTurnedAway) {
			ok = false
		} else if err != nil {
			return err
		}
	}
	if !ok {
		return s.turnedAway(c, id)
	}
	inside, _ := strings.CutPrefix(r.URL.Path, desktopPrefix+c.Param("id"))
	x := &crossing{path: cleaned(inside), prefix: desktopPrefix + id.String(), origin: s.origin(r), visitor: v.ip, socket: isWebsocket(r)}
	if err := s.mayCross(r, x); err != nil {
		return err
	}
	if x.path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && !x.socket && !r.URL.Query().Has("path") {
		return c.Redirect(http.StatusSeeOther, x.prefix+"/?path="+strings.TrimPrefix(x.prefix, "/")+"/websockify")
	}
	if x.socket {
		unplug, ok := s.porter.plugIn(id)
		if !ok {
			return c.String(http.StatusTooManyRequests, "This desktop has as many connections open as it may have. Close some of its windows.")
		}
		defer unplug()
	}
	return s.cross(c, x, p)
}

// admitted reads the cookie of a desktop.
func (s *server) admitted(c *echo.Context, id uuid.UUID) (pass, bool) {
	cookie, err := c.Request().Cookie(s.desktopCookie(id))
	if err != nil {
		return pass{}, false
	}
	p, ok := readPass(s.Key, visitOf(c).tenant.ID, seal.DesktopCookie, cookie.Value)
	return p, ok && p.workspace == id
}

// turnedAway leads whoever has no pass that counts to where they get one: the
// desktop's owner to its launch page, a stranger to the shop's door. For anybody
// else the desktop is not there. Only pages are led anywhere.
func (s *server) turnedAway(c *echo.Context, id uuid.UUID) error {
	r := c.Request()
	if isWebsocket(r) || fetched(r) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return c.String(http.StatusUnauthorized, "Open the desktop again from its page.")
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageWithin)
	context.AfterFunc(r.Context(), cancel) // the answer to an error comes after this function
	c.SetRequest(r.WithContext(ctx))
	return s.throughDoor(s.doors.shop)(s.recognise(signedInOnly(func(c *echo.Context) error {
		var card workspaces.Card
		if err := s.readOwn(c, workspaces.CardQ(&card, visitOf(c).userID, id)); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/workspaces/"+id.String()+"/launch")
	})))(c)
}

// mayCross refuses what no desktop is asked.
func (s *server) mayCross(r *http.Request, x *crossing) error {
	at := spotOf(x.path)
	switch {
	case at == forbidden || x.path == "/enter":
		return echo.ErrNotFound
	case r.Header.Get("Service-Worker") != "":
		return fail.New(fail.Forbidden, "A desktop's page may not leave anything behind in the browser.")
	case x.socket && !s.ownOrigin(r):
		return fail.New(fail.Forbidden, "This connection was opened by another site.")
	case !x.socket:
		r.Header.Del("Upgrade")
	}
	x.saved = at == saveOnly
	x.policy = deskPolicy(x.origin, x.prefix)
	if x.saved {
		x.policy = filePolicy
	}
	return nil
}

// cross goes to the desktop and back, for as long as the pass counts.
func (s *server) cross(c *echo.Context, x *crossing, p pass) error {
	v := visitOf(c)
	ctx, end := context.WithCancel(c.Request().Context())
	defer end()
	go s.porter.watch(ctx, end, v.tenant, p)
	var err error
	if x.route, err = s.wayIn(ctx, c, p); err == nil {
		x.target, err = url.Parse(x.route.upstream.URL)
	}
	if err != nil {
		return s.unreachable(c, p, err)
	}
	if x.saved && !x.route.upstream.Downloads {
		return fail.New(fail.Forbidden, "This desktop's plan lets no files out of it.")
	}
	h := c.Response().Header()
	x.ours = h.Clone()
	clear(h)
	// Not every writer has deadlines; one without them does not cut a stream off either.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{})
	s.proxy.ServeHTTP(c.Response(), c.Request().WithContext(context.WithValue(ctx, crossingKey{}, x)))
	if x.err == nil || x.opened {
		return nil
	}
	clear(h)
	for name, values := range x.ours {
		h[name] = values
	}
	return s.unreachable(c, p, x.err)
}

func (s *server) wayIn(ctx context.Context, c *echo.Context, p pass) (route, error) {
	ctx, cancel := context.WithTimeout(ctx, pageWithin)
	defer cancel()
	return s.porter.find(ctx, visitOf(c).tenant, p)
}

// unreachable says that there is no way to the desktop now; why is for the log.
func (s *server) unreachable(c *echo.Context, p pass, err error) error {
	v, r := visitOf(c), c.Request()
	var tooLarge *http.MaxBytesError
	switch {
	case r.Context().Err() != nil: // nobody is left to read this
		return nil
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, errTurnedAway), errors.Is(err, context.Canceled), fail.Is(err, fail.NotFound):
		return s.turnedAway(c, p.workspace)
	}
	s.porter.lost(p.workspace)
	why := err
	var refused *fail.Error
	if errors.As(err, &refused) && refused.Cause != nil {
		why = refused.Cause
	}
	s.log.Warn("a desktop could not be reached", "tenant", v.tenant.Slug, "workspace", p.workspace, "request_id", v.requestID, "error", why)
	status := http.StatusBadGateway
	if refused != nil {
		status = http.StatusServiceUnavailable
	}
	c.Response().Header().Set("Retry-After", "10")
	const sentence = "The desktop is not reachable now. Try again in a moment; if it stays like this, stop the desktop and start it again."
	if isWebsocket(r) || fetched(r) {
		return c.String(status, sentence)
	}
	return s.render(c, status, views.FaultPage(s.bareShell(c, "Not reachable now"), views.Fault{Status: status, Title: "Not reachable now", Text: sentence,
		Action: views.NavItem{Label: "To the desktop's page", Href: "/workspaces/" + p.workspace.String()}, RequestID: v.requestID}))
}

// origin is the shop's as its visitors' browsers know it.
func (s *server) origin(r *http.Request) string {
	if s.secure {
		return "https://" + s.hostOf(r)
	}
	return "http://" + s.hostOf(r)
}

// ownOrigin tells whether a page of this shop opened a websocket. Browsers always
// say who did; what does not say is nobody's.
func (s *server) ownOrigin(r *http.Request) bool {
	from, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && (from.Scheme == "http" && !s.secure || from.Scheme == "https") && strings.EqualFold(from.Host, s.hostOf(r))
}

func isWebsocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
