package web

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
)

type customerJSON struct {
	UserID    uuid.UUID       `json:"user_id"`
	Email     string          `json:"email"`
	Name      string          `json:"name"`
	Status    accounts.Status `json:"status"`
	CreatedAt *string         `json:"created_at"`
}

// apiCustomers lists the shop's customers for its staff, newest first; ?q= looks for
// a part of a name or an address.
func (s *server) apiCustomers(c *echo.Context) error {
	v := visitOf(c)
	if !v.staff {
		return fail.New(fail.Forbidden, "Only a key of the shop's staff may list customers.")
	}
	limit, _, err := page(c)
	if err != nil {
		return err
	}
	found, err := s.Accounts.List(c.Request().Context(), v.tenant, accounts.Search{Text: c.QueryParam("q"), Cursor: c.QueryParam("cursor"), Limit: limit})
	if err != nil {
		return err
	}
	list := make([]customerJSON, len(found.Users))
	for i, u := range found.Users {
		list[i] = customerJSON{u.ID, u.Email, u.Name, u.Status, stamp(&u.CreatedAt)}
	}
	answer := map[string]any{"customers": list, "next_cursor": nil}
	if found.Next != "" {
		answer["next_cursor"] = found.Next
	}
	return c.JSON(http.StatusOK, answer)
}
