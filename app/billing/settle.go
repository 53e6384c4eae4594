package billing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Receipt is money that came in for an invoice.
type Receipt struct {
	Amount decimal.Decimal
	Place  string // ledger.Cash or ledger.Bank
	Cause  string // names the payment, such as payment:<id>; it is booked once
	Actor  string
	At     time.Time // when it came in
}

// Settled is the payload of invoice.paid.
type Settled struct {
	UserID    uuid.UUID `json:"user_id"`
	InvoiceID uuid.UUID `json:"invoice_id"`
	Number    string    `json:"number"`
	Amount    string    `json:"amount"`
	Currency  string    `json:"currency"`
	Cause     string    `json:"cause"`
}

// SettleIn books money that came in for an invoice: up to what is due it pays the
// invoice, and what is over becomes the customer's credit. A cause that was booked
// before changes nothing. It announces invoice.paid when nothing is left to pay.
// An unknown invoice is fail.NotFound.
func SettleIn(ctx context.Context, tx tenants.Tx, invoice uuid.UUID, r Receipt) error {
	inv, err := lockInvoice(ctx, tx, invoice)
	if err != nil {
		return err
	}
	part := decimal.Zero
	if inv.Status == Open {
		part = decimal.Min(r.Amount, inv.AmountDue)
	}
	booked, err := ledger.TopUp(ctx, tx, ledger.Money{UserID: inv.UserID, Amount: r.Amount, Currency: inv.Currency, Place: r.Place, Cause: r.Cause,
		Description: "Payment of invoice " + inv.Number, Actor: r.Actor})
	if err != nil || !booked || !part.IsPositive() {
		return err
	}
	if err := postPayment(ctx, tx, inv, part, r.Cause); err != nil {
		return err
	}
	inv.AmountDue = inv.AmountDue.Sub(part)
	if !inv.AmountDue.IsPositive() {
		inv.Status, inv.PaidAt = Paid, &r.At
	}
	if err := updatePaid(ctx, tx, inv, part); err != nil || inv.Status != Paid {
		return err
	}
	return bus.Append(ctx, tx, "invoice.paid", Settled{inv.UserID, inv.ID, inv.Number, money.API(part, inv.Currency), inv.Currency, r.Cause})
}

// postPayment takes from credit what has just come in for the invoice.
func postPayment(ctx context.Context, tx tenants.Tx, inv Invoice, amount decimal.Decimal, cause string) error {
	wallet, err := ledger.Wallet(ctx, tx, inv.UserID, ledger.Credit, inv.Currency)
	if err != nil {
		return err
	}
	revenue, err := ledger.Shop(ctx, tx, ledger.Revenue, inv.Currency)
	if err != nil {
		return err
	}
	cause, text := "settle:"+cause, "Invoice "+inv.Number
	return ledger.Post(ctx, tx, []ledger.Entry{
		{Cause: cause, AccountID: wallet, Amount: amount.Neg(), Description: text, Actor: "billing"},
		{Cause: cause, AccountID: revenue, Amount: amount, Description: text, Actor: "billing"}})
}
