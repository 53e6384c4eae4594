package bus

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// lacking is true for an outbox row o that some consumer of its name, of the
// table given as $1 (names) and $2 (consumers), has left no receipt for.
const lacking = `exists (
    select from unnest($1::text[], $2::text[]) as w (name, consumer)
    where w.name = o.subject and (o.consumer is null or o.consumer = w.consumer)
      and not exists (select from central.outbox_receipts r where r.outbox_id = o.id and r.consumer = w.consumer))`

// relaxed lets a commit return before it is on disk. It is for transactions
// whose loss only means that a message is sent again.
const relaxed = `(select set_config('synchronous_commit', 'off', true)) = 'off'`

func insertOutbox(ctx context.Context, tx tenants.Querier, t tenants.Tenant, name string, bodies []string) error {
	_, err := tx.Exec(ctx, `-- insertOutbox
		insert into central.outbox (schema_name, tenant_id, subject, payload)
		select $1::text, $2::uuid, $3::text, p.body::jsonb
		from unnest($4::text[]) with ordinality as p (body, n)
		order by p.n`, t.Schema(), t.ID, name, bodies)
	return err
}

// insertReceipt is false when the receipt was there before. A second
// transaction waits here until the first has ended.
func insertReceipt(ctx context.Context, tx tenants.Querier, schema string, outboxID int64, consumer string) (bool, error) {
	n, err := tx.Exec(ctx, `-- insertReceipt
		insert into central.outbox_receipts (outbox_id, consumer, schema_name)
		values ($1, $2, $3)
		on conflict (outbox_id, consumer) do nothing`, outboxID, consumer, schema)
	return n == 1, err
}

// insertLoneReceipt is insertReceipt in a transaction of its own, after a handler
// that committed nothing with it. Lost in a crash, the handler is called again.
func insertLoneReceipt(ctx context.Context, tx tenants.Tx, outboxID int64, consumer string) error {
	_, err := tx.Exec(ctx, `-- insertLoneReceipt
		insert into central.outbox_receipts (outbox_id, consumer, schema_name)
		select $1, $2, $3 where `+relaxed+`
		on conflict (outbox_id, consumer) do nothing`, outboxID, consumer, tx.Tenant().Schema())
	return err
}

type outboxRow struct {
	ID       int64           `db:"id"`
	TenantID uuid.UUID       `db:"tenant_id"`
	Subject  string          `db:"subject"`
	Payload  json.RawMessage `db:"payload"`
	Sends    int             `db:"sends"`
	Consumer string          `db:"consumer"`
}

// takeUnpublished marks rows as published and locks them until the transaction
// ends, so that no other node sends them too. Rows that nobody wants are done.
func takeUnpublished(ctx context.Context, tx tenants.CentralTx, wanted []string, limit int) ([]outboxRow, error) {
	return tenants.List[outboxRow](ctx, tx, `-- takeUnpublished
		update central.outbox o
		set published_at = now(), sends = o.sends + 1,
		    done_at = case when o.subject = any ($1::text[]) then null else now() end
		from (select id from central.outbox where published_at is null order by id limit $2 for update skip locked) u
		where o.id = u.id and `+relaxed+`
		returning o.id, o.tenant_id, o.subject, o.payload, o.sends, coalesce(o.consumer, '') as consumer`, wanted, limit)
}

// markDone marks those of the rows that have all their receipts. A row whose
// publishing was rolled back after the stream had its message needs no other.
func markDone(ctx context.Context, tx tenants.CentralTx, table table, ids []int64) (int64, error) {
	return tx.Exec(ctx, `-- markDone
		update central.outbox o set done_at = now(), published_at = coalesce(o.published_at, now())
		where o.id = any ($3::bigint[]) and o.done_at is null and `+relaxed+` and not `+lacking,
		table.names, table.consumers, ids)
}

// reopen makes rows that were published too long ago, and are not done, ready
// to be published again; those that turn out to be done are marked.
func reopen(ctx context.Context, tx tenants.CentralTx, table table, olderThanSeconds float64, limit int) (int64, error) {
	return tx.Exec(ctx, `-- reopen
		update central.outbox o
		set published_at = case when `+lacking+` then null else o.published_at end,
		    done_at = case when `+lacking+` then null else now() end
		from (select id from central.outbox
		      where done_at is null and published_at < now() - make_interval(secs => $3)
		      order by id limit $4 for update skip locked) s
		where o.id = s.id`, table.names, table.consumers, olderThanSeconds, limit)
}

// reopenAll is for the start of an embedded stream, when nobody else can be
// working: every open row is sent again at once, under a message id of its own,
// and no due time is leased.
func reopenAll(ctx context.Context, tx tenants.CentralTx) error {
	if _, err := tx.Exec(ctx, `-- reopenAll outbox
		update central.outbox set published_at = null, sends = sends + 1 where done_at is null`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- reopenAll due
		update central.due set leased_until = null, version = nextval('central.due_version')
		where leased_until is not null`)
	return err
}

// dropOld deletes at most limit of the oldest rows if they were done long
// enough ago, with all that belongs to them.
func dropOld(ctx context.Context, tx tenants.CentralTx, olderThanSeconds float64, limit int) (int64, error) {
	return tx.Exec(ctx, `-- dropOld
		with old as (
		    select f.id from (select id, done_at from central.outbox order by id limit $2) f
		    where f.done_at < now() - make_interval(secs => $1)
		), r as (delete from central.outbox_receipts r using old where r.outbox_id = old.id
		), f as (delete from central.outbox_failures f using old where f.outbox_id = old.id)
		delete from central.outbox o using old where o.id = old.id`, olderThanSeconds, limit)
}

type eventState struct {
	Settled  bool `db:"settled"`
	Sends    int  `db:"sends"`
	Failures int  `db:"failures"`
}

// stateOf says where a consumer stands with an event. A row that is gone was
// done at least a day ago.
func stateOf(ctx context.Context, db *tenants.DB, outboxID int64, consumer string) (eventState, error) {
	var s eventState
	err := db.CentralRead(ctx, tenants.GetQ(&s, "event", `-- stateOf
		select (o.id is null or r.outbox_id is not null) as settled,
		       coalesce(o.sends, 0) as sends, coalesce(f.failures, 0) as failures
		from (select $1::bigint as id, $2::text as consumer) w
		left join central.outbox o on o.id = w.id
		left join central.outbox_receipts r on r.outbox_id = w.id and r.consumer = w.consumer
		left join central.outbox_failures f on f.outbox_id = w.id and f.consumer = w.consumer`, outboxID, consumer))
	return s, err
}

func countFailure(ctx context.Context, tx tenants.CentralTx, outboxID int64, consumer, reason string) error {
	_, err := tx.Exec(ctx, `-- countFailure
		insert into central.outbox_failures as f (outbox_id, consumer, failures, reason)
		values ($1, $2, 1, $3)
		on conflict (outbox_id, consumer) do update
		set failures = f.failures + 1, reason = excluded.reason, updated_at = now()`, outboxID, consumer, reason)
	return err
}
