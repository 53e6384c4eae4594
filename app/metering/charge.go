package metering

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// begun is a block that has begun by a proof and is charged by no row yet.
type begun struct {
	SessionID     uuid.UUID       `db:"session_id"`
	WorkspaceID   uuid.UUID       `db:"kasm_workspace_id"`
	Run           int             `db:"run"`
	UserID        uuid.UUID       `db:"user_id"`
	PlanName      string          `db:"plan_name"`
	BlockNo       int             `db:"block_no"`
	StartsAt      time.Time       `db:"starts_at"`
	BlockSeconds  int             `db:"block_seconds"`
	Rate          decimal.Decimal `db:"rate"` // 0 for one that is free
	WholesaleRate decimal.Decimal `db:"wholesale_rate"`
	Currency      string          `db:"currency"`
	TaxClass      string          `db:"tax_class"`
	Held          bool            `db:"held"`
	Later         bool            `db:"later"` // its customer pays later and has no cap
	FundsStopAt   *time.Time      `db:"funds_stop_at"`
	Prepaid       decimal.Decimal `db:"-"`
}

// block is what the wallet is told of it.
func (b begun) block() Block {
	return Block{WorkspaceID: b.WorkspaceID, Run: b.Run, No: b.BlockNo, SessionID: b.SessionID, UserID: b.UserID, StartsAt: b.StartsAt,
		Rate: b.Rate, Seconds: b.BlockSeconds, Currency: b.Currency, TaxClass: b.TaxClass}
}

func (b begun) about() string { return fmt.Sprintf("%s, block %d", b.PlanName, b.BlockNo+1) }

// free tells that nothing is to be paid for the block.
func (b begun) free() bool { return b.Rate.IsZero() }

// overdue tells that the desktop should have been stopped before the block, which is
// why nobody owes it.
func (b begun) overdue() bool { return b.FundsStopAt != nil && !b.StartsAt.Before(*b.FundsStopAt) }

// charging is what came of the blocks that a proof or an end found begun.
type charging struct {
	charged []begun
	broke   []unpaid // of each session that is not paid for to its end, the first block
	late    []begun  // charged ones that were not held before they began
}

// unpaid is a block that nobody pays.
type unpaid struct {
	begun
	by      string
	overdue bool // the stop was due before it
}

// charge inserts the blocks that a proof charges and moves the sessions' due times.
// Nothing but what the wallet paid is inserted; a session for which it does not is
// left to the reserve's due time, which has the right to stop it.
func (s *Service) charge(ctx context.Context, tx tenants.Tx, sessions []uuid.UUID, proof time.Time) error {
	if len(sessions) == 0 {
		return nil
	}
	c, err := s.settle(ctx, tx, sessions, proof)
	if err != nil {
		return err
	}
	var look []bus.DueTime
	for _, u := range c.broke {
		if !u.overdue {
			look = append(look, bus.DueTime{Key: u.WorkspaceID.String(), At: tx.Now()})
		}
	}
	if err := bus.DueAll(ctx, tx, DueReserve, append(look, nextReserves(c)...)); err != nil || len(c.charged) == 0 {
		return err
	}
	if err := moveDues(ctx, tx, c.charged); err != nil {
		return err
	}
	return announce(ctx, tx, c.charged)
}

// nextReserves are the due times of sessions that paid without having held: nobody
// has set one yet.
func nextReserves(c charging) (all []bus.DueTime) {
	broke := map[uuid.UUID]bool{}
	for _, u := range c.broke {
		broke[u.SessionID] = true
	}
	for i, b := range c.late {
		if i+1 < len(c.late) && c.late[i+1].SessionID == b.SessionID || broke[b.SessionID] {
			continue
		}
		end := StartOf(b.StartsAt, 1, b.BlockSeconds)
		all = append(all, bus.DueTime{Key: b.WorkspaceID.String(), At: end.Add(-Lead(b.BlockSeconds))})
	}
	return all
}

