package ledger

import (
	"time"

	"github.com/shopspring/decimal"
)

// BonusBook is what tells which bonus credit is left; BonusQs fill it.
type BonusBook struct {
	grants  []bonusGrant
	entries []bonusEntry
}

// FirstEnd is what expires next of the bonus credit that is left, and when; a nil
// time when nothing does.
func (b BonusBook) FirstEnd() (amount decimal.Decimal, at *time.Time) {
	left := remaining(b.grants, b.entries)
	for _, g := range b.grants {
		switch {
		case g.ExpiresAt == nil || !left[g.ID].IsPositive():
		case at == nil || g.ExpiresAt.Before(*at):
			amount, at = left[g.ID], g.ExpiresAt
		case g.ExpiresAt.Equal(*at):
			amount = amount.Add(left[g.ID])
		}
	}
	return amount, at
}
