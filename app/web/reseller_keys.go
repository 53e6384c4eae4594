package web

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/views"
)

const staffKeysPath = "/reseller/keys"

func (s *server) staffKeysPage(c *echo.Context) error {
	return s.staffKeysAs(c, http.StatusOK, views.StaffKeys{})
}

// staffKeysAs draws the page. Owners see the keys of everybody who runs the shop,
// staff their own.
func (s *server) staffKeysAs(c *echo.Context, status int, p views.StaffKeys) error {
	v := visitOf(c)
	of := &v.userID
	if v.owner {
		of = nil
	}
	person, err := s.consoleRead(c, accounts.StaffKeysQ(&p.Keys, of))
	if err != nil {
		return err
	}
	p.When, p.All, p.Address = s.when(c), v.owner, s.addressOf(c, v.tenant, "/api/public/customers")
	return s.render(c, status, views.StaffKeysPage(s.consoleShell(c, "API keys", person), p))
}

// createStaffKey shows the secret in the answer itself, because it is kept nowhere.
func (s *server) createStaffKey(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	key, secret, err := s.Accounts.CreateScopedKey(c.Request().Context(), v.tenant, v.userID, form.Get("name"), accounts.Scope(form.Get("scope")))
	if wrong, status := wrongOf(err); status != 0 {
		return s.staffKeysAs(c, status, views.StaffKeys{Form: typed(form, wrong)})
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return s.staffKeysAs(c, http.StatusCreated, views.StaffKeys{Made: &key, Secret: secret})
}

// revokeStaffKey ends a key at once: staff their own, owners anybody's of the shop's.
func (s *server) revokeStaffKey(c *echo.Context) error {
	v, ctx := visitOf(c), c.Request().Context()
	id, err := idOf(c.Param("id"), "key")
	if err != nil {
		return err
	}
	end := func(id uuid.UUID) error { return s.Accounts.RevokeKey(ctx, v.tenant, v.userID, id) }
	if v.owner {
		end = func(id uuid.UUID) error { return s.Accounts.RevokeStaffKey(ctx, v.tenant, consoleActor(c), id) }
	}
	if err := end(id); err != nil {
		return err
	}
	return s.consoleDone(c, "The key was revoked. Programs that use it are refused from now on.", staffKeysPath)
}
