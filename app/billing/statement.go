package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// Entry is one session under an invoice line: what of it was billed there (R9,
// R20).
type Entry struct {
	ItemID    uuid.UUID       `db:"item_id"`
	SessionID uuid.UUID       `db:"session_id"`
	PlanName  string          `db:"plan_name"`
	StartedAt time.Time       `db:"started_at"`
	Blocks    int64           `db:"blocks"`
	Seconds   int64           `db:"seconds"`
	Rate      decimal.Decimal `db:"rate"`
	Currency  string          `db:"currency"`

	// The evidence behind it: when and why it ended, who began it, at which
	// version of the plan's price.
	StoppedAt   *time.Time `db:"stopped_at"`
	StartedBy   string     `db:"started_by"`
	EndedBy     string     `db:"ended_by"` // empty while it runs
	PlanVersion int        `db:"plan_version"`
}

// Exact is what the session's blocks on this invoice cost, before rounding.
func (e Entry) Exact() money.Exact { return money.Usage(e.Rate, e.Seconds, e.Currency) }

// Text is the entry in words (R9): the date is the session's start in the shop's
// zone, the minutes are those of the blocks on this invoice.
func (e Entry) Text(zone *time.Location) string {
	return fmt.Sprintf("%s - %s (%d minutes @ %s/hour)", e.PlanName, e.StartedAt.In(zone).Format("Jan 02, 2006"), e.Seconds/60, money.Rate(e.Rate, e.Currency))
}

// Amount is the exact cost for programs: "0.0375".
func (e Entry) Amount() string { return e.Exact().API() }
