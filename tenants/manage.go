package tenants

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

// Domain is a name of a shop's own.
type Domain struct {
	ID         uuid.UUID
	TenantID   uuid.UUID
	Domain     string
	Type       string     // primary, alias
	SSLStatus  string     // pending, active, failed
	Token      string     // proves the owner in a TXT record, bound to this tenant
	VerifiedAt *time.Time // nil: not served yet
	CreatedAt  time.Time

	Proof      *string    // how its owner was proven: cname, txt, operator
	CheckedAt  *time.Time // when its records were last looked at
	CheckError *string    // what was wrong with them then
	LapsedAt   *time.Time // since when it no longer points at us
	ReleaseAt  *time.Time // when it is given up for that

	SSLIssuedAt  *time.Time
	SSLExpiresAt *time.Time
	SSLRenewals  int
	SSLFailures  int // in a row
	SSLError     *string
	SSLErrorAt   *time.Time
}

const domainColumns = `id, tenant_id, domain, type, ssl_status, token, verified_at, created_at, proof, checked_at, check_error, lapsed_at, release_at,
		       ssl_issued_at, ssl_expires_at, ssl_renewals, ssl_failures, ssl_error, ssl_error_at`

// Domains lists a shop's names, the primary first.
func (db *DB) Domains(ctx context.Context, id uuid.UUID) (list []Domain, err error) {
	const sql = `-- domains of a tenant
		select ` + domainColumns + `
		from central.tenant_domains
		where tenant_id = $1
		order by type = 'primary' desc, created_at, domain`
	err = db.CentralRead(ctx, ListQ(&list, sql, id))
	return list, err
}

// AddDomain gives a shop a name of its own. Asked again it changes nothing, but
// that verified makes a waiting name served. A name that is not a domain of one's
// own is fail.Invalid (field domain); one that another shop has, or that lies
// above or below such a one, is fail.Conflict.
func (db *DB) AddDomain(ctx context.Context, t Tenant, domain string, verified bool) (d Domain, err error) {
	name, problem := db.normalDomain(domain)
	if problem != "" {
		return d, fail.Fields{"domain": problem}.Err()
	}
	err = db.Central(ctx, func(tx CentralTx) error {
		if d, err = addDomain(ctx, tx, t.ID, name, verified); err != nil {
			return err
		}
		return audit(ctx, tx, t.ID, "domain.added", name, nil)
	})
	if err != nil {
		return d, err
	}
	return d, db.registry.Refresh(ctx)
}

func addDomain(ctx context.Context, tx CentralTx, id uuid.UUID, domain string, verified bool) (d Domain, err error) {
	if err := lockDomains(ctx, tx); err != nil {
		return d, err
	}
	const related = `-- related domains
		select domain from central.tenant_domains
		where tenant_id <> $1
		  and (domain = $2 or right(domain, length($2) + 1) = '.' || $2 or right($2, length(domain) + 1) = '.' || domain)
		limit 1`
	if _, taken, err := Find[string](ctx, tx, related, id, domain); err != nil {
		return d, err
	} else if taken {
		return d, fail.New(fail.Conflict, "This domain, or one above or below it, belongs to another shop.")
	}
	const sql = `-- add domain
		insert into central.tenant_domains (tenant_id, domain, type, verified_at, created_at)
		values ($1, $2, case when exists (select 1 from central.tenant_domains where tenant_id = $1 and type = 'primary') then 'alias' else 'primary' end,
		        case when $3 then $4::timestamptz end, $4)
		on conflict (domain) do update set verified_at = coalesce(tenant_domains.verified_at, excluded.verified_at)
		returning ` + domainColumns
	return Get[Domain](ctx, tx, "domain", sql, id, domain, verified, tx.Now())
}

// RemoveDomain takes a name from a shop; fail.NotFound when it does not have it.
func (db *DB) RemoveDomain(ctx context.Context, t Tenant, domain string) error {
	name, _ := db.normalDomain(domain)
	err := db.Central(ctx, func(tx CentralTx) error {
		const sql = `-- remove domain
			delete from central.tenant_domains where tenant_id = $1 and domain = $2`
		n, err := tx.Exec(ctx, sql, t.ID, name)
		if err == nil && n == 0 {
			err = fail.Missing("domain")
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, t.ID, "domain.removed", name, nil)
	})
	if err != nil {
		return err
	}
	return db.registry.Refresh(ctx)
}

var colourRule = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func (b Branding) check(wrong fail.Fields) {
	if !colourRule.MatchString(b.PrimaryColor) {
		wrong.Add("primary_color", "Write the colour as # and six digits, such as #3B82F6.")
	}
	if !colourRule.MatchString(b.SecondaryColor) {
		wrong.Add("secondary_color", "Write the colour as # and six digits, such as #64748B.")
	}
	if len(b.CustomCSS) > 64<<10 {
		wrong.Add("custom_css", "The style sheet is longer than 64 KB.")
	}
}

// SetBranding replaces how a shop looks. Colours that are none are fail.Invalid.
func (db *DB) SetBranding(ctx context.Context, id uuid.UUID, b Branding) error {
	wrong := fail.Fields{}
	if b.check(wrong); len(wrong) > 0 {
		return wrong.Err()
	}
	err := db.Central(ctx, func(tx CentralTx) error {
		if err := insertBranding(ctx, tx, id, b); err != nil {
			if IsForeignKey(err, "") {
				return fail.Missing("shop")
			}
			return err
		}
		return audit(ctx, tx, id, "branding.changed", "", nil)
	})
	if err != nil {
		return err
	}
	return db.registry.Refresh(ctx)
}

func insertBranding(ctx context.Context, tx CentralTx, id uuid.UUID, b Branding) error {
	const sql = `-- write branding
		insert into central.tenant_branding
		    (tenant_id, logo_url, favicon_url, primary_color, secondary_color, company_name, support_email, support_phone, from_email, from_name, custom_css, mail_state, dkim_selector, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (tenant_id) do update set
		    logo_url = excluded.logo_url, favicon_url = excluded.favicon_url, primary_color = excluded.primary_color, secondary_color = excluded.secondary_color,
		    company_name = excluded.company_name, support_email = excluded.support_email, support_phone = excluded.support_phone,
		    from_email = excluded.from_email, from_name = excluded.from_name, custom_css = excluded.custom_css,
		    mail_state = excluded.mail_state, dkim_selector = excluded.dkim_selector, updated_at = excluded.updated_at`
	_, err := tx.Exec(ctx, sql, id, b.LogoURL, b.FaviconURL, strings.TrimSpace(b.PrimaryColor), strings.TrimSpace(b.SecondaryColor), b.CompanyName,
		b.SupportEmail, b.SupportPhone, b.FromEmail, b.FromName, b.CustomCSS, b.MailState, b.DKIMSelector, tx.Now())
	return err
}
