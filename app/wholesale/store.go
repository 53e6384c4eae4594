package wholesale

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// lock lets one closing of a reseller run at a time, until the transaction ends.
func lock(ctx context.Context, tx tenants.Tx) error { return tx.Lock(ctx, "wholesale") }

// closed are the cycles that were closed, oldest first.
func closed(ctx context.Context, q tenants.Querier) ([]Cycle, error) {
	return tenants.List[Cycle](ctx, q, `-- wholesale.closed
		select cycle_start as start, cycle_end as "end" from wholesale_cycles order by cycle_start`)
}

// oldest is when the reseller's first block began.
func oldest(ctx context.Context, q tenants.Querier) (*time.Time, error) {
	return tenants.Get[*time.Time](ctx, q, "block", `-- wholesale.oldest
		select min(started_at) from kasm_usage_sessions`)
}

// unready says that a session is open whose block, begun before the edge, nobody
// has proved yet (R3).
func unready(ctx context.Context, q tenants.Querier, edge time.Time) (bool, error) {
	return tenants.Get[bool](ctx, q, "session", `-- wholesale.unready
		select exists (
			select from kasm_usage_sessions s
			where s.stopped_at is null and s.started_at < $1
			  and s.started_at + s.block_seconds * interval '1 second'
			      * coalesce((select max(b.block_no) + 1 from usage_blocks b where b.session_id = s.id), 0) < $1)`, edge)
}

// claim marks the cycle closed; false when it is already.
func claim(ctx context.Context, tx tenants.Tx, t Terms, c Cycle) (bool, error) {
	n, err := tx.Exec(ctx, `-- wholesale.claim
		insert into wholesale_cycles (cycle_start, cycle_end, mode, tier, currency, monthly_fee, discount_percent, commission_percent, closed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (cycle_start) do nothing`, c.Start, c.End, t.Mode, t.Tier, t.Currency, t.Fee, t.Discount, t.Commission, tx.Now())
	return n == 1, err
}

// unbilled reads what began before the cycle's end and is on no wholesale line,
// as runs of blocks without a gap, by session, rate and cycle.
func unbilled(ctx context.Context, q tenants.Querier, edge time.Time, periods []Cycle) ([]charge, error) {
	starts := make([]time.Time, len(periods))
	for i, p := range periods {
		starts[i] = p.Start
	}
	return tenants.List[charge](ctx, q, `-- wholesale.unbilled
		with open_blocks as (
			select b.session_id, b.block_no, b.wholesale_rate, b.currency, b.seconds, width_bucket(b.starts_at, $2::timestamptz[]) as period
			from usage_blocks b
			where b.starts_at < $1
			  and not exists (select from wholesale_runs r where r.session_id = b.session_id and b.block_no between r.first and r.last)),
		islands as (
			select session_id, block_no, wholesale_rate, currency, seconds, period,
				block_no - row_number() over (partition by session_id, wholesale_rate, currency, period order by block_no) as island
			from open_blocks),
		runs as (
			select session_id, wholesale_rate, currency, period, min(block_no) as first, max(block_no) as last, count(*) as blocks, sum(seconds)::bigint as seconds
			from islands group by session_id, wholesale_rate, currency, period, island)
		select r.session_id, s.started_at, s.service_type, s.plan_name, r.wholesale_rate as rate, r.currency, s.block_seconds, r.period, r.first, r.last, r.blocks, r.seconds
		from runs r join kasm_usage_sessions s on s.id = r.session_id`, edge, starts)
}

// unmatched reads the customers' lines for monthly prices whose days begin before
// the cycle's end and that have no wholesale line. A price of nothing has none.
func unmatched(ctx context.Context, q tenants.Querier, edge time.Time) ([]monthly, error) {
	return tenants.List[monthly](ctx, q, `-- wholesale.unmatched
		select l.id as item_id, s.service_type, s.plan_name, s.wholesale_price as price, s.currency, l.period_start, l.period_end
		from invoice_items l
		join invoices i on i.id = l.invoice_id
		join subscriptions s on s.id = l.subscription_id
		where l.kind = 'subscription' and i.status not in ('draft', 'void') and l.period_start < $1 and s.wholesale_price > 0
		  and not exists (select from wholesale_subscriptions w where w.invoice_item_id = l.id)
		order by l.period_start, s.plan_name, l.id`, edge)
}

