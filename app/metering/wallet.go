package metering

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// Block is one block of a run that is to be paid for. It is an alias of a plain
// struct for the same reason as Opening.
type Block = struct {
	WorkspaceID uuid.UUID
	Run         int
	No          int
	SessionID   uuid.UUID // uuid.Nil while a start waits for its desktop
	UserID      uuid.UUID
	StartsAt    time.Time // the zero time while that is not known
	Rate        decimal.Decimal
	Seconds     int
	Currency    string
	TaxClass    string
}

// Verdict is what became of a block that was to be held.
type Verdict = struct {
	OK     bool
	By     string // of a refusal: credit or cap
	Unpaid bool   // nothing is held: the customer pays later and has no cap
}

// Captured is what a block took from its customer's credit, with tax.
type Captured = struct {
	SessionID uuid.UUID       `db:"session_id"`
	BlockNo   int             `db:"block_no"`
	Price     decimal.Decimal `db:"price"`
}

// Wallet is what blocks are paid from before they begin (R14, R15).
type Wallet interface {
	// Hold reserves blocks in the order given; a refused one refuses the later ones
	// of its run.
	Hold(ctx context.Context, tx tenants.Tx, blocks []Block) ([]Verdict, error)
	// Capture takes what is held for blocks, with a word about each for the ledger.
	Capture(ctx context.Context, tx tenants.Tx, blocks []Block, about []string) ([]Captured, error)
	// Release gives back what is held for workspaces and was not taken.
	Release(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) error
	// LockWallets locks the credit of customers in the order in which it always is.
	LockWallets(ctx context.Context, tx tenants.Tx, users []uuid.UUID) error
}

// DueReserve is the kind of due time at which the next block of a running workspace
// is held; its key is the workspace's id.
const DueReserve = "reserve"

// longestLead is how long before a block begins it is held at most.
const longestLead = time.Minute

// Lead is how long before a block begins it is held: a minute, or a quarter of the
// block where that is less.
func Lead(blockSeconds int) time.Duration {
	return min(longestLead, time.Duration(blockSeconds)*time.Second/4)
}

// reserveAt is when block n of a session is to be held.
func reserveAt(started time.Time, n, seconds int) time.Time {
	return StartOf(started, n, seconds).Add(-Lead(seconds))
}

// PaidFrom makes a meter whose blocks are held in a wallet before they begin. Without
// one every block is paid later.
func (s *Service) PaidFrom(w Wallet) *Service {
	paid := *s
	paid.wallet = w
	return &paid
}
