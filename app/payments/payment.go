package payments

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// What a payment is for.
const (
	ForInvoice = "invoice"
	ForTopUp   = "topup"
)

// Where a payment stands. NeedsCustomer is a charge that the bank will allow only
// with the customer present; it is over, and another takes its place.
const (
	Pending       = "pending"
	Processing    = "processing"
	NeedsCustomer = "requires_action"
	Succeeded     = "succeeded"
	Failed        = "failed"
	Cancelled     = "cancelled"
)

const (
	byCard     = "card"     // a saved one, without the customer
	byCheckout = "checkout" // on the processor's page
)

type payment struct {
	ID              uuid.UUID
	UserID          uuid.UUID
	Kind            string
	InvoiceID       *uuid.UUID
	Amount          decimal.Decimal
	Currency        string
	Method          string
	Automatic       bool
	Status          string
	ProcessorID     string
	CheckoutID      string
	CheckoutURL     string `db:"checkout_url"`
	IdempotencyKey  string
	Epoch           int
	PaymentMethodID *uuid.UUID
	FailureCode     string
	Failure         string
	Refunded        decimal.Decimal
	DisputedAt      *time.Time
	Customer        string
	Description     string
	CreatedAt       time.Time
	AskedAt         *time.Time
	ProcessorAt     *time.Time
	SucceededAt     *time.Time
	shop            uuid.UUID
	wholesale       bool // it is a reseller's, and its id is the invoice's
}

// Row is a payment as pages show it.
type Row struct {
	payment
	Payer         string
	PayerEmail    string
	InvoiceNumber string
}

// Money writes the payment's amount for people.
func (p payment) Money() string { return money.Of(p.Amount, p.Currency).Format() }

// Left is what may still be refunded.
func (p payment) Left() decimal.Decimal { return p.Amount.Sub(p.Refunded) }

// Open says that the payment is not decided yet.
func (p payment) Open() bool { return p.Status == Pending || p.Status == Processing }

// ByCard says that the processor took the payment, so that it can give it back.
func (p payment) ByCard() bool { return p.Method == byCard || p.Method == byCheckout }

func (p payment) metadata() map[string]string {
	if p.wholesale {
		return map[string]string{"wholesale_id": p.ID.String(), "shop_id": p.shop.String()}
	}
	m := map[string]string{"payment_id": p.ID.String(), "shop_id": p.shop.String()}
	if p.InvoiceID != nil {
		m["invoice_id"] = p.InvoiceID.String()
	}
	return m
}

// codeTooSmall marks a charge that was less than the processor takes.
const codeTooSmall = "amount_too_small"

// outcome is what a payment came to, for whoever tried to collect.
func (p payment) outcome() Outcome {
	switch p.Status {
	case Succeeded:
		return Outcome{Paid: true}
	case NeedsCustomer:
		return Outcome{NeedsCustomer: true, Failure: p.Failure}
	case Pending, Processing:
		return Outcome{Pending: true}
	}
	return Outcome{Pending: p.FailureCode == codeTooSmall, Failure: p.Failure}
}
