package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

func insertBonus(ctx context.Context, tx tenants.Tx, user uuid.UUID, amount decimal.Decimal, currency, cause string, expires *time.Time) (uuid.UUID, bool, error) {
	return tenants.Find[uuid.UUID](ctx, tx, `-- ledger.insertBonus
		insert into bonus_grants (user_id, amount, currency, cause, expires_at, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict on constraint bonus_cause do nothing returning id`, user, amount, currency, cause, expires, tx.Now())
}

const bonusColumns = `select id, user_id, amount, currency, cause, expires_at from bonus_grants `

func findBonus(ctx context.Context, tx tenants.Tx, id uuid.UUID) (bonusGrant, bool, error) {
	return tenants.Find[bonusGrant](ctx, tx, `-- ledger.findBonus
		`+bonusColumns+`where id = $1`, id)
}

func bonusesOf(ctx context.Context, tx tenants.Tx, user uuid.UUID, currency string) ([]bonusGrant, error) {
	return tenants.List[bonusGrant](ctx, tx, `-- ledger.bonusesOf
		`+bonusColumns+`where user_id = $1 and currency = $2 order by created_at, id`, user, currency)
}

func bonusEntries(ctx context.Context, tx tenants.Tx, account uuid.UUID) ([]bonusEntry, error) {
	return tenants.List[bonusEntry](ctx, tx, `-- ledger.bonusEntries
		select cause, amount from ledger_entries where account_id = $1 order by id`, account)
}

// freeOf is what nothing is held of in an account that is locked.
func freeOf(ctx context.Context, tx tenants.Tx, account uuid.UUID) (decimal.Decimal, error) {
	return tenants.Get[decimal.Decimal](ctx, tx, "account", `-- ledger.freeOf
		select balance - held from ledger_accounts where id = $1`, account)
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
