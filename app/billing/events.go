package billing

import (
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/money"
)

// Finalised is the payload of invoice.finalised: a document was made, numbered
// and will not change. Mail about it is keyed by the invoice (R18).
type Finalised struct {
	UserID    uuid.UUID `json:"user_id"`
	InvoiceID uuid.UUID `json:"invoice_id"`
	Number    string    `json:"number"`
	Total     string    `json:"total"`
	AmountDue string    `json:"amount_due"`
	Currency  string    `json:"currency"`
}

func finalised(invoices []Invoice) []Finalised {
	events := make([]Finalised, len(invoices))
	for i, inv := range invoices {
		events[i] = Finalised{inv.UserID, inv.ID, inv.Number, money.API(inv.Total, inv.Currency), money.API(inv.AmountDue, inv.Currency), inv.Currency}
	}
	return events
}
