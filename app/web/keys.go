package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

func (s *server) keysPage(c *echo.Context) error {
	return s.keysForm(c, http.StatusOK, views.KeysProps{})
}

func (s *server) keysForm(c *echo.Context, status int, p views.KeysProps) error {
	shell, _, err := s.desk(c, "API keys", accounts.KeysQ(&p.Keys, visitOf(c).userID))
	if err != nil {
		return err
	}
	p.When, p.Address = s.when(c), s.addressOf(c, visitOf(c).tenant, "/api/public/workspaces")
	return s.render(c, status, views.KeysPage(shell, p))
}

// createKey makes a key and shows its secret in the answer itself, because it is
// kept nowhere and can be shown only once.
func (s *server) createKey(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	p := views.KeysProps{Name: form.Get("name")}
	key, secret, err := s.Accounts.CreateKey(c.Request().Context(), v.tenant, v.userID, p.Name)
	var refused *fail.Error
	switch {
	case errors.As(err, &refused) && refused.Kind == fail.Invalid:
		p.Fields = refused.Fields
	case errors.As(err, &refused) && refused.Kind == fail.Conflict:
		p.Said = refused.Message
	case err != nil:
		return err
	default:
		return s.keysForm(c, http.StatusCreated, views.KeysProps{Made: &key, Secret: secret})
	}
	return s.keysForm(c, statuses[refused.Kind], p)
}

// revokeKey ends one of the caller's own keys at once.
func (s *server) revokeKey(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "key")
	if err != nil {
		return err
	}
	if err := s.Accounts.RevokeKey(c.Request().Context(), v.tenant, v.userID, id); err != nil {
		return err
	}
	putNotice(c, s.doors.shop, views.ToneGood, "The key was revoked. Programs that use it are refused from now on.")
	return seeOther(c, "/settings/keys")
}
