package certificates_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/certificates"
	"github.com/ezscale/ezscale/app/certificates/acmetest"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// world is an authority in the test's process with its DNS, a database of the test's
// own, and the shop that orders.
type world struct {
	t    testing.TB
	acme *acmetest.Authority
	db   *tenants.DB
	shop tenants.Tenant
	ctx  context.Context
}

func newWorld(t testing.TB, o acmetest.Options) (*world, net.Listener, net.Listener) {
	t.Helper()
	plain, secure := listen(t), listen(t)
	o.HTTPPort, o.TLSPort = portOf(plain), portOf(secure)
	cfg := tenanttest.Fresh(t)
	db, err := tenants.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w := &world{t: t, db: db, acme: acmetest.Start(t, o), ctx: t.Context()}
	if _, err := db.Migrate(w.ctx, tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.shop = w.newShop("north")
	return w, plain, secure
}

func (w *world) newShop(slug string) tenants.Tenant {
	w.t.Helper()
	shop, _, err := w.db.Create(w.ctx, tenants.NewTenant{Name: slug, Slug: slug, Email: "owner@" + slug + ".test"}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return shop
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// node is one that serves: at the addresses where the authority looks, or elsewhere.
type node struct {
	*certificates.Authority
	w      *world
	secure net.Listener
	plain  net.Listener
}

func (w *world) node(plain, secure net.Listener, change func(*certificates.Config)) *node {
	w.t.Helper()
	key, err := seal.New(strings.Repeat("a secret for tests ", 3))
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := certificates.Config{DB: w.db, Key: key, Log: slog.New(slog.DiscardHandler), Domain: tenanttest.Domain, CA: w.acme.Directory, CARoot: w.acme.RootFile,
		HTTPAddr: plain.Addr().String(), HTTPSAddr: secure.Addr().String(), HTTPSPort: portOf(secure)}
	if change != nil {
		change(&cfg)
	}
	a, err := certificates.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	n := &node{Authority: a, w: w, secure: secure, plain: plain}
	hello := http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { fmt.Fprintf(out, "hello %s %s", r.Host, r.Proto) })
	w.serve(plain, a.HTTPHandler(hello), nil)
	w.serve(secure, hello, a.TLSConfig())
	w.t.Cleanup(a.Close)
	return n
}

func (w *world) serve(l net.Listener, h http.Handler, secure *tls.Config) {
	srv := &http.Server{Handler: h, TLSConfig: secure, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	go func() {
		if secure != nil {
			_ = srv.ServeTLS(l, "", "")
			return
		}
		_ = srv.Serve(l)
	}()
	w.t.Cleanup(func() { _ = srv.Close() })
}

// run keeps the node going as a process would, until the test ends.
func (n *node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = n.Run(ctx) }()
	n.w.t.Cleanup(func() { cancel(); <-ended })
}

// get fetches https://host/ from the node and gives what it said, its certificate
// and how long that took.
func (n *node) get(host string) (string, *tls.ConnectionState, error) {
	client := n.client()
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + net.JoinHostPort(host, strconv.Itoa(portOf(n.secure))) + "/")
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), resp.TLS, err
}

func (n *node) client() *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, n.secure.Addr().String())
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: n.w.acme.Roots}, ForceAttemptHTTP2: true}, Timeout: 30 * time.Second}
}

// add gives the shop a name whose owner is proven.
func (w *world) add(shop tenants.Tenant, domain string) {
	w.t.Helper()
	if _, err := w.db.AddDomain(w.ctx, shop, domain, true); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) domain(name string) tenants.Domain {
	w.t.Helper()
	for _, shop := range w.db.Registry().All() {
		list, err := w.db.Domains(w.ctx, shop.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range list {
			if d.Domain == name {
				return d
			}
		}
	}
	w.t.Fatalf("there is no domain %s", name)
	return tenants.Domain{}
}

// until polls for what happens by itself.
func (w *world) until(what string, within time.Duration, ok func() bool) {
	w.t.Helper()
	deadline := time.After(within)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if ok() {
			tick.Stop()
			return
		}
		select {
		case <-deadline:
			w.t.Fatalf("%s: not within %s", what, within)
		case <-tick.C:
		}
	}
}
