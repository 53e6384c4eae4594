package parking

import (
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

// Bound names a figure that is watched, as users.parked_for shows it.
type Bound string

// The bounds.
const (
	BlocksPerDay  Bound = "blocks_per_day"
	InvoiceTimes  Bound = "invoice_times"
	TopUpsPerHour Bound = "topups_per_hour"

	furthest int64 = 1_000_000_000
)

// Bounds are a shop's (setting bounds). Zero switches a bound off.
type Bounds struct {
	billing.InvoiceBound
	BlocksPerDay  int64 `json:"blocks_per_day"`  // that begin on one day of the shop's zone
	TopUpsPerHour int64 `json:"topups_per_hour"` // that succeeded within an hour
}

// DefaultBounds are what nobody passes by living as usual: fifty desktops that never
// stop begin 4,800 blocks a day.
func DefaultBounds(currency string) Bounds {
	return Bounds{InvoiceBound: billing.DefaultInvoiceBound(currency), BlocksPerDay: 10_000, TopUpsPerHour: 10}
}

// BoundsOf reads the setting. What it leaves out is the default; one that cannot be
// read is an error, and the defaults hold.
func BoundsOf(setting, currency string) (Bounds, error) {
	b := DefaultBounds(currency)
	if setting == "" {
		return b, nil
	}
	if err := json.Unmarshal([]byte(setting), &b); err != nil {
		return DefaultBounds(currency), fmt.Errorf("the setting bounds cannot be read: %w", err)
	}
	b.BlocksPerDay = min(max(b.BlocksPerDay, 0), furthest)
	b.TopUpsPerHour = min(max(b.TopUpsPerHour, 0), furthest)
	return b, nil
}

// Numbers are what tripped a bound, kept with the customer and shown to whoever
// decides about the release.
type Numbers struct {
	Bound    Bound  `json:"bound"`
	Limit    string `json:"limit"`
	Value    string `json:"value"`
	Usual    string `json:"usual,omitempty"`    // of an invoice
	Currency string `json:"currency,omitempty"` // of Limit and Value, when they are amounts
	Invoice  string `json:"invoice,omitempty"`  // its number
}

// Sentence says in words what happened.
func (n Numbers) Sentence() string {
	switch n.Bound {
	case BlocksPerDay:
		return n.Value + " blocks began in one day; the bound is " + n.Limit + "."
	case TopUpsPerHour:
		return n.Value + " top-ups succeeded within an hour; the bound is " + n.Limit + "."
	case InvoiceTimes:
		usual := "there is no earlier one to compare it with"
		if n.Usual != "" {
			usual = "the usual is " + n.amount(n.Usual)
		}
		return "Invoice " + n.Invoice + " comes to " + n.amount(n.Value) + "; " + usual + ", the bound is " + n.amount(n.Limit) + "."
	}
	return string(n.Bound) + " came to " + n.Value + "; the bound is " + n.Limit + "."
}

func (n Numbers) amount(text string) string {
	d, err := decimal.NewFromString(text)
	if err != nil || n.Currency == "" {
		return text
	}
	return money.Of(d, n.Currency).Format()
}
