package idempotency

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

type entry struct {
	RequestHash []byte `db:"request_hash"`
	Status      *int   `db:"status"`
	Body        []byte `db:"body"`
}

func forget(ctx context.Context, tx tenants.Tx, user uuid.UUID, before time.Time) error {
	_, err := tx.Exec(ctx, `-- forget old keys
		delete from idempotency_keys where user_id = $1 and created_at < $2`, user, before)
	return err
}

// take is true when the key is the caller's: it is new, or its first call with
// the same body died unanswered, whose intent then goes on.
func take(ctx context.Context, tx tenants.Tx, user uuid.UUID, key string, hash []byte, now, abandoned time.Time) (uuid.UUID, bool, error) {
	return tenants.Find[uuid.UUID](ctx, tx, `-- take a key
		insert into idempotency_keys (user_id, key, request_hash, created_at) values ($1, $2, $3, $4)
		on conflict (user_id, key) do update set created_at = excluded.created_at
		where idempotency_keys.status is null and idempotency_keys.created_at < $5 and idempotency_keys.request_hash = excluded.request_hash
		returning intent`, user, key, hash, now, abandoned)
}

func hold(ctx context.Context, tx tenants.Tx, user uuid.UUID, key string, now time.Time) error {
	_, err := tx.Exec(ctx, `-- hold a key
		update idempotency_keys set created_at = $3 where user_id = $1 and key = $2 and status is null`, user, key, now)
	return err
}

func lookup(ctx context.Context, tx tenants.Tx, user uuid.UUID, key string) (entry, error) {
	return tenants.Get[entry](ctx, tx, "request", `-- look a key up
		select request_hash, status, body from idempotency_keys where user_id = $1 and key = $2`, user, key)
}

func answer(ctx context.Context, tx tenants.Tx, user uuid.UUID, key string, status int, body []byte) error {
	_, err := tx.Exec(ctx, `-- keep an answer
		update idempotency_keys set status = $3, body = $4 where user_id = $1 and key = $2`, user, key, status, body)
	return err
}

func drop(ctx context.Context, tx tenants.Tx, user uuid.UUID, key string) error {
	_, err := tx.Exec(ctx, `-- drop a key
		delete from idempotency_keys where user_id = $1 and key = $2 and status is null`, user, key)
	return err
}
