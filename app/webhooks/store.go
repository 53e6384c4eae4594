package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const endpointColumns = `id, url, description, events, old_until, status, failing_since, last_ms, created_at, changed_at`

// EndpointsQ lists a shop's endpoints, the oldest first.
func EndpointsQ(dst *[]Endpoint) tenants.Query {
	return tenants.ListQ(dst, `-- webhooks.EndpointsQ
		select `+endpointColumns+` from webhook_endpoints order by created_at, id`)
}

// EndpointQ asks for one endpoint; nobody's is fail.Missing.
func EndpointQ(dst *Endpoint, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "webhook", `-- webhooks.EndpointQ
		select `+endpointColumns+` from webhook_endpoints where id = $1`, id)
}

const deliveryColumns = `id, endpoint_id, event, body, status, tries, made_at, next_at, tried_at, answer, took_ms, said`

// DeliveriesQ lists what was sent to an endpoint, the newest first, before the given
// delivery; the zero id begins at the newest.
func DeliveriesQ(dst *[]Delivery, endpoint, before uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- webhooks.DeliveriesQ
		select `+deliveryColumns+` from webhook_deliveries
		where endpoint_id = $1 and ($2 = '00000000-0000-0000-0000-000000000000'::uuid
			or (made_at, id) < (select made_at, id from webhook_deliveries where id = $2 and endpoint_id = $1))
		order by made_at desc, id desc limit $3`, endpoint, before, limit)
}

func countEndpoints(ctx context.Context, tx tenants.Tx) (int, error) {
	return tenants.Get[int](ctx, tx, "webhook", `-- webhooks.count
		select count(*)::int from webhook_endpoints`)
}

func insertEndpoint(ctx context.Context, tx tenants.Tx, d Draft, secret []byte) (Endpoint, error) {
	return tenants.Get[Endpoint](ctx, tx, "webhook", `-- webhooks.insert
		insert into webhook_endpoints (url, description, events, secret, created_at, changed_at) values ($1, $2, $3, $4, $5, $5)
		returning `+endpointColumns, d.URL, d.Description, d.Events, secret, tx.Now())
}

func updateEndpoint(ctx context.Context, tx tenants.Tx, id uuid.UUID, d Draft) (Endpoint, error) {
	return tenants.Get[Endpoint](ctx, tx, "webhook", `-- webhooks.update
		update webhook_endpoints set url = $2, description = $3, events = $4, changed_at = $5 where id = $1
		returning `+endpointColumns, id, d.URL, d.Description, d.Events, tx.Now())
}

// setStatus also forgets, with a return to work, that the endpoint ever failed.
func setStatus(ctx context.Context, tx tenants.Tx, id uuid.UUID, status Status) (Endpoint, error) {
	return tenants.Get[Endpoint](ctx, tx, "webhook", `-- webhooks.setStatus
		update webhook_endpoints set status = $2, changed_at = $3,
			failing_since = case when $2 = 'active' then null else failing_since end, last_ms = case when $2 = 'active' then 0 else last_ms end
		where id = $1 returning `+endpointColumns, id, string(status), tx.Now())
}

func rotate(ctx context.Context, tx tenants.Tx, id uuid.UUID, secret []byte, until time.Time) (Endpoint, error) {
	return tenants.Get[Endpoint](ctx, tx, "webhook", `-- webhooks.rotate
		update webhook_endpoints set old_secret = secret, old_until = $3, secret = $2, changed_at = $4 where id = $1
		returning `+endpointColumns, id, secret, until, tx.Now())
}

func removeEndpoint(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Endpoint, error) {
	return tenants.Get[Endpoint](ctx, tx, "webhook", `-- webhooks.remove
		delete from webhook_endpoints where id = $1 returning `+endpointColumns, id)
}

// lockEndpoint keeps who sends from ending meanwhile, so that what is added now is seen.
func lockEndpoint(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Endpoint, error) {
	return tenants.Get[Endpoint](ctx, tx, "webhook", `-- webhooks.lock
		select `+endpointColumns+` from webhook_endpoints where id = $1 for update`, id)
}

func lockListeners(ctx context.Context, tx tenants.Tx, event string) ([]Endpoint, error) {
	return tenants.List[Endpoint](ctx, tx, `-- webhooks.listeners
		select `+endpointColumns+` from webhook_endpoints where status = 'active' and $1 = any (events) order by id for share`, event)
}

func insertDelivery(ctx context.Context, tx tenants.Tx, endpoint uuid.UUID, cause, event, body string) error {
	_, err := tx.Exec(ctx, `-- webhooks.deliver
		insert into webhook_deliveries (id, endpoint_id, cause, event, body, made_at, next_at) values ($1, $2, $3, $4, $5, $6, $6)
		on conflict (endpoint_id, cause) do nothing`, uuid.New(), endpoint, cause, event, body, tx.Now())
	return err
}

func testsSince(ctx context.Context, tx tenants.Tx, since time.Time) (int, error) {
	return tenants.Get[int](ctx, tx, "count", `-- webhooks.tests
		select count(*)::int from webhook_deliveries where event = $1 and made_at > $2`, TestEvent, since)
}

func sendAgain(ctx context.Context, tx tenants.Tx, endpoint, id uuid.UUID) error {
	_, err := tenants.Get[uuid.UUID](ctx, tx, "message", `-- webhooks.again
		update webhook_deliveries set status = 'waiting', tries = 0, next_at = $3 where id = $2 and endpoint_id = $1 returning id`, endpoint, id, tx.Now())
	return err
}

// giveUp ends what waits at an endpoint.
func giveUp(ctx context.Context, tx tenants.Tx, endpoint uuid.UUID, said string) error {
	_, err := tx.Exec(ctx, `-- webhooks.giveUp
		update webhook_deliveries set status = 'failed', next_at = null, said = case when said = '' then $2 else said end
		where endpoint_id = $1 and status = 'waiting'`, endpoint, said)
	return err
}

func audit(ctx context.Context, tx tenants.Tx, actor, action, subject string) error {
	_, err := tx.Exec(ctx, `-- webhooks.audit
		insert into audit_log (at, actor, action, subject) values ($1, $2, $3, $4)`, tx.Now(), actor, action, subject)
	return err
}
