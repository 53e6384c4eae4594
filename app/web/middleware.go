package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// maxBody is the largest request body anybody may send, in bytes. Forms and API
// calls are small; the one form with files has a limit of its own.
const maxBody = 1 << 20

// policy is the strictest content policy the pages work under: own scripts and
// styles only, nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"

// identify gives the request an id and its visit, and logs how it ended. The
// route is logged, not the address: addresses hold the tokens of mail links.
func (s *server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		began := time.Now()
		v := &visit{requestID: uuid.NewString()[:13], ip: c.RealIP()}
		c.Set(visitKey, v)
		c.Response().Header().Set("X-Request-Id", v.requestID)
		err := recovered(next, c)
		if err != nil {
			s.answer(c, err)
		}
		_, status := echo.ResolveResponseStatus(c.Response(), nil)
		if errors.Is(c.Request().Context().Err(), context.Canceled) {
			status = 499
		}
		level := slog.LevelInfo
		if quiet[c.Path()] {
			level = slog.LevelDebug
		}
		s.log.Log(c.Request().Context(), level, "request", "method", c.Request().Method, "route", c.Path(), "status", status,
			"took_ms", float64(time.Since(began).Microseconds())/1000, "tenant", v.tenant.Slug, "request_id", v.requestID)
		return nil
	}
}

// quiet are routes that machines call all day, and what a desktop's page loads.
var quiet = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/assets/*": true, desktopRoute: true}

// recovered turns a panic into an internal error of this request alone.
func recovered(next echo.HandlerFunc, c *echo.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return next(c)
}

// secureHeaders says what a browser may do with our pages. It comes before
// anything that can answer, so that error pages carry it too.
func (s *server) secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", s.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=63072000")
			h.Set("Cross-Origin-Opener-Policy", "same-origin") // browsers ignore it elsewhere, and say so
		}
		return next(c)
	}
}

// sameOrigin refuses what another site, or a neighbour under the same domain,
// makes a visitor's browser send. The public API is called with keys, not
// cookies, so there is nothing to forge there.
func (s *server) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if isAPI(c) {
			return next(c)
		}
		if err := s.origins.Check(c.Request()); err != nil {
			return fail.Wrap(err, fail.Forbidden, "This request came from another site. Open the page here and try again.")
		}
		return next(c)
	}
}

// findTenant reads the shop from the host. What a proxy says about the host
// counts only when the proxy is one of ours.
func (s *server) findTenant(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if hostless[c.Path()] {
			return next(c)
		}
		v := visitOf(c)
		t, central, ok := s.Registry.ByHost(s.hostOf(c.Request()))
		if !ok || t.Status == tenants.Closed {
			return fail.New(fail.NotFound, "Nothing is served at this address. Check it, or ask whoever gave it to you.")
		}
		v.tenant, v.central = t, central
		if to, leads := s.leadsTo(c, t); leads {
			return c.Redirect(http.StatusPermanentRedirect, to)
		}
		if t.Status == tenants.Suspended && !v.central && !openWhenSuspended(c.Path()) {
			return fail.Coded(fail.Unavailable, codeSuspended, "This shop is closed for the moment. Please come back later.")
		}
		return next(c)
	}
}

// leadsTo is where a page that is opened under an alias of the shop is: at the same
// place under its primary name (RFC 9110, section 15.4.9). Programs, machines and
// what a page loads stay where they are.
func (s *server) leadsTo(c *echo.Context, t tenants.Tenant) (string, bool) {
	r := c.Request()
	if r.Method != http.MethodGet && r.Method != http.MethodHead || staysAtAlias(r.URL.Path) {
		return "", false
	}
	host, err := tenants.NormalHost(s.hostOf(r))
	if err != nil {
		return "", false
	}
	primary, ok := t.LeadsTo(host)
	if !ok {
		return "", false
	}
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: s.hostPort(c, primary), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}).String(), true
}

func staysAtAlias(path string) bool {
	for _, own := range []string{"/api/", "/webhooks/", "/.well-known/", "/assets/", "/events", desktopPrefix} {
		if strings.HasPrefix(path, own) {
			return true
		}
	}
	return false
}

// hostless routes answer on any host: a load balancer knows no tenant.
var hostless = map[string]bool{probeRoute: true, "/healthz": true, "/readyz": true, "/metrics": true, "/assets/*": true}

func openWhenSuspended(route string) bool {
	return route == "/brand.css" || route == "/brand/:name" || route == "/favicon.svg" || route == "/webhooks/stripe" || strings.HasPrefix(route, "/reseller")
}

func (s *server) hostOf(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" && s.trusted(r.RemoteAddr) {
		return forwarded
	}
	return r.Host
}

func (s *server) trusted(remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range s.proxies {
		if p.Contains(addr.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// limitBody refuses bodies that nobody means to send.
func (s *server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		r, most := c.Request(), int64(maxBody)
		if c.Path() == desktopRoute {
			most = maxDesktopBody
		}
		if c.Path() == uploadRoute && r.Method == http.MethodPost {
			most = maxUpload
		}
		if r.ContentLength > most {
			return fail.New(fail.TooLarge, "That is too large. The limit is %d MB.", most>>20)
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, most)
		return next(c)
	}
}

func isAPI(c *echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/api/") }
