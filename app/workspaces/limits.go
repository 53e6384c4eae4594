package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// RunLimit ends one run by itself: after minutes, or when a budget is spent. At most
// one is set; the zero value is no limit.
type RunLimit struct {
	Minutes int
	Budget  decimal.Decimal
}

// longestRun is the most minutes that a limit may have: a leap year of them.
const longestRun = 366 * 24 * 60

// price is what a run costs.
type price struct {
	perHour      decimal.Decimal
	blockSeconds int
	currency     string
}

func priceOf(tx tenants.Tx, row *liveRow) price {
	return price{row.PricePerHour, row.BlockSeconds, tx.Tenant().Currency}
}

// block is what one block costs, for people.
func (p price) block() string {
	return money.Usage(p.perHour, int64(p.blockSeconds), p.currency).Format()
}

// blocksFor is how many whole blocks an amount buys, exactly (R8). No run needs
// more than those of the longest one.
func (p price) blocksFor(amount decimal.Decimal) int {
	most := longestRun * 60 / p.blockSeconds
	each := p.perHour.Mul(decimal.NewFromInt(int64(p.blockSeconds))) // in 3600ths
	if !each.IsPositive() {
		return most
	}
	whole, _ := amount.Mul(decimal.NewFromInt(3600)).QuoRem(each, 0)
	if whole.GreaterThan(decimal.NewFromInt(int64(most))) {
		return most
	}
	return int(whole.IntPart())
}

// exactly is what so many blocks cost, rounded up to the places that are stored, so
// that a budget which was raised by them still buys them.
func (p price) exactly(blocks int) decimal.Decimal {
	used := p.perHour.Mul(decimal.NewFromInt(int64(blocks) * int64(p.blockSeconds)))
	return used.DivRound(decimal.NewFromInt(3600), 12).RoundCeil(6)
}

// seconds is how long a run with this limit lasts, 0 without one. What is wrong
// with it goes into the fields run_for and run_budget.
func (l RunLimit) seconds(p price, wrong fail.Fields) int {
	switch {
	case l.Minutes != 0 && !l.Budget.IsZero():
		wrong.Add("run_for", "Give a time or a budget, not both.")
	case l.Minutes < 0 || l.Minutes > longestRun:
		wrong.Add("run_for", "Give 1 to %d minutes, or leave it out for no limit.", longestRun)
	case l.Minutes > 0:
		return l.Minutes * 60
	case l.Budget.IsZero():
	case l.Budget.Exponent() > 18 || l.Budget.Exponent() < -36: // no calculation is begun with these
		wrong.Add("run_budget", "Give an amount such as 0.15.")
	case l.Budget.IsNegative():
		wrong.Add("run_budget", "Give an amount above zero, or leave it out for no limit.")
	case l.Budget.Exponent() < -6 && !l.Budget.Equal(l.Budget.Truncate(6)):
		wrong.Add("run_budget", "Give at most 6 decimal places.")
	case l.Budget.GreaterThan(decimal.NewFromInt(1_000_000_000)):
		wrong.Add("run_budget", "Give a smaller amount.")
	case !p.perHour.IsPositive():
		wrong.Add("run_budget", "This plan costs nothing by the hour, so a budget would never be spent; give a time instead.")
	case p.blocksFor(l.Budget) == 0:
		wrong.Add("run_budget", "This is too little for one block of %s; give at least that.", p.block())
	default:
		return p.blocksFor(l.Budget) * p.blockSeconds
	}
	return 0
}

// limitRun sets the limit of the present run. Errors: Invalid (run_for, run_budget).
func (w *Workspace) limitRun(l RunLimit, p price) error {
	wrong := fail.Fields{}
	w.RunLimit, w.RunBudget = nil, nil
	if seconds := l.seconds(p, wrong); seconds > 0 {
		w.RunLimit = &seconds
	}
	if !l.Budget.IsZero() {
		w.RunBudget = &l.Budget
	}
	return wrong.Err()
}

// LimitAt is when the present run ends by itself: at the age that its order set or
// at the limit of this run alone, whichever comes first, both counted from its
// start. False while it does not run or without such a limit.
func (w *Workspace) LimitAt() (at time.Time, limited bool) {
	if w.Status != Running || w.LastStartedAt == nil {
		return at, false
	}
	for _, seconds := range []*int{w.SessionDuration, w.RunLimit} {
		if seconds == nil {
			continue
		}
		if end := w.LastStartedAt.Add(time.Duration(*seconds) * time.Second); !limited || end.Before(at) {
			at, limited = end, true
		}
	}
	return at, limited
}

