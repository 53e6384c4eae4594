package console

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

type standing struct {
	Role   string `db:"role"`
	Status string `db:"status"`
	Held   bool   `db:"held"` // parked, or suspended for what was not paid
}

func lockCustomer(ctx context.Context, tx tenants.Tx, id uuid.UUID) (standing, error) {
	return tenants.Get[standing](ctx, tx, "customer", `-- console.lockCustomer
select role, status, parked_at is not null or suspended_for <> '' as held from users where id = $1 for update`, id)
}

func setStatus(ctx context.Context, tx tenants.Tx, id uuid.UUID, to string) error {
	_, err := tx.Exec(ctx, `-- console.setStatus
update users set status = $2, session_epoch = session_epoch + case when $2 = 'active' then 0 else 1 end where id = $1`, id, to)
	return err
}

func audit(ctx context.Context, tx tenants.Tx, actor, action string, subject uuid.UUID, detail map[string]string) error {
	_, err := tx.Exec(ctx, `-- console.audit
insert into audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, action, subject.String(), detail)
	return err
}

// CustomersQ lists customers, one more than asked for where there are more. State is
// empty for all. Errors: BadRequest for a cursor that no list gave.
func CustomersQ(dst *[]Customer, s Search, currency string) (tenants.Query, error) {
	k, err := s.keys()
	return tenants.ListQ(dst, `-- console.CustomersQ
with page as materialized (
    select u.id, u.name, u.email, u.created_at, u.email_verified_at is not null as confirmed,
        case when u.status <> 'active' then u.status when u.parked_at is not null then 'parked' when u.suspended_for <> '' then 'unpaid' else 'active' end as state
    from users u
    where u.role = 'customer'
      and ($1::text = '' or u.email like $1 or lower(u.name) like $1)
      and ($2::text = '' or case when u.status <> 'active' then u.status when u.parked_at is not null then 'parked' when u.suspended_for <> '' then 'unpaid' else 'active' end = $2)
      and ($3::timestamptz is null or (u.created_at, u.id) < ($3, $4::uuid))
    order by u.created_at desc, u.id desc limit $5)
select p.id, p.name, p.email, p.created_at, p.confirmed, p.state,
    coalesce((select sum(a.balance) from ledger_accounts a where a.user_id = p.id and a.kind in ('credit', 'bonus') and a.currency = $6), 0) as credit,
    d.desktops, d.running, d.last_used_at
from page p cross join lateral (
    select count(*) filter (where w.status <> 'terminated')::int as desktops, count(*) filter (where w.status = 'running')::int as running, max(w.last_started_at) as last_used_at
    from kasm_workspaces w where w.user_id = p.id) d
order by p.created_at desc, p.id desc`, k.pattern, s.State, k.before, k.id, s.Limit+1, currency), err
}

// DesktopsQ lists all desktops of a shop, likewise. Without a state those that are
// destroyed are left out.
func DesktopsQ(dst *[]Desktop, s Search) (tenants.Query, error) {
	k, err := s.keys()
	return tenants.ListQ(dst, `-- console.DesktopsQ
select w.id, w.user_id, u.name, u.email, p.name as plan, w.template_name as template, w.status, w.provisioned_at is not null as started,
    coalesce(o.cost_per_hour, p.price_per_hour) as rate, coalesce(o.currency, p.currency) as currency, w.created_at, o.started_at as running_since
from kasm_workspaces w join users u on u.id = w.user_id join plans p on p.id = w.plan_id
left join kasm_usage_sessions o on o.kasm_workspace_id = w.id and o.stopped_at is null
where ($1::text = '' or u.email like $1 or lower(u.name) like $1 or lower(p.name) like $1 or lower(w.template_name) like $1)
  and ($2::text = '' and w.status <> 'terminated' or w.status = $2)
  and ($3::timestamptz is null or (w.created_at, w.id) < ($3, $4::uuid))
order by w.created_at desc, w.id desc limit $5`, k.pattern, s.State, k.before, k.id, s.Limit+1), err
}

// NewcomersQ counts customers by the day in the zone on which they came.
func NewcomersQ(dst *[]Newcomers, from, to time.Time, zone *time.Location) tenants.Query {
	starts, names := midnights(from, to, zone)
	return tenants.ListQ(dst, `-- console.NewcomersQ
select ($4::date[])[day] as day, customers
from (select width_bucket(created_at, $3::timestamptz[]) as day, count(*) as customers
    from users where role = 'customer' and created_at >= $1 and created_at < $2 group by 1) n
order by n.day`, from, to, starts, names)
}
