package metering

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// writtenOff is a session of which some blocks are paid by nobody.
type writtenOff struct {
	ID            uuid.UUID
	UserID        uuid.UUID
	StartedAt     time.Time
	BlockSeconds  int
	Rate          decimal.Decimal
	WholesaleRate decimal.Decimal
	Currency      string
}

// writeOff records that the blocks from first up to end ran and are paid by nobody,
// because nobody was there to hold them or to stop the desktop (R6). Neither the
// customer nor the reseller owes them; the provider is told.
func (s *Service) writeOff(ctx context.Context, tx tenants.Tx, w writtenOff, first, end int) error {
	if first >= end {
		return nil
	}
	if err := insertWriteOffs(ctx, tx, w, first, end); err != nil {
		return err
	}
	amount := money.Usage(w.Rate, int64(end-first)*int64(w.BlockSeconds), w.Currency)
	s.log.WarnContext(ctx, "blocks of a session were written off", "tenant", tx.Tenant().Slug, "session", w.ID, "blocks", end-first, "rule", "R6")
	summary := fmt.Sprintf("%s of usage was written off: %s ran while this program was down and their customer's credit was spent.", amount.Format(), count(end-first, "block"))
	return noteWriteOff(ctx, tx, w, end-first, amount.API(), summary)
}
