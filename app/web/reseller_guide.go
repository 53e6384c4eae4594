package web

import (
	"cmp"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/assets"
	"github.com/ezscale/ezscale/views"
)

// guidePage is a chapter of the guide for resellers; the first when none is named.
func (s *server) guidePage(c *echo.Context) error {
	guide, ok := views.GuideOf("/reseller/guide", cmp.Or(c.Param("chapter"), assets.GuideChapters()[0]))
	if !ok {
		return fail.Missing("chapter")
	}
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, views.GuidePage(s.consoleShell(c, guide.Title, person), guide))
}
