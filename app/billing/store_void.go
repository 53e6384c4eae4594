package billing

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

func updateVoid(ctx context.Context, tx tenants.Tx, id uuid.UUID, reason string) error {
	_, err := tx.Exec(ctx, `-- billing.updateVoid
		update invoices set status = 'void', amount_due = 0, voided_at = $2, void_reason = $3 where id = $1`, id, tx.Now(), reason)
	return err
}

func beingPaid(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) (bool, error) {
	return tenants.Get[bool](ctx, tx, "payment", `-- billing.beingPaid
		select exists (select from payments where invoice_id = $1 and status = 'processing')`, invoice)
}

func paymentKnown(ctx context.Context, tx tenants.Tx, key string) (bool, error) {
	return tenants.Get[bool](ctx, tx, "payment", `-- billing.paymentKnown
		select exists (select from payments where idempotency_key = $1)`, key)
}

func insertByHand(ctx context.Context, tx tenants.Tx, id uuid.UUID, inv Invoice, b ByHand, key string) error {
	_, err := tx.Exec(ctx, `-- billing.insertByHand
		insert into payments (id, user_id, kind, invoice_id, amount, currency, method, status, idempotency_key, reference, created_by, created_at, updated_at, succeeded_at)
		values ($1, $2, 'invoice', $3, $4, $5, $6, 'succeeded', $7, $8, $9, $10, $10, $10)`,
		id, inv.UserID, inv.ID, *b.Amount, inv.Currency, b.Method, key, b.Reference, b.Actor, tx.Now())
	return err
}
