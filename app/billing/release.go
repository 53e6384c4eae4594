package billing

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// ReleaseIn lets an invoice be charged that was held because its customer was parked:
// credit pays what it would have paid when the invoice was made, bonus first (R11), and
// the rest may go to the card. An invoice that is not held stays as it is. It announces
// invoice.paid when nothing is left to pay. An unknown invoice is fail.NotFound.
func ReleaseIn(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) error {
	inv, err := lockInvoice(ctx, tx, invoice)
	if err != nil || inv.HeldFor != heldParked {
		return err
	}
	if inv.Status != Open {
		return updateReleased(ctx, tx, inv)
	}
	wallets, err := ledger.LockPurses(ctx, tx, []uuid.UUID{inv.UserID})
	if err != nil {
		return err
	}
	takes := ledger.TakeFrom(wallets[inv.UserID], inv.Currency, inv.AmountDue)
	inv.pay(takes, tx.Now())
	if err := updateReleased(ctx, tx, inv); err != nil || len(takes) == 0 {
		return err
	}
	cause := "release:" + inv.ID.String()
	if err := postTakes(ctx, tx, cause, inv, takes); err != nil || inv.Status != Paid {
		return err
	}
	return bus.Append(ctx, tx, "invoice.paid", Settled{inv.UserID, inv.ID, inv.Number, money.API(inv.Total, inv.Currency), inv.Currency, cause})
}

// postTakes books what credit pays of an invoice that was made before.
func postTakes(ctx context.Context, tx tenants.Tx, cause string, inv Invoice, takes []ledger.Take) error {
	revenue, err := ledger.Shop(ctx, tx, ledger.Revenue, inv.Currency)
	if err != nil {
		return err
	}
	text, entries := "Invoice "+inv.Number, make([]ledger.Entry, 0, 2*len(takes))
	sum := ledger.Entry{Cause: cause, AccountID: revenue, Description: text, Actor: "billing"}
	for _, t := range takes {
		entries = append(entries, ledger.Entry{Cause: cause, AccountID: t.Account, Amount: t.Amount.Neg(), Description: text, Actor: "billing"})
		sum.Amount = sum.Amount.Add(t.Amount)
	}
	return ledger.Post(ctx, tx, append(entries, sum))
}
