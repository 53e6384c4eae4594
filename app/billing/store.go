package billing

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// lock lets one closing of a shop run at a time, until the transaction ends.
func lock(ctx context.Context, tx tenants.Tx) error {
	_, err := tx.Exec(ctx, `-- billing.lock
		select pg_advisory_xact_lock(hashtext('billing'), hashtext(current_schema()))`)
	return err
}

// claim marks the cycle closed; false when it is already.
func claim(ctx context.Context, tx tenants.Tx, c Cycle) (bool, error) {
	n, err := tx.Exec(ctx, `-- billing.claim
		insert into billing_cycles (month, starts_at, ends_at, closed_at) values ($1, $2, $3, $4)
		on conflict (month) do nothing`, c.Month, c.Start, c.End, tx.Now())
	return n == 1, err
}

func isClosed(ctx context.Context, q tenants.Querier, c Cycle) (bool, error) {
	return tenants.Get[bool](ctx, q, "cycle", `-- billing.isClosed
		select exists (select from billing_cycles where month = $1)`, c.Month)
}

// lastClosed is the first day of the newest closed month.
func lastClosed(ctx context.Context, q tenants.Querier) (time.Time, bool, error) {
	month, err := tenants.Get[*time.Time](ctx, q, "cycle", `-- billing.lastClosed
		select max(month) from billing_cycles`)
	if err != nil || month == nil {
		return time.Time{}, false, err
	}
	return *month, true, nil
}

// unready says that a session is open whose block, begun before the edge, has
// not been charged: nobody has yet proved that the desktop ran; or that a block from
// before the edge is held and neither charged nor released (R3).
func unready(ctx context.Context, q tenants.Querier, edge time.Time) (bool, error) {
	return tenants.Get[bool](ctx, q, "session", `-- billing.unready
		select exists (
			select from kasm_usage_sessions s
			where s.stopped_at is null and s.started_at < $1
			  and s.started_at + s.block_seconds * interval '1 second'
			      * coalesce((select max(b.block_no) + 1 from usage_blocks b where b.session_id = s.id), 0) < $1)
			or exists (select from block_holds h where coalesce(h.starts_at, h.created_at) < $1)`, edge)
}

func oldestUnbilled(ctx context.Context, q tenants.Querier, edge time.Time) (time.Time, bool, error) {
	at, err := tenants.Get[*time.Time](ctx, q, "block", `-- billing.oldestUnbilled
		select min(starts_at) from usage_blocks where invoice_item_id is null and starts_at < $1`, edge)
	if err != nil || at == nil {
		return time.Time{}, false, err
	}
	return *at, true, nil
}

func activeTaxes(ctx context.Context, q tenants.Querier) ([]TaxRate, error) {
	return tenants.List[TaxRate](ctx, q, `-- billing.activeTaxes
		select name, tax_class, country, percent, inclusive from tax_rates where status = 'active'`)
}

// customer is who a document is made out to.
type customer struct {
	ID        uuid.UUID `db:"id"`
	Name      string    `db:"name"`
	Email     string    `db:"email"`
	Company   string    `db:"company"`
	Address   string    `db:"address"`
	Country   string    `db:"country"`
	VATNumber string    `db:"vat_number"`
	TaxExempt bool      `db:"tax_exempt"`
	Parked    bool      `db:"parked"`
}

func customers(ctx context.Context, q tenants.Querier, ids []uuid.UUID) ([]customer, error) {
	return tenants.List[customer](ctx, q, `-- billing.customers
		select id, name, email, company, address, country, vat_number, tax_exempt, parked_at is not null as parked from users where id = any($1)`, ids)
}

// creditAccount is a customer's paid credit.
type creditAccount struct {
	ID     uuid.UUID `db:"id"`
	UserID uuid.UUID `db:"user_id"`
}

