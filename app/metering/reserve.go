package metering

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Reserved is where the money for a running workspace stands. It is an alias of a
// plain struct for the same reason as Opening.
type Reserved = struct {
	WorkspaceID uuid.UUID
	StopAt      time.Time // the start of a block that nobody pays for; the zero time while there is none
	StopBy      string    // credit or cap
}

// reserving is an open session with the block that is to be held next.
type reserving struct {
	ID            uuid.UUID       `db:"id"`
	WorkspaceID   uuid.UUID       `db:"kasm_workspace_id"`
	Run           int             `db:"run"`
	UserID        uuid.UUID       `db:"user_id"`
	StartedAt     time.Time       `db:"started_at"`
	LastProofAt   time.Time       `db:"last_proof_at"`
	BlockSeconds  int             `db:"block_seconds"`
	Rate          decimal.Decimal `db:"cost_per_hour"`
	WholesaleRate decimal.Decimal `db:"wholesale_cost_per_hour"`
	Currency      string          `db:"currency"`
	TaxClass      string          `db:"tax_class"`
	Next          int             `db:"next"`
	Later         bool            `db:"later"`
	FundsStopAt   *time.Time      `db:"funds_stop_at"`
	FundsStopBy   string          `db:"funds_stop_by"`
}

// mostAtOnce bounds how many blocks of one session are caught up with at once.
const mostAtOnce = 5_000

// wants are the blocks that are to be held by now: none where a stop has come, or
// where somebody other than the wallet decided on it.
func (r reserving) wants(now time.Time) (blocks []Block) {
	stopped := r.FundsStopAt != nil && (!r.FundsStopAt.After(now) || r.FundsStopBy != "credit" && r.FundsStopBy != "cap")
	if r.Later || stopped || r.Rate.IsZero() {
		return nil
	}
	for n := r.Next; len(blocks) < mostAtOnce && !reserveAt(r.StartedAt, n, r.BlockSeconds).After(now); n++ {
		blocks = append(blocks, Block{WorkspaceID: r.WorkspaceID, Run: r.Run, No: n, SessionID: r.ID, UserID: r.UserID,
			StartsAt: StartOf(r.StartedAt, n, r.BlockSeconds), Rate: r.Rate, Seconds: r.BlockSeconds, Currency: r.Currency, TaxClass: r.TaxClass})
	}
	return blocks
}

// Reserve holds the next blocks of the open sessions of workspaces, whose rows are
// locked, as far as that is due (R14), and sets the time of the ones after them. It
// tells for each open session where its money ends. Blocks that began while nobody
// was there to hold them are held late, and what nobody pays is written off (R6).
func (s *Service) Reserve(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]Reserved, error) {
	if s.wallet == nil || len(workspaces) == 0 {
		return nil, nil
	}
	if _, err := lockSessions(ctx, tx, workspaces); err != nil {
		return nil, err
	}
	open, err := reservings(ctx, tx, workspaces)
	if err != nil {
		return nil, err
	}
	refused, err := s.hold(ctx, tx, open)
	if err != nil {
		return nil, err
	}
	var next []bus.DueTime
	all := make([]Reserved, 0, len(open))
	for i := range open {
		r := &open[i]
		b, short := refused[r.ID]
		switch {
		case short:
			all = append(all, Reserved{r.WorkspaceID, b.StartsAt, b.By})
			if err := s.lost(ctx, tx, r, b.No); err != nil {
				return nil, err
			}
			continue
		case r.FundsStopAt != nil && len(r.wants(tx.Now())) == 0 && !r.Later:
			all = append(all, Reserved{r.WorkspaceID, *r.FundsStopAt, r.FundsStopBy})
			continue
		}
		all = append(all, Reserved{WorkspaceID: r.WorkspaceID})
		if !r.Later && !r.Rate.IsZero() {
			n := r.Next + len(r.wants(tx.Now()))
			next = append(next, bus.DueTime{Key: r.WorkspaceID.String(), At: reserveAt(r.StartedAt, n, r.BlockSeconds)})
		}
	}
	return all, bus.DueAll(ctx, tx, DueReserve, next)
}

// refusal is the first block of a session that could not be held.
type refusal struct {
	Block
	By string
}

