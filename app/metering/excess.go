package metering

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// Excess is told, in the same transaction, of blocks that were charged and did not
// run: from a number on. Charged blocks stay (R2); who is told gives them back (R19).
type Excess interface {
	Overbilled(ctx context.Context, tx tenants.Tx, session uuid.UUID, from int, reason string) error
}

// Reporting names who is told of blocks that were charged and did not run. It is told
// once, before anything runs.
func (s *Service) Reporting(e Excess) *Service {
	s.excess = e
	return s
}

// excessAt is the first block that had not begun when a session truly ended, though
// it is charged; false when there is none. The first block of a session was seen
// running and stays.
func excessAt(asked, started, lastBlock time.Time, blockSeconds int) (int, bool) {
	if lastBlock.IsZero() || asked.After(lastBlock) {
		return 0, false
	}
	from := max(Blocks(started, asked, blockSeconds), 1)
	return from, StartOf(started, from, blockSeconds).Compare(lastBlock) <= 0
}

// reportExcess tells of what a session was charged beyond the end that is known now:
// a limit that was kept late, or a host that knows better (R1).
func (s *Service) reportExcess(ctx context.Context, tx tenants.Tx, o openDetail, asked time.Time) error {
	from, excess := excessAt(asked, o.StartedAt, o.LastBlock, o.BlockSeconds)
	if !excess || s.excess == nil {
		return nil
	}
	s.log.WarnContext(ctx, "a session was charged beyond its end; the blocks are given back", "tenant", tx.Tenant().Slug, "session", o.ID, "from", from, "rule", "R19")
	return s.excess.Overbilled(ctx, tx, o.ID, from, "")
}
