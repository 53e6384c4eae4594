package certificates

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// spent is what went to the authority within the last hour.
type spent struct {
	Failures int64 // of the name
	Tenant   int64 // new orders of its shop
	All      int64 // new orders of the installation
}

// beginOrder records an order before it goes out, if the limits leave room for it:
// one at a time over all nodes, so that no two share the last place.
func beginOrder(ctx context.Context, db *tenants.DB, tenant *uuid.UUID, domain string, renewal bool, room func(spent) error) (id int64, err error) {
	err = db.Central(ctx, func(tx tenants.CentralTx) error {
		if _, err := tx.Exec(ctx, `-- one order at a time
			select pg_advisory_xact_lock(hashtext('certificate orders'))`); err != nil {
			return err
		}
		used, err := tenants.Get[spent](ctx, tx, "count", `-- orders of the last hour
			select count(*) filter (where domain = $1 and ok is false) as failures,
			       count(*) filter (where tenant_id = $2 and not renewal) as tenant,
			       count(*) filter (where not renewal) as all
			from central.certificate_orders
			where at > clock_timestamp() - interval '1 hour'`, domain, tenant)
		if err != nil {
			return err
		}
		if err := room(used); err != nil {
			return err
		}
		id, err = tenants.Get[int64](ctx, tx, "order", `-- begin certificate order
			insert into central.certificate_orders (tenant_id, domain, renewal) values ($1, $2, $3) returning id`, tenant, domain, renewal)
		return err
	})
	return id, err
}

// orderDone keeps a good end: the order's, and the domain's where a shop has it.
func orderDone(ctx context.Context, db *tenants.DB, id int64, domain string, renewal bool, from, until time.Time) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		if _, err := tx.Exec(ctx, `-- certificate order done
			update central.certificate_orders set ok = true where id = $1`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `-- certificate of a domain
			update central.tenant_domains
			set ssl_status = 'active', ssl_issued_at = $2, ssl_expires_at = $3, ssl_renewals = ssl_renewals + case when $4 then 1 else 0 end,
			    ssl_failures = 0, ssl_error = null, ssl_error_at = null
			where domain = $1`, domain, from, until, renewal)
		return err
	})
}

// orderFailed keeps a bad end. A name whose certificate is good stays active until
// that runs out.
func orderFailed(ctx context.Context, db *tenants.DB, id int64, domain, why string) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		if _, err := tx.Exec(ctx, `-- certificate order failed
			update central.certificate_orders set ok = false, error = $2 where id = $1`, id, why); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `-- certificate of a domain failed
			update central.tenant_domains
			set ssl_status = case when ssl_expires_at > clock_timestamp() then ssl_status else 'failed' end,
			    ssl_failures = ssl_failures + 1, ssl_error = $2, ssl_error_at = clock_timestamp()
			where domain = $1`, domain, why)
		return err
	})
}

// markActive corrects the row of a domain whose certificate was stored already.
func markActive(ctx context.Context, db *tenants.DB, domain string, from, until time.Time) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- certificate of a domain is there
			update central.tenant_domains
			set ssl_status = 'active', ssl_issued_at = $2, ssl_expires_at = $3, ssl_failures = 0, ssl_error = null, ssl_error_at = null
			where domain = $1 and (ssl_status <> 'active' or ssl_expires_at is distinct from $3)`, domain, from, until)
		return err
	})
}

// record is how the last orders of a name went: the failures since the last success.
type record struct {
	Failures int64
	Last     *time.Time
	Error    *string
}

func recordOf(ctx context.Context, db *tenants.DB, domain string) (r record, err error) {
	err = db.CentralRead(ctx, tenants.GetQ(&r, "record", `-- failures in a row
		select count(*) as failures, max(at) as last, (array_agg(error order by id desc))[1] as error
		from central.certificate_orders
		where domain = $1 and ok is false
		  and id > coalesce((select max(id) from central.certificate_orders where domain = $1 and ok), 0)`, domain))
	return r, err
}

// waitingNames are the proven names of open shops that have no certificate.
func waitingNames(ctx context.Context, db *tenants.DB) (names []string, err error) {
	err = db.CentralRead(ctx, tenants.ListQ(&names, `-- names without a certificate
		select d.domain
		from central.tenant_domains d
		join central.tenants t on t.id = d.tenant_id
		where d.verified_at is not null and t.status in ('trial', 'active') and d.ssl_status <> 'active'
		order by d.verified_at, d.domain`))
	return names, err
}

// forgetOrders removes what no limit looks at any more.
func forgetOrders(ctx context.Context, db *tenants.DB) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- old certificate orders
			delete from central.certificate_orders where at < clock_timestamp() - interval '400 days'`)
		return err
	})
}
