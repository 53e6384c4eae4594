package wholesale

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// settledQ counts the blocks that began in [from, to) by plan and rates, and on
// which lines of both sides they stand.
func settledQ(dst *[]Settled, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.settled
		select s.service_type, max(s.plan_name) as plan_name, b.currency, b.rate, b.wholesale_rate, count(*) as blocks, sum(b.seconds)::bigint as seconds,
			coalesce(sum(b.seconds) filter (where l.kind <> 'included'), 0)::bigint as retail_invoiced,
			coalesce(sum(b.seconds) filter (where l.kind = 'included'), 0)::bigint as retail_included,
			coalesce(sum(b.seconds) filter (where b.invoice_item_id is null), 0)::bigint as retail_open,
			coalesce(sum(b.seconds) filter (where w.kind = 'usage'), 0)::bigint as wholesale_invoiced,
			coalesce(sum(b.seconds) filter (where w.kind = 'covered'), 0)::bigint as wholesale_covered,
			coalesce(sum(b.seconds) filter (where w.id is null), 0)::bigint as wholesale_open
		from usage_blocks b
		join kasm_usage_sessions s on s.id = b.session_id
		left join invoice_items l on l.id = b.invoice_item_id
		left join wholesale_runs r on r.session_id = b.session_id and b.block_no between r.first and r.last
		left join wholesale_items w on w.id = r.item_id
		where b.starts_at >= $1 and b.starts_at < $2
		group by s.service_type, b.currency, b.rate, b.wholesale_rate
		order by b.currency, max(s.plan_name), s.service_type, b.rate, b.wholesale_rate`, from, to)
}

// retailLinesQ adds up the customers' lines for the month, and their blocks anew.
func retailLinesQ(dst *[]Lines, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.retailLines
		with lines as (
			select distinct invoice_item_id as id from usage_blocks where starts_at >= $1 and starts_at < $2 and invoice_item_id is not null),
		blocks as (
			select b.invoice_item_id as id, count(*) as n, sum(b.rate * b.seconds) / 3600 as exact
			from usage_blocks b join lines on lines.id = b.invoice_item_id group by 1)
		select l.currency, count(*)::int as count, sum(l.amount) as amount, sum(l.exact) as exact,
			(count(*) filter (where l.kind <> 'included' and (l.blocks <> b.n or abs(l.exact - b.exact) > 0.000001)))::int as wrong
		from blocks b join invoice_items l on l.id = b.id
		where l.kind <> 'included'
		group by l.currency`, from, to)
}

// wholesaleLinesQ does the same on the reseller's side.
func wholesaleLinesQ(dst *[]Lines, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.wholesaleLines
		with lines as (
			select distinct r.item_id as id from usage_blocks b
			join wholesale_runs r on r.session_id = b.session_id and b.block_no between r.first and r.last
			where b.starts_at >= $1 and b.starts_at < $2),
		blocks as (
			select r.item_id as id, count(*) as n, sum(b.wholesale_rate * b.seconds) / 3600 as exact
			from wholesale_runs r join lines on lines.id = r.item_id
			join usage_blocks b on b.session_id = r.session_id and b.block_no between r.first and r.last group by 1)
		select l.currency, count(*)::int as count, sum(l.amount) as amount, sum(l.exact) as exact,
			(count(*) filter (where l.blocks <> b.n or abs(l.exact - b.exact) > 0.000001))::int as wrong
		from blocks b join wholesale_items l on l.id = b.id
		where l.kind = 'usage'
		group by l.currency`, from, to)
}

// namedQ adds up what else stands between blocks and money.
func namedQ(dst *[]Named, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.named
		with lines as (
			select distinct invoice_item_id as id from usage_blocks where starts_at >= $1 and starts_at < $2 and invoice_item_id is not null),
		kinds as (
			select l.currency, l.discount as discounts, 0::numeric as credited, 0::numeric as written_off, 0::numeric as written_off_supplier
			from invoice_items l join lines on lines.id = l.id
			union all
			select n.currency, 0, c.amount, 0, 0
			from credit_note_items c join credit_notes n on n.id = c.credit_note_id join lines on lines.id = c.invoice_item_id
			union all
			select w.currency, 0, 0, w.rate * w.seconds / 3600, w.wholesale_rate * w.seconds / 3600
			from write_offs w where w.starts_at >= $1 and w.starts_at < $2)
		select currency, sum(discounts) as discounts, sum(credited) as credited, sum(written_off) as written_off, sum(written_off_supplier) as written_off_supplier
		from kinds group by currency`, from, to)
}

