package wholesale

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// The two ways in which a reseller pays the provider (R24).
const (
	ModeWholesale  = "wholesale"  // a price for each block
	ModeCommission = "commission" // a share of what its customers paid
)

// Terms are what a reseller has agreed to: its own figures, else its tier's.
type Terms struct {
	TenantID        uuid.UUID       `json:"-"`
	Slug            string          `json:"tenant"`
	Tier            string          `json:"tier"`
	Mode            string          `json:"mode"`
	Currency        string          `json:"currency"`
	Discount        decimal.Decimal `json:"wholesale_discount_percent"`
	Fee             decimal.Decimal `json:"monthly_fee"`
	Commission      decimal.Decimal `json:"commission_percent"`
	OwnDiscount     bool            `json:"-"` // the figure is the reseller's, not the tier's
	OwnFee          bool            `json:"-"`
	OwnCommission   bool            `json:"-"`
	CycleDay        int             `json:"billing_cycle_day"`
	NextBillingDate *time.Time      `json:"-"`
	BillingStatus   string          `json:"status"`
	TenantStatus    tenants.Status  `json:"-"`
	SuspendedFor    string          `json:"-"`
	House           bool            `json:"-"`
	CreatedAt       time.Time       `json:"-"`
	TrialEndsAt     *time.Time      `json:"-"`
	ClosedAt        *time.Time      `json:"-"`
	Settings        `json:"-"`
}

// Settings are the provider's own, for all resellers.
type Settings struct {
	TimeZone    string // IANA name; cycles begin at its midnights
	TermDays    int    // from the invoice's date until it is due
	SuspendDays int    // from past due until the shop is suspended
}

// Zone is the provider's zone; UTC when this program does not know it.
func (s Settings) Zone() *time.Location {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil || s.TimeZone == "Local" {
		return time.UTC
	}
	return zone
}

// feeDays counts the days of a cycle that a platform fee is due for, and the days
// of the whole cycle that ends with it: from the day the reseller came, without
// its trial, up to the day it was closed.
func (t Terms) feeDays(c Cycle) (due, whole int) {
	zone := t.Zone()
	end := civil(zone, c.End)
	whole = daysBetween(end.AddDate(0, -1, 0), end)
	first := civil(zone, t.CreatedAt)
	if free, ok := t.trialUntil(zone); ok && free.After(first) {
		first = free
	}
	if t.TenantStatus == tenants.Trial && t.TrialEndsAt == nil {
		return 0, whole
	}
	if start := civil(zone, c.Start); start.After(first) {
		first = start
	}
	if t.ClosedAt != nil {
		if last := civil(zone, *t.ClosedAt).AddDate(0, 0, 1); last.Before(end) {
			end = last
		}
	}
	return max(0, daysBetween(first, end)), whole
}

// trialUntil is the first day on which the reseller pays a fee: the first that
// begins after its trial.
func (t Terms) trialUntil(zone *time.Location) (time.Time, bool) {
	if t.TrialEndsAt == nil {
		return time.Time{}, false
	}
	day := civil(zone, *t.TrialEndsAt)
	if begins(zone, day).Before(*t.TrialEndsAt) {
		day = day.AddDate(0, 0, 1)
	}
	return day, true
}