// settle charges what began by a time, as far as it is paid for, in a constant number
// of statements. The sessions are locked.
func (s *Service) settle(ctx context.Context, tx tenants.Tx, sessions []uuid.UUID, until time.Time) (c charging, err error) {
	all, err := begunBlocks(ctx, tx, sessions, until)
	if err != nil || len(all) == 0 {
		return c, err
	}
	if s.wallet == nil {
		c.charged = all
		return c, insertBlocks(ctx, tx, all, until)
	}
	var pay []begun
	if c, pay, err = s.fund(ctx, tx, all); err != nil {
		return c, err
	}
	if err := s.capture(ctx, tx, c.charged, pay); err != nil {
		return c, err
	}
	return c, insertBlocks(ctx, tx, c.charged, until)
}

// fund sorts what is paid for from what is not: blocks that were held, blocks of
// customers who pay later, and, for those that nobody held in time (this program was
// down), what free credit and cap still allow (R6). pay are those that take from the
// wallet. The blocks come ordered by session.
func (s *Service) fund(ctx context.Context, tx tenants.Tx, all []begun) (c charging, pay []begun, err error) {
	var wants []Block
	for _, b := range all {
		if b.wants() {
			wants = append(wants, b.block())
		}
	}
	verdicts, err := s.wallet.Hold(ctx, tx, wants)
	if err != nil {
		return c, nil, err
	}
	ended := map[uuid.UUID]bool{}
	n := 0
	for _, b := range all {
		v := Verdict{OK: true}
		if b.wants() {
			v, n = verdicts[n], n+1
			v.OK = v.OK && !ended[b.SessionID]
		}
		overdue := !b.Held && !b.free() && b.overdue()
		switch {
		case ended[b.SessionID]:
			continue
		case overdue || !v.OK:
			ended[b.SessionID] = true
			c.broke = append(c.broke, unpaid{b, v.By, overdue})
			continue
		case b.wants() && !v.Unpaid:
			c.late, pay = append(c.late, b), append(pay, b)
		case b.Held:
			pay = append(pay, b)
		}
		c.charged = append(c.charged, b)
	}
	return c, pay, nil
}

// wants tells that a block is still to be held.
func (b begun) wants() bool { return !b.Held && !b.Later && !b.free() && !b.overdue() }

// capture takes what was held and writes on each charged block what it took.
func (s *Service) capture(ctx context.Context, tx tenants.Tx, charged, pay []begun) error {
	blocks, about := make([]Block, len(pay)), make([]string, len(pay))
	for i, b := range pay {
		blocks[i], about[i] = b.block(), b.about()
	}
	took, err := s.wallet.Capture(ctx, tx, blocks, about)
	if err != nil {
		return err
	}
	type key struct {
		session uuid.UUID
		no      int
	}
	prices := make(map[key]decimal.Decimal, len(took))
	for _, t := range took {
		prices[key{t.SessionID, t.BlockNo}] = t.Price
	}
	if len(prices) != len(pay) {
		return fmt.Errorf("metering: %d blocks were held and %d captured", len(pay), len(prices))
	}
	for i, b := range charged {
		charged[i].Prepaid = prices[key{b.SessionID, b.BlockNo}]
	}
	return nil
}

// moveDues asks for the next proof of each session, a moment into the block after
// its last charged one. The blocks come ordered by session.
func moveDues(ctx context.Context, tx tenants.Tx, charged []begun) error {
	var next []bus.DueTime
	for i, c := range charged {
		if i+1 < len(charged) && charged[i+1].SessionID == c.SessionID {
			continue
		}
		at := StartOf(c.StartsAt, 1, c.BlockSeconds).Add(dueAfter)
		next = append(next, bus.DueTime{Key: c.SessionID.String(), At: at})
	}
	return bus.DueAll(ctx, tx, DueBlock, next)
}

func announce(ctx context.Context, tx tenants.Tx, charged []begun) error {
	events := make([]Charged, len(charged))
	for i, c := range charged {
		events[i] = Charged{UserID: c.UserID, WorkspaceID: c.WorkspaceID, SessionID: c.SessionID, BlockNo: c.BlockNo, StartsAt: c.StartsAt}
	}
	return bus.AppendAll(ctx, tx, "block.charged", events)
}
