package notify

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

type unpaidInvoice struct {
	ID        uuid.UUID
	Number    string
	Status    string
	AmountDue decimal.Decimal
	Currency  string
	DueDate   *time.Time
	Card      bool // one is saved
}

func findUnpaid(ctx context.Context, tx tenants.Tx, id uuid.UUID) (unpaidInvoice, error) {
	return tenants.Get[unpaidInvoice](ctx, tx, "invoice", `-- unpaid invoice to write about
		select i.id, i.number, i.status, i.amount_due, i.currency, i.due_date,
			exists (select from payment_methods p where p.user_id = i.user_id and p.status = 'active') as card
		from invoices i where i.id = $1 and i.status <> 'draft'`, id)
}
