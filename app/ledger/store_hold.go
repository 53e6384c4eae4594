package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const purses = `-- ledger.lockUsers
	select id, user_id, kind, currency, balance - held - floor as free
	from ledger_accounts where user_id = any($1) and kind in ('credit', 'bonus') order by id for update`

// lockUsers locks the credit of customers by the accounts' ids. Everybody has an
// account afterwards, so that there is a row to wait for.
func lockUsers(ctx context.Context, tx tenants.Tx, users []uuid.UUID) ([]Purse, error) {
	rows, err := tenants.List[Purse](ctx, tx, purses, users)
	if err != nil {
		return nil, err
	}
	known := map[uuid.UUID]bool{}
	for _, p := range rows {
		known[p.UserID] = known[p.UserID] || p.Currency == tx.Tenant().Currency && p.Kind == Credit
	}
	var missing []uuid.UUID
	for _, u := range users {
		if !known[u] {
			missing = append(missing, u)
		}
	}
	if len(missing) == 0 {
		return rows, nil
	}
	_, err = tx.Exec(ctx, `-- ledger.lockUsers, first use
		insert into ledger_accounts (user_id, kind, currency, balance)
		select u.id, 'credit', $2, 0 from users u where u.id = any($1) order by u.id
		on conflict on constraint ledger_account do nothing`, missing, tx.Tenant().Currency)
	if err != nil {
		return nil, err
	}
	return tenants.List[Purse](ctx, tx, purses, users)
}

// payer is how a customer pays.
type payer struct {
	ID          uuid.UUID        `db:"id"`
	PayMode     string           `db:"pay_mode"`
	Cap         *decimal.Decimal `db:"monthly_cap"`
	WarnPercent []int            `db:"warn_percent"`
	LowCredit   *decimal.Decimal `db:"low_credit"`
}

func payersOf(ctx context.Context, tx tenants.Tx, users []uuid.UUID) ([]payer, error) {
	return tenants.List[payer](ctx, tx, `-- ledger.payersOf
		select id, pay_mode, monthly_cap, warn_percent, low_credit from users where id = any($1)`, users)
}

type taxOf struct {
	UserID  uuid.UUID       `db:"id"`
	Class   string          `db:"class"`
	Percent decimal.Decimal `db:"percent"`
}

func taxesOf(ctx context.Context, tx tenants.Tx, users []uuid.UUID, classes []string) ([]taxOf, error) {
	return tenants.List[taxOf](ctx, tx, `-- ledger.taxesOf
		select u.id, x.class, `+taxPercent(`x.class`)+` as percent
		from unnest($1::uuid[], $2::text[]) as x (user_id, class) join users u on u.id = x.user_id`, users, classes)
}

type capRow struct {
	UserID uuid.UUID       `db:"user_id"`
	From   time.Time       `db:"from_at"`
	Used   decimal.Decimal `db:"used"`
}

// capUsed sums what counts in the caps of customers in their months: begun blocks,
// and what is held. A hold without a start counts now.
func capUsed(ctx context.Context, tx tenants.Tx, users []uuid.UUID, from, to []time.Time) ([]capRow, error) {
	return tenants.List[capRow](ctx, tx, `-- ledger.capUsed
		select x.user_id, x.from_at, round(coalesce(b.used, 0) + coalesce(h.held, 0), 6) as used
		from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as x (user_id, from_at, to_at) join users u on u.id = x.user_id
		left join lateral (
			select sum(case when b.prepaid > 0 then b.prepaid else b.rate * b.seconds * (100 + `+taxPercent(`'standard'`)+`) / 360000 end) as used
			from usage_blocks b where b.user_id = x.user_id and b.starts_at >= x.from_at and b.starts_at < x.to_at and b.currency = $5) b on true
		left join lateral (
			select sum(worth) as held from block_holds h
			where h.user_id = x.user_id and coalesce(h.starts_at, $4) >= x.from_at and coalesce(h.starts_at, $4) < x.to_at and h.currency = $5) h on true`,
		users, from, to, tx.Now(), tx.Tenant().Currency)
}

