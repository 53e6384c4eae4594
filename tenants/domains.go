package tenants

import (
	"context"
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

// How the owner of a name was proven.
const (
	ProofCNAME    = "cname"    // the name is another name of the shop's own host at our edge
	ProofTXT      = "txt"      // the name leads to our edge and carries the shop's token beside it
	ProofOperator = "operator" // somebody of the provider vouches for it
)

// NormalDomain turns what somebody typed as a shop's domain into the form that is
// kept: small letters, punycode, no trailing dot. One that no shop may have (an
// address, a public suffix, a name of the installation's own) is fail.Invalid
// (field domain).
func (db *DB) NormalDomain(typed string) (string, error) {
	name, problem := db.normalDomain(typed)
	if problem != "" {
		return "", fail.Fields{"domain": problem}.Err()
	}
	return name, nil
}

// ClaimDomain notes that a shop wants a name, which is in its normal form. Nothing is
// served there before it is proven, and another shop may want it, too. Asked again
// it changes nothing. A name that another shop has proven, or that lies above or
// below such a one, is fail.Conflict.
func ClaimDomain(ctx context.Context, tx CentralTx, tenant uuid.UUID, domain string) (d Domain, err error) {
	if err := lockDomains(ctx, tx); err != nil {
		return d, err
	}
	if err := isFree(ctx, tx, tenant, domain); err != nil {
		return d, err
	}
	const sql = `-- claim domain
		insert into central.tenant_domains (tenant_id, domain, type, created_at)
		values ($1, $2, case when exists (select 1 from central.tenant_domains where tenant_id = $1 and type = 'primary') then 'alias' else 'primary' end, $3)
		on conflict (tenant_id, domain) do update set domain = excluded.domain
		returning ` + domainColumns
	return Get[Domain](ctx, tx, "domain", sql, tenant, domain, tx.Now())
}

// related compares a row's name with $2: the same, above it, or below it.
const related = `(domain = $2 or right(domain, length($2) + 1) = '.' || $2 or right($2, length(domain) + 1) = '.' || domain)`

func isFree(ctx context.Context, tx CentralTx, tenant uuid.UUID, domain string) error {
	const sql = `-- proven domains of others
		select domain from central.tenant_domains
		where tenant_id <> $1 and verified_at is not null and ` + related + `
		limit 1`
	_, taken, err := Find[string](ctx, tx, sql, tenant, domain)
	if err == nil && taken {
		err = fail.New(fail.Conflict, "This domain, or one above or below it, belongs to another shop.")
	}
	return err
}

// isUnclaimed keeps a new shop from beginning with a name that another has asked for:
// who of them has it is decided by proof, later.
func isUnclaimed(ctx context.Context, tx CentralTx, domain string) error {
	if err := lockDomains(ctx, tx); err != nil {
		return err
	}
	const sql = `-- claims of a domain
		select domain from central.tenant_domains where domain = $1 limit 1`
	_, taken, err := Find[string](ctx, tx, sql, domain)
	if err == nil && taken {
		err = fail.New(fail.Conflict, "Another shop has asked for this domain. Create the shop without it; whoever proves the domain has it.")
	}
	return err
}

// ProveDomain makes a claim the shop's own: it is served from now on. What other
// shops have only claimed of it ends. A shop's first proven name is its primary one.
// Proven again it keeps its age and no longer counts as lapsed. Errors: fail.Conflict
// when another shop was first, fail.NotFound when the claim is gone.
func ProveDomain(ctx context.Context, tx CentralTx, tenant uuid.UUID, domain, proof string) (d Domain, err error) {
	if err := lockDomains(ctx, tx); err != nil {
		return d, err
	}
	if err := isFree(ctx, tx, tenant, domain); err != nil {
		return d, err
	}
	const others = `-- end the claims of others
		delete from central.tenant_domains where tenant_id <> $1 and verified_at is null and ` + related
	if _, err := tx.Exec(ctx, others, tenant, domain); err != nil {
		return d, err
	}
	const first = `-- no primary that is not served
		update central.tenant_domains set type = 'alias'
		where tenant_id = $1 and domain <> $2 and type = 'primary' and verified_at is null`
	if _, err := tx.Exec(ctx, first, tenant, domain); err != nil {
		return d, err
	}
	const sql = `-- prove domain
		update central.tenant_domains
		set verified_at = coalesce(verified_at, $3), proof = $4, lapsed_at = null, release_at = null, check_error = null,
		    type = case when exists (select 1 from central.tenant_domains o where o.tenant_id = $1 and o.domain <> $2 and o.type = 'primary') then 'alias' else 'primary' end
		where tenant_id = $1 and domain = $2
		returning ` + domainColumns
	return Get[Domain](ctx, tx, "domain", sql, tenant, domain, tx.Now(), proof)
}

// MakePrimary makes a proven name of a shop the one that its others lead to.
// Errors: fail.NotFound, fail.Conflict for a name that is not proven.
func MakePrimary(ctx context.Context, tx CentralTx, tenant uuid.UUID, domain string) error {
	if err := lockDomains(ctx, tx); err != nil {
		return err
	}
	const find = `-- is it proven
		select verified_at is not null from central.tenant_domains where tenant_id = $1 and domain = $2`
	proven, err := Get[bool](ctx, tx, "domain", find, tenant, domain)
	if err == nil && !proven {
		err = fail.New(fail.Conflict, "This domain is not proven yet. Prove it first.")
	}
	if err != nil {
		return err
	}
	for _, sql := range []string{`-- no primary
		update central.tenant_domains set type = 'alias' where tenant_id = $1 and domain <> $2 and type = 'primary'`, `-- make primary
		update central.tenant_domains set type = 'primary' where tenant_id = $1 and domain = $2`} {
		if _, err := tx.Exec(ctx, sql, tenant, domain); err != nil {
			return err
		}
	}
	return nil
}

// ForgetDomain takes a name from a shop; the oldest of its others, proven ones
// first, takes a primary's place. fail.NotFound when the shop does not have it.
func ForgetDomain(ctx context.Context, tx CentralTx, tenant uuid.UUID, domain string) (d Domain, err error) {
	if err := lockDomains(ctx, tx); err != nil {
		return d, err
	}
	const sql = `-- forget domain
		delete from central.tenant_domains where tenant_id = $1 and domain = $2
		returning ` + domainColumns
	if d, err = Get[Domain](ctx, tx, "domain", sql, tenant, domain); err != nil || d.Type != "primary" {
		return d, err
	}
	const next = `-- next primary
		update central.tenant_domains set type = 'primary'
		where id = (select id from central.tenant_domains where tenant_id = $1 order by verified_at is null, created_at, domain limit 1)`
	_, err = tx.Exec(ctx, next, tenant)
	return d, err
}

// AddDomain is ClaimDomain in a transaction of the provider's; with verified the
// provider vouches for it, so that it is served at once.
func (db *DB) AddDomain(ctx context.Context, t Tenant, domain string, verified bool) (d Domain, err error) {
	name, err := db.NormalDomain(domain)
	if err != nil {
		return d, err
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

func addDomain(ctx context.Context, tx CentralTx, id uuid.UUID, domain string, verified bool) (Domain, error) {
	d, err := ClaimDomain(ctx, tx, id, domain)
	if err != nil || !verified || d.VerifiedAt != nil {
		return d, err
	}
	return ProveDomain(ctx, tx, id, domain, ProofOperator)
}

// RemoveDomain takes a name from a shop; fail.NotFound when it does not have it.
func (db *DB) RemoveDomain(ctx context.Context, t Tenant, domain string) error {
	name, _ := db.normalDomain(domain)
	err := db.Central(ctx, func(tx CentralTx) error {
		if _, err := ForgetDomain(ctx, tx, t.ID, name); err != nil {
			return err
		}
		return audit(ctx, tx, t.ID, "domain.removed", name, nil)
	})
	if err != nil {
		return err
	}
	return db.registry.Refresh(ctx)
}
