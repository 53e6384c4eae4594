package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/ledger"
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
// not been charged: nobody has yet proved that the desktop ran (R3).
func unready(ctx context.Context, q tenants.Querier, edge time.Time) (bool, error) {
	return tenants.Get[bool](ctx, q, "session", `-- billing.unready
		select exists (
			select from kasm_usage_sessions s
			where s.stopped_at is null and s.started_at < $1
			  and s.started_at + s.block_seconds * interval '1 second'
			      * coalesce((select max(b.block_no) + 1 from usage_blocks b where b.session_id = s.id), 0) < $1)`, edge)
}

func oldestUnbilled(ctx context.Context, q tenants.Querier, edge time.Time) (time.Time, bool, error) {
	at, err := tenants.Get[*time.Time](ctx, q, "block", `-- billing.oldestUnbilled
		select min(starts_at) from usage_blocks where invoice_item_id is null and starts_at < $1`, edge)
	if err != nil || at == nil {
		return time.Time{}, false, err
	}
	return *at, true, nil
}

func starts(months []Cycle) []time.Time {
	at := make([]time.Time, len(months))
	for i, m := range months {
		at[i] = m.Start
	}
	return at
}

// unbilled reads what is on no invoice, added up for each session and month.
func unbilled(ctx context.Context, q tenants.Querier, edge time.Time, months []Cycle) ([]charge, error) {
	return tenants.List[charge](ctx, q, `-- billing.unbilled
		with runs as (
			select session_id, user_id, currency, rate, width_bucket(starts_at, $2::timestamptz[]) as month,
				min(block_no) as first, max(block_no) as last, count(*) as blocks, sum(seconds) as seconds
			from usage_blocks
			where invoice_item_id is null and starts_at < $1
			group by session_id, user_id, currency, rate, month)
		select r.session_id, s.started_at, r.user_id, r.currency, s.service_type, s.plan_name, s.tax_class, r.rate, s.block_seconds, r.month,
			r.first, r.last, r.blocks, r.seconds
		from runs r join kasm_usage_sessions s on s.id = r.session_id`, edge, starts(months))
}

func activeTaxes(ctx context.Context, q tenants.Querier) ([]TaxRate, error) {
	return tenants.List[TaxRate](ctx, q, `-- billing.activeTaxes
		select name, tax_class, percent, inclusive from tax_rates where status = 'active'`)
}

type customer struct {
	ID    uuid.UUID `db:"id"`
	Name  string    `db:"name"`
	Email string    `db:"email"`
}

func customers(ctx context.Context, q tenants.Querier, ids []uuid.UUID) ([]customer, error) {
	return tenants.List[customer](ctx, q, `-- billing.customers
		select id, name, email from users where id = any($1)`, ids)
}

// takeNumbers takes the next n numbers of the shop (R18). The counter's row is
// locked until the transaction ends, so that none is lost and none left out.
func takeNumbers(ctx context.Context, tx tenants.Tx, n, year int) ([]string, error) {
	prefix, err := ledger.Setting(ctx, tx, "invoice_prefix", defaultPrefix)
	if err != nil {
		return nil, err
	}
	last, err := tenants.Get[int64](ctx, tx, "counter", `-- billing.takeNumbers
		insert into counters as c (name, value) values ('invoice', $1)
		on conflict (name) do update set value = c.value + excluded.value
		returning value`, n)
	numbers := make([]string, n)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("%s-%d-%06d", prefix, year, last-int64(n-i-1))
	}
	return numbers, err
}

func insertDrafts(ctx context.Context, tx tenants.Tx, c Cycle, invoices []Invoice) error {
	body, err := json.Marshal(invoices)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.insertDrafts
		insert into invoices (id, user_id, status, cycle_start, period_start, period_end, currency, subtotal, discount, tax, total,
			credit_applied, amount_due, due_date, description, bill_to, seller, created_at)
		select x.id, x.user_id, 'draft', $2, x.period_start, x.period_end, x.currency, x.subtotal, x.discount, x.tax, x.total,
			x.credit_applied, x.amount_due, x.due_date, x.description, x.bill_to, x.seller, x.created_at
		from jsonb_to_recordset($1::jsonb) as x (id uuid, user_id uuid, period_start timestamptz, period_end timestamptz, currency text,
			subtotal numeric, discount numeric, tax numeric, total numeric, credit_applied numeric, amount_due numeric, due_date date,
			description text, bill_to jsonb, seller jsonb, created_at timestamptz)`, string(body), c.Start)
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

// part says which blocks of a session belong to a line.
type part struct {
	ItemID    uuid.UUID `json:"item_id"`
	SessionID uuid.UUID `json:"session_id"`
	First     int       `json:"first"`
	Last      int       `json:"last"`
	blocks    int64
	seconds   int64
}

func partsOf(item uuid.UUID, u usage) []part {
	parts := make([]part, len(u.charges))
	for i, c := range u.charges {
		parts[i] = part{item, c.SessionID, c.First, c.Last, c.Blocks, c.Seconds}
	}
	return parts
}

// tally is how much went on a line.
type tally struct {
	blocks, seconds int64
}

// markBlocks writes on each block which line it is billed on and says how much
// came together for each.
func markBlocks(ctx context.Context, tx tenants.Tx, parts []part) (map[uuid.UUID]tally, error) {
	body, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	type row struct {
		ItemID  uuid.UUID `db:"item_id"`
		Blocks  int64     `db:"blocks"`
		Seconds int64     `db:"seconds"`
	}
	rows, err := tenants.List[row](ctx, tx, `-- billing.markBlocks
		with parts as materialized (
			select x.item_id, x.session_id, x.first, x.last
			from jsonb_to_recordset($1::jsonb) as x (item_id uuid, session_id uuid, first integer, last integer)),
		marked as (
			update usage_blocks b set invoice_item_id = p.item_id
			from parts p
			where b.session_id = p.session_id and b.block_no between p.first and p.last and b.invoice_item_id is null
			returning p.item_id, b.seconds)
		select item_id, count(*) as blocks, sum(seconds)::bigint as seconds from marked group by item_id`, string(body))
	if err != nil {
		return nil, err
	}
	marked := make(map[uuid.UUID]tally, len(rows))
	for _, r := range rows {
		marked[r.ItemID] = tally{r.Blocks, r.Seconds}
	}
	return marked, nil
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