func insertHolds(ctx context.Context, tx tenants.Tx, holds []hold) error {
	if len(holds) == 0 {
		return nil
	}
	body, err := json.Marshal(holds)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- ledger.insertHolds
		with x as materialized (
			select x.workspace_id, x.run, x.block_no, x.session_id, x.user_id, x.starts_at, x.price, x.bonus, x.credit, x.worth, x.currency
			from jsonb_to_recordset($1::jsonb) as x (workspace_id uuid, run integer, block_no integer, session_id uuid, user_id uuid, starts_at timestamptz,
				price numeric, bonus numeric, credit numeric, worth numeric, currency text)),
		moved as (
			update ledger_accounts a set held = a.held + d.amount
			from (
				select user_id, currency, 'bonus' as kind, sum(bonus) as amount from x where bonus > 0 group by user_id, currency
				union all
				select user_id, currency, 'credit', sum(credit) from x where credit > 0 group by user_id, currency) d
			where a.user_id = d.user_id and a.kind = d.kind and a.currency = d.currency)
		insert into block_holds (workspace_id, run, block_no, session_id, user_id, starts_at, price, bonus, credit, worth, currency, created_at)
		select workspace_id, run, block_no, session_id, user_id, starts_at, price, bonus, credit, worth, currency, $2 from x`, string(body), tx.Now())
	return err
}

// capturing names a held block and the session that it belongs to.
type capturing struct {
	WorkspaceID uuid.UUID `json:"workspace_id"`
	Run         int       `json:"run"`
	BlockNo     int       `json:"block_no"`
	SessionID   uuid.UUID `json:"session_id"`
	About       string    `json:"about"`
}

func capture(ctx context.Context, tx tenants.Tx, blocks []Block, about []string) ([]Captured, error) {
	rows := make([]capturing, len(blocks))
	for i, b := range blocks {
		rows[i] = capturing{b.WorkspaceID, b.Run, b.No, b.SessionID, about[i]}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	return tenants.List[Captured](ctx, tx, `-- ledger.capture
		with x as materialized (
			select x.workspace_id, x.run, x.block_no, x.session_id, x.about
			from jsonb_to_recordset($1::jsonb) as x (workspace_id uuid, run integer, block_no integer, session_id uuid, about text)),
		taken as (
			delete from block_holds h using x where h.workspace_id = x.workspace_id and h.run = x.run and h.block_no = x.block_no
			returning x.session_id, x.about, h.block_no, h.user_id, h.currency, h.price, h.bonus, h.credit),
		parts as (
			select session_id, block_no, about, user_id, currency, 'bonus' as kind, bonus as amount from taken where bonus > 0
			union all
			select session_id, block_no, about, user_id, currency, 'credit', credit from taken where credit > 0),
		moved as (
			update ledger_accounts a set balance = a.balance - d.amount, held = a.held - d.amount
			from (select user_id, currency, kind, sum(amount) as amount from parts group by user_id, currency, kind) d
			where a.user_id = d.user_id and a.kind = d.kind and a.currency = d.currency),
		posted as (
			insert into ledger_entries (cause, account_id, amount, description, actor, created_at)
			select 'block:' || p.session_id || ':' || p.block_no, a.id, -p.amount, p.about, 'metering', $2::timestamptz
			from parts p join ledger_accounts a on a.user_id = p.user_id and a.kind = p.kind and a.currency = p.currency
			union all
			select 'block:' || t.session_id || ':' || t.block_no, a.id, t.price, t.about, 'metering', $2::timestamptz
			from taken t join ledger_accounts a on a.user_id is null and a.kind = 'deferred' and a.currency = t.currency
			where t.price > 0)
		select session_id, block_no, price from taken`, string(body), tx.Now())
}

// holders are the customers for whose workspaces something is held.
func holders(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- ledger.holders
		select distinct user_id from block_holds where workspace_id = any($1)`, workspaces)
}

func deleteHolds(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- ledger.deleteHolds
		with gone as (delete from block_holds where workspace_id = any($1) returning user_id, currency, bonus, credit)
		update ledger_accounts a set held = a.held - d.amount
		from (
			select user_id, currency, 'bonus' as kind, sum(bonus) as amount from gone where bonus > 0 group by user_id, currency
			union all
			select user_id, currency, 'credit', sum(credit) from gone where credit > 0 group by user_id, currency) d
		where a.user_id = d.user_id and a.kind = d.kind and a.currency = d.currency`, workspaces)
	return err
}

// noteWarnings tells which of the warnings are given for the first time.
func noteWarnings(ctx context.Context, tx tenants.Tx, all []warning) ([]bool, error) {
	fresh := make([]bool, len(all))
	users, keys, topped := make([]uuid.UUID, len(all)), make([]string, len(all)), make([]bool, len(all))
	for i, w := range all {
		users[i], keys[i], topped[i] = w.low.UserID, w.key, w.topped
	}
	first, err := tenants.List[int](ctx, tx, `-- ledger.noteWarnings
		with x as materialized (
			select n::int as n, user_id, case when topped then key || ':' || coalesce((
				select max(e.id) from ledger_entries e join ledger_accounts a on a.id = e.account_id
				where a.user_id = x.user_id and a.kind in ('credit', 'bonus') and e.amount > 0), 0) else key end as key
			from unnest($1::uuid[], $2::text[], $3::boolean[]) with ordinality as x (user_id, key, topped, n)),
		noted as (
			insert into funds_warnings (user_id, key, warned_at) select distinct user_id, key, $4::timestamptz from x
			on conflict (user_id, key) do nothing returning user_id, key)
		select min(x.n) from x join noted o on o.user_id = x.user_id and o.key = x.key group by x.user_id, x.key`, users, keys, topped, tx.Now())
	for _, n := range first {
		fresh[n-1] = true
	}
	return fresh, err
}
