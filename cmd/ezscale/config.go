package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Secret is a setting that prints as dots wherever it ends up.
type Secret string

// String hides the value from every formatted print.
func (Secret) String() string { return "••••" }

// LogValue hides the value from the log.
func (Secret) LogValue() slog.Value { return slog.StringValue("••••") }

// Config is everything the environment says. Unknown EZSCALE_ names are an
// error, so that a typo is found at the start and not at month's end.
type Config struct {
	Domain    string `env:"EZSCALE_DOMAIN" envDefault:"localhost"`
	HTTPAddr  string `env:"EZSCALE_HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	HTTPSAddr string `env:"EZSCALE_HTTPS_ADDR"`
	DataDir   string `env:"EZSCALE_DATA_DIR"`

	DatabaseURL Secret `env:"EZSCALE_DATABASE_URL"`
	NATSURL     Secret `env:"EZSCALE_NATS_URL"`
	TenantRoles string `env:"EZSCALE_TENANT_ROLES" envDefault:"on"`

	SecretKey     Secret `env:"EZSCALE_SECRET_KEY"`
	SecretKeyFile string `env:"EZSCALE_SECRET_KEY_FILE"`

	KasmURL       string `env:"EZSCALE_KASM_URL"`
	KasmKey       string `env:"EZSCALE_KASM_API_KEY"`
	KasmKeySecret Secret `env:"EZSCALE_KASM_API_KEY_SECRET"`
	KasmAuth      string `env:"EZSCALE_KASM_AUTH" envDefault:"body"`
	KasmInsecure  bool   `env:"EZSCALE_KASM_INSECURE"`
	KasmSimAddr   string `env:"EZSCALE_KASM_SIM_ADDR" envDefault:"127.0.0.1:8090"`

	StripeKey     Secret `env:"EZSCALE_STRIPE_SECRET_KEY"`
	StripeWebhook Secret `env:"EZSCALE_STRIPE_WEBHOOK_SECRET"`
	StripeBase    string `env:"EZSCALE_STRIPE_API_BASE"`

	ACMECA      string   `env:"EZSCALE_ACME_CA"`      // directory of the authority; Let's Encrypt when empty
	ACMERoot    string   `env:"EZSCALE_ACME_CA_ROOT"` // file with the root that the authority's own certificate hangs from
	ACMEEmail   string   `env:"EZSCALE_ACME_EMAIL"`
	DNSResolver string   `env:"EZSCALE_DNS_RESOLVER"` // host:port; the machine's own when empty
	DNS01       Secret   `env:"EZSCALE_DNS01"`
	EdgeHost    string   `env:"EZSCALE_EDGE_HOST"` // what resellers' CNAMEs point at, below their slug; edge.<domain> when empty
	EdgeIPs     []string `env:"EZSCALE_EDGE_IPS" envSeparator:","`
	EdgeHTTP    int      `env:"EZSCALE_EDGE_HTTP_PORT" envDefault:"80"`
	EdgeHTTPS   int      `env:"EZSCALE_EDGE_HTTPS_PORT" envDefault:"443"`

	BlobURL Secret `env:"EZSCALE_BLOB_URL"` // file:///… or s3://…; a folder of the data directory when empty

	SMTPURL        Secret   `env:"EZSCALE_SMTP_URL"`
	DiscordURL     Secret   `env:"EZSCALE_DISCORD_WEBHOOK_URL"`
	TrustedProxies []string `env:"EZSCALE_TRUSTED_PROXIES" envSeparator:","`
	Log            string   `env:"EZSCALE_LOG" envDefault:"text"`
	MetricsToken   Secret   `env:"EZSCALE_METRICS_TOKEN"`
	TestClock      bool     `env:"EZSCALE_TEST_CLOCK"`
}

// readConfig fills a Config from an environment and reports every problem at once.
func readConfig(environ []string) (Config, error) {
	vars := env.ToMap(environ)
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		return c, fmt.Errorf("the environment is not right: %w", err)
	}
	known := knownNames()
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		switch {
		case !strings.HasPrefix(name, "EZSCALE_"):
		case !known[name]:
			problems = append(problems, fmt.Errorf("%s is not a setting of this program; check the spelling", name))
		}
	}
	if c.DataDir == "" {
		dir, err := defaultDataDir(vars)
		problems = append(problems, err)
		c.DataDir = dir
	}
	problems = append(problems, c.validate()...)
	return c, errors.Join(problems...)
}

func knownNames() map[string]bool {
	names := map[string]bool{}
	for f := range reflect.TypeFor[Config]().Fields() {
		if tag := f.Tag.Get("env"); tag != "" {
			names[tag] = true
		}
	}
	return names
}

func (c Config) validate() (problems []error) {
	say := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	_, _, err := net.SplitHostPort(c.HTTPAddr)
	say(err == nil, "EZSCALE_HTTP_ADDR must be host:port, not %q", c.HTTPAddr)
	_, _, err = net.SplitHostPort(c.KasmSimAddr)
	say(err == nil, "EZSCALE_KASM_SIM_ADDR must be host:port, not %q", c.KasmSimAddr)
	say(c.HTTPSAddr == "" || isHostPort(c.HTTPSAddr), "EZSCALE_HTTPS_ADDR must be host:port, not %q", c.HTTPSAddr)
	say(isURL(c.ACMECA, "https"), "EZSCALE_ACME_CA must be the https address of an ACME directory")
	say(c.DNSResolver == "" || isHostPort(c.DNSResolver), "EZSCALE_DNS_RESOLVER must be host:port, not %q", c.DNSResolver)
	say(isURL(string(c.DNS01), "rfc2136", "cloudflare"), "EZSCALE_DNS01 must begin with rfc2136:// or cloudflare://")
	say(isPort(c.EdgeHTTP), "EZSCALE_EDGE_HTTP_PORT must be a port, not %d", c.EdgeHTTP)
	say(isPort(c.EdgeHTTPS), "EZSCALE_EDGE_HTTPS_PORT must be a port, not %d", c.EdgeHTTPS)
	for _, ip := range c.EdgeIPs {
		_, err := netip.ParseAddr(strings.TrimSpace(ip))
		say(err == nil, "EZSCALE_EDGE_IPS: %q is no IP address", ip)
	}
	say(slices.Contains([]string{"on", "off"}, c.TenantRoles), "EZSCALE_TENANT_ROLES must be on or off, not %q", c.TenantRoles)
	say(slices.Contains([]string{"body", "basic"}, c.KasmAuth), "EZSCALE_KASM_AUTH must be body or basic, not %q", c.KasmAuth)
	say(slices.Contains([]string{"text", "json"}, c.Log), "EZSCALE_LOG must be text or json, not %q", c.Log)
	say(isURL(c.KasmURL, "http", "https"), "EZSCALE_KASM_URL must be an http or https address")
	say(isURL(string(c.DiscordURL), "http", "https"), "EZSCALE_DISCORD_WEBHOOK_URL must be an http or https address")
	say(isURL(string(c.DatabaseURL), "postgres", "postgresql"), "EZSCALE_DATABASE_URL must begin with postgres://")
	say(c.KasmURL == "" || (c.KasmKey != "" && c.KasmKeySecret != ""), "EZSCALE_KASM_URL needs EZSCALE_KASM_API_KEY and EZSCALE_KASM_API_KEY_SECRET beside it")
	for _, p := range c.TrustedProxies {
		_, prefix := netip.ParsePrefix(p)
		_, addr := netip.ParseAddr(p)
		say(prefix == nil || addr == nil, "EZSCALE_TRUSTED_PROXIES: %q is no address and no network such as 10.0.0.0/8", p)
	}
	return problems
}

func isHostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	return err == nil && port != ""
}

func isPort(n int) bool { return n > 0 && n < 1<<16 }

// edgeHost is the name below which every reseller has one to point its CNAMEs at.
func (c Config) edgeHost() string { return strings.ToLower(cmp.Or(c.EdgeHost, "edge."+c.Domain)) }

func isURL(s string, schemes ...string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme) || err == nil && strings.HasPrefix(s, "postgres") && slices.Contains(schemes, u.Scheme)
}

// defaultDataDir is where an installation lives when nobody says otherwise:
// the system's place for root, else the user's own.
func defaultDataDir(vars map[string]string) (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/ezscale", nil
	}
	if dir := vars["XDG_DATA_HOME"]; dir != "" {
		return filepath.Join(dir, "ezscale"), nil
	}
	if home := vars["HOME"]; home != "" {
		return filepath.Join(home, ".local", "share", "ezscale"), nil
	}
	return "", errors.New("set EZSCALE_DATA_DIR to the folder in which this installation is to keep its data")
}

// loopback reports whether an address can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
