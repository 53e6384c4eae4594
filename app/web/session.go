package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
)

// Three doors, three cookies: a customer of the house shop who shares a host
// with /admin is still nobody there.
type doors struct {
	shop     *scs.SessionManager
	reseller *scs.SessionManager
	admin    *scs.SessionManager
}

// How long a sign-in lasts.
const (
	shopLifetime  = 30 * 24 * time.Hour
	staffLifetime = 12 * time.Hour
)

func newDoors(store scs.Store, secure bool) doors {
	door := func(name string, lifetime time.Duration) *scs.SessionManager {
		m := scs.New()
		m.Store, m.Codec, m.HashTokenInStore, m.Lifetime = store, plainCodec{}, true, lifetime
		m.Cookie.Name, m.Cookie.HttpOnly, m.Cookie.SameSite, m.Cookie.Secure = name, true, http.SameSiteLaxMode, secure
		if secure {
			m.Cookie.Name = "__Host-" + name
		}
		return m
	}
	return doors{shop: door("ez_session", shopLifetime), reseller: door("ez_reseller", staffLifetime), admin: door("ez_admin", staffLifetime)}
}

// Keys of a session.
const (
	keyDoor   = "door"
	keyTenant = "tenant"
	keyUser   = "user"
	keyEpoch  = "epoch"
	keyNotice = "notice"
)

// throughDoor loads the session of one door before a handler, and saves what
// the handler changed just before the answer's headers leave.
func (s *server) throughDoor(m *scs.SessionManager) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			r := c.Request()
			var token string
			if cookie, err := r.Cookie(m.Cookie.Name); err == nil {
				token = cookie.Value
			}
			ctx, err := m.Load(r.Context(), token)
			if err != nil {
				return fmt.Errorf("load the session: %w", err)
			}
			if s.foreign(ctx, c, m) {
				if ctx, err = m.Load(r.Context(), ""); err != nil {
					return fmt.Errorf("begin a session: %w", err)
				}
			}
			response, err := echo.UnwrapResponse(c.Response())
			if err != nil {
				return err
			}
			response.Header().Add("Vary", "Cookie")
			response.Before(func() { s.saveSession(ctx, m, response) })
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// foreign tells a session that was made at another door or in another shop, and
// came under this door's name. It is left as it is, whatever this request does:
// its person goes on being signed in over there.
func (s *server) foreign(ctx context.Context, c *echo.Context, m *scs.SessionManager) bool {
	door, shop := m.GetString(ctx, keyDoor), m.GetString(ctx, keyTenant)
	if door != "" && door != m.Cookie.Name {
		return true
	}
	return m == s.doors.shop && shop != "" && shop != visitOf(c).tenant.ID.String()
}

func (s *server) saveSession(ctx context.Context, m *scs.SessionManager, w http.ResponseWriter) {
	switch m.Status(ctx) {
	case scs.Modified:
		token, expiry, err := m.Commit(ctx)
		if err != nil {
			s.log.Error("session could not be saved", "error", err)
			return
		}
		m.WriteSessionCookie(ctx, w, token, expiry)
	case scs.Destroyed:
		m.WriteSessionCookie(ctx, w, "", time.Time{})
	}
}

// enter signs a person in: a new token, so that one planted before is worthless.
func enter(c *echo.Context, m *scs.SessionManager, tenantID, userID uuid.UUID, epoch int) error {
	ctx := c.Request().Context()
	if err := m.Clear(ctx); err != nil {
		return err
	}
	if err := m.RenewToken(ctx); err != nil {
		return err
	}
	m.Put(ctx, keyDoor, m.Cookie.Name)
	m.Put(ctx, keyTenant, tenantID.String())
	m.Put(ctx, keyUser, userID.String())
	m.Put(ctx, keyEpoch, epoch)
	return nil
}

// whoIs reads the person of a session, if the session was made for this tenant.
// A session of another tenant is left alone and counts for nothing.
func whoIs(c *echo.Context, m *scs.SessionManager, tenantID uuid.UUID) (userID uuid.UUID, epoch int, ok bool) {
	ctx := c.Request().Context()
	if m.GetString(ctx, keyTenant) != tenantID.String() {
		return uuid.Nil, 0, false
	}
	id, err := uuid.Parse(m.GetString(ctx, keyUser))
	return id, m.GetInt(ctx, keyEpoch), err == nil
}

var errSignedOut = fail.New(fail.Unauthorised, "Sign in first.")
