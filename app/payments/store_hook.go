package payments

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

func insertEvent(ctx context.Context, tx tenants.Tx, a announced) (first bool, err error) {
	n, err := tx.Exec(ctx, `-- payments.insertEvent
		insert into processor_events (processor, event_id, type, object_id, received_at) values ('stripe', $1, $2, $3, $4)
		on conflict (processor, event_id) do nothing`, a.EventID, a.Type, a.ObjectID, tx.Now())
	return n == 1, err
}

func endEvent(ctx context.Context, tx tenants.Tx, id string) error {
	_, err := tx.Exec(ctx, `-- payments.endEvent
		update processor_events set applied_at = $2 where processor = 'stripe' and event_id = $1`, id, tx.Now())
	return err
}

func updateDisputed(ctx context.Context, tx tenants.Tx, id uuid.UUID) (first bool, err error) {
	n, err := tx.Exec(ctx, `-- payments.updateDisputed
		update payments set disputed_at = $2, updated_at = $2 where id = $1 and disputed_at is null`, id, tx.Now())
	return n == 1, err
}

func methodAt(ctx context.Context, tx tenants.Tx, processorID string) (user, id uuid.UUID, found bool, err error) {
	row, found, err := tenants.Find[struct{ UserID, ID uuid.UUID }](ctx, tx, `-- payments.methodAt
		select user_id, id from payment_methods where processor_id = $1 and status = 'active' for update`, processorID)
	return row.UserID, row.ID, found, err
}
