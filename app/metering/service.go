package metering

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// DueBlock is the kind of due time that asks for a proof of life when the next
// block of a session begins; its key is the session's id.
const DueBlock = "block"

// dueAfter is how long after a block's start its proof is asked for: a proof at
// the very edge would still be about the block before. Desktop hosts tell time
// in milliseconds.
const dueAfter = time.Millisecond

// Service opens, proves and closes sessions inside the transaction of whoever
// knows that a desktop runs or stopped.
type Service struct {
	log    *slog.Logger
	wallet Wallet // nil where every block is paid later
	excess Excess // nil where nobody gives blocks back
}

// NewService makes the meter.
func NewService(log *slog.Logger) *Service { return &Service{log: log} }

// Charged is the event block.charged.
type Charged struct {
	UserID      uuid.UUID `json:"user_id"`
	WorkspaceID uuid.UUID `json:"workspace_id"`
	SessionID   uuid.UUID `json:"session_id"`
	BlockNo     int       `json:"block_no"`
	StartsAt    time.Time `json:"starts_at"`
}

// Opened is the event session.opened.
type Opened struct {
	UserID      uuid.UUID `json:"user_id"`
	WorkspaceID uuid.UUID `json:"workspace_id"`
	SessionID   uuid.UUID `json:"session_id"`
	StartedAt   time.Time `json:"started_at"`
}

// Closed is the event session.closed.
type Closed struct {
	UserID      uuid.UUID `json:"user_id"`
	WorkspaceID uuid.UUID `json:"workspace_id"`
	SessionID   uuid.UUID `json:"session_id"`
	StoppedAt   time.Time `json:"stopped_at"`
	EndedBy     string    `json:"ended_by"`
	Blocks      int       `json:"blocks"`
	TotalCost   string    `json:"total_cost"`
	Currency    string    `json:"currency"`
}

// Open starts the session of a desktop that was seen running at the given time
// (R1), locks its prices (R4) and charges its first block (R2). A workspace whose
// session is open already keeps it. It returns when the session started, which is
// never before the end of the workspace's last one. An unknown wholesale rate is
// an internal error: nothing may run that the reseller cannot be billed for. A first
// block that its customer cannot pay is PaymentRequired, and nothing was changed.
func (s *Service) Open(ctx context.Context, tx tenants.Tx, o Opening, at time.Time) (time.Time, error) {
	last, err := lastOf(ctx, tx, o.WorkspaceID)
	if err != nil {
		return time.Time{}, err
	}
	if last.Open != nil {
		return *last.Open, nil
	}
	if last.Stopped != nil && at.Before(*last.Stopped) {
		at = *last.Stopped
	}
	plan, err := planOf(ctx, tx, o.PlanID)
	if err != nil {
		return time.Time{}, err
	}
	wholesale, known := tx.Tenant().WholesaleRate(plan.CatalogPlanID)
	if !known {
		s.log.ErrorContext(ctx, "alert: a plan has no wholesale rate, so its desktop is not charged", "tenant", tx.Tenant().Slug, "plan", plan.ServiceType, "catalogue_plan", plan.CatalogPlanID, "rule", "R4")
		return time.Time{}, fmt.Errorf("metering: plan %s of %s has no wholesale rate", plan.ServiceType, tx.Tenant().Slug)
	}
	free := 0
	if last.freeAt(at) {
		free = 1
	}
	if err := s.holdOpening(ctx, tx, o, plan, free, at); err != nil {
		return time.Time{}, err
	}
	opened, err := insertSession(ctx, tx, o, plan, wholesale, free, at)
	if err != nil {
		return time.Time{}, err
	}
	event := Opened{UserID: o.UserID, WorkspaceID: o.WorkspaceID, SessionID: opened, StartedAt: at}
	if err := bus.Append(ctx, tx, "session.opened", event); err != nil {
		return time.Time{}, err
	}
	if err := s.charge(ctx, tx, []uuid.UUID{opened}, at); err != nil || s.wallet == nil {
		return at, err
	}
	return at, bus.Due(ctx, tx, DueReserve, o.WorkspaceID.String(), reserveAt(at, 1, plan.BlockSeconds), nil)
}

// holdOpening holds the first block of a session at the price that it locks, which
// may be another one than at the start (R4). What the start held is given back.
func (s *Service) holdOpening(ctx context.Context, tx tenants.Tx, o Opening, p lockedPlan, free int, at time.Time) error {
	if s.wallet == nil {
		return nil
	}
	if err := s.wallet.Release(ctx, tx, []uuid.UUID{o.WorkspaceID}); err != nil || free > 0 {
		return err
	}
	return s.holdFirst(ctx, tx, o, p, at)
}

