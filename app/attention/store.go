package attention

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// Raise puts a subject of the transaction's shop onto the list and announces it.
// fresh is false, and nothing is announced, when it stands there already.
func Raise(ctx context.Context, tx tenants.Tx, kind, subject, summary string, detail any) (fresh bool, err error) {
	body, err := json.Marshal(detail)
	if err != nil {
		return false, err
	}
	if detail == nil {
		body = []byte("{}")
	}
	n, err := tx.Exec(ctx, `-- attention.Raise
		insert into central.attention (schema_name, tenant_id, kind, subject, summary, detail, created_at)
		values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
		on conflict (tenant_id, kind, subject) where settled_at is null do nothing`,
		tx.Tenant().Schema(), tx.Tenant().ID, kind, subject, summary, string(body), tx.Now())
	if err != nil || n == 0 {
		return false, err
	}
	return true, bus.Append(ctx, tx, EventRaised, Raised{kind, subject, summary})
}

// Clear settles a subject of the transaction's shop; one that is not on the list
// is settled already.
func Clear(ctx context.Context, tx tenants.Tx, kind, subject, by string) error {
	_, err := tx.Exec(ctx, `-- attention.Clear
		update central.attention set settled_at = $4, settled_by = $5
		where schema_name = $1 and kind = $2 and subject = $3 and settled_at is null`,
		tx.Tenant().Schema(), kind, subject, tx.Now(), by)
	return err
}

// Settle takes a line off the list; false when it is not on it.
func Settle(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, by string) (bool, error) {
	n, err := tx.Exec(ctx, `-- attention.Settle
		update central.attention set settled_at = $2, settled_by = $3 where id = $1 and settled_at is null and kind <> 'parked'`, id, tx.Now(), by)
	return n == 1, err
}

// ListQ reads what is unsettled, the newest first, from a cursor on; kind narrows
// it unless it is empty. It is part of a central read.
func ListQ(dst *[]Item, kind string, from Cursor, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- attention.ListQ
		select id, tenant_id, kind, subject, summary, detail, created_at
		from central.attention
		where settled_at is null and ($1 = '' or kind = $1) and ($2::uuid is null or (created_at, id) < ($3, $2))
		order by created_at desc, id desc
		limit $4`, kind, orNil(from.ID), from.At, limit)
}

func orNil(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// CountQ counts what is unsettled.
func CountQ(dst *int) tenants.Query {
	return tenants.GetQ(dst, "count", `-- attention.CountQ
		select count(*)::integer from central.attention where settled_at is null`)
}
