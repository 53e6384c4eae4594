package billing

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// The ways in which money comes in by hand.
const (
	ByBank = "bank"
	ByCash = "cash"
)

// ByHand is money that came in for an invoice by transfer or over the counter. Token
// names it, so that sending a form twice records it once; Amount is what is due when
// nil. What is over becomes credit, what is missing stays due.
type ByHand struct {
	InvoiceID uuid.UUID
	Amount    *decimal.Decimal
	Method    string // ByBank, ByCash
	Reference string // the transfer's text, or a receipt's number
	Token     string
	Actor     string
}

// received is the payload of payment.succeeded.
type received struct {
	UserID    uuid.UUID  `json:"user_id"`
	PaymentID uuid.UUID  `json:"payment_id"`
	InvoiceID *uuid.UUID `json:"invoice_id,omitempty"`
	Kind      string     `json:"kind"`
	Amount    string     `json:"amount"`
	Currency  string     `json:"currency"`
}

// MarkPaid records money that came in by hand and pays the invoice with it, wholly or
// in part. Errors: NotFound, Invalid (amount, method, reference), Conflict when the
// invoice is void or paid already.
func (s *Service) MarkPaid(ctx context.Context, t tenants.Tenant, b ByHand) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		inv, err := lockInvoice(ctx, tx, b.InvoiceID)
		if err != nil {
			return err
		}
		if b.Token == "" {
			b.Token = uuid.NewString()
		}
		key := "hand:" + inv.ID.String() + ":" + b.Token
		if known, err := paymentKnown(ctx, tx, key); err != nil || known {
			return err
		}
		if err := b.check(inv); err != nil {
			return err
		}
		if b.Amount == nil {
			b.Amount = &inv.AmountDue
		}
		return b.book(ctx, tx, inv, key)
	})
}

func (b *ByHand) check(inv Invoice) error {
	b.Reference = strings.TrimSpace(b.Reference)
	wrong := fail.Fields{}
	if b.Method != ByBank && b.Method != ByCash {
		wrong.Add("method", "Say whether it came by bank or in cash.")
	}
	if b.Method == ByBank && b.Reference == "" {
		wrong.Add("reference", "Give the transfer's reference, so that it can be found again.")
	}
	if len(b.Reference) > 140 {
		wrong.Add("reference", "Use at most 140 characters.")
	}
	if b.Amount != nil && (!b.Amount.IsPositive() || !b.Amount.Equal(money.Round(*b.Amount, inv.Currency)) || b.Amount.GreaterThan(decimal.NewFromInt(1_000_000_000))) {
		wrong.Add("amount", "Enter an amount above zero, in steps of %s.", inv.Money(money.Unit(inv.Currency)))
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	if inv.Status != Open {
		return fail.New(fail.Conflict, "Invoice %s is %s already.", inv.Number, inv.Status)
	}
	return nil
}

func (b ByHand) book(ctx context.Context, tx tenants.Tx, inv Invoice, key string) error {
	id, now := newID(), tx.Now()
	if err := insertByHand(ctx, tx, id, inv, b, key); err != nil {
		return err
	}
	receipt := Receipt{Amount: *b.Amount, Place: ledger.Bank, Cause: "payment:" + id.String(), Actor: b.Actor, At: now.Truncate(time.Microsecond)}
	if err := SettleIn(ctx, tx, inv.ID, receipt); err != nil {
		return err
	}
	detail := map[string]string{"amount": inv.API(*b.Amount), "currency": inv.Currency, "method": b.Method, "reference": b.Reference}
	if err := audit(ctx, tx, b.Actor, "invoice.marked_paid", inv.Number, detail); err != nil {
		return err
	}
	return bus.Append(ctx, tx, "payment.succeeded", received{inv.UserID, id, &inv.ID, "invoice", inv.API(*b.Amount), inv.Currency})
}
