package parking

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

type person struct {
	Name  string `db:"name"`
	Email string `db:"email"`
}

// park is nil for a customer who is parked already.
func park(ctx context.Context, tx tenants.Tx, user uuid.UUID, n Numbers) (*person, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	p, found, err := tenants.Find[person](ctx, tx, `-- parking.park
		update users set parked_at = $2, parked_for = $3::text::jsonb where id = $1 and parked_at is null
		returning name, email`, user, tx.Now(), string(body))
	if err != nil || found {
		return &p, err
	}
	there, err := tenants.Get[bool](ctx, tx, "customer", `-- parking.park, known
		select exists (select from users where id = $1)`, user)
	if err == nil && !there {
		err = fail.Missing("customer")
	}
	return nil, err
}

// hold keeps open invoices from being collected.
func hold(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- parking.hold
		update invoices set held_for = 'parked' where user_id = $1 and status = 'open' and held_for = ''`, user)
	return err
}

func heldOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- parking.heldOf
		select id from invoices where user_id = $1 and held_for = 'parked' order by due_date, id`, user)
}

type released struct {
	Released     bool   `db:"released"`
	SuspendedFor string `db:"suspended_for"`
}

func release(ctx context.Context, tx tenants.Tx, user uuid.UUID) (released, error) {
	return tenants.Get[released](ctx, tx, "customer", `-- parking.release
		with known as materialized (select id, suspended_for, parked_at is not null as parked from users where id = $1 for update),
		let as (update users u set parked_at = null, parked_for = null, bounds_from = $2 from known k where u.id = k.id and k.parked)
		select parked as released, suspended_for from known`, user, tx.Now())
}

func ownersOf(ctx context.Context, tx tenants.Tx) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- parking.ownersOf
		select id from users where role = 'owner' and status = 'active' order by id`)
}

func audit(ctx context.Context, tx tenants.Tx, action, by string, user uuid.UUID, reason string) error {
	_, err := tx.Exec(ctx, `-- parking.audit
		insert into audit_log (at, actor, action, subject, detail)
		values ($1, $2, $3, $4::text, jsonb_build_object('reason', $5::text))`, tx.Now(), by, action, user.String(), reason)
	return err
}

func settingOf(ctx context.Context, tx tenants.Tx) (string, error) {
	text, _, err := tenants.Find[string](ctx, tx, `-- parking.settingOf
		select coalesce(value #>> '{}', '') from settings where key = 'bounds'`)
	return text, err
}

// pace is how many blocks a customer has begun today, and begins in an hour with what
// runs now.
type pace struct {
	Blocks  int64           `db:"blocks"`
	PerHour decimal.Decimal `db:"per_hour"`
	Parked  bool            `db:"parked"`
}

func paceOf(ctx context.Context, tx tenants.Tx, user uuid.UUID, from time.Time) (pace, bool, error) {
	return tenants.Find[pace](ctx, tx, `-- parking.paceOf
		select (select count(*) from usage_blocks b where b.user_id = u.id and b.starts_at >= greatest($2, u.bounds_from)) as blocks,
			coalesce((select sum(3600.0 / s.block_seconds) from kasm_usage_sessions s where s.user_id = u.id and s.stopped_at is null), 0) as per_hour,
			u.parked_at is not null as parked
		from users u where u.id = $1`, user, from)
}

func topUps(ctx context.Context, tx tenants.Tx, user uuid.UUID, from time.Time) (int64, error) {
	return tenants.Get[int64](ctx, tx, "count", `-- parking.topUps
		select count(*) from payments p join users u on u.id = p.user_id
		where p.user_id = $1 and p.kind = 'topup' and p.status = 'succeeded' and p.succeeded_at > greatest($2, u.bounds_from)`, user, from)
}

type odd struct {
	Number string           `db:"number"`
	Usual  *decimal.Decimal `db:"usual"`
}

// oddInvoice reads a month's invoice with what is usual: the mean of up to three
// before it. Other documents are somebody's decision and are not compared.
func oddInvoice(ctx context.Context, tx tenants.Tx, id uuid.UUID) (odd, bool, error) {
	return tenants.Find[odd](ctx, tx, `-- parking.oddInvoice
		select i.number, (select avg(l.total) from (
			select o.total from invoices o
			where o.user_id = i.user_id and o.currency = i.currency and o.kind = 'cycle' and o.status in ('open', 'paid') and o.cycle_start < i.cycle_start
			order by o.cycle_start desc limit 3) l) as usual
		from invoices i where i.id = $1 and i.kind = 'cycle'`, id)
}

// Parked is a customer whom somebody has to look at.
type Parked struct {
	ID       uuid.UUID       `db:"id"`
	Name     string          `db:"name"`
	Email    string          `db:"email"`
	ParkedAt time.Time       `db:"parked_at"`
	For      json.RawMessage `db:"parked_for"`
}

// Numbers are what tripped the bound.
func (p Parked) Numbers() Numbers {
	var n Numbers
	_ = json.Unmarshal(p.For, &n) // written by us; what cannot be read shows as nothing
	return n
}

// ParkedQ lists a shop's parked customers, the longest waiting first.
func ParkedQ(dst *[]Parked, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- parking.ParkedQ
		select id, name, email, parked_at, coalesce(parked_for, '{}') as parked_for
		from users where parked_at is not null order by parked_at, id limit $1`, limit)
}
