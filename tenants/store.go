package tenants

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

const tenantsSQL = `-- tenants
	select t.id, t.slug, t.name, t.schema_name, t.status, t.house, t.owner_email, t.owner_name, t.time_zone, t.currency,
	       t.schema_version, coalesce(t.migration_error, '') as migration_error, t.created_at, t.trial_ends_at, t.suspended_at,
	       coalesce(t.suspended_reason, '') as suspended_reason, coalesce(t.suspended_for, '') as suspended_for, t.closed_at, t.released_at, t.dropped_at,
	       coalesce(b.status, 'active') as billing_status,
	       coalesce(b.wholesale_discount_percent, r.wholesale_discount_percent, 0) as discount,
	       coalesce(g.logo_url, '') as logo_url, coalesce(g.favicon_url, '') as favicon_url,
	       coalesce(g.primary_color, '') as primary_color, coalesce(g.secondary_color, '') as secondary_color,
	       coalesce(g.company_name, '') as company_name, coalesce(g.support_email, '') as support_email,
	       coalesce(g.support_phone, '') as support_phone, coalesce(g.from_email, '') as from_email,
	       coalesce(g.from_name, '') as from_name, coalesce(g.custom_css, '') as custom_css,
	       coalesce(g.mail_state, '') as mail_state, coalesce(g.dkim_selector, '') as dkim_selector
	from central.tenants t
	left join central.tenant_billing b on b.tenant_id = t.id
	left join central.reseller_tiers r on r.id = b.plan_id
	left join central.tenant_branding g on g.tenant_id = t.id`

const tenantsOrder = `
	order by t.house desc, t.created_at, t.slug`

const domainsSQL = `-- verified domains
	select tenant_id, domain, type
	from central.tenant_domains
	where verified_at is not null
	order by type = 'primary' desc, created_at, domain`

const pricesSQL = `-- wholesale prices
	select id, wholesale_price_per_hour as price, coalesce(wholesale_price, 0) as month
	from central.catalog_plans`

type tenantRow struct {
	ID              uuid.UUID
	Slug            string
	Name            string
	SchemaName      string
	Status          Status
	House           bool
	OwnerEmail      string
	OwnerName       string
	TimeZone        string
	Currency        string
	SchemaVersion   int64
	MigrationError  string
	CreatedAt       time.Time
	TrialEndsAt     *time.Time
	SuspendedAt     *time.Time
	SuspendedReason string
	SuspendedFor    string
	ClosedAt        *time.Time
	ReleasedAt      *time.Time
	DroppedAt       *time.Time
	BillingStatus   string
	Discount        decimal.Decimal
	Branding
}

type domainRow struct {
	TenantID uuid.UUID
	Domain   string
	Type     string
}

// priceRow is what the provider asks for a plan before any discount: for an hour, and
// for a month of a subscription.
type priceRow struct {
	ID    string
	Price decimal.Decimal
	Month decimal.Decimal
}

func (row tenantRow) tenant(central string, custom []domainRow, zones zones) Tenant {
	return Tenant{
		ID: row.ID, Slug: row.Slug, Name: row.Name, Status: row.Status, House: row.House,
		Currency: row.Currency, TimeZone: row.TimeZone, Zone: zones.load(row.TimeZone),
		BillingStatus: row.BillingStatus, SchemaVersion: row.SchemaVersion, MigrationError: row.MigrationError,
		OwnerEmail: row.OwnerEmail, OwnerName: row.OwnerName, Branding: row.Branding,
		Hosts: hostsOf(row.Slug, row.House, central, custom), aliases: aliasesOf(custom),
		CreatedAt: row.CreatedAt, TrialEndsAt: row.TrialEndsAt,
		SuspendedAt: row.SuspendedAt, SuspendedReason: row.SuspendedReason, SuspendedFor: row.SuspendedFor,
		ClosedAt: row.ClosedAt, ReleasedAt: row.ReleasedAt, DroppedAt: row.DroppedAt,
		schema: row.SchemaName, discount: row.Discount,
	}
}

// aliasesOf are the names that lead to the primary one, where there is such a one.
func aliasesOf(custom []domainRow) (aliases []string) {
	if len(custom) == 0 || custom[0].Type != "primary" {
		return nil
	}
	for _, d := range custom[1:] {
		aliases = append(aliases, d.Domain)
	}
	return aliases
}

func hostsOf(slug string, house bool, central string, custom []domainRow) []string {
	hosts := make([]string, 0, len(custom)+2)
	for _, d := range custom {
		hosts = append(hosts, d.Domain)
	}
	if house {
		hosts = append(hosts, central)
	}
	return append(hosts, slug+"."+central)
}

// zones are the time zones loaded so far; loading one takes longer than all else.
type zones map[string]*time.Location

func (z zones) load(name string) *time.Location {
	if known, ok := z[name]; ok {
		return known
	}
	loaded, err := time.LoadLocation(name)
	if err != nil {
		loaded = time.UTC
	}
	z[name] = loaded
	return loaded
}
