package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const (
	actingEnter = "/acting/:ticket"
	actingEnd   = "/acting/end"
	keyActs     = "acts" // of a sign-in: what the stays that it began are bound to
)

var errActing = fail.New(fail.Forbidden, "This cannot be done in another person's name: money, secrets and what is on their desktops are theirs. End your visit first.")

func (s *server) actingCookie() string {
	if s.secure {
		return "__Host-ez_acting"
	}
	return "ez_acting"
}

func (s *server) setActing(c *echo.Context, token string) {
	age := int(console.ActingLasts.Seconds())
	if token == "" {
		age = -1
	}
	http.SetCookie(c.Response(), &http.Cookie{Name: s.actingCookie(), Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

// inAnothersName finds out whether this request is made in another person's name, and
// lets through what may be done so. Whoever really works must still be welcome.
func (s *server) inAnothersName(c *echo.Context) (bool, error) {
	cookie, err := c.Cookie(s.actingCookie())
	if err != nil || s.Console == nil {
		return false, nil
	}
	v, ctx := visitOf(c), c.Request().Context()
	a, found, err := s.Console.Find(ctx, v.tenant, cookie.Value)
	if err != nil || !found {
		return false, err
	}
	var as, by accounts.User
	var known bool
	if a.ByKind == "operator" {
		var o accounts.Operator
		err = s.DB.CentralRead(ctx, accounts.OperatorFindQ(&o, &known, a.ByID))
		known = known && o.SessionEpoch == a.ByEpoch
	} else {
		err = s.DB.Read(ctx, v.tenant, accounts.UserFindQ(&by, &known, a.ByID))
		known = known && by.Runs() && by.Status == accounts.Active && by.SessionEpoch == a.ByEpoch
	}
	if err != nil || !known {
		return false, err
	}
	if err := s.DB.Read(ctx, v.tenant, accounts.UserQ(&as, a.UserID)); err != nil {
		return false, err
	}
	if as.Status != accounts.Active || a.ByKind == "user" && as.Runs() {
		return false, nil
	}
	if strings.HasPrefix(c.Path(), "/reseller") && !as.Runs() {
		return false, nil // the staff's own console
	}
	if c.Request().Method == http.MethodGet && !maySee(c.Path()) || c.Request().Method != http.MethodGet && !mayChange(c.Path()) {
		return false, errActing
	}
	if c.Request().Method != http.MethodGet && c.Path() != "/sign-out" {
		if err := s.Console.Did(ctx, v.tenant, a, c.Request().Method+" "+c.Path()); err != nil {
			return false, err
		}
	}
	v.userID, v.epoch, v.acting = a.UserID, as.SessionEpoch, &a
	return true, nil
}

// maySee tells what is not even looked at in another person's name: their desktops'
// inside, and a shop's data as a whole.
func maySee(path string) bool {
	return path != "/workspaces/:id/launch" && !strings.HasPrefix(path, "/reseller/export") && !strings.HasPrefix(path, "/payments/")
}

// mayChange lists the little that is changed in another person's name: nothing that
// costs them anything.
func mayChange(path string) bool {
	switch path {
	case "/sign-out", "/workspaces/:id/stop", "/workspaces/:id/idle", "/workspaces/:id/schedule/remove",
		"/reseller/workspaces/:id/stop", uploadRoute, "/reseller/branding/preview":
		return true
	}
	return false
}

func (s *server) actingOf(c *echo.Context) *views.Acting {
	v := visitOf(c)
	if v.acting == nil {
		return nil
	}
	return &views.Acting{As: v.acting.AsName, By: v.acting.ByName, Reason: v.acting.Reason, Until: v.acting.ExpiresAt.In(v.tenant.Zone).Format("15:04"), EndAction: actingEnd}
}

// mayLeadTo lets a form of this page end on a shop's own host, where log in as goes.
func (s *server) mayLeadTo(c *echo.Context, t tenants.Tenant) {
	h := c.Response().Header()
	origin := strings.TrimSuffix(s.addressOf(c, t, "/"), "/")
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' "+origin, 1))
}

// actAsCustomer leads one of the shop's people over to a customer's pages.
func (s *server) actAsCustomer(c *echo.Context) error {
	if visitOf(c).acting != nil {
		return errActing
	}
	return s.turnCustomerTo(c, func(t tenants.Tenant, id uuid.UUID, reason string) (string, error) {
		person, err := s.consoleRead(c)
		if err != nil {
			return "", err
		}
		door, ctx := s.deskOfReseller(c), c.Request().Context()
		mark := door.GetString(ctx, keyActs)
		if mark == "" {
			mark = console.Door()
			door.Put(ctx, keyActs, mark)
		}
		ticket, err := s.Console.Begin(ctx, t, console.By{Kind: "user", ID: person.ID, Name: person.Name, Epoch: person.SessionEpoch, Door: mark}, id, reason)
		return s.addressOf(c, t, "/acting/"+ticket), err
	})
}

// actAsReseller leads an operator over to the pages of one of a shop's people, or of
// a customer; user is their address.
func (s *server) actAsReseller(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	t, ok := s.Registry.BySlug(c.Param("slug"))
	if !ok {
		return fail.Missing("reseller")
	}
	ctx, o := c.Request().Context(), visitOf(c).operator
	email := strings.TrimSpace(form.Get("email"))
	if email == "" {
		email = t.OwnerEmail
	}
	person, err := s.Accounts.ByEmail(ctx, t, email)
	if err != nil {
		return err
	}
	mark := s.doors.admin.GetString(ctx, keyActs)
	if mark == "" {
		mark = console.Door()
		s.doors.admin.Put(ctx, keyActs, mark)
	}
	ticket, err := s.Console.Begin(ctx, t, console.By{Kind: "operator", ID: o.ID, Name: o.Name, Epoch: o.SessionEpoch, Door: mark}, person.ID, form.Get("reason"))
	if err != nil {
		return err
	}
	return seeOther(c, s.addressOf(c, t, "/acting/"+ticket))
}

// enterActing changes the ticket into a cookie of this host.
func (s *server) enterActing(c *echo.Context) error {
	v := visitOf(c)
	token, a, err := s.Console.Enter(c.Request().Context(), v.tenant, c.Param("ticket"))
	if err != nil {
		return err
	}
	s.setActing(c, token)
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	c.Response().Header().Set("Cache-Control", "no-store")
	person, err := s.Accounts.ByID(c.Request().Context(), v.tenant, a.UserID)
	if err != nil {
		return err
	}
	if person.Runs() {
		return seeOther(c, "/reseller")
	}
	return seeOther(c, "/")
}

func (s *server) endActing(c *echo.Context) error {
	if err := s.leave(c); err != nil {
		return err
	}
	return seeOther(c, "/")
}

// leave ends a stay in another person's name on this host, if there is one.
func (s *server) leave(c *echo.Context) error {
	cookie, err := c.Cookie(s.actingCookie())
	if err != nil || s.Console == nil {
		return nil
	}
	s.setActing(c, "")
	t := visitOf(c).tenant
	a, found, err := s.Console.Find(c.Request().Context(), t, cookie.Value)
	if err != nil || !found {
		return err
	}
	return s.Console.End(c.Request().Context(), t, a)
}

// turnCustomerTo reads the reason and leads over.
func (s *server) turnCustomerTo(c *echo.Context, begin func(tenants.Tenant, uuid.UUID, string) (string, error)) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := idOf(c.Param("id"), "customer")
	if err != nil {
		return err
	}
	to, err := begin(visitOf(c).tenant, id, form.Get("reason"))
	if err != nil {
		return s.askReason(c, err, id, url.Values(form))
	}
	return seeOther(c, to)
}