// Prove records that the desktops of these workspaces ran at the given time and
// charges every block that began strictly before it (R2), in a constant number of
// statements. A proof that is older than the session's last one changes nothing;
// one from before its start or from the future is an alert and 0 blocks (R7).
func (s *Service) Prove(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID, at time.Time) error {
	if len(workspaces) == 0 {
		return nil
	}
	if at.After(tx.Now()) {
		s.log.ErrorContext(ctx, "alert: a proof of running lies in the future and is ignored", "tenant", tx.Tenant().Slug, "proof", at, "now", tx.Now(), "rule", "R7")
		return nil
	}
	open, err := prove(ctx, tx, workspaces, at)
	if err != nil {
		return err
	}
	proved := make([]uuid.UUID, 0, len(open))
	for _, o := range open {
		switch {
		case o.Proved:
			proved = append(proved, o.ID)
		case at.Before(o.StartedAt.Add(-time.Second)):
			s.log.ErrorContext(ctx, "alert: a proof of running lies before its session and is ignored", "tenant", tx.Tenant().Slug, "session", o.ID, "proof", at, "started", o.StartedAt, "rule", "R7")
		}
	}
	return s.charge(ctx, tx, proved, at)
}

// Close ends the open session of a workspace at the given time, the zero time
// meaning at its last proof of running, and charges the blocks that began before
// (R1, R2). Without an open session it does nothing. It returns when the session
// ended; the zero time when there was none.
func (s *Service) Close(ctx context.Context, tx tenants.Tx, workspace uuid.UUID, at time.Time, by string) (time.Time, error) {
	o, found, err := openSession(ctx, tx, workspace)
	if err != nil || !found {
		return time.Time{}, errors.Join(err, s.Release(ctx, tx, []uuid.UUID{workspace}))
	}
	if at.IsZero() {
		at = o.LastProofAt
	}
	if at.After(tx.Now()) || at.Before(o.StartedAt) {
		s.log.WarnContext(ctx, "alert: the end of a session lies outside its life and is moved", "tenant", tx.Tenant().Slug, "session", o.ID, "end", at, "started", o.StartedAt, "now", tx.Now(), "rule", "R7")
	}
	stopped, by, err := s.chargeRest(ctx, tx, o, end(at, o.StartedAt, o.LastBlock, tx.Now()), by)
	if err != nil {
		return time.Time{}, err
	}
	blocks := Blocks(o.StartedAt, stopped, o.BlockSeconds)
	c := closing{
		ID: o.ID, StoppedAt: stopped, EndedBy: by, Seconds: WholeSeconds(o.StartedAt, stopped),
		BillableSeconds: int64(blocks) * int64(o.BlockSeconds), Cost: Cost(o.CostPerHour, max(0, blocks-o.FreeBlocks), o.BlockSeconds),
	}
	if err := closeSession(ctx, tx, c); err != nil {
		return time.Time{}, err
	}
	if err := s.reportExcess(ctx, tx, o, at); err != nil {
		return time.Time{}, err
	}
	if err := s.forget(ctx, tx, workspace, o.ID); err != nil {
		return time.Time{}, err
	}
	return stopped, bus.Append(ctx, tx, "session.closed", Closed{
		UserID: o.UserID, WorkspaceID: workspace, SessionID: o.ID, StoppedAt: stopped, EndedBy: by,
		Blocks: blocks, TotalCost: c.Cost.String(), Currency: o.Currency,
	})
}

// forget ends what was to come of a session: its due times and what is held.
func (s *Service) forget(ctx context.Context, tx tenants.Tx, workspace, session uuid.UUID) error {
	if err := bus.Undue(ctx, tx, DueBlock, session.String()); err != nil {
		return err
	}
	if s.wallet == nil {
		return nil
	}
	if err := bus.Undue(ctx, tx, DueReserve, workspace.String()); err != nil {
		return err
	}
	return s.wallet.Release(ctx, tx, []uuid.UUID{workspace})
}

// chargeRest charges what began before the end and had no proof yet. Where nobody
// pays, the session ends at the edge of its last paid block: because the desktop was
// to be stopped there, or, when nobody was there to see to that, with the rest
// written off (R6). The due time goes away with the session, so it is not moved.
func (s *Service) chargeRest(ctx context.Context, tx tenants.Tx, o openDetail, stopped time.Time, by string) (time.Time, string, error) {
	c, err := s.settle(ctx, tx, []uuid.UUID{o.ID}, stopped)
	if err != nil {
		return stopped, by, err
	}
	if err := announce(ctx, tx, c.charged); err != nil || len(c.broke) == 0 {
		return stopped, by, err
	}
	b := c.broke[0]
	if b.overdue {
		return b.StartsAt, o.FundsStopBy, nil
	}
	err = s.writeOff(ctx, tx, writtenOff{o.ID, o.UserID, o.StartedAt, o.BlockSeconds, o.CostPerHour, o.Wholesale, o.Currency}, b.BlockNo, Blocks(o.StartedAt, stopped, o.BlockSeconds))
	return b.StartsAt, b.by, err
}

// Standing is an alias of a plain struct for the same reason as Opening.
type Standing = struct {
	LastProofAt time.Time
	PaidUntil   time.Time // when the last charged block ends
}

// Standings tells where the open sessions of the workspaces stand. A workspace
// without one is left out.
func (s *Service) Standings(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) (map[uuid.UUID]Standing, error) {
	rows, err := standings(ctx, tx, workspaces)
	if err != nil {
		return nil, err
	}
	all := make(map[uuid.UUID]Standing, len(rows))
	for _, r := range rows {
		all[r.WorkspaceID] = Standing{LastProofAt: r.LastProofAt, PaidUntil: PaidUntil(r.StartedAt, r.Blocks, r.BlockSeconds)}
	}
	return all, nil
}
