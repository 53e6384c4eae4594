package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// Why a block is not held.
const (
	ByCredit = "credit" // there is not enough credit
	ByCap    = "cap"    // it would pass the month's cap
)

// Block is one block of a run that is to be paid for. It is an alias of a plain
// struct so that whoever measures time can name the same type without knowing this
// package.
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

// Verdict is what became of a block that was to be held. It is an alias for the same
// reason as Block.
type Verdict = struct {
	OK     bool
	By     string // of a refusal: credit or cap
	Unpaid bool   // nothing is held: the customer pays later and has no cap
}

// Captured is what a block took from its customer's credit, with tax. It is an alias
// for the same reason as Block.
type Captured = struct {
	SessionID uuid.UUID       `db:"session_id"`
	BlockNo   int             `db:"block_no"`
	Price     decimal.Decimal `db:"price"`
}

// Hold reserves blocks before they begin (R14, R15), in the order given, in a
// constant number of statements: the price with tax from bonus credit first, then
// from paid credit, and no more than the month's cap allows. A block that cannot be
// held is refused, and so are the ones after it of the same run. None of the blocks
// may be held already. It announces balance.low.
func (s *Service) Hold(ctx context.Context, tx tenants.Tx, blocks []Block) ([]Verdict, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	desk, err := openDesk(ctx, tx, blocks)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(blocks))
	refused := map[uuid.UUID]string{}
	var holds []hold
	for i, b := range blocks {
		if by := refused[b.WorkspaceID]; by != "" {
			verdicts[i] = Verdict{By: by}
			continue
		}
		h, v := desk.hold(b)
		if verdicts[i] = v; v.OK && !v.Unpaid {
			holds = append(holds, h)
		}
		if !v.OK {
			refused[b.WorkspaceID] = v.By
		}
	}
	if err := insertHolds(ctx, tx, holds); err != nil {
		return nil, err
	}
	return verdicts, desk.warn(ctx, tx)
}

// Capture takes what is held for blocks: from the customer's credit into what is
// deferred until the invoice (R13), once for each block. It tells what each took; a
// block that was not held is left out.
func (s *Service) Capture(ctx context.Context, tx tenants.Tx, blocks []Block, about []string) ([]Captured, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	seen := map[string]bool{}
	for _, b := range blocks {
		if seen[b.Currency] {
			continue
		}
		seen[b.Currency] = true
		if _, err := Shop(ctx, tx, Deferred, b.Currency); err != nil {
			return nil, err
		}
	}
	if _, err := lockUsers(ctx, tx, usersOf(blocks)); err != nil {
		return nil, err
	}
	return capture(ctx, tx, blocks, about)
}

// Release gives back what is held for the workspaces and was not taken.
func (s *Service) Release(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) error {
	users, err := holders(ctx, tx, workspaces)
	if err != nil || len(users) == 0 {
		return err
	}
	if _, err := lockUsers(ctx, tx, users); err != nil {
		return err
	}
	return deleteHolds(ctx, tx, workspaces)
}

// LockWallets locks the credit of customers in the one order in which it is always
// locked: by the accounts' ids, after workspaces and sessions.
func (s *Service) LockWallets(ctx context.Context, tx tenants.Tx, users []uuid.UUID) error {
	if len(users) == 0 {
		return nil
	}
	_, err := lockUsers(ctx, tx, users)
	return err
}

func usersOf(blocks []Block) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var users []uuid.UUID
	for _, b := range blocks {
		if !seen[b.UserID] {
			seen[b.UserID] = true
			users = append(users, b.UserID)
		}
	}
	return users
}
