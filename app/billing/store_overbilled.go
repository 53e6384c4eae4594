package billing

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

type overbilling struct {
	FirstBlock int    `db:"first_block"`
	Reason     string `db:"reason"`
}

func noteOverbilled(ctx context.Context, tx tenants.Tx, session uuid.UUID, from int, reason string) error {
	_, err := tx.Exec(ctx, `-- billing.noteOverbilled
		insert into overbilled as o (session_id, user_id, first_block, reason, found_at)
		select s.id, s.user_id, $2, $3, $4 from kasm_usage_sessions s where s.id = $1
		on conflict (session_id) do update set first_block = least(o.first_block, excluded.first_block)`, session, from, reason, tx.Now())
	return err
}

// noteOverrun notes sessions that have blocks beginning at their end or later: one, or
// (for uuid.Nil) all that ended since a time. The first block of a session that ran
// stays (R2).
func noteOverrun(ctx context.Context, tx tenants.Tx, session uuid.UUID, since time.Time, reason string) error {
	_, err := tx.Exec(ctx, `-- billing.noteOverrun
		insert into overbilled as o (session_id, user_id, first_block, reason, found_at)
		select s.id, s.user_id, min(b.block_no), $3, $4
		from kasm_usage_sessions s join usage_blocks b on b.session_id = s.id and b.starts_at >= s.stopped_at
		where (s.id = $1 or $1 = '00000000-0000-0000-0000-000000000000'::uuid and s.stopped_at > $2) and s.stopped_at is not null
		group by s.id
		on conflict (session_id) do update set first_block = excluded.first_block where o.first_block > excluded.first_block`, session, since, reason, tx.Now())
	return err
}

func lockOverbilled(ctx context.Context, tx tenants.Tx, session uuid.UUID) (overbilling, error) {
	return tenants.Get[overbilling](ctx, tx, "session", `-- billing.lockOverbilled
		select first_block, reason from overbilled where session_id = $1 for update`, session)
}

// overbilledSessions are those with blocks on an invoice, or the one, or (both nil)
// all that may not be settled.
func overbilledSessions(ctx context.Context, tx tenants.Tx, session, invoice uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- billing.overbilledSessions
		select o.session_id from overbilled o
		where o.session_id = $1
		   or $2 <> '00000000-0000-0000-0000-000000000000'::uuid and exists (
			select from usage_blocks b join invoice_items l on l.id = b.invoice_item_id
			where b.session_id = o.session_id and b.block_no >= o.first_block and l.invoice_id = $2)
		   or $1 = '00000000-0000-0000-0000-000000000000'::uuid and $2 = '00000000-0000-0000-0000-000000000000'::uuid
			and (select count(*) from usage_blocks b where b.session_id = o.session_id and b.block_no >= o.first_block and b.invoice_item_id is not null)
			  > (select coalesce(sum(x.blocks), 0) from credit_note_items x where x.session_id = o.session_id)
		order by o.session_id`, session, invoice)
}

func invoicedBlocks(ctx context.Context, tx tenants.Tx, session uuid.UUID, from int) ([]int, error) {
	return tenants.List[int](ctx, tx, `-- billing.invoicedBlocks
		select block_no from usage_blocks where session_id = $1 and block_no >= $2 and invoice_item_id is not null order by block_no`, session, from)
}

func lockSession(ctx context.Context, tx tenants.Tx, session uuid.UUID) error {
	_, err := tenants.Get[uuid.UUID](ctx, tx, "session", `-- billing.lockSession
		select id from kasm_usage_sessions where id = $1 for no key update`, session)
	return err
}

// overbilledPart is what of an invoice's line is to be given back: Blocks of the
// session, Before of them were given back already. GivenBlocks are all blocks that
// were given back of the line.
type overbilledPart struct {
	InvoiceID   uuid.UUID       `db:"invoice_id"`
	ItemID      uuid.UUID       `db:"item_id"`
	PlanName    string          `db:"plan_name"`
	Rate        decimal.Decimal `db:"rate"`
	Currency    string          `db:"currency"`
	Blocks      int64           `db:"blocks"`
	Seconds     int64           `db:"seconds"`
	Before      int64           `db:"before"`
	LineSeconds int64           `db:"line_seconds"`
	GivenBlocks int64           `db:"given_blocks"`
	Amount      decimal.Decimal `db:"amount"`
	Discount    decimal.Decimal `db:"discount"`
	Credited    decimal.Decimal `db:"credited"`
}

func overbilledParts(ctx context.Context, tx tenants.Tx, session uuid.UUID, blocks []int) ([]overbilledPart, error) {
	numbers := make([]int32, len(blocks))
	for i, b := range blocks {
		numbers[i] = int32(b) //nolint:gosec // a block number fits
	}
	return tenants.List[overbilledPart](ctx, tx, `-- billing.overbilledParts
		with parts as (
			select invoice_item_id as item_id, count(*) as blocks, sum(seconds)::bigint as seconds
			from usage_blocks where session_id = $1 and block_no = any($2) and invoice_item_id is not null
			group by invoice_item_id),
		given as (
			select x.invoice_item_id as item_id, coalesce(sum(x.blocks) filter (where x.session_id = $1), 0)::bigint as before,
				coalesce(sum(x.blocks) filter (where x.session_id is not null), 0)::bigint as blocks, sum(x.amount) as amount
			from credit_note_items x join parts on parts.item_id = x.invoice_item_id group by x.invoice_item_id)
		select l.invoice_id, l.id as item_id, s.plan_name, l.cost_per_hour as rate, l.currency, p.blocks, p.seconds, coalesce(g.before, 0) as before,
			(select sum(b.seconds)::bigint from usage_blocks b where b.invoice_item_id = l.id) as line_seconds,
			coalesce(g.blocks, 0) as given_blocks, l.amount, l.discount, coalesce(g.amount, 0) as credited
		from parts p
		join invoice_items l on l.id = p.item_id
		join invoices i on i.id = l.invoice_id
		join kasm_usage_sessions s on s.id = $1
		left join given g on g.item_id = l.id
		where i.status in ('open', 'paid') and p.blocks > coalesce(g.before, 0)
		order by i.created_at, i.id, l.position`, session, numbers)
}

// overbilledCause names the next credit note of a session.
func overbilledCause(ctx context.Context, tx tenants.Tx, session uuid.UUID) (string, error) {
	cause := "overbilled:" + session.String()
	n, err := tenants.Get[int64](ctx, tx, "count", `-- billing.overbilledCause
		select count(*) from credit_notes where cause like $1 || '%'`, cause)
	if n > 0 {
		cause += ":" + strconv.FormatInt(n+1, 10)
	}
	return cause, err
}
