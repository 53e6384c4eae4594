package wholesale

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// The kinds of wholesale lines. What a commission pays for is covered, and stands
// on no document.
const (
	KindUsage        = "usage"
	KindSubscription = "subscription"
	KindFee          = "fee"
	KindCommission   = "commission"
	KindCovered      = "covered"
)

// Document is a wholesale invoice as the reseller's schema holds it. It has its
// number from the provider's books, or waits for it.
type Document struct {
	ID                  uuid.UUID       `db:"id" json:"id"`
	CycleStart          time.Time       `db:"cycle_start" json:"cycle_start"`
	CycleEnd            time.Time       `db:"cycle_end" json:"cycle_end"`
	Currency            string          `db:"currency" json:"currency"`
	Mode                string          `db:"mode" json:"mode"`
	Tier                string          `db:"tier" json:"tier"`
	PlatformFee         decimal.Decimal `db:"platform_fee" json:"platform_fee"`
	UsageCharges        decimal.Decimal `db:"usage_charges" json:"usage_charges"`
	SubscriptionCharges decimal.Decimal `db:"subscription_charges" json:"subscription_charges"`
	Commission          decimal.Decimal `db:"commission" json:"commission"`
	Total               decimal.Decimal `db:"total" json:"total"`
	DueDate             time.Time       `db:"due_date" json:"due_date"`
	Description         string          `db:"description" json:"description"`
	CreatedAt           time.Time       `db:"created_at" json:"created_at"`
	Number              *string         `db:"number" json:"-"`
}

// Item is one line: blocks of one plan at one rate in one cycle, monthly prices of
// one plan in one month, the platform fee, or a commission (R9).
type Item struct {
	ID           uuid.UUID       `db:"id" json:"id"`
	DocumentID   *uuid.UUID      `db:"document_id" json:"document_id"`
	Position     int             `db:"position" json:"position"`
	Kind         string          `db:"kind" json:"kind"`
	Description  string          `db:"description" json:"description"`
	ServiceType  string          `db:"service_type" json:"service_type"`
	PlanName     string          `db:"plan_name" json:"plan_name"`
	Rate         decimal.Decimal `db:"rate" json:"rate"`
	BlockSeconds int             `db:"block_seconds" json:"block_seconds"`
	Blocks       int64           `db:"blocks" json:"blocks"`
	Seconds      int64           `db:"seconds" json:"seconds"`
	Quantity     decimal.Decimal `db:"quantity" json:"quantity"` // hours, subscriptions, days, or the sum a commission is of
	Exact        decimal.Decimal `db:"exact" json:"exact"`       // before rounding, 12 places
	Amount       decimal.Decimal `db:"amount" json:"amount"`     // rounded once
	Currency     string          `db:"currency" json:"currency"`
	PeriodStart  time.Time       `db:"period_start" json:"period_start"`
	PeriodEnd    time.Time       `db:"period_end" json:"period_end"`

	drawn drawn
}

// drawn is what a line was made of.
type drawn struct {
	charges []charge
	subs    []monthly
	moneys  []receipt
}

// Money writes one of the line's or the document's figures for people.
func (i Item) Money(d decimal.Decimal) string { return money.Of(d, i.Currency).Format() }

// Money writes one of the document's figures for people.
func (d Document) Money(v decimal.Decimal) string { return money.Of(v, d.Currency).Format() }

// add puts a line on the document and its amount into the sums.
func (d *Document) add(i *Item) {
	switch i.Kind {
	case KindUsage:
		d.UsageCharges = d.UsageCharges.Add(i.Amount)
	case KindSubscription:
		d.SubscriptionCharges = d.SubscriptionCharges.Add(i.Amount)
	case KindFee:
		d.PlatformFee = d.PlatformFee.Add(i.Amount)
	case KindCommission:
		d.Commission = d.Commission.Add(i.Amount)
	}
	d.Total = d.Total.Add(i.Amount)
	id := d.ID
	i.DocumentID = &id
}
