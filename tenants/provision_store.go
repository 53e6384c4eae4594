package tenants

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

// The first keys of advisory locks that are about names.
const (
	domainsLock = 0x657a646f
	slugsLock   = 0x657a736c
)

// lockDomains lets one domain be given out at a time, because the rule looks at
// all of them.
func lockDomains(ctx context.Context, tx CentralTx) error {
	const sql = `-- lock domains
		select pg_advisory_xact_lock($1, 0)`
	_, err := tx.Exec(ctx, sql, domainsLock)
	return err
}

// lockSlug lets one Create at a time work on a slug.
func lockSlug(ctx context.Context, tx CentralTx, slug string) error {
	const sql = `-- lock slug
		select pg_advisory_xact_lock($1, $2)`
	_, err := tx.Exec(ctx, sql, slugsLock, lockKey(slug))
	return err
}

// insertTenant writes the central rows of a new shop.
func (db *DB) insertTenant(ctx context.Context, tx CentralTx, n NewTenant) (row tenantRow, err error) {
	const insert = `-- insert tenant
		insert into central.tenants (slug, name, schema_name, status, house, owner_email, owner_name, time_zone, currency, schema_version, created_at, trial_ends_at, id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		returning id`
	status, trialEnds := Active, (*time.Time)(nil)
	if n.TrialDays > 0 {
		ends := tx.Now().AddDate(0, 0, n.TrialDays)
		status, trialEnds = Trial, &ends
	}
	id, err := Get[uuid.UUID](ctx, tx, "shop", insert, n.Slug, n.Name, schemaOf(n.Slug), status, n.House, n.Email, n.OwnerName,
		n.TimeZone, n.Currency, newest(db.tenant), tx.Now(), trialEnds, n.idOrNew())
	switch {
	case IsUnique(err, "tenants_one_house"):
		return row, fail.New(fail.Conflict, "There is a shop of the house already.")
	case IsUnique(err, "tenants_schema_name_key"):
		return row, fail.Fields{"slug": "Another shop has nearly the same short name. Choose another."}.Err()
	case err != nil:
		return row, err
	}
	if err := insertBranding(ctx, tx, id, n.Branding); err != nil {
		return row, err
	}
	if !n.House {
		const billing = `-- insert tenant billing
			insert into central.tenant_billing (tenant_id, plan_id)
			select $1, coalesce((select r.id from central.reseller_tiers r join central.settings s on s.key = 'default_tier' and s.value #>> '{}' = r.id), 'basic')`
		if _, err := tx.Exec(ctx, billing, id); err != nil {
			return row, err
		}
	}
	if n.Domain != "" {
		if err := isUnclaimed(ctx, tx, n.Domain); fail.Is(err, fail.Conflict) {
			return row, fail.Fields{"domain": err.Error()}.Err()
		} else if err != nil {
			return row, err
		}
		if _, err := addDomain(ctx, tx, id, n.Domain, n.DomainVerified); fail.Is(err, fail.Conflict) {
			return row, fail.Fields{"domain": err.Error()}.Err()
		} else if err != nil {
			return row, err
		}
	}
	if err := audit(ctx, tx, id, "tenant.created", n.Slug, nil); err != nil {
		return row, err
	}
	return Get[tenantRow](ctx, tx, "shop", tenantsSQL+" where t.id = $1", id)
}

func audit(ctx context.Context, tx CentralTx, id uuid.UUID, action, subject string, detail map[string]string) error {
	const sql = `-- central audit
		insert into central.audit_log (at, actor, tenant_id, action, subject, detail) values ($1, 'provider', $2, $3, $4, $5)`
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, sql, tx.Now(), id, action, subject, detail)
	return err
}
