package billing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

func starts(months []Cycle) []time.Time {
	at := make([]time.Time, len(months))
	for i, m := range months {
		at[i] = m.Start
	}
	return at
}

func ends(months []Cycle) []time.Time {
	at := make([]time.Time, len(months))
	for i, m := range months {
		at[i] = m.End
	}
	return at
}

// plainRuns adds blocks up for each session and month.
const plainRuns = `runs as (
			select session_id, rate, width_bucket(starts_at, $2::timestamptz[]) as month, false as included,
				min(block_no) as first, max(block_no) as last, count(*) as blocks, sum(seconds) as seconds, sum(prepaid) as prepaid
			from usage_blocks
			where invoice_item_id is null and starts_at < $1
			group by session_id, rate, month)`

// splitRuns is plainRuns with included time taken out: of a customer's blocks of a plan
// in a month, in the order in which they began, those that fit into what is left.
const splitRuns = `due as (
			select b.session_id, b.block_no, b.user_id, b.rate, b.starts_at, b.seconds, b.prepaid, s.service_type,
				width_bucket(b.starts_at, $2::timestamptz[]) as month
			from usage_blocks b join kasm_usage_sessions s on s.id = b.session_id
			where b.invoice_item_id is null and b.starts_at < $1),
		split as (
			select d.session_id, d.block_no, d.rate, d.seconds, d.prepaid, d.month,
				d.rate > 0 and coalesce(sum(d.seconds) filter (where d.rate > 0) over (partition by d.user_id, d.service_type, d.month
					order by d.starts_at, d.session_id, d.block_no) <= a.seconds, false) as included
			from due d left join unnest($3::uuid[], $4::text[], $5::integer[], $6::bigint[]) as a (user_id, service_type, month, seconds)
				on a.user_id = d.user_id and a.service_type = d.service_type and a.month = d.month),
		runs as (
			select session_id, rate, month, included, min(block_no) as first, max(block_no) as last, count(*) as blocks,
				sum(seconds) as seconds, sum(prepaid) as prepaid
			from split
			group by session_id, rate, month, included)`

// addRuns adds sessions up to what is on a line, and names their blocks.
const addRuns = `
		select case when r.included then 'included' else 'usage' end as kind, s.user_id, s.currency, s.service_type, s.plan_name, s.tax_class,
			case when r.included then 0 else r.rate end as rate, s.block_seconds, max(s.started_at) as latest, r.month::integer as month,
			sum(r.blocks)::bigint as blocks, sum(r.seconds)::bigint as seconds, sum(r.prepaid) as prepaid,
			array_agg(r.session_id) as sessions, array_agg(r.first) as firsts, array_agg(r.last) as lasts
		from runs r join kasm_usage_sessions s on s.id = r.session_id
		group by r.included, s.user_id, s.currency, s.service_type, s.plan_name, s.tax_class, case when r.included then 0 else r.rate end, s.block_seconds, r.month`

// unbilled adds up what is on no invoice, for each line that it makes and each name and
// block length that its plan had.
func unbilled(ctx context.Context, q tenants.Querier, edge time.Time, months []Cycle, left []allowance) ([]usage, error) {
	if len(left) == 0 {
		return tenants.List[usage](ctx, q, `-- billing.unbilled
		with `+plainRuns+addRuns, edge, starts(months))
	}
	users, services, of, seconds := columnsOf(left)
	return tenants.List[usage](ctx, q, `-- billing.unbilled, with included time
		with `+splitRuns+addRuns, edge, starts(months), users, services, of, seconds)
}

// parts says which blocks of which sessions belong to which line.
type parts struct {
	items    []uuid.UUID
	sessions []uuid.UUID
	firsts   []int32
	lasts    []int32
	want     map[uuid.UUID]tally
}

func (p *parts) add(item uuid.UUID, u usage) {
	for range u.Sessions {
		p.items = append(p.items, item)
	}
	p.sessions, p.firsts, p.lasts = append(p.sessions, u.Sessions...), append(p.firsts, u.Firsts...), append(p.lasts, u.Lasts...)
	if p.want == nil {
		p.want = map[uuid.UUID]tally{}
	}
	p.want[item] = tally{u.Blocks, u.Seconds}
}

// tally is how much went on a line.
type tally struct {
	blocks, seconds int64
}

// markBlocks writes on each block which line it is billed on and says how much
// came together for each.
func markBlocks(ctx context.Context, tx tenants.Tx, p parts) (map[uuid.UUID]tally, error) {
	if len(p.items) == 0 {
		return nil, nil
	}
	type row struct {
		ItemID  uuid.UUID `db:"item_id"`
		Blocks  int64     `db:"blocks"`
		Seconds int64     `db:"seconds"`
	}
	rows, err := tenants.List[row](ctx, tx, `-- billing.markBlocks
		with marked as (
			update usage_blocks b set invoice_item_id = p.item_id
			from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[]) as p (item_id, session_id, first, last)
			where b.session_id = p.session_id and b.block_no between p.first and p.last and b.invoice_item_id is null
			returning p.item_id, b.seconds)
		select item_id, count(*) as blocks, sum(seconds)::bigint as seconds from marked group by item_id`, p.items, p.sessions, p.firsts, p.lasts)
	if err != nil {
		return nil, err
	}
	marked := make(map[uuid.UUID]tally, len(rows))
	for _, r := range rows {
		marked[r.ItemID] = tally{r.Blocks, r.Seconds}
	}
	return marked, nil
}
