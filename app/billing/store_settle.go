package billing

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// lockInvoice reads a finalised invoice for a change of what is paid of it.
func lockInvoice(ctx context.Context, tx tenants.Tx, id uuid.UUID) (Invoice, error) {
	return tenants.Get[Invoice](ctx, tx, "invoice", `-- billing.lockInvoice
		select `+invoiceColumns+` from invoices i where i.id = $1 and i.status <> 'draft' for update`, id)
}

func updatePaid(ctx context.Context, tx tenants.Tx, inv Invoice, part decimal.Decimal) error {
	_, err := tx.Exec(ctx, `-- billing.updatePaid
		update invoices set status = $2, amount_due = $3, paid_at = $4, paid_amount = paid_amount + $5 where id = $1`,
		inv.ID, inv.Status, inv.AmountDue, inv.PaidAt, part)
	return err
}
