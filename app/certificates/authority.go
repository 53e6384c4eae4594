package certificates

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// Config says whose certificates these are and who signs them.
type Config struct {
	DB     *tenants.DB
	Key    *seal.Key        // seals private keys before they are stored
	Log    *slog.Logger     // nil is silence
	Now    func() time.Time // the machine's time; nil is time.Now
	Domain string           // the central domain

	CA        string // address of the authority's directory; empty is Let's Encrypt
	CARoot    string // file with the root that the authority's own server is trusted by; empty: the system's roots
	Email     string // whom the authority writes to; empty: hostmaster at the central domain
	HTTPAddr  string // where this node listens for HTTP-01, host:port
	HTTPSAddr string // where this node listens for TLS-ALPN-01, host:port
	HTTPSPort int    // the port that visitors use for HTTPS, for redirects; 0 is 443
	DNS01     string // rfc2136:// or cloudflare:// address: one wildcard serves all shops below the central domain

	Limits     Limits        // zero: DefaultLimits
	CheckEvery time.Duration // how often certificates are looked at for renewal; 0 is 10 minutes
}

// Authority obtains and serves certificates. It is safe for use by many goroutines.
type Authority struct {
	cfg     Config
	log     *slog.Logger
	storage *storage
	cache   *certmagic.Cache
	single  *certmagic.Config     // one name each, by HTTP-01 or TLS-ALPN-01
	issuer  *certmagic.ACMEIssuer // of single
	wild    *certmagic.Config     // the wildcard, by DNS-01; nil without a DNS provider

	loads   singleflight.Group
	obtains singleflight.Group
	refused refusals
	waits   waits

	mu     sync.Mutex
	orders map[string]int64 // under way at this node: name to row
}

// New opens the authority; Run keeps it going, Close ends it. Wrong settings are the
// only errors: no network is touched.
func New(cfg Config) (*Authority, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.HTTPSPort = cmp.Or(cfg.HTTPSPort, 443)
	cfg.Limits = cmp.Or(cfg.Limits, DefaultLimits)
	a := &Authority{cfg: cfg, log: cfg.Log, orders: map[string]int64{},
		storage: &storage{db: cfg.DB, key: cfg.Key, locks: newLocks(cfg.DB, cfg.Log)}}
	a.refused.log, a.refused.now, a.waits.now = cfg.Log, cfg.Now, cfg.Now
	template, err := cfg.template()
	if err != nil {
		return nil, err
	}
	var solver acmez.Solver
	if cfg.DNS01 != "" {
		if solver, err = newSolver(cfg.DNS01); err != nil {
			return nil, err
		}
	}
	a.cache = certmagic.NewCache(certmagic.CacheOptions{GetConfigForCert: a.configOf, RenewCheckInterval: cfg.CheckEvery, Logger: zap.NewNop()})
	a.single, a.issuer = a.magic(template)
	if solver != nil {
		template.DNS01Solver = solver
		a.wild, _ = a.magic(template)
	}
	return a, nil
}

// Close ends the care for certificates; those being served stay valid.
func (a *Authority) Close() { a.cache.Stop() }

// template is how the authority is spoken to.
func (c Config) template() (certmagic.ACMEIssuer, error) {
	t := certmagic.ACMEIssuer{CA: cmp.Or(c.CA, certmagic.LetsEncryptProductionCA), Agreed: true, Email: cmp.Or(c.Email, c.fallbackEmail()), Logger: zap.NewNop()}
	var err error
	if t.ListenHost, t.AltTLSALPNPort, err = address(c.HTTPSAddr); err != nil {
		return t, err
	}
	if _, t.AltHTTPPort, err = address(c.HTTPAddr); err != nil {
		return t, err
	}
	if c.CARoot != "" {
		pem, err := os.ReadFile(c.CARoot)
		if err != nil {
			return t, fmt.Errorf("read the root of the certificate authority: %w", err)
		}
		t.TrustedRoots = x509.NewCertPool()
		if !t.TrustedRoots.AppendCertsFromPEM(pem) {
			return t, fmt.Errorf("%s holds no certificate in PEM", c.CARoot)
		}
	}
	return t, nil
}

// fallbackEmail keeps the library from asking the terminal for one.
func (c Config) fallbackEmail() string {
	if c.Domain == "localhost" {
		return "hostmaster@localhost.test"
	}
	return "hostmaster@" + c.Domain
}

func address(s string) (host string, port int, err error) {
	if s == "" {
		return "", 0, nil
	}
	host, text, err := net.SplitHostPort(s)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		return "", 0, fmt.Errorf("the address %q of the web server is not host:port", s)
	}
	return host, port, nil
}

func (a *Authority) magic(template certmagic.ACMEIssuer) (*certmagic.Config, *certmagic.ACMEIssuer) {
	cfg := certmagic.New(a.cache, certmagic.Config{Storage: a.storage, OnEvent: a.onEvent, Logger: zap.NewNop(),
		OCSP: certmagic.OCSPConfig{DisableStapling: true}, DisableStorageCheck: true})
	issuer := certmagic.NewACMEIssuer(cfg, template)
	cfg.Issuers = []certmagic.Issuer{issuer}
	return cfg, issuer
}

// configOf is how a certificate of the cache is renewed: the way it was obtained.
func (a *Authority) configOf(c certmagic.Certificate) (*certmagic.Config, error) {
	if len(c.Names) > 0 {
		return a.configFor(c.Names[0]), nil
	}
	return a.single, nil
}

func (a *Authority) configFor(subject string) *certmagic.Config {
	if a.wild != nil && subject == a.wildcard() {
		return a.wild
	}
	return a.single
}

func (a *Authority) wildcard() string { return "*." + a.cfg.Domain }

// subject is the name on the certificate that serves a host.
func (a *Authority) subject(host string) string {
	if a.wild != nil && isLabelBelow(host, a.cfg.Domain) {
		return a.wildcard()
	}
	return host
}

// background is a context for work that goes on when its caller has left.
func background(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}
