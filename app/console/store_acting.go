package console

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const actingColumns = `id, tenant_id, user_id, as_name, by_kind, by_id, by_name, by_epoch, reason, expires_at`

func nameOf(ctx context.Context, tx tenants.Tx, id uuid.UUID) (string, error) {
	return tenants.Get[string](ctx, tx, "customer", `-- console.nameOf
select coalesce(nullif(name, ''), email) from users where id = $1`, id)
}

func insertActing(ctx context.Context, tx tenants.CentralTx, tenant, user uuid.UUID, name string, by By, reason string, ticket []byte, now time.Time) error {
	_, err := tx.Exec(ctx, `-- console.insertActing
with began as (
    insert into central.acting (tenant_id, user_id, as_name, by_kind, by_id, by_name, by_epoch, door, reason, ticket, began_at, ticket_until, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    returning tenant_id, user_id, as_name, by_kind, by_id, by_name, reason)
insert into central.audit_log (at, actor, tenant_id, action, subject, detail)
select $14, by_kind || ':' || by_id::text, tenant_id, 'acting.began', user_id::text, jsonb_build_object('by', by_name, 'as', as_name, 'reason', reason) from began`,
		tenant, user, name, by.Kind, by.ID, by.Name, by.Epoch, by.Door, reason, ticket, now, now.Add(TicketLasts), now.Add(ActingLasts), tx.Now())
	return err
}

func enterActing(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, ticket, token []byte, now time.Time) (Acting, error) {
	return tenants.Get[Acting](ctx, tx, "link", `-- console.enterActing
update central.acting set token = $3 where tenant_id = $1 and ticket = $2 and token is null and ended_at is null and ticket_until > $4
returning `+actingColumns, tenant, ticket, token, now)
}

func actingQ(dst *Acting, found *bool, tenant uuid.UUID, token []byte, now time.Time) tenants.Query {
	return tenants.FindQ(dst, found, `-- console.actingQ
select `+actingColumns+` from central.acting where tenant_id = $1 and token = $2 and ended_at is null and expires_at > $3`, tenant, token, now)
}

func endActing(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `-- console.endActing
with ended as (update central.acting set ended_at = $2 where id = $1 and ended_at is null returning tenant_id, user_id, by_kind, by_id, by_name, as_name)
insert into central.audit_log (at, actor, tenant_id, action, subject, detail)
select $3, by_kind || ':' || by_id::text, tenant_id, 'acting.ended', user_id::text, jsonb_build_object('by', by_name, 'as', as_name) from ended`, id, now, tx.Now())
	return err
}

// fromDoorQ reads the stays that were begun from a sign-in and count.
func fromDoorQ(dst *[]Acting, door string, now time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- console.fromDoorQ
select `+actingColumns+` from central.acting where door = $1 and ended_at is null and token is not null and expires_at > $2`, door, now)
}

func endDoor(ctx context.Context, tx tenants.CentralTx, door string, now time.Time) error {
	_, err := tx.Exec(ctx, `-- console.endDoor
update central.acting set ended_at = $2 where door = $1 and ended_at is null`, door, now)
	return err
}