// hold asks the wallet for all blocks that are due, the earliest first, so that no
// desktop takes another's credit for a later hour.
func (s *Service) hold(ctx context.Context, tx tenants.Tx, open []reserving) (map[uuid.UUID]refusal, error) {
	var wants []Block
	for _, r := range open {
		wants = append(wants, r.wants(tx.Now())...)
	}
	slices.SortStableFunc(wants, func(a, b Block) int {
		return cmp.Or(a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.WorkspaceID.String(), b.WorkspaceID.String()))
	})
	verdicts, err := s.wallet.Hold(ctx, tx, wants)
	if err != nil {
		return nil, err
	}
	refused := map[uuid.UUID]refusal{}
	for i, v := range verdicts {
		if _, known := refused[wants[i].SessionID]; !v.OK && !known {
			refused[wants[i].SessionID] = refusal{wants[i], v.By}
		}
	}
	return refused, nil
}

// lost writes off the blocks from number n on that a desktop is known to have begun:
// nobody was there to stop it in time.
func (s *Service) lost(ctx context.Context, tx tenants.Tx, r *reserving, n int) error {
	blocks := BegunBlocks(r.StartedAt, r.LastProofAt, r.BlockSeconds)
	return s.writeOff(ctx, tx, writtenOff{r.ID, r.UserID, r.StartedAt, r.BlockSeconds, r.Rate, r.WholesaleRate, r.Currency}, n, blocks)
}

// Lock locks the open sessions of workspaces, and the wallets that changing some of
// them and proving others at a time will need, in the order in which they are locked
// everywhere: workspaces, sessions, wallets, each by id. The workspaces to be changed
// are locked already.
func (s *Service) Lock(ctx context.Context, tx tenants.Tx, changed, proved []uuid.UUID, at time.Time) error {
	if s.wallet == nil || len(changed) == 0 {
		return nil
	}
	sessions, err := lockSessions(ctx, tx, slices.Concat(changed, proved))
	if err != nil {
		return err
	}
	users, err := ownersOf(ctx, tx, changed)
	if err != nil {
		return err
	}
	if len(proved) > 0 {
		due, err := begunBlocks(ctx, tx, sessions, at)
		if err != nil {
			return err
		}
		for _, b := range due {
			users = append(users, b.UserID)
		}
	}
	slices.SortFunc(users, func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) })
	return s.wallet.LockWallets(ctx, tx, slices.Compact(users))
}

// HoldStart holds the first block of a run that was just asked for (R14): of two
// starts on credit for one, the second is refused. A restart that will be free holds
// nothing. Errors: PaymentRequired, with the codes payment_required and cap_reached.
func (s *Service) HoldStart(ctx context.Context, tx tenants.Tx, o Opening) error {
	if s.wallet == nil {
		return nil
	}
	last, err := lastOf(ctx, tx, o.WorkspaceID)
	if err != nil || last.freeAt(tx.Now()) {
		return err
	}
	plan, err := planOf(ctx, tx, o.PlanID)
	if err != nil {
		return err
	}
	return s.holdFirst(ctx, tx, o, plan, time.Time{})
}

// holdFirst holds block 0 of a run.
func (s *Service) holdFirst(ctx context.Context, tx tenants.Tx, o Opening, p lockedPlan, at time.Time) error {
	if p.PricePerHour.IsZero() {
		return nil
	}
	verdicts, err := s.wallet.Hold(ctx, tx, []Block{{WorkspaceID: o.WorkspaceID, Run: o.Run, UserID: o.UserID, StartsAt: at,
		Rate: p.PricePerHour, Seconds: p.BlockSeconds, Currency: p.Currency, TaxClass: defaultClass}})
	if err != nil || verdicts[0].OK {
		return err
	}
	if verdicts[0].By == "cap" {
		return fail.Coded(fail.PaymentRequired, "cap_reached", "This would pass your monthly limit; raise it first.")
	}
	return fail.Coded(fail.PaymentRequired, "payment_required", "Add credits or a payment method first.")
}

// defaultClass is the tax class that sessions begin with.
const defaultClass = "standard"

// Release gives back what is held for workspaces that will not run.
func (s *Service) Release(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) error {
	if s.wallet == nil || len(workspaces) == 0 {
		return nil
	}
	return s.wallet.Release(ctx, tx, workspaces)
}
