package web

import (
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const exportPath = "/reseller/export"

func (s *server) exportPage(c *echo.Context) error {
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, views.ExportPage(s.consoleShell(c, "Your data", person), exportPath))
}

// exportShop gives an owner the archive of the shop.
func (s *server) exportShop(c *echo.Context) error {
	return s.sendArchive(c, visitOf(c).tenant, consoleActor(c))
}

// exportReseller gives an operator the archive of a reseller.
func (s *server) exportReseller(c *echo.Context) error {
	t, ok := s.Registry.BySlug(c.Param("slug"))
	if !ok {
		return fail.Missing("reseller")
	}
	return s.sendArchive(c, t, "operator:"+visitOf(c).operator.Email)
}

// sendArchive makes the archive before it sends anything, so that a failure is told
// and not a file that ends early. One at a time: it reads everything there is.
func (s *server) sendArchive(c *echo.Context, t tenants.Tenant, actor string) error {
	if !s.exporting.TryLock() {
		return fail.New(fail.TooMany, "Another archive is being made right now. Try again in a minute.")
	}
	defer s.exporting.Unlock()
	f, err := os.CreateTemp("", "archive-")
	if err != nil {
		return fmt.Errorf("make room for the archive: %w", err)
	}
	defer func() { _, _ = f.Close(), os.Remove(f.Name()) }()
	ctx := c.Request().Context()
	if _, err := s.Archive.Write(ctx, t, f); err != nil {
		return err
	}
	if err := s.Archive.Note(ctx, t, actor); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="`+fileName(t.Slug+"-"+s.Clock.Now().UTC().Format("2006-01-02")+".tar.gz")+`"`)
	h.Set("Cache-Control", "private, no-store")
	return c.Stream(http.StatusOK, "application/gzip", f)
}
