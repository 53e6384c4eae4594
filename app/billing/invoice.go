package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// Status is where a document stands.
type Status string

// The statuses of an invoice. A draft never outlives the transaction that makes it.
const (
	Open Status = "open"
	Paid Status = "paid"
	Void Status = "void"
)

// What a document is about: a customer's month, a subscription's first part of one,
// or whatever a person wrote.
const (
	CycleKind        = "cycle"
	SubscriptionKind = "subscription"
	ManualKind       = "manual"
)

// Party is a side of an invoice as it was when the invoice was made.
type Party struct {
	Name      string `json:"name"`
	Email     string `json:"email"`
	Phone     string `json:"phone,omitempty"`
	Company   string `json:"company,omitempty"`
	Address   string `json:"address,omitempty"`
	Country   string `json:"country,omitempty"`
	VATNumber string `json:"vat_number,omitempty"`
}

// Invoice is a finalised document. Its figures were stored once; every screen,
// file and program reads the same ones.
type Invoice struct {
	ID          uuid.UUID `db:"id" json:"id"`
	UserID      uuid.UUID `db:"user_id" json:"user_id"`
	Number      string    `db:"number" json:"number"`
	Kind        string    `db:"kind" json:"kind"` // CycleKind, SubscriptionKind, ManualKind
	Status      Status    `db:"status" json:"status"`
	Currency    string    `db:"currency" json:"currency"`
	PeriodStart time.Time `db:"period_start" json:"period_start"`
	PeriodEnd   time.Time `db:"period_end" json:"period_end"`
	Totals
	PrepaidApplied decimal.Decimal `db:"prepaid_applied" json:"prepaid_applied"` // paid block by block before
	BonusApplied   decimal.Decimal `db:"bonus_applied" json:"bonus_applied"`     // paid from bonus credit
	CreditApplied  decimal.Decimal `db:"credit_applied" json:"credit_applied"`   // paid from paid credit
	PaidAmount     decimal.Decimal `db:"paid_amount" json:"paid_amount"`         // came in for it
	Credited       decimal.Decimal `db:"credited" json:"credited"`               // taken back by credit notes
	AmountDue      decimal.Decimal `db:"amount_due" json:"amount_due"`
	CouponCode     string          `db:"coupon_code" json:"coupon_code"`
	HeldFor        string          `db:"held_for" json:"held_for"` // why nobody charges it; empty when it may be
	DueDate        time.Time       `db:"due_date" json:"due_date"` // a date: midnight UTC
	Description    string          `db:"description" json:"description"`
	BillTo         Party           `db:"bill_to" json:"bill_to"`
	Seller         Party           `db:"seller" json:"seller"`
	CreatedAt      time.Time       `db:"created_at" json:"created_at"`
	FinalisedAt    time.Time       `db:"finalised_at" json:"finalised_at"`
	PaidAt         *time.Time      `db:"paid_at" json:"paid_at"`
	VoidedAt       *time.Time      `db:"voided_at" json:"voided_at"`
	VoidReason     string          `db:"void_reason" json:"void_reason"`
}

// Money writes one of the invoice's figures for people.
func (i Invoice) Money(d decimal.Decimal) string { return money.Of(d, i.Currency).Format() }

// API writes one of the invoice's figures for programs.
func (i Invoice) API(d decimal.Decimal) string { return money.API(d, i.Currency) }

// Overdue says that something is left to pay after its last day, which ends in
// the shop's zone.
func (i Invoice) Overdue(now time.Time, zone *time.Location) bool {
	return i.Status == Open && now.In(zone).Format(keyLayout) > i.DueDate.Format(keyLayout)
}

// Detail is an invoice with everything under it. It is filled by DetailQs.
type Detail struct {
	Invoice Invoice
	Lines   []Line
	Entries []Entry
}

// Statement is the entries under a line, oldest session first.
func (d Detail) Statement(l Line) []Entry {
	var own []Entry
	for _, e := range d.Entries {
		if e.ItemID == l.ID {
			own = append(own, e)
		}
	}
	return own
}

// Money writes one of the line's figures for people.
func (l Line) Money() string { return money.Of(l.Amount, l.Currency).Format() }

// API writes the line's amount for programs.
func (l Line) API() string { return money.API(l.Amount, l.Currency) }

// Rate writes the line's price per hour for people: "$0.20".
func (l Line) Rate() string { return money.Rate(l.CostPerHour, l.Currency) }
