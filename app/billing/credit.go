package billing

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// payment is an invoice and what credit paid of it.
type payment struct {
	invoice Invoice
	takes   []ledger.Take
}

// postCredit books what credit paid of the invoices; the cause of each posting
// is its invoice (R11, R13).
func postCredit(ctx context.Context, tx tenants.Tx, paid []payment) error {
	revenue := map[string]uuid.UUID{}
	var entries []ledger.Entry
	for _, p := range paid {
		if len(p.takes) == 0 {
			continue
		}
		currency := p.invoice.Currency
		if _, known := revenue[currency]; !known {
			id, err := ledger.Shop(ctx, tx, ledger.Revenue, currency)
			if err != nil {
				return err
			}
			revenue[currency] = id
		}
		cause, text := "invoice:"+p.invoice.ID.String(), "Invoice "+p.invoice.Number
		entries = append(entries, ledger.Entry{Cause: cause, AccountID: revenue[currency], Amount: p.invoice.CreditApplied, Description: text, Actor: "billing"})
		for _, t := range p.takes {
			entries = append(entries, ledger.Entry{Cause: cause, AccountID: t.Account, Amount: t.Amount.Neg(), Description: text, Actor: "billing"})
		}
	}
	return ledger.Post(ctx, tx, entries)
}