// ItemQ reads one wholesale line of the reseller; its number is empty while its
// document waits for one, or when a commission covers it.
func ItemQ(dst *Item, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "wholesale line", `-- wholesale.item
		select `+itemColumns+` from wholesale_items where id = $1`, id)
}

// NumberQ reads on which document a wholesale line stands.
func NumberQ(dst *string, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "wholesale line", `-- wholesale.number
		select coalesce(d.number, '') from wholesale_items l left join wholesale_documents d on d.id = l.document_id where l.id = $1`, id)
}

// RetailOfQ reads the customers' lines of the blocks and monthly prices of a
// wholesale line, and those that are on no invoice yet.
func RetailOfQ(dst *[]Mirror, item uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.retailOf
		select b.invoice_item_id as item_id, coalesce(i.number, '') as number, u.email as who, coalesce(l.description, s.plan_name) as description,
			b.rate, b.currency, count(*) as blocks, sum(b.seconds)::bigint as seconds
		from wholesale_runs r
		join usage_blocks b on b.session_id = r.session_id and b.block_no between r.first and r.last
		join kasm_usage_sessions s on s.id = b.session_id
		join users u on u.id = b.user_id
		left join invoice_items l on l.id = b.invoice_item_id
		left join invoices i on i.id = l.invoice_id
		where r.item_id = $1
		group by b.invoice_item_id, i.number, u.email, coalesce(l.description, s.plan_name), b.rate, b.currency
		union all
		select l.id, coalesce(i.number, ''), u.email, l.description, l.amount, l.currency, 0, 3600
		from wholesale_subscriptions w join invoice_items l on l.id = w.invoice_item_id join invoices i on i.id = l.invoice_id join users u on u.id = i.user_id
		where w.item_id = $1
		order by number, who, description limit $2`, item, limit)
}

// WholesaleOfQ reads the reseller's lines of the blocks and monthly price of a
// customer's line, and those that are on none yet.
func WholesaleOfQ(dst *[]Mirror, item uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.wholesaleOf
		select w.id as item_id, coalesce(d.number, '') as number, ''::text as who, coalesce(w.description, s.plan_name) as description,
			b.wholesale_rate as rate, b.currency, count(*) as blocks, sum(b.seconds)::bigint as seconds
		from usage_blocks b
		join kasm_usage_sessions s on s.id = b.session_id
		left join wholesale_runs r on r.session_id = b.session_id and b.block_no between r.first and r.last
		left join wholesale_items w on w.id = r.item_id
		left join wholesale_documents d on d.id = w.document_id
		where b.invoice_item_id = $1
		group by w.id, d.number, coalesce(w.description, s.plan_name), b.wholesale_rate, b.currency
		union all
		select w.id, coalesce(d.number, ''), '', w.description, w.rate * x.days / x.cycle_days, w.currency, 0, 3600
		from wholesale_subscriptions x join wholesale_items w on w.id = x.item_id left join wholesale_documents d on d.id = w.document_id
		where x.invoice_item_id = $1
		order by number, description limit $2`, item, limit)
}

// RetailLine is a customer's line, to stand above its mirror.
type RetailLine struct {
	ID          uuid.UUID       `db:"id"`
	Number      string          `db:"number"`
	Who         string          `db:"who"`
	Description string          `db:"description"`
	Amount      decimal.Decimal `db:"amount"`
	Currency    string          `db:"currency"`
}

// RetailLineQ reads a customer's line of the shop; fail.NotFound for another's.
func RetailLineQ(dst *RetailLine, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "line", `-- wholesale.retailLine
		select l.id, coalesce(i.number, '') as number, u.email as who, l.description, l.amount, l.currency
		from invoice_items l join invoices i on i.id = l.invoice_id join users u on u.id = i.user_id
		where l.id = $1 and i.status <> 'draft'`, id)
}

// StretchesQ reads the sessions under a wholesale line, oldest first (R20).
func StretchesQ(dst *[]Stretch, item uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.stretches
		select r.session_id, u.email as who, s.started_at, s.stopped_at, s.started_by, coalesce(s.ended_by, '') as ended_by, r.first, r.last,
			((r.last - r.first + 1) * s.block_seconds)::bigint as seconds, w.rate, w.currency
		from wholesale_runs r
		join wholesale_items w on w.id = r.item_id
		join kasm_usage_sessions s on s.id = r.session_id
		join users u on u.id = s.user_id
		where r.item_id = $1 order by s.started_at, r.session_id, r.first limit $2`, item, limit)
}
