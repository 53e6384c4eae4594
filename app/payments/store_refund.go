package payments

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const refundSQL = `
	select r.id, r.payment_id, p.user_id, r.amount, r.currency, r.status, coalesce(r.processor_id, '') as processor_id, r.idempotency_key, coalesce(p.processor_id, '') as intent, r.created_at
	from refunds r join payments p on p.id = r.payment_id where r.id = $1`

func insertRefund(ctx context.Context, tx tenants.Tx, id uuid.UUID, p payment, amount decimal.Decimal, creditNote *uuid.UUID, reason, actor string) error {
	_, err := tx.Exec(ctx, `-- payments.insertRefund
		insert into refunds (id, payment_id, credit_note_id, amount, currency, status, idempotency_key, reason, created_by, created_at)
		values ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9)`, id, p.ID, creditNote, amount, p.Currency, "refund:"+id.String(), reason, actor, tx.Now())
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- payments.insertRefund, of its payment
		update payments set refunded = refunded + $2, updated_at = $3 where id = $1`, p.ID, amount, tx.Now())
	return err
}

func findRefund(ctx context.Context, tx tenants.Tx, id uuid.UUID) (refund, error) {
	return tenants.Get[refund](ctx, tx, "refund", `-- payments.findRefund`+refundSQL, id)
}

func lockRefund(ctx context.Context, tx tenants.Tx, id uuid.UUID) (refund, error) {
	return tenants.Get[refund](ctx, tx, "refund", `-- payments.lockRefund`+refundSQL+` for update of r`, id)
}

// refundAt finds the refund that an object of the processor belongs to.
func refundAt(ctx context.Context, tx tenants.Tx, processorID string, id uuid.UUID) (uuid.UUID, bool, error) {
	return tenants.Find[uuid.UUID](ctx, tx, `-- payments.refundAt
		select id from refunds where processor_id = $1 or id = $2 and processor_id is null`, processorID, id)
}

func updateRefund(ctx context.Context, tx tenants.Tx, id uuid.UUID, status string, got giveBack) error {
	_, err := tx.Exec(ctx, `-- payments.updateRefund
		update refunds set status = $2, processor_id = coalesce(nullif($3, ''), processor_id), failure = $4,
			succeeded_at = case when $2 = 'succeeded' then $5::timestamptz end where id = $1`, id, status, got.ID, got.Why, tx.Now())
	return err
}

func takeBackRefund(ctx context.Context, tx tenants.Tx, r refund) error {
	_, err := tx.Exec(ctx, `-- payments.takeBackRefund
		update payments set refunded = refunded - $2, updated_at = $3 where id = $1`, r.PaymentID, r.Amount, tx.Now())
	return err
}
