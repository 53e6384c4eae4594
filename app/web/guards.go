package web

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// admit builds what stands before a route's handler, from its line in the table.
func (s *server) admit(r Route) (chain []echo.MiddlewareFunc) {
	if r.on == central {
		chain = append(chain, centralOnly)
	}
	switch r.guard {
	case visitor:
		chain = append(chain, s.throughDoor(s.doors.shop), s.recognise)
	case customer:
		chain = append(chain, s.throughDoor(s.doors.shop), s.recognise, signedInOnly)
		if r.Method != http.MethodGet {
			chain = append(chain, s.stillWelcome)
		}
	case reseller:
		chain = append(chain, s.throughResellerDoor, s.staffOnly)
	case owner:
		chain = append(chain, s.throughResellerDoor, s.staffOnly, ownerOnly)
	case atDesk:
		chain = append(chain, s.throughResellerDoor)
	case operator:
		chain = append(chain, s.throughDoor(s.doors.admin), s.operatorOnly)
	case atAdmin:
		chain = append(chain, s.throughDoor(s.doors.admin))
	case apiKey:
		chain = append(chain, s.byKey)
	}
	return chain
}

// doorOf is where somebody who must sign in first is sent. A suspended shop's
// own door is closed, the one for its people is not.
func doorOf(v *visit, path string) string {
	switch {
	case v.central && strings.HasPrefix(path, "/admin"):
		return "/admin/sign-in"
	case strings.HasPrefix(path, "/reseller") && (v.central || !v.tenant.Status.Open()):
		return "/reseller/sign-in"
	}
	return "/sign-in"
}

func centralOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if !visitOf(c).central {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

// recognise reads from the session who this is, without asking the database.
func (s *server) recognise(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		v := visitOf(c)
		if id, epoch, ok := whoIs(c, s.doors.shop, v.tenant.ID); ok {
			v.userID, v.epoch = id, epoch
		}
		if _, err := s.inAnothersName(c); err != nil {
			return err
		}
		return next(c)
	}
}

func signedInOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if visitOf(c).userID == uuid.Nil {
			return errSignedOut
		}
		return next(c)
	}
}

// stillWelcome reads the person before anything is changed in their name. Pages
// do the same in the pipeline that reads the page.
func (s *server) stillWelcome(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		v := visitOf(c)
		var person accounts.User
		if err := s.DB.Read(c.Request().Context(), v.tenant, accounts.UserQ(&person, v.userID)); err != nil {
			return signedOutIfMissing(err)
		}
		if err := welcome(v, person); err != nil {
			return err
		}
		return next(c)
	}
}

// welcome refuses people whose account was closed, and sessions that were made
// before the last reset of the password.
func welcome(v *visit, person accounts.User) error {
	if person.Status != accounts.Active || person.SessionEpoch != v.epoch {
		return errSignedOut
	}
	v.person, v.staff, v.owner = person, person.Runs(), person.Role == accounts.Owner
	return nil
}

func signedOutIfMissing(err error) error {
	if fail.Is(err, fail.NotFound) {
		return errSignedOut
	}
	return err
}

// desk reads a signed-in page in one pipeline: the person, their credit, and
// what the page asks for. It gives the frame of the page with the person in it.
func (s *server) desk(c *echo.Context, title string, page ...tenants.Query) (views.Shell, accounts.User, error) {
	shell, person, _, err := s.deskWithCredit(c, title, page...)
	return shell, person, err
}

// deskWithCredit is desk for pages that say something about the credit, too.
func (s *server) deskWithCredit(c *echo.Context, title string, page ...tenants.Query) (views.Shell, accounts.User, ledger.Balance, error) {
	v := visitOf(c)
	var person accounts.User
	var balance ledger.Balance
	queries := append([]tenants.Query{accounts.UserQ(&person, v.userID), ledger.BalanceQ(&balance, v.userID, v.tenant.Currency)}, page...)
	if err := s.DB.Read(c.Request().Context(), v.tenant, queries...); err != nil {
		if person.ID == uuid.Nil {
			err = signedOutIfMissing(err)
		}
		return views.Shell{}, person, balance, err
	}
	if err := welcome(v, person); err != nil {
		return views.Shell{}, person, balance, err
	}
	return s.deskShell(c, title, person, balance), person, balance, nil
}

