package wholesale

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// The states of a finalised wholesale invoice.
const (
	Open = "open"
	Paid = "paid"
	Void = "void"
)

// Invoice is a wholesale invoice in the provider's books.
type Invoice struct {
	ID                  uuid.UUID       `db:"id"`
	TenantID            uuid.UUID       `db:"tenant_id"`
	Number              string          `db:"number"`
	Status              string          `db:"status"`
	CycleStart          time.Time       `db:"cycle_start"`
	CycleEnd            time.Time       `db:"cycle_end"`
	Mode                string          `db:"mode"`
	Tier                string          `db:"tier"`
	Currency            string          `db:"currency"`
	PlatformFee         decimal.Decimal `db:"platform_fee"`
	UsageCharges        decimal.Decimal `db:"usage_charges"`
	SubscriptionCharges decimal.Decimal `db:"subscription_charges"`
	Commission          decimal.Decimal `db:"commission"`
	Tax                 decimal.Decimal `db:"tax"`
	Total               decimal.Decimal `db:"total"`
	AmountDue           decimal.Decimal `db:"amount_due"`
	DueDate             time.Time       `db:"due_date"`
	Description         string          `db:"description"`
	BillTo              Party           `db:"bill_to"`
	Seller              Party           `db:"seller"`
	CreatedAt           time.Time       `db:"created_at"`
	PaidAt              *time.Time      `db:"paid_at"`
	PaidBy              string          `db:"paid_by"`
	Reference           string          `db:"reference"`
	RemindedAt          *time.Time      `db:"reminded_at"`
	PastDueAt           *time.Time      `db:"past_due_at"`
	SuspendedAt         *time.Time      `db:"suspended_at"`
	CheckoutURL         *string         `db:"checkout_url"`
	PaymentFailure      string          `db:"payment_failure"`
}

// Document is the invoice as a document without the course of its payment.
func (i Invoice) Document() Document {
	number := i.Number
	return Document{ID: i.ID, CycleStart: i.CycleStart, CycleEnd: i.CycleEnd, Currency: i.Currency, Mode: i.Mode, Tier: i.Tier, PlatformFee: i.PlatformFee,
		UsageCharges: i.UsageCharges, SubscriptionCharges: i.SubscriptionCharges, Commission: i.Commission, Total: i.Total, DueDate: i.DueDate,
		Description: i.Description, CreatedAt: i.CreatedAt, Number: &number}
}

// Money writes one of the invoice's figures for people.
func (i Invoice) Money(d decimal.Decimal) string { return money.Of(d, i.Currency).Format() }

// State is what people call where the invoice stands: an open one that was not
// paid in time is past due.
func (i Invoice) State() string {
	if i.Status == Open && i.PastDueAt != nil {
		return "past_due"
	}
	return i.Status
}
