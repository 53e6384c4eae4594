package domains

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

var errSilent = errors.New("the name servers did not answer a moment ago")

const columns = `d.id, d.tenant_id, d.domain, d.type, d.ssl_status, d.token, d.verified_at, d.created_at, d.proof, d.checked_at, d.check_error, d.lapsed_at, d.release_at,
		       d.ssl_issued_at, d.ssl_expires_at, d.ssl_renewals, d.ssl_failures, d.ssl_error, d.ssl_error_at, d.steps`

// ListQ reads a shop's names, the primary first.
func ListQ(dst *[]Domain, tenant uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- domains.list
		select `+columns+`
		from central.tenant_domains d
		where d.tenant_id = $1
		order by d.type = 'primary' desc, d.created_at, d.domain`, tenant)
}

// List reads a shop's names, the primary first.
func (s *Service) List(ctx context.Context, t tenants.Tenant) (list []Domain, err error) {
	err = s.DB.CentralRead(ctx, ListQ(&list, t.ID))
	return list, err
}

// ByID finds a shop's name; fail.NotFound for one that it does not have.
func (s *Service) ByID(ctx context.Context, t tenants.Tenant, id uuid.UUID) (Domain, error) {
	var d Domain
	err := s.DB.CentralRead(ctx, tenants.GetQ(&d, "domain", `-- domains.byID
		select `+columns+`
		from central.tenant_domains d where d.tenant_id = $1 and d.id = $2`, t.ID, id))
	return d, err
}

// Any finds a name of any shop, for the provider.
func (s *Service) Any(ctx context.Context, id uuid.UUID) (d Domain, err error) {
	err = s.DB.CentralRead(ctx, tenants.GetQ(&d, "domain", `-- domains.any
		select `+columns+`
		from central.tenant_domains d where d.id = $1`, id))
	return d, err
}

// Find finds a shop's name as somebody typed it; fail.NotFound for one that it does
// not have.
func (s *Service) Find(ctx context.Context, t tenants.Tenant, typed string) (Domain, error) {
	name, err := s.DB.NormalDomain(typed)
	if err != nil {
		return Domain{}, fail.Missing("domain")
	}
	var d Domain
	err = s.DB.CentralRead(ctx, tenants.GetQ(&d, "domain", findSQL, t.ID, name))
	return d, err
}

const findSQL = `-- domains.find
		select ` + columns + `
		from central.tenant_domains d where d.tenant_id = $1 and d.domain = $2`

func find(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, name string) (Domain, bool, error) {
	return tenants.Find[Domain](ctx, tx, findSQL, tenant, name)
}

// lockByID lets one look at a name be acted on at a time. It takes no lock of the
// row: those who give names out and take them away have the order of locks to
// themselves.
func lockByID(ctx context.Context, tx tenants.CentralTx, tenant, id uuid.UUID) (d Domain, err error) {
	if _, err := tx.Exec(ctx, `-- domains.lock
		select pg_advisory_xact_lock(hashtextextended($1::text, 0))`, "domain "+id.String()); err != nil {
		return d, err
	}
	return tenants.Get[Domain](ctx, tx, "domain", `-- domains.locked
		select `+columns+`
		from central.tenant_domains d where d.tenant_id = $1 and d.id = $2`, tenant, id)
}

func noteLook(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, steps []Step, problem string) error {
	_, err := tx.Exec(ctx, `-- domains.noteLook
		update central.tenant_domains set checked_at = $2, steps = $3, check_error = nullif($4, '') where id = $1`, id, tx.Now(), steps, problem)
	return err
}

func markLapsed(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, at, release time.Time) error {
	_, err := tx.Exec(ctx, `-- domains.markLapsed
		update central.tenant_domains set lapsed_at = $2, release_at = $3 where id = $1`, id, at, release)
	return err
}

// counts are what the bounds of a shop are held against.
type counts struct{ Names, Added int }

func countsOf(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, since time.Time) (counts, error) {
	return tenants.Get[counts](ctx, tx, "shop", `-- domains.counts
		select (select count(*) from central.tenant_domains where tenant_id = $1)::int as names,
		       (select count(*) from central.audit_log where tenant_id = $1 and action = 'domain.added' and at > $2)::int as added`, tenant, since)
}

// graceOf is how many days a name that left is kept, as the provider set it.
func graceOf(ctx context.Context, tx tenants.CentralTx) (int, error) {
	days, found, err := tenants.Find[int](ctx, tx, `-- domains.grace
		select (value #>> '{}')::int from central.settings where key = 'domain_grace_days' and value #>> '{}' ~ '^[0-9]{1,3}$'`)
	if err != nil || !found {
		return GraceDays, err
	}
	return days, nil
}

// ownerOf finds who is written to: the person who signs in with the owner's address.
func ownerOf(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID) (uuid.UUID, error) {
	owner, _, err := tenants.Find[uuid.UUID](ctx, tx, `-- domains.owner
		select l.user_id
		from central.reseller_logins l
		join central.tenants t on t.id = l.tenant_id
		where l.tenant_id = $1
		order by l.email = t.owner_email desc, l.email
		limit 1`, tenant)
	return owner, err
}

func audit(ctx context.Context, tx tenants.CentralTx, actor string, tenant uuid.UUID, action, domain, reason string) error {
	detail := map[string]string{}
	if reason != "" {
		detail["reason"] = reason
	}
	_, err := tx.Exec(ctx, `-- domains.audit
		insert into central.audit_log (at, actor, tenant_id, action, subject, detail) values ($1, $2, $3, $4, $5, $6)`, tx.Now(), actor, tenant, action, domain, detail)
	return err
}

// unwatched is a name that nothing is due for.
type unwatched struct {
	ID     uuid.UUID
	Proven bool
}

const nothingDue = `not exists (select from central.due u where u.schema_name = t.schema_name and u.kind = 'domain' and u.key = d.id::text)`

func withoutDue(ctx context.Context, tx tenants.CentralTx, schema string) ([]unwatched, error) {
	return tenants.List[unwatched](ctx, tx, `-- domains.withoutDue
		select d.id, d.verified_at is not null as proven
		from central.tenant_domains d
		join central.tenants t on t.id = d.tenant_id
		where t.schema_name = $1 and `+nothingDue, schema)
}

func shopsWithoutDueQ(dst *[]uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- domains.shopsWithoutDue
		select distinct t.id
		from central.tenant_domains d
		join central.tenants t on t.id = d.tenant_id
		where t.status <> 'closed' and `+nothingDue)
}
