package web

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/fail"
)

const (
	keepForEver = "public, max-age=31536000, immutable"
	askAgain    = "no-cache"
)

// brandCSS is the look of the shop at this host. Under the address that names
// the present look it may be kept for ever; under any other it must be asked for.
func (s *server) brandCSS(c *echo.Context) error {
	brand := brandOf(visitOf(c).tenant)
	version := branding.Version(brand)
	keep := askAgain
	if c.QueryParam("v") == version {
		keep = keepForEver
	}
	return sendFile(c, "text/css; charset=utf-8", keep, version, branding.CSS(brand))
}

// favicon is the drawn mark of a shop that has none of its own.
func (s *server) favicon(c *echo.Context) error {
	brand := brandOf(visitOf(c).tenant)
	return sendFile(c, "image/svg+xml", askAgain, branding.Version(brand)+"-"+brand.Monogram(), branding.Mark(brand))
}

func sendFile(c *echo.Context, kind, keep, version string, body []byte) error {
	h, tag := c.Response().Header(), `W/"`+version+`"`
	h.Set("Cache-Control", keep)
	h.Set("ETag", tag)
	if c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, kind, body)
}

func (s *server) assets(c *echo.Context) error {
	s.files.ServeHTTP(c.Response(), c.Request())
	return nil
}

// alive says that the process answers, and asks nobody else.
func (s *server) alive(c *echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready says whether requests can be served at all.
func (s *server) ready(c *echo.Context) error {
	if err := s.readiness(c.Request().Context()); err != nil {
		s.log.Warn("not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, sentence(err)+"\n")
	}
	return c.String(http.StatusOK, "ok\n")
}

func (s *server) readiness(ctx context.Context) error {
	if s.Ready == nil {
		return nil
	}
	return s.Ready(ctx)
}

// metrics answers a program on this machine, or one with the token. What came
// through a proxy on this machine came from elsewhere.
func (s *server) metrics(c *echo.Context) error {
	if s.Metrics == nil || !s.mayMeasure(c.Request()) {
		return fail.Missing("page")
	}
	s.Metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}

func (s *server) mayMeasure(r *http.Request) bool {
	token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if isBearer && s.MetricsToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.MetricsToken)) == 1 {
		return true
	}
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-Host") != ""
	return err == nil && addr.Addr().Unmap().IsLoopback() && !forwarded
}
