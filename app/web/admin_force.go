package web

import (
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

// forceWorkspace ends a desktop that is stuck, for an operator.
func (s *server) forceWorkspace(c *echo.Context) error {
	shop, known := s.Registry.BySlug(c.Param("shop"))
	if !known {
		return fail.Missing("shop")
	}
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	who := visitOf(c).operator
	if _, err := s.Workspaces.ForceBy(c.Request().Context(), shop, id, who.Email); err != nil {
		return err
	}
	s.log.Info("a desktop was forced to end", "tenant", shop.Slug, "workspace", id, "operator", who.ID)
	putNotice(c, s.doors.admin, views.ToneGood, "The desktop is off its workspace. Whatever is left of it on the host is destroyed as soon as the host answers.")
	return seeOther(c, "/admin")
}