// StartFor is Start with a limit for this run alone. A workspace that runs already
// keeps the limit it has. Errors: those of Start, and Invalid (run_for, run_budget).
func (s *Service) StartFor(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, startedBy string, l RunLimit) (Workspace, error) {
	return s.start(ctx, t, who, id, wanted{by: startedBy, limit: l})
}

// SetRunLimit sets or, with the zero value, removes the limit of the present run,
// counted from its start; a budget counts at the price that the run began with (R4),
// and what the run has cost so far is part of it. Errors: NotFound, Conflict while it
// does not run, Invalid (run_for, run_budget), also for a limit that has passed.
func (s *Service) SetRunLimit(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, l RunLimit) (Workspace, error) {
	return s.adjust(ctx, t, who, id, func(tx tenants.Tx, row *liveRow) error {
		p, err := lockedPrice(ctx, tx, row.ID)
		if err != nil {
			return err
		}
		before, err := spentInRun(ctx, tx, row.ID, row.Run)
		if err != nil {
			return err
		}
		if err := row.limitAgain(l, p, before, tx.Now()); err != nil {
			return err
		}
		return limitTimer(ctx, tx, row)
	})
}

// limitAgain sets the limit of a run under way.
func (w *Workspace) limitAgain(l RunLimit, p price, before spent, now time.Time) error {
	if err := w.limitRun(l, p); err != nil || w.RunLimit == nil {
		return err
	}
	if w.RunBudget != nil {
		left := before.leaves(*w.RunBudget, p)
		w.RunLimit = &left
	}
	if w.LastStartedAt.Add(time.Duration(*w.RunLimit) * time.Second).After(now) {
		return nil
	}
	if w.RunBudget == nil {
		return fail.Fields{"run_for": "It has run for that long already; give more minutes."}.Err()
	}
	wrong := fail.Fields{}
	wrong.Add("run_budget", "This run has cost that much already; give at least %s more, which is one block.", p.block())
	return wrong.Err()
}

// spent is what earlier sessions of the same run took. There are some only when the
// desktop was interrupted and came up again by itself.
type spent struct {
	Cost decimal.Decimal `db:"cost"`
	Last *time.Time      `db:"last"` // when the latest of them began
}

// leaves is how many seconds of a budget are left for the present session.
func (e spent) leaves(budget decimal.Decimal, p price) int {
	return p.blocksFor(decimal.Max(budget.Sub(e.Cost), decimal.Zero)) * p.blockSeconds
}

// spend fits the limit of the run to a session of it that begins: to the price that
// it locks (R4), and to what the run took before. False when nothing is left of it.
func (s *Service) spend(ctx context.Context, tx tenants.Tx, row *liveRow, p price, began time.Time) (bool, error) {
	if row.RunLimit == nil {
		return true, nil
	}
	before, err := spentInRun(ctx, tx, row.ID, row.Run)
	if err != nil {
		return false, err
	}
	left := *row.RunLimit
	switch {
	case row.RunBudget != nil:
		left = before.leaves(*row.RunBudget, p)
	case before.Last != nil:
		left -= int(began.Sub(*before.Last) / time.Second)
	}
	if left <= 0 {
		return false, nil
	}
	row.RunLimit = &left
	return true, nil
}

// respend is spend for a budget once the session has locked its price. Its first
// block is charged by then.
func (s *Service) respend(ctx context.Context, tx tenants.Tx, row *liveRow) error {
	if row.RunBudget == nil {
		return nil
	}
	p, err := lockedPrice(ctx, tx, row.ID)
	if err != nil {
		return err
	}
	left, err := s.spend(ctx, tx, row, p, *row.LastStartedAt)
	if !left {
		row.RunLimit = &p.blockSeconds
	}
	return err
}

// limitTimer sets the timer of the firm ending of a run.
func limitTimer(ctx context.Context, tx tenants.Tx, row *liveRow) error {
	if e := row.firm(); e.by != "" {
		return bus.Due(ctx, tx, DueLimit, row.ID.String(), e.at, nil)
	}
	return bus.Undue(ctx, tx, DueLimit, row.ID.String())
}
