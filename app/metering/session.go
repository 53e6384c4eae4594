package metering

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// Opening says which run of which desktop a session is about. It is an alias of a
// plain struct so that whoever starts desktops can name the same type without
// knowing this package.
type Opening = struct {
	WorkspaceID uuid.UUID
	UserID      uuid.UUID
	PlanID      uuid.UUID
	Run         int
	DesktopID   string // the desktop host's id
	StartedBy   string // customer, staff, api, schedule or system
}

// Who may end a session.
const (
	ByCustomer = "customer"
	ByStaff    = "staff"
	ByAPI      = "api"
	ByLimit    = "limit"    // the age that the order set, or the limit of the run
	ByIdle     = "idle"     // nobody was connected for as long as the rule allows
	BySchedule = "schedule" // the clock on the customer's wall
	ByHost     = "host"     // the desktop host stopped it
	ByGone     = "gone"     // the desktop was found missing
	BySystem   = "system"   // a rule of the product
	// The money for it ended, at the edge of the last block that was paid.
	ByCredit    = "credit"
	ByCap       = "cap"       // the month's cap
	ByParked    = "parked"    // the account waits for a person to look at it
	BySuspended = "suspended" // invoices were not paid
)

// Session is one run of a workspace as pages and the API show it. Durations are
// in seconds and, like TotalCost, nil while the session is open.
type Session struct {
	ID                      uuid.UUID        `db:"id"`
	WorkspaceID             uuid.UUID        `db:"kasm_workspace_id"`
	UserID                  uuid.UUID        `db:"user_id"`
	ServiceType             string           `db:"service_type"`
	PlanName                string           `db:"plan_name"`
	TemplateName            string           `db:"template_name"`
	CostPerHour             decimal.Decimal  `db:"cost_per_hour"`
	WholesaleCostPerHour    decimal.Decimal  `db:"wholesale_cost_per_hour"`
	BlockSeconds            int              `db:"block_seconds"`
	FreeBlocks              int              `db:"free_blocks"` // of the first ones: a restart inside a block that was paid
	Currency                string           `db:"currency"`
	StartedBy               string           `db:"started_by"`
	EndedBy                 *string          `db:"ended_by"`
	StartedAt               time.Time        `db:"started_at"`
	LastProofAt             time.Time        `db:"last_proof_at"`
	StoppedAt               *time.Time       `db:"stopped_at"`
	DurationSeconds         *int64           `db:"duration_seconds"`
	DurationBillableSeconds *int64           `db:"duration_billable_seconds"`
	TotalCost               *decimal.Decimal `db:"total_cost"`
	Charged                 int              `db:"charged"` // rows in usage_blocks
	InvoiceNumbers          []string         `db:"invoice_numbers"`
}

// Running tells whether the session is open.
func (s Session) Running() bool { return s.StoppedAt == nil }

// BlocksAt is how many blocks would be billed if an open session stopped at now,
// and how many a closed one has. It never shrinks as now grows.
func (s Session) BlocksAt(now time.Time) int {
	if s.StoppedAt != nil {
		return s.Charged
	}
	return max(s.Charged, Blocks(s.StartedAt, now, s.BlockSeconds))
}

// CostAt is what BlocksAt cost, exactly.
func (s Session) CostAt(now time.Time) decimal.Decimal {
	return Cost(s.CostPerHour, max(0, s.BlocksAt(now)-s.FreeBlocks), s.BlockSeconds)
}

// AmountAt is CostAt with its currency, rounded for people.
func (s Session) AmountAt(now time.Time) money.Amount {
	return money.Of(s.CostAt(now), s.Currency).Round()
}

// SecondsAt is the length of a closed session in whole seconds, rounded up, and
// the age of an open one.
func (s Session) SecondsAt(now time.Time) int64 {
	if s.DurationSeconds != nil {
		return *s.DurationSeconds
	}
	return WholeSeconds(s.StartedAt, now)
}

// BillableSecondsAt is the length of BlocksAt.
func (s Session) BillableSecondsAt(now time.Time) int64 {
	return int64(s.BlocksAt(now)) * int64(s.BlockSeconds)
}

// PaidUntilAt is when the last of BlocksAt ends.
func (s Session) PaidUntilAt(now time.Time) time.Time {
	return PaidUntil(s.StartedAt, s.BlocksAt(now), s.BlockSeconds)
}

// Sentence is the running clock with its cost: "Running for 2 hours 37 minutes - $0.55".
func (s Session) Sentence(now time.Time) string {
	return Clock(s.StartedAt, now) + " - " + s.AmountAt(now).Format()
}

// Usage is a sum over charged blocks. Seconds are blocks × their length.
type Usage struct {
	Blocks  int64           `db:"blocks"`
	Seconds int64           `db:"seconds"`
	Cost    decimal.Decimal `db:"cost"` // exact to ten places
}

// Hours is the length of the blocks with one decimal, such as "23.5 hours".
func (u Usage) Hours() string { return Hours(u.Seconds) }

// Sentence is a month in one line: "This month: $4.70 (23.5 hours)".
func (u Usage) Sentence(currency string) string {
	return "This month: " + money.Of(u.Cost, currency).Round().Format() + " (" + u.Hours() + ")"
}

// Day is the usage of one civil day. Date is that day at midnight in UTC's
// clothes: only its year, month and day mean anything.
type Day struct {
	Date    time.Time       `db:"day"`
	Blocks  int64           `db:"blocks"`
	Seconds int64           `db:"seconds"`
	Cost    decimal.Decimal `db:"cost"`
}

// Page says where a list of sessions, newest first, goes on.
type Page struct {
	Limit       int
	WorkspaceID uuid.UUID // uuid.Nil for all
	After       *Cursor   // nil for the first page
}

// Cursor is the place of the last row of a page.
type Cursor struct {
	StartedAt time.Time
	ID        uuid.UUID
}

// CursorOf is where the page after this session begins.
func CursorOf(s Session) Cursor { return Cursor{StartedAt: s.StartedAt, ID: s.ID} }
