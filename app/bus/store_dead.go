package bus

import (
	"context"
	"strings"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// clean makes text that the database keeps: no zero bytes, no broken runes, not
// endlessly long.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "�")
	if len(s) > 4000 {
		s = strings.ToValidUTF8(s[:4000], "") + "…"
	}
	return s
}

// insertDead is false when the effect was committed after all, or the due time
// has gone: then there is nothing to give up.
func insertDead(ctx context.Context, tx tenants.CentralTx, d *delivery, letter *DeadLetter) (bool, error) {
	id, added, err := tenants.Find[int64](ctx, tx, `-- insertDead
		with receipt as (
		    insert into central.outbox_receipts (outbox_id, consumer, schema_name)
		    select $1::bigint, $2::text, $3::text where $1::bigint is not null
		    on conflict (outbox_id, consumer) do nothing returning 1
		), ended as (
		    delete from central.due
		    where $4::timestamptz is not null and (schema_name = $3::text or $3::text = '') and kind = $5::text and key = $6::text and version = $7::bigint
		    returning 1
		)
		insert into central.dead_letters (schema_name, tenant_id, consumer, subject, outbox_id, payload, reason, key, due_at, failures)
		select $3::text, $8::uuid, $2::text, $9::text, $1::bigint, $10::jsonb, $11::text, nullif($6::text, ''), $4::timestamptz, $12::int
		where exists (select from receipt) or exists (select from ended) or ($1::bigint is null and $4::timestamptz is null)
		returning id`,
		letter.OutboxID, letter.Consumer, d.message.Tenant.Schema(), letter.DueAt,
		strings.TrimSuffix(letter.Name, dueSuffix), letter.Key, d.message.version,
		letter.TenantID, letter.Name, clean(string(letter.Payload)), letter.Reason, letter.Failures)
	letter.ID = id
	return added, err
}

// refuseEvent gives up a row that cannot be published.
func refuseEvent(ctx context.Context, tx tenants.CentralTx, outboxID int64, reason string) error {
	_, err := tx.Exec(ctx, `-- refuseEvent
		with o as (update central.outbox set done_at = now() where id = $1
		           returning id, schema_name, tenant_id, subject)
		insert into central.dead_letters (schema_name, tenant_id, consumer, subject, outbox_id, reason)
		select schema_name, tenant_id, $3, subject, id, $2 from o`, outboxID, clean(reason), relayName)
	return err
}

const deadColumns = `id, tenant_id, consumer, subject as name, outbox_id, coalesce(key, '') as key, due_at, payload, reason, failures, created_at, retried_at`

func listDead(ctx context.Context, db *tenants.DB, open bool, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	err := db.CentralRead(ctx, tenants.ListQ(&letters, `-- listDead
		select `+deadColumns+` from central.dead_letters
		where retried_at is null or not $1::bool
		order by id desc limit $2`, open, limit))
	return letters, err
}

func deadForUpdate(ctx context.Context, tx tenants.CentralTx, id int64) (DeadLetter, error) {
	return tenants.Get[DeadLetter](ctx, tx, "message", `-- deadForUpdate
		select `+deadColumns+` from central.dead_letters where id = $1 for update`, id)
}

// reviveDead puts the message back where it came from: an event as a new row
// for its one consumer, a due time unless it was set again meanwhile.
func reviveDead(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, d DeadLetter) error {
	var err error
	if d.OutboxID != nil {
		_, err = tx.Exec(ctx, `-- reviveDead event
			insert into central.outbox (schema_name, tenant_id, subject, payload, consumer)
			values ($1, $2, $3, $4::jsonb, $5)`, t.Schema(), t.ID, d.Name, string(d.Payload), d.Consumer)
	} else {
		_, err = tx.Exec(ctx, `-- reviveDead due time
			insert into central.due (schema_name, tenant_id, kind, key, due_at, payload)
			values ($1, $2, $3, $4, $5, $6::jsonb)
			on conflict (schema_name, kind, key) do nothing`,
			t.Schema(), t.ID, strings.TrimSuffix(d.Name, dueSuffix), d.Key, d.DueAt, string(d.Payload))
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- reviveDead mark
		update central.dead_letters set retried_at = now() where id = $1`, d.ID)
	return err
}

func readStats(ctx context.Context, db *tenants.DB, lateBefore time.Time) (Stats, error) {
	var s Stats
	err := db.CentralRead(ctx, tenants.GetQ(&s, "figures", `-- readStats
		select (select count(*) from central.outbox where published_at is null) as unpublished,
		       (select count(*) from central.outbox where done_at is null) as undone,
		       (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8
		          from central.outbox where done_at is null) as oldest_seconds,
		       (select count(*) from central.due where due_at < $1) as due_late,
		       (select count(*) from central.dead_letters where retried_at is null) as dead_letters`, lateBefore))
	return s, err
}
