package billing

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Voided is the payload of invoice.voided.
type Voided struct {
	UserID    uuid.UUID `json:"user_id"`
	InvoiceID uuid.UUID `json:"invoice_id"`
	Number    string    `json:"number"`
	Reason    string    `json:"reason"`
}

// Void withdraws an invoice that is not paid. It keeps its number, its figures and its
// blocks, which are billed there and nowhere else (R19): a document that was sent
// stays what it was, and its status says that nothing is owed. Nothing was earned by
// what was open, so that no credit note is needed for it; what credit, prepaid blocks
// or payments had paid of it becomes credit. A paid one is given back with a credit
// note instead. Errors: NotFound, Invalid (reason), Conflict.
func (s *Service) Void(ctx context.Context, t tenants.Tenant, invoice uuid.UUID, reason, actor string) error {
	if reason == "" || len(reason) > 500 {
		wrong := fail.Fields{}
		wrong.Add("reason", "Say why, in up to 500 characters: it stands on the invoice.")
		return wrong.Err()
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		inv, err := lockInvoice(ctx, tx, invoice)
		switch {
		case err != nil || inv.Status == Void:
			return err
		case inv.Status == Paid:
			return fail.New(fail.Conflict, "Invoice %s is paid; give it back with a credit note.", inv.Number)
		}
		if busy, err := beingPaid(ctx, tx, invoice); err != nil || busy {
			if err == nil {
				err = fail.New(fail.Conflict, "A payment of invoice %s is under way; look again in a moment.", inv.Number)
			}
			return err
		}
		return void(ctx, tx, inv, reason, actor)
	})
}

func void(ctx context.Context, tx tenants.Tx, inv Invoice, reason, actor string) error {
	if err := giveBack(ctx, tx, inv, actor); err != nil {
		return err
	}
	if err := updateVoid(ctx, tx, inv.ID, reason); err != nil {
		return err
	}
	if err := audit(ctx, tx, actor, "invoice.voided", inv.Number, map[string]string{"reason": reason, "total": inv.API(inv.Total)}); err != nil {
		return err
	}
	return bus.Append(ctx, tx, "invoice.voided", Voided{inv.UserID, inv.ID, inv.Number, reason})
}

// giveBack turns what was paid of the invoice into credit.
func giveBack(ctx context.Context, tx tenants.Tx, inv Invoice, actor string) error {
	paid := inv.Total.Sub(inv.AmountDue).Sub(inv.Credited)
	if !paid.IsPositive() {
		return nil
	}
	wallet, err := ledger.Wallet(ctx, tx, inv.UserID, ledger.Credit, inv.Currency)
	if err != nil {
		return err
	}
	revenue, err := ledger.Shop(ctx, tx, ledger.Revenue, inv.Currency)
	if err != nil {
		return err
	}
	cause, text := "void:"+inv.ID.String(), "Invoice "+inv.Number+" was withdrawn"
	err = ledger.Post(ctx, tx, []ledger.Entry{
		{Cause: cause, AccountID: revenue, Amount: paid.Neg(), Description: text, Actor: actor},
		{Cause: cause, AccountID: wallet, Amount: paid, Description: text, Actor: actor}})
	if err != nil {
		return err
	}
	return bus.Append(ctx, tx, "credit.added", ledger.Credited{UserID: inv.UserID, Amount: money.API(paid, inv.Currency), Currency: inv.Currency})
}
