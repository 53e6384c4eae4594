package ledger

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// BonusBook is what tells which bonus credit is left; BonusQs fill it.
type BonusBook struct {
	grants  []bonusGrant
	entries []bonusEntry
}

// BonusQs read a customer's bonus credit as it was given and spent.
func BonusQs(dst *BonusBook, user uuid.UUID, currency string) []tenants.Query {
	return []tenants.Query{
		tenants.ListQ(&dst.grants, `-- ledger.BonusQs
			`+bonusColumns+`where user_id = $1 and currency = $2 order by created_at, id`, user, currency),
		tenants.ListQ(&dst.entries, `-- ledger.BonusQs, entries
			select e.cause, e.amount from ledger_accounts a join ledger_entries e on e.account_id = a.id
			where a.user_id = $1 and a.kind = 'bonus' and a.currency = $2 order by e.id`, user, currency),
	}
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
