package ledger

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// Wallet is a customer's account (Credit or Bonus), made when there is none and
// locked until the transaction ends. An unknown customer is fail.NotFound.
func Wallet(ctx context.Context, tx tenants.Tx, userID uuid.UUID, kind, currency string) (uuid.UUID, error) {
	_, err := tx.Exec(ctx, `-- ledger.Wallet, first use
		insert into ledger_accounts (user_id, kind, currency, balance)
		select u.id, $3, $2, 0 from users u where u.id = $1
		on conflict on constraint ledger_account do nothing`, userID, currency, kind)
	if err != nil {
		return uuid.Nil, err
	}
	return tenants.Get[uuid.UUID](ctx, tx, "customer", `-- ledger.Wallet
		select id from ledger_accounts where user_id = $1 and kind = $3 and currency = $2 for update`, userID, currency, kind)
}

// Shop is one of the shop's own accounts, made when there is none.
func Shop(ctx context.Context, tx tenants.Tx, kind, currency string) (uuid.UUID, error) {
	const find = `-- ledger.Shop
		select id from ledger_accounts where user_id is null and kind = $1 and currency = $2`
	id, found, err := tenants.Find[uuid.UUID](ctx, tx, find, kind, currency)
	if err != nil || found {
		return id, err
	}
	_, err = tx.Exec(ctx, `-- ledger.Shop, first use
		insert into ledger_accounts (kind, currency) values ($1, $2)
		on conflict on constraint ledger_account do nothing`, kind, currency)
	if err != nil {
		return uuid.Nil, err
	}
	return tenants.Get[uuid.UUID](ctx, tx, "account", find, kind, currency)
}

func entryOf(ctx context.Context, tx tenants.Tx, cause string, account uuid.UUID) (decimal.Decimal, bool, error) {
	return tenants.Find[decimal.Decimal](ctx, tx, `-- ledger.entryOf
		select amount from ledger_entries where cause = $1 and account_id = $2`, cause, account)
}

func insertEntries(ctx context.Context, tx tenants.Tx, entries []Entry) error {
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- ledger.insertEntries
		with posted as materialized (
			select x.cause, x.account_id, x.amount, x.description, x.actor
			from jsonb_to_recordset($1::jsonb) as x (cause text, account_id uuid, amount numeric, description text, actor text)),
		moved as (
			update ledger_accounts a set balance = a.balance + d.amount
			from (select account_id, sum(amount) as amount from posted group by account_id) d
			where a.id = d.account_id and a.balance is not null)
		insert into ledger_entries (cause, account_id, amount, description, actor, created_at)
		select cause, account_id, amount, description, actor, $2 from posted`, string(body), tx.Now())
	return err
}

func auditGrant(ctx context.Context, tx tenants.Tx, actor string, userID uuid.UUID, amount decimal.Decimal, currency, reason string) error {
	_, err := tx.Exec(ctx, `-- ledger.auditGrant
		insert into audit_log (at, actor, action, subject, detail)
		values ($1, $2, 'credit.granted', $3::text, jsonb_build_object('amount', $4::text, 'currency', $5::text, 'reason', $6::text))`,
		tx.Now(), actor, userID.String(), amount.String(), currency, reason)
	return err
}

// LockPurses locks the credit of everybody who is about to be billed, in one
// order, so that nobody spends it meanwhile.
func LockPurses(ctx context.Context, tx tenants.Tx, users []uuid.UUID) (map[uuid.UUID][]Purse, error) {
	rows, err := tenants.List[Purse](ctx, tx, `-- ledger.LockPurses
		select id, user_id, kind, currency, balance - held - floor as free
		from ledger_accounts
		where user_id = any($1) and kind in ('credit', 'bonus') and balance - held > floor
		order by id
		for update`, users)
	if err != nil {
		return nil, err
	}
	byUser := make(map[uuid.UUID][]Purse, len(rows))
	for _, w := range rows {
		byUser[w.UserID] = append(byUser[w.UserID], w)
	}
	return byUser, nil
}

const balanceSQL = `-- ledger.balance
	select coalesce(sum(balance) filter (where kind = 'credit'), 0) as credit, coalesce(sum(balance) filter (where kind = 'bonus'), 0) as bonus,
		coalesce(sum(held), 0) as held, $2::text as currency
	from ledger_accounts where user_id = $1 and kind in ('credit', 'bonus') and currency = $2`

// Balance is the customer's credit in the shop's currency, nothing for a
// stranger.
func (s *Service) Balance(ctx context.Context, tx tenants.Tx, userID uuid.UUID) (Balance, error) {
	return tenants.Get[Balance](ctx, tx, "balance", balanceSQL, userID, tx.Tenant().Currency)
}

// BalanceQ is Balance as a part of a Read.
func BalanceQ(dst *Balance, userID uuid.UUID, currency string) tenants.Query {
	return tenants.GetQ(dst, "balance", balanceSQL, userID, currency)
}

// EntriesQ reads the newest movements of a customer's credit.
func EntriesQ(dst *[]Movement, userID uuid.UUID, currency string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- ledger.EntriesQ
		select e.id, e.created_at, e.cause, e.description, a.kind, e.amount, sum(e.amount) over (order by e.id) as balance, a.currency
		from ledger_accounts a join ledger_entries e on e.account_id = a.id
		where a.user_id = $1 and a.kind = 'credit' and a.currency = $2
		order by e.id desc
		limit $3`, userID, currency, limit)
}

// drift is an account whose balance is not the sum of its entries, or a cause
// that does not come to zero.
type drift struct {
	What string          `db:"what"`
	Off  decimal.Decimal `db:"off"`
}

// Audit proves the ledger (R13): every cause comes to zero and every balance is
// the sum of its entries. It names what does not; nothing is as it should be.
func (s *Service) Audit(ctx context.Context, t tenants.Tenant) ([]string, error) {
	var off []drift
	err := s.db.Read(ctx, t, tenants.ListQ(&off, `-- ledger.Audit
		select 'cause ' || cause as what, sum(amount) as off from ledger_entries group by cause having sum(amount) <> 0
		union all
		select 'account ' || a.id, a.balance - coalesce(sum(e.amount), 0)
		from ledger_accounts a left join ledger_entries e on e.account_id = a.id
		where a.balance is not null
		group by a.id
		having a.balance <> coalesce(sum(e.amount), 0)`))
	var names []string
	for _, d := range off {
		names = append(names, d.What+" is "+d.Off.String()+" off")
	}
	return names, err
}
