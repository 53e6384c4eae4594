package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// claimed says whether an endpoint is there and whether nobody else sends to it.
type claimed struct{ There, Ours bool }

// claim takes an endpoint until a time of the machine's.
func claim(ctx context.Context, tx tenants.Tx, id uuid.UUID, wall, until time.Time) (claimed, error) {
	return tenants.Get[claimed](ctx, tx, "webhook", `-- webhooks.claim
		with ours as (update webhook_endpoints set busy_until = $3 where id = $1 and (busy_until is null or busy_until <= $2) returning id)
		select exists (select from webhook_endpoints where id = $1) as there, exists (select from ours) as ours`, id, wall, until)
}

// release gives it back, and thereby waits for whoever is adding a message.
func release(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Endpoint, bool, error) {
	return tenants.Find[Endpoint](ctx, tx, `-- webhooks.release
		update webhook_endpoints set busy_until = null where id = $1 returning `+endpointColumns, id)
}

func sealedQ(dst *sealed, found *bool, id uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- webhooks.sealed
		select `+endpointColumns+`, secret, old_secret from webhook_endpoints where id = $1 and status = 'active'`, id)
}

func turnQ(dst *Delivery, found *bool, endpoint uuid.UUID, now time.Time) tenants.Query {
	return tenants.FindQ(dst, found, `-- webhooks.turn
		select `+deliveryColumns+` from webhook_deliveries where endpoint_id = $1 and status = 'waiting' and next_at <= $2
		order by next_at, made_at, id limit 1`, endpoint, now)
}

func nextAt(ctx context.Context, tx tenants.Tx, endpoint uuid.UUID) (*time.Time, error) {
	return tenants.Get[*time.Time](ctx, tx, "time", `-- webhooks.nextAt
		select min(next_at) from webhook_deliveries where endpoint_id = $1 and status = 'waiting'`, endpoint)
}

// noteHealth keeps since when an endpoint has taken nothing. There is none when it was
// removed meanwhile.
func noteHealth(ctx context.Context, tx tenants.Tx, id uuid.UUID, taken bool, ms int) (Endpoint, bool, error) {
	return tenants.Find[Endpoint](ctx, tx, `-- webhooks.noteHealth
		update webhook_endpoints set last_ms = $3, failing_since = case when $2 then null else coalesce(failing_since, $4) end
		where id = $1 returning `+endpointColumns, id, taken, ms, tx.Now())
}

// noteTry keeps what came of a try. A message that was asked for again meanwhile, or
// that ended, keeps its state.
func noteTry(ctx context.Context, tx tenants.Tx, d Delivery) error {
	_, err := tx.Exec(ctx, `-- webhooks.noteTry
		update webhook_deliveries set tries = tries + 1, tried_at = $2, answer = $3, took_ms = $4, said = $5, status = $6, next_at = $7
		where id = $1 and status = 'waiting' and tries = $8`, d.ID, tx.Now(), d.Answer, d.TookMs, d.Said, string(d.Status), d.NextAt, d.Tries)
	return err
}

func prune(ctx context.Context, tx tenants.Tx, endpoint uuid.UUID, before time.Time) error {
	_, err := tx.Exec(ctx, `-- webhooks.prune
		delete from webhook_deliveries where id in (select id from webhook_deliveries
			where endpoint_id = $1 and made_at < $2 and status <> 'waiting' order by made_at, id limit 500)`, endpoint, before)
	return err
}

func owners(ctx context.Context, tx tenants.Tx) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- webhooks.owners
		select id from users where role = 'owner' and status = 'active' order by id`)
}
