package billing

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// Place is where a list of sessions goes on: after the session that began then.
type Place struct {
	StartedAt time.Time
	ID        uuid.UUID
}

// LineSession is one session behind an invoice line (R20).
type LineSession struct {
	Entry
	Prepaid decimal.Decimal `db:"prepaid"` // taken from credit before, with tax
}

// LineDetail is an invoice line with a page of the sessions behind it.
type LineDetail struct {
	Invoice  Invoice
	Line     Line
	Sessions []LineSession
}

// Evidence is all that is known of a session that was charged (R20): who began it
// and what ended it, at which version of which price, and what else came of it.
type Evidence struct {
	SessionID   uuid.UUID       `db:"session_id"`
	WorkspaceID uuid.UUID       `db:"workspace_id"`
	PlanType    string          `db:"service_type"`
	PlanName    string          `db:"plan_name"`
	PlanVersion int             `db:"plan_version"`
	Rate        decimal.Decimal `db:"rate"`
	Currency    string          `db:"currency"`
	BlockLength int             `db:"block_seconds"`
	FreeBlocks  int             `db:"free_blocks"`
	StartedBy   string          `db:"started_by"`
	EndedBy     string          `db:"ended_by"` // empty while it runs
	StartedAt   time.Time       `db:"started_at"`
	StoppedAt   *time.Time      `db:"stopped_at"`
	LastProofAt time.Time       `db:"last_proof_at"`
	Blocks      int64           `db:"blocks"`
	Seconds     int64           `db:"seconds"`
	Prepaid     decimal.Decimal `db:"prepaid"`
	WrittenOff  int64           `db:"written_off"` // blocks that ran and that nobody pays (R6)
	Keys        []string        `db:"keys"`        // the customer's API keys that could have begun it
}

// Exact is what the session's charged blocks cost, before rounding.
func (e Evidence) Exact() money.Exact { return money.Usage(e.Rate, e.paid(), e.Currency) }

// paid are the seconds that have a price: the first blocks of a restart have none.
func (e Evidence) paid() int64 {
	return max(e.Seconds-int64(e.FreeBlocks)*int64(e.BlockLength), 0)
}

// BlockProof is one charged block with what proves it and where it was billed.
type BlockProof struct {
	No        int             `db:"block_no"`
	StartsAt  time.Time       `db:"starts_at"`
	Seconds   int             `db:"seconds"`
	Rate      decimal.Decimal `db:"rate"`
	Currency  string          `db:"currency"`
	Prepaid   decimal.Decimal `db:"prepaid"`
	ProofAt   time.Time       `db:"proof_at"`
	ChargedAt time.Time       `db:"charged_at"`
	Number    string          `db:"number"`   // of the invoice; empty: on none yet
	Position  int             `db:"position"` // of the line
}

// Exact is what the block costs, before rounding.
func (b BlockProof) Exact() money.Exact { return money.Usage(b.Rate, int64(b.Seconds), b.Currency) }

// PriceChange is a version of a plan's price, as far as it was written down.
type PriceChange struct {
	At     time.Time       `db:"at"`
	Detail json.RawMessage `db:"detail"`
}

// Version is the change's number, and what an hour cost from then on; ok is false
// for a change that says neither.
func (p PriceChange) Version() (version int, hour decimal.Decimal, ok bool) {
	var d struct {
		Version int              `json:"version"`
		Hour    *decimal.Decimal `json:"price_per_hour"`
	}
	if err := json.Unmarshal(p.Detail, &d); err != nil || d.Hour == nil || d.Version == 0 {
		return 0, decimal.Zero, false
	}
	return d.Version, *d.Hour, true
}

// SessionProof is a session as its own page explains it: its evidence, a page of
// its blocks, the plan's prices and the credit notes that gave back a part of it.
type SessionProof struct {
	Evidence Evidence
	Blocks   []BlockProof
	Prices   []PriceChange
	Credits  []CreditRef
}
