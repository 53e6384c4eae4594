package notify

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

type creditNote struct {
	ID            uuid.UUID
	Number        string
	InvoiceNumber string
	Reason        string
	Currency      string
	Total         decimal.Decimal
	ToInvoice     decimal.Decimal
	ToCredit      decimal.Decimal
	ToPayment     decimal.Decimal
}

func findCreditNote(ctx context.Context, tx tenants.Tx, id uuid.UUID) (creditNote, error) {
	return tenants.Get[creditNote](ctx, tx, "credit note", `-- credit note to write about
		select c.id, c.number, i.number as invoice_number, c.reason, c.currency, c.total, c.to_invoice, c.to_credit, c.to_payment
		from credit_notes c join invoices i on i.id = c.invoice_id where c.id = $1`, id)
}