// received reads the money that no commission was worked out on yet: what came in
// or went back before the cycle's end, since the reseller pays a commission. Tax is
// what the invoice says that was paid; of a top-up it is the customer's own rate.
func received(ctx context.Context, q tenants.Querier, c Cycle) ([]receipt, error) {
	return tenants.List[receipt](ctx, q, `-- wholesale.received
		with since as (
			select coalesce((select max(cycle_end) from wholesale_cycles where mode <> 'commission'), (select min(cycle_start) from wholesale_cycles), $1) as at),
		moves as (
			select 'payment' as kind, p.id as source_id, p.succeeded_at as at, p.amount as gross, p.id as payment_id, p.currency
			from payments p, since where p.status = 'succeeded' and p.succeeded_at >= least(since.at, $1) and p.succeeded_at < $2
			union all
			select 'refund', r.id, r.succeeded_at, -r.amount, r.payment_id, r.currency
			from refunds r, since where r.status = 'succeeded' and r.succeeded_at >= least(since.at, $1) and r.succeeded_at < $2)
		select m.kind, m.source_id, m.at, m.gross, m.currency,
			round(case when i.total > 0 then m.gross * (i.total - i.tax) / i.total
			           when u.tax_exempt then m.gross
			           else m.gross * 100 / (100 + coalesce(x.percent, 0)) end, 12) as net
		from moves m
		join payments p on p.id = m.payment_id
		join users u on u.id = p.user_id
		left join invoices i on i.id = p.invoice_id
		left join lateral (
			select t.percent from tax_rates t where t.status = 'active' and t.tax_class = 'standard' and t.country in (u.country, '')
			order by t.country desc limit 1) x on true
		where not exists (select from wholesale_receipts w where w.kind = m.kind and w.source_id = m.source_id)
		order by m.at, m.source_id`, c.Start, c.End)
}

func insertDocuments(ctx context.Context, tx tenants.Tx, docs []*Document) error {
	body, err := json.Marshal(docs)
	if err != nil || len(docs) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `-- wholesale.insertDocuments
		insert into wholesale_documents (id, cycle_start, cycle_end, currency, mode, tier, platform_fee, usage_charges, subscription_charges, commission,
			total, due_date, description, created_at)
		select x.id, x.cycle_start, x.cycle_end, x.currency, x.mode, x.tier, x.platform_fee, x.usage_charges, x.subscription_charges, x.commission,
			x.total, x.due_date::date, x.description, x.created_at
		from jsonb_to_recordset($1::jsonb) as x (id uuid, cycle_start timestamptz, cycle_end timestamptz, currency text, mode text, tier text,
			platform_fee numeric, usage_charges numeric, subscription_charges numeric, commission numeric, total numeric, due_date timestamptz,
			description text, created_at timestamptz)`, string(body))
	return err
}

const itemRecord = `x (id uuid, document_id uuid, position integer, kind text, description text, service_type text, plan_name text, rate numeric,
			block_seconds integer, blocks bigint, seconds bigint, quantity numeric, exact numeric, amount numeric, currency text,
			period_start timestamptz, period_end timestamptz)`

func insertItems(ctx context.Context, tx tenants.Tx, c Cycle, items []*Item) error {
	body, err := json.Marshal(items)
	if err != nil || len(items) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `-- wholesale.insertItems
		insert into wholesale_items (id, cycle_start, document_id, position, kind, description, service_type, plan_name, rate, block_seconds,
			blocks, seconds, quantity, exact, amount, currency, period_start, period_end)
		select x.id, $2, x.document_id, x.position, x.kind, x.description, x.service_type, x.plan_name, x.rate, x.block_seconds,
			x.blocks, x.seconds, x.quantity, x.exact, x.amount, x.currency, x.period_start, x.period_end
		from jsonb_to_recordset($1::jsonb) as `+itemRecord, string(body), c.Start)
	return err
}

// insertDrawn notes what each line was made of. The database refuses a block, a
// line or a payment that is on another one already.
func insertDrawn(ctx context.Context, tx tenants.Tx, items []*Item) error {
	type run struct {
		ItemID uuid.UUID `json:"item_id"`
		charge
	}
	type sub struct {
		ItemID        uuid.UUID `json:"item_id"`
		InvoiceItemID uuid.UUID `json:"invoice_item_id"`
		Days          int       `json:"days"`
		CycleDays     int       `json:"cycle_days"`
	}
	type sum struct {
		ItemID uuid.UUID `json:"item_id"`
		receipt
	}
	var runs []run
	var subs []sub
	var sums []sum
	for _, i := range items {
		for _, c := range i.drawn.charges {
			runs = append(runs, run{i.ID, c})
		}
		for _, m := range i.drawn.subs {
			subs = append(subs, sub{i.ID, m.ItemID, m.days, m.all})
		}
		for _, r := range i.drawn.moneys {
			sums = append(sums, sum{i.ID, r})
		}
	}
	if err := insertAll(ctx, tx, `-- wholesale.insertRuns
		insert into wholesale_runs (session_id, first, last, item_id)
		select x.session_id, x.first, x.last, x.item_id
		from jsonb_to_recordset($1::jsonb) as x (session_id uuid, first integer, last integer, item_id uuid)`, runs); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, `-- wholesale.insertSubscriptions
		insert into wholesale_subscriptions (invoice_item_id, item_id, days, cycle_days)
		select x.invoice_item_id, x.item_id, x.days, x.cycle_days
		from jsonb_to_recordset($1::jsonb) as x (invoice_item_id uuid, item_id uuid, days integer, cycle_days integer)`, subs); err != nil {
		return err
	}
	return insertAll(ctx, tx, `-- wholesale.insertReceipts
		insert into wholesale_receipts (kind, source_id, item_id, at, gross, net, currency)
		select x.kind, x.source_id, x.item_id, x.at, x.gross, x.net, x.currency
		from jsonb_to_recordset($1::jsonb) as x (kind text, source_id uuid, item_id uuid, at timestamptz, gross numeric, net numeric, currency text)`, sums)
}

func insertAll[T any](ctx context.Context, tx tenants.Tx, sql string, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sql, string(body))
	return err
}
