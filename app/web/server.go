// Package web is the product over HTTP: hosts, sessions, pages, fragments and
// the public API. It is the only package that knows requests, and it decides
// nothing about desktops or money: handlers ask a domain and draw the answer.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"sync"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/activity"
	"github.com/ezscale/ezscale/app/archive"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/documents"
	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/dunning"
	"github.com/ezscale/ezscale/app/erasure"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/idempotency"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/live"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/app/onboarding"
	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/pricing"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/testclock"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/assets"
	"github.com/ezscale/ezscale/tenants"
)

// Deps is everything the handlers ask.
type Deps struct {
	DB         *tenants.DB
	Registry   *tenants.Registry
	Accounts   *accounts.Service
	Workspaces *workspaces.Service
	Hosts      *hosts.Service
	Ledger     *ledger.Service
	Billing    *billing.Service
	Payments   *payments.Service
	Wholesale  *wholesale.Service
	Pricing    *pricing.Service
	Onboarding *onboarding.Service
	Activity   *activity.Service
	Lifecycle  *lifecycle.Service
	Erasure    *erasure.Service
	Archive    *archive.Service
	Domains    *domains.Service
	Issuer     domains.Issuer // obtains certificates; nil without HTTPS
	Dunning    *dunning.Service
	Parking    *parking.Service
	Console    *console.Service
	Branding   *branding.Service
	Webhooks   *webhooks.Service
	Bus        *bus.Bus
	Live       *live.Hub
	Repeats    *idempotency.Book
	Clock      clock.Clock
	Log        *slog.Logger

	Links func(t tenants.Tenant, path string) string // a whole address of a shop's page

	Key  *seal.Key   // signs the links to desktops; nil for one that dies with the process
	Wall clock.Clock // for what those links and their cookies last; nil for the machine's time

	Secure         bool         // served over TLS, by us or by a proxy before us
	TrustedProxies []string     // addresses and networks whose forwarding headers count
	Outbox         *mail.Folder // the demonstration's sent mail, or nil
	TestClock      TestClock    // nil in production
	Ready          func(context.Context) error
	Metrics        http.Handler
	MetricsToken   string
}

// TestClock moves business time, where the installation allows it.
type TestClock interface {
	Read() testclock.Reading
	Move(ctx context.Context, to testclock.Move) (testclock.Reading, error)
}

type server struct {
	Deps
	doors     doors
	origins   *http.CrossOriginProtection
	proxies   []netip.Prefix
	files     http.Handler
	log       *slog.Logger
	secure    bool
	policy    string   // of pages
	looks     sync.Map // tenant's id → look
	oversight *oversight.Service
	porter    *porter
	press     documents.Press
	exporting sync.Mutex // one archive at a time
	proxy     *httputil.ReverseProxy
}

// New makes the handler of the whole product.
func New(d Deps) (http.Handler, error) {
	proxies, err := prefixes(d.TrustedProxies)
	if err != nil {
		return nil, err
	}
	files, err := assets.Handler()
	if err != nil {
		return nil, err
	}
	s := &server{Deps: d, doors: newDoors(d.DB.SessionStore(), d.Secure), origins: http.NewCrossOriginProtection(),
		proxies: proxies, files: files, log: d.Log, secure: d.Secure, oversight: oversight.New(d.DB)}
	s.policy = s.formPolicy()
	if err := s.openDesktops(); err != nil {
		return nil, err
	}
	e := echo.NewWithConfig(echo.Config{Logger: d.Log, IPExtractor: ipExtractor(proxies), HTTPErrorHandler: s.answer})
	// The order matters: an id and a log line for everything, then headers that
	// error pages carry too, then who is asked, then whether the request may be
	// made at all, and only then its body.
	e.Use(s.identify, s.secureHeaders, middleware.GzipWithConfig(middleware.GzipConfig{Level: 1, MinLength: 1400, Skipper: neverZipped}),
		s.findTenant, s.sameOrigin, s.notFromDesktop, s.limitBody, s.inTime)
	for _, r := range s.table() {
		if _, err := e.AddRoute(echo.Route{Method: r.Method, Path: r.Path, Handler: r.handle, Middlewares: s.admit(r)}); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
	}
	return headAsGet(e), nil
}

// headAsGet answers HEAD with the headers of GET, for whoever only asks whether
// a page is there; the server drops the body. A stream would never end, and a
// desktop answers for itself.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path != "/events" && !strings.HasPrefix(r.URL.Path, desktopPrefix) {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// neverZipped are streams, and files that are stored compressed.
func neverZipped(c *echo.Context) bool {
	return c.Path() == "/events" || c.Path() == desktopRoute || c.Path() == "/assets/*" || c.Path() == "/metrics"
}

func prefixes(list []string) (out []netip.Prefix, err error) {
	for _, text := range list {
		if addr, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q: %w", text, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func ipExtractor(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		_, network, err := net.ParseCIDR(p.String())
		if err == nil {
			options = append(options, echo.TrustIPRange(network))
		}
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
