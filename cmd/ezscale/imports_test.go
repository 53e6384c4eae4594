package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ezscale/ezscale/"

// pkg is what the rules need of a package: its own files and what they import.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// owners are the packages that alone may import a library, each with all below it.
var owners = map[string][]string{
	"github.com/labstack/echo":            {"app/web"},
	"github.com/alexedwards/scs":          {"app/web"},
	"github.com/jackc/pgx":                {"tenants"},
	"github.com/pressly/goose":            {"tenants"},
	"github.com/nats-io":                  {"app/bus"},
	"github.com/stripe/stripe-go":         {"app/payments"},
	"github.com/caddyserver/certmagic":    {"app/certificates"},
	"github.com/mholt/acmez":              {"app/certificates"},
	"github.com/miekg/dns":                {"app/certificates", "app/names"},
	"gocloud.dev":                         {"app/files"},
	"github.com/tdewolff/parse":           {"app/branding"},
	"github.com/yuin/goldmark":            {"views"},
	"golang.org/x/image":                  {"app/branding"},
	"github.com/a-h/templ":                {"views", "app/web"},
	"github.com/alecthomas/kong":          {"cmd/ezscale"},
	"github.com/caarlos0/env":             {"cmd/ezscale"},
	"github.com/wneessen/go-mail":         {"app/mail"},
	"github.com/fergusstrange":            {"tenants/pgserver"},
	"github.com/alexedwards/argon2id":     {"app/accounts"},
	"github.com/prometheus/client_golang": {"cmd/ezscale"},
	"codeberg.org/go-pdf/fpdf":            {"app/documents"},
	"github.com/stripe/stripe-mock":       {"app/payments"},
	"github.com/moby":                     {"app/docker"},
	"github.com/containerd":               {"app/docker"},
	"github.com/distribution":             {"app/docker"},
}

// The domains. None imports another; what one needs of another it declares as an
// interface, which cmd/ezscale fills.
var domainPackages = []string{"app/accounts", "app/billing", "app/branding", "app/metering", "app/workspaces", "app/notify", "app/kasm", "app/docker", "app/hosts",
	"app/payments", "app/wholesale", "app/dunning", "app/documents", "app/parking",
	"app/pricing", "app/onboarding", "app/activity", "app/domains", "app/certificates", "app/lifecycle", "app/archive", "app/webhooks"}

// The arrows between domains that are allowed: a driver fills its port, and what
// collects, draws or checks invoices knows what an invoice is.
var allowedArrows = [][2]string{{"app/payments", "app/billing"}, {"app/dunning", "app/billing"}, {"app/documents", "app/billing"},
	{"app/wholesale", "app/billing"}, {"app/parking", "app/billing"}, {"app/pricing", "app/billing"},
	{"app/kasm", "app/workspaces"}, {"app/docker", "app/workspaces"}, {"app/hosts", "app/workspaces"}}

// low packages import nothing of ours but what is listed.
var low = map[string][]string{
	"app/fail": nil, "app/money": nil, "app/clock": nil, "assets": nil, "migrations": nil, "app/seal": nil, "tenants/seed": nil,
	"tenants/pgserver": nil, "app/kasmsim": nil,
	"tenants":    {"migrations", "app/fail"},
	"app/ledger": {"tenants", "app/bus", "app/fail", "app/money"},
}

func TestImportsKeepTheirDirections(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			checkOwner(t, p, imported)
			checkArrow(t, p, strings.TrimPrefix(imported, module), strings.HasPrefix(imported, module))
		}
		if slices.Contains([]string{"common", "util", "utils", "helpers", "models", "types", "core", "services"}, path.Base(p.ImportPath)) {
			t.Errorf("%s: a package is named after what it is about, not %q", p.name(), path.Base(p.ImportPath))
		}
	}
}

func checkOwner(t *testing.T, p pkg, imported string) {
	for library, places := range owners {
		if !strings.HasPrefix(imported, library) {
			continue
		}
		if strings.HasPrefix(library, "github.com/jackc/pgx") && onlyStoresImport(t, p, imported) {
			continue
		}
		if !slices.ContainsFunc(places, func(place string) bool { return p.name() == place || strings.HasPrefix(p.name(), place+"/") }) {
			t.Errorf("%s imports %s, which belongs to %s alone", p.name(), imported, strings.Join(places, ", "))
		}
	}
	serves := []string{"app/web", "cmd/ezscale", "app/kasmsim", "app/payments", "app/payments/stripefake", "assets", "app/kasm", "app/notify", "app/testclock", "app/docker", "app/docker/vnctest", "app/docker/cmd/vnctest", "app/docker/enginetest", "app/certificates", "app/certificates/acmetest", "app/domains", "app/webhooks"}
	if imported == "net/http" && !slices.Contains(serves, p.name()) {
		t.Errorf("%s imports net/http: requests are the business of app/web", p.name())
	}
}

// onlyStoresImport allows the database's driver in the files that hold SQL.
func onlyStoresImport(t *testing.T, p pkg, imported string) bool {
	t.Helper()
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if strings.Trim(spec.Path.Value, `"`) == imported && !strings.HasPrefix(name, "store") {
				return false
			}
		}
	}
	return true
}

func checkArrow(t *testing.T, p pkg, imported string, ours bool) {
	if !ours {
		return
	}
	if allowed, isLow := low[p.name()]; isLow && !slices.Contains(allowed, imported) {
		t.Errorf("%s imports %s: it stands below everything and may import only %v", p.name(), imported, allowed)
	}
	if slices.Contains(domainPackages, p.name()) && slices.Contains(domainPackages, imported) && !slices.Contains(allowedArrows, [2]string{p.name(), imported}) {
		t.Errorf("the domain %s imports the domain %s: declare an interface where it is needed", p.name(), imported)
	}
	if p.name() == "views" && slices.Contains([]string{"tenants", "app/web", "app/bus"}, imported) {
		t.Errorf("views imports %s: it takes values and fetches nothing", imported)
	}
	if imported == "app/web" && p.name() != "cmd/ezscale" {
		t.Errorf("%s imports app/web, which stands above it", p.name())
	}
}