// throughResellerDoor loads the session that counts at /reseller: on the
// central host the desk's own, on a shop's host the shop's.
func (s *server) throughResellerDoor(next echo.HandlerFunc) echo.HandlerFunc {
	onCentral, onShop := s.throughDoor(s.doors.reseller)(next), s.throughDoor(s.doors.shop)(next)
	return func(c *echo.Context) error {
		if visitOf(c).central {
			return onCentral(c)
		}
		return onShop(c)
	}
}

// staffOnly lets in the people of a reseller. On the central host the session
// says which shop they signed in to; on a shop's host the host says it.
func (s *server) staffOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		v, door := visitOf(c), s.doors.shop
		if v.central {
			door = s.doors.reseller
			id, err := uuid.Parse(door.GetString(c.Request().Context(), keyTenant))
			t, ok := s.Registry.ByID(id)
			if err != nil || !ok || t.Gone() {
				return errSignedOut
			}
			v.tenant = t
		}
		id, epoch, ok := whoIs(c, door, v.tenant.ID)
		as := false
		if !v.central {
			var err error
			if as, err = s.inAnothersName(c); err != nil {
				return err
			}
		}
		if !ok && !as {
			return errSignedOut
		}
		if !as {
			v.userID, v.epoch = id, epoch
		}
		return s.stillWelcome(func(c *echo.Context) error {
			if !v.staff {
				return echo.ErrNotFound
			}
			if err := standing(v.tenant, c.Path()); err != nil {
				return err
			}
			return next(c)
		})(c)
	}
}

// ownerOnly keeps from a reseller's staff what binds the company: its people, its
// keys, its names, what it owes.
func ownerOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if !visitOf(c).owner {
			return fail.New(fail.Forbidden, "Only an owner of the shop may open this. Ask one of them to do it, or to make you an owner.")
		}
		return next(c)
	}
}

func (s *server) operatorOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		id, err := uuid.Parse(s.doors.admin.GetString(c.Request().Context(), keyUser))
		if err != nil {
			return errSignedOut
		}
		var person accounts.Operator
		var found bool
		if err := s.DB.CentralRead(c.Request().Context(), accounts.OperatorFindQ(&person, &found, id)); err != nil {
			return err
		}
		if !found || person.SessionEpoch != s.doors.admin.GetInt(c.Request().Context(), keyEpoch) {
			return errSignedOut
		}
		visitOf(c).operator = person
		return next(c)
	}
}

// aboutWhom is the customer whom a reading call of staff is about.
func aboutWhom(c *echo.Context) (id uuid.UUID, asked bool) {
	if c.Request().Method != http.MethodGet || !c.QueryParams().Has("user_id") {
		return uuid.Nil, false
	}
	id, _ = uuid.Parse(c.QueryParam("user_id"))
	return id, true
}

// byKey signs a program in for one call.
func (s *server) byKey(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		v, h := visitOf(c), c.Request().Header
		about, asked := aboutWhom(c)
		var customer accounts.User
		var known bool
		program, err := s.Accounts.Authenticate(c.Request().Context(), v.tenant, h.Get("X-API-Key"), h.Get("X-API-Secret"), accounts.UserFindQ(&customer, &known, about))
		if err != nil {
			return err
		}
		v.userID, v.staff = program.ID, program.Staff
		switch {
		case program.Scope == accounts.ScopeRead && c.Request().Method != http.MethodGet:
			return fail.New(fail.Forbidden, "This key may only read. Use one that may operate desktops.")
		case asked && !v.staff:
			return fail.New(fail.Forbidden, "Only a key of the shop's staff may ask about somebody else. Leave user_id out.")
		case asked && !known:
			return fail.Missing("customer")
		case asked:
			v.userID = customer.ID
		}
		return next(c)
	}
}