// creditAccounts finds the paid credit of customers, made where there is none.
func creditAccounts(ctx context.Context, tx tenants.Tx, users []uuid.UUID, currency string) ([]creditAccount, error) {
	_, err := tx.Exec(ctx, `-- billing.creditAccounts, first use
		insert into ledger_accounts (user_id, kind, currency, balance)
		select u, 'credit', $2, 0 from unnest($1::uuid[]) u
		on conflict on constraint ledger_account do nothing`, users, currency)
	if err != nil {
		return nil, err
	}
	return tenants.List[creditAccount](ctx, tx, `-- billing.creditAccounts
		select id, user_id from ledger_accounts where user_id = any($1) and kind = 'credit' and currency = $2 order by id for update`, users, currency)
}

func insertDrafts(ctx context.Context, tx tenants.Tx, b batch, invoices []Invoice) error {
	body, err := json.Marshal(invoices)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.insertDrafts
		insert into invoices (id, user_id, status, cycle_start, period_start, period_end, currency, subtotal, discount, tax, total,
			prepaid_applied, bonus_applied, credit_applied, amount_due, due_date, description, bill_to, seller, created_at, kind, coupon_code, held_for)
		select x.id, x.user_id, 'draft', $2, x.period_start, x.period_end, x.currency, x.subtotal, x.discount, x.tax, x.total,
			x.prepaid_applied, x.bonus_applied, x.credit_applied, x.amount_due, x.due_date, x.description, x.bill_to, x.seller, x.created_at,
			x.kind, x.coupon_code, x.held_for
		from jsonb_to_recordset($1::jsonb) as x (id uuid, user_id uuid, period_start timestamptz, period_end timestamptz, currency text,
			subtotal numeric, discount numeric, tax numeric, total numeric, prepaid_applied numeric, bonus_applied numeric, credit_applied numeric,
			amount_due numeric, due_date date, description text, bill_to jsonb, seller jsonb, created_at timestamptz, kind text, coupon_code text,
			held_for text)`, string(body), b.cycle)
	return err
}

func insertLines(ctx context.Context, tx tenants.Tx, lines []Line) error {
	body, err := json.Marshal(lines)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.insertLines
		insert into invoice_items (id, invoice_id, position, kind, subscription_id, description, workspace_type, cost_per_hour, block_seconds, blocks, quantity,
			exact, discount, amount, tax_class, tax_name, tax_percent, tax_inclusive, currency, period_start, period_end)
		select x.id, x.invoice_id, x.position, x.kind, x.subscription_id, x.description, x.workspace_type, x.cost_per_hour, x.block_seconds, x.blocks, x.quantity,
			x.exact, x.discount, x.amount, x.tax_class, x.tax_name, x.tax_percent, x.tax_inclusive, x.currency, x.period_start, x.period_end
		from jsonb_to_recordset($1::jsonb) as x (id uuid, invoice_id uuid, position integer, kind text, subscription_id uuid, description text, workspace_type text,
			cost_per_hour numeric, block_seconds integer, blocks bigint, quantity numeric, exact numeric, discount numeric, amount numeric,
			tax_class text, tax_name text, tax_percent numeric, tax_inclusive boolean, currency text, period_start timestamptz, period_end timestamptz)`, string(body))
	return err
}

// finalise gives drafts their numbers. From here on the database refuses to
// change them (R19).
func finalise(ctx context.Context, tx tenants.Tx, invoices []Invoice) error {
	body, err := json.Marshal(invoices)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.finalise
		update invoices i set status = x.status, number = x.number, finalised_at = x.finalised_at, paid_at = x.paid_at
		from jsonb_to_recordset($1::jsonb) as x (id uuid, status text, number text, finalised_at timestamptz, paid_at timestamptz)
		where i.id = x.id`, string(body))
	return err
}

// updateReleased stores what credit paid of an invoice that is held no longer.
func updateReleased(ctx context.Context, tx tenants.Tx, inv Invoice) error {
	_, err := tx.Exec(ctx, `-- billing.updateReleased
		update invoices set held_for = '', status = $2, bonus_applied = $3, credit_applied = $4, amount_due = $5, paid_at = $6 where id = $1`,
		inv.ID, inv.Status, inv.BonusApplied, inv.CreditApplied, inv.AmountDue, inv.PaidAt)
	return err
}
