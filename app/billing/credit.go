package billing

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// payment is an invoice with what was prepaid of it and what credit paid of it.
type payment struct {
	invoice Invoice
	takes   []ledger.Take
	settled settlement
}

// accounts finds the ledger accounts of a posting, each once.
type accounts struct {
	shop    map[[2]string]uuid.UUID // by kind and currency
	wallets map[owner]uuid.UUID     // the credit of those who get some back
}

// owner is a customer in one currency: who a document is for.
type owner struct {
	user     uuid.UUID
	currency string
}

// postPayments books what was paid of the invoices when they were made; the cause of
// each posting is its invoice (R11, R13). What blocks had taken leaves the deferred:
// to the revenue, to the rounding, and back to the customer what was too much.
func postPayments(ctx context.Context, tx tenants.Tx, paid []payment) error {
	a := accounts{shop: map[[2]string]uuid.UUID{}, wallets: map[owner]uuid.UUID{}}
	if err := a.open(ctx, tx, paid); err != nil {
		return err
	}
	var entries []ledger.Entry
	for _, p := range paid {
		entries = append(entries, a.entriesOf(p)...)
	}
	return ledger.Post(ctx, tx, entries)
}

func (a accounts) open(ctx context.Context, tx tenants.Tx, paid []payment) error {
	back := map[string][]uuid.UUID{}
	for _, p := range paid {
		currency := p.invoice.Currency
		kinds := []string{}
		if len(p.takes) > 0 || p.settled.applied.IsPositive() {
			kinds = append(kinds, ledger.Revenue)
		}
		if p.settled.taken.IsPositive() {
			kinds = append(kinds, ledger.Deferred, ledger.Rounding)
		}
		for _, kind := range kinds {
			if _, known := a.shop[[2]string{kind, currency}]; known {
				continue
			}
			id, err := ledger.Shop(ctx, tx, kind, currency)
			if err != nil {
				return err
			}
			a.shop[[2]string{kind, currency}] = id
		}
		if p.settled.back.IsPositive() {
			back[currency] = append(back[currency], p.invoice.UserID)
		}
	}
	return a.openWallets(ctx, tx, back)
}

// openWallets finds the credit of those who get some back. A customer who pays in two
// currencies has an account for each, and an invoice for each.
func (a accounts) openWallets(ctx context.Context, tx tenants.Tx, back map[string][]uuid.UUID) error {
	for currency, users := range back {
		rows, err := creditAccounts(ctx, tx, users, currency)
		if err != nil {
			return err
		}
		for _, r := range rows {
			a.wallets[owner{r.UserID, currency}] = r.ID
		}
	}
	return nil
}

func (a accounts) entriesOf(p payment) []ledger.Entry {
	cause, text, currency := "invoice:"+p.invoice.ID.String(), "Invoice "+p.invoice.Number, p.invoice.Currency
	var entries []ledger.Entry
	post := func(account uuid.UUID, amount decimal.Decimal, text string) {
		if !amount.IsZero() {
			entries = append(entries, ledger.Entry{Cause: cause, AccountID: account, Amount: amount, Description: text, Actor: "billing"})
		}
	}
	earned := p.settled.applied
	for _, t := range p.takes {
		post(t.Account, t.Amount.Neg(), text)
		earned = earned.Add(t.Amount)
	}
	post(a.shop[[2]string{ledger.Revenue, currency}], earned, text)
	post(a.shop[[2]string{ledger.Deferred, currency}], p.settled.taken.Neg(), text)
	post(a.shop[[2]string{ledger.Rounding, currency}], p.settled.rounding, text)
	post(a.wallets[owner{p.invoice.UserID, currency}], p.settled.back, text+", paid too much before")
	return entries
}
