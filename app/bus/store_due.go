package bus

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

func upsertDue(ctx context.Context, tx tenants.Querier, t tenants.Tenant, kind string, keys []string, ats []time.Time, bodies []string) error {
	_, err := tx.Exec(ctx, `-- upsertDue
		insert into central.due as d (schema_name, tenant_id, kind, key, due_at, payload)
		select $1::text, $2::uuid, $3::text, n.key, n.due_at, n.body::jsonb
		from unnest($4::text[], $5::timestamptz[], $6::text[]) as n (key, due_at, body)
		order by n.key
		on conflict (schema_name, kind, key) do update
		set due_at = excluded.due_at, payload = excluded.payload, attempts = 0`,
		t.Schema(), t.ID, kind, keys, ats, bodies)
	return err
}

func deleteDue(ctx context.Context, tx tenants.Querier, t tenants.Tenant, kind, key string) error {
	_, err := tx.Exec(ctx, `-- deleteDue
		delete from central.due where schema_name = $1 and kind = $2 and key = $3`, t.Schema(), kind, key)
	return err
}

// endDue deletes the version of a due time that a message is about. It is false
// when that version ended before this transaction.
func endDue(ctx context.Context, tx tenants.Querier, schema, name, key string, version int64) (bool, error) {
	n, err := tx.Exec(ctx, `-- endDue
		delete from central.due
		where schema_name = $1 and kind = $2 and key = $3 and (version = $4 or $4 = 0)`,
		schema, strings.TrimSuffix(name, dueSuffix), key, version)
	if err != nil || n == 1 {
		return n == 1, err
	}
	return tenants.Get[bool](ctx, tx, "due time", `-- endDue, ended here
		select coalesce(current_setting('ezscale.due_gone', true), '') like '%,' || $1::bigint || ',%'`, version)
}

type dueRow struct {
	Schema   string          `db:"schema_name"`
	TenantID uuid.UUID       `db:"tenant_id"`
	Kind     string          `db:"kind"`
	Key      string          `db:"key"`
	DueAt    time.Time       `db:"due_at"`
	Payload  json.RawMessage `db:"payload"`
	Version  int64           `db:"version"`
	Attempts int             `db:"attempts"`
	Failures int             `db:"failures"`
}

// claimDue leases what is due, the earliest first. No more than inFlight rows
// are leased at once, so that a flood is not claimed faster than it is handled.
func claimDue(ctx context.Context, tx tenants.CentralTx, now time.Time, kinds []string, lease time.Duration, limit, inFlight int) ([]dueRow, error) {
	return tenants.List[dueRow](ctx, tx, `-- claimDue
		with busy as materialized (
		    select count(*) as n from (
		        select from central.due where due_at <= $1 and leased_until > now() limit $5) b
		)
		update central.due d
		set leased_until = now() + make_interval(secs => $3), attempts = d.attempts + 1
		from (select schema_name, kind, key from central.due
		      where due_at <= $1 and kind = any ($2::text[]) and (leased_until is null or leased_until <= now())
		      order by due_at
		      limit least($4::bigint, greatest(0, $5::bigint - (select n from busy)))
		      for update skip locked) c
		where d.schema_name = c.schema_name and d.kind = c.kind and d.key = c.key and `+relaxed+`
		returning d.schema_name, d.tenant_id, d.kind, d.key, d.due_at, d.payload, d.version, d.attempts, d.failures`,
		now, kinds, lease.Seconds(), limit, inFlight)
}

func releaseDue(ctx context.Context, tx tenants.CentralTx, versions []int64) error {
	_, err := tx.Exec(ctx, `-- releaseDue
		update central.due set leased_until = null where version = any ($1::bigint[])`, versions)
	return err
}

type dueAhead struct {
	Next  *time.Time `db:"next"`  // business time of the next due time to come
	Lease *float64   `db:"lease"` // seconds until the first lease ends
	Ready bool       `db:"ready"` // something due is not leased
}

func lookAhead(ctx context.Context, db *tenants.DB, now time.Time, kinds []string) (dueAhead, error) {
	var a dueAhead
	err := db.CentralRead(ctx, tenants.GetQ(&a, "due time", `-- lookAhead
		select (select min(due_at) from central.due where due_at > $1 and kind = any ($2::text[])) as next,
		       (select extract(epoch from min(l.leased_until) - now())::float8 from (
		           select leased_until from central.due
		           where due_at <= $1 and kind = any ($2::text[]) order by due_at limit 4096) l) as lease,
		       exists (select from central.due
		               where due_at <= $1 and kind = any ($2::text[]) and (leased_until is null or leased_until <= now())) as ready`, now, kinds))
	return a, err
}

// failDue counts a failure and keeps the row leased until it may be tried again.
func failDue(ctx context.Context, tx tenants.CentralTx, m *Message, wait time.Duration) error {
	_, err := tx.Exec(ctx, `-- failDue
		update central.due set failures = failures + 1, leased_until = now() + make_interval(secs => $5)
		where schema_name = $1 and kind = $2 and key = $3 and version = $4`,
		m.Tenant.Schema(), strings.TrimSuffix(m.Name, dueSuffix), m.Key, m.version, wait.Seconds())
	return err
}

func moveDue(ctx context.Context, tx tenants.CentralTx, m *Message, at time.Time) error {
	_, err := tx.Exec(ctx, `-- moveDue
		update central.due set due_at = $5
		where schema_name = $1 and kind = $2 and key = $3 and version = $4`,
		m.Tenant.Schema(), strings.TrimSuffix(m.Name, dueSuffix), m.Key, m.version, at)
	return err
}

func dueStands(ctx context.Context, db *tenants.DB, m *Message) (bool, error) {
	var stands bool
	err := db.CentralRead(ctx, tenants.GetQ(&stands, "due time", `-- dueStands
		select exists (select from central.due where schema_name = $1 and kind = $2 and key = $3 and version = $4)`,
		m.Tenant.Schema(), strings.TrimSuffix(m.Name, dueSuffix), m.Key, m.version))
	return stands, err
}

func nextDue(ctx context.Context, db *tenants.DB, after time.Time) (*time.Time, error) {
	var next *time.Time
	err := db.CentralRead(ctx, tenants.GetQ(&next, "due time", `-- nextDue
		select min(due_at) from central.due where due_at > $1`, after))
	return next, err
}

// isIdle is true when nothing is due and no outbox row lacks a receipt. Without
// a table of consumers every open row counts as lacking.
func isIdle(ctx context.Context, db *tenants.DB, table table, at time.Time) (bool, error) {
	var idle bool
	err := db.CentralRead(ctx, tenants.GetQ(&idle, "answer", `-- isIdle
		select not exists (select from central.due where due_at <= $3)
		   and not exists (select from central.outbox o where o.done_at is null and ($4::bool or `+lacking+`))`,
		table.names, table.consumers, at, table.consumers == nil))
	return idle, err
}
