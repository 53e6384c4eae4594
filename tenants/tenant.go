package tenants

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Status says what a reseller may do.
type Status string

// The statuses of a reseller.
const (
	Trial     Status = "trial"
	Active    Status = "active"
	Suspended Status = "suspended"
	Closed    Status = "closed"
)

// Open says whether the shop sells: it is on trial or active.
func (s Status) Open() bool { return s == Trial || s == Active }

// Tenant is one reseller's shop, as the registry last read it. It is the proof
// that somebody looked the shop up: there is no other way to make one that the
// database accepts.
type Tenant struct {
	ID              uuid.UUID
	Slug            string
	Name            string
	Status          Status
	House           bool // the provider's own shop
	Currency        string
	TimeZone        string
	Zone            *time.Location // TimeZone, loaded; UTC when this program does not know it
	BillingStatus   string         // what the provider's bills say: active, past_due, cancelled
	SchemaVersion   int64
	OwnerEmail      string
	OwnerName       string
	Branding        Branding
	Hosts           []string // where the shop answers, the best first; never changed after it is made
	CreatedAt       time.Time
	TrialEndsAt     *time.Time
	SuspendedAt     *time.Time
	SuspendedReason string
	SuspendedFor    string // operator, unpaid, trial
	ClosedAt        *time.Time
	ReleasedAt      *time.Time // when its names were given up
	DroppedAt       *time.Time // when its data was removed
	MigrationError  string

	aliases  []string // of Hosts, those that lead to the first
	schema   string
	discount decimal.Decimal     // percent off the catalogue's wholesale prices
	catalog  map[string]priceRow // wholesale prices by catalogue plan, shared, read only
}

// Branding is how a shop wants to look, as it was typed in. Empty means not given.
type Branding struct {
	LogoURL        string
	FaviconURL     string
	PrimaryColor   string // #rrggbb
	SecondaryColor string // #rrggbb
	CompanyName    string
	SupportEmail   string
	SupportPhone   string
	FromEmail      string
	FromName       string
	CustomCSS      string `db:"custom_css"`
	MailState      string // of FromEmail: ready, waiting, or empty where the provider vouches for it
	DKIMSelector   string `db:"dkim_selector"`
}

// The colours of a shop that has chosen none.
const (
	defaultPrimary   = "#3B82F6"
	defaultSecondary = "#64748B"
)

// Gone says that the shop's data was removed: nothing can be read there any more.
func (t Tenant) Gone() bool { return t.DroppedAt != nil }

// Schema is the name of the reseller's schema and of its database role, for rows
// that record whose they are. It is empty for a Tenant that no registry made.
func (t Tenant) Schema() string { return t.schema }

// Host is the best address of the shop, empty for a Tenant that no registry made.
func (t Tenant) Host() string {
	if len(t.Hosts) == 0 {
		return ""
	}
	return t.Hosts[0]
}

// LeadsTo is where a visitor of an alias belongs: the shop's primary domain. It is
// false for every other host.
func (t Tenant) LeadsTo(host string) (primary string, ok bool) {
	if !slices.Contains(t.aliases, host) {
		return "", false
	}
	return t.Host(), true
}

// WholesaleRate is what the reseller pays the provider for an hour of the
// catalogue's plan: the wholesale price less the reseller's own discount (or that
// of its tier), rounded half away from zero to 6 places. It is false for a plan
// that the catalogue does not have.
func (t Tenant) WholesaleRate(catalogPlanID string) (decimal.Decimal, bool) {
	price, ok := t.catalog[catalogPlanID]
	if !ok {
		return decimal.Decimal{}, false
	}
	hundred := decimal.NewFromInt(100)
	return price.Price.Mul(hundred.Sub(t.discount)).Div(hundred).Round(6), true
}

// WholesalePrice is what the reseller pays the provider a month for a subscription to
// the catalogue's plan (R24), 0 where the catalogue names none. It is false for a plan
// that the catalogue does not have.
func (t Tenant) WholesalePrice(catalogPlanID string) (decimal.Decimal, bool) {
	price, ok := t.catalog[catalogPlanID]
	return price.Month, ok
}

var (
	slugRule   = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)
	schemaRule = regexp.MustCompile(`^tenant_[a-z0-9_]{1,50}$`)
)

func reserved(slug string) bool {
	return slices.Contains([]string{"www", "admin", "reseller", "api", "mail", "edge", "app", "central", "public"}, slug)
}

// slugProblem is empty for a slug that may be used, else the sentence to show.
func slugProblem(slug string) string {
	switch {
	case !slugRule.MatchString(slug) || strings.Contains(slug, "--"):
		return "Use 3 to 40 small letters, digits and single hyphens, starting with a letter and not ending with a hyphen."
	case reserved(slug):
		return "This short name is kept for the platform itself. Choose another."
	}
	return ""
}

// schemaOf is the one place where a schema name is made.
func schemaOf(slug string) string { return "tenant_" + strings.ReplaceAll(slug, "-", "_") }

// slugOf makes a short name from a shop's name, for somebody who gave none.
func slugOf(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-") && r != '\'' && r != '’':
			b.WriteByte('-')
		}
	}
	slug := strings.TrimLeft(b.String(), "-0123456789")
	return strings.TrimRight(slug[:min(len(slug), 40)], "-")
}
