package billing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// invoiceColumns are the columns of an Invoice, of a table called i.
const invoiceColumns = `i.id, i.user_id, i.number, i.status, i.currency, i.period_start, i.period_end, i.subtotal, i.discount, i.tax, i.total,
		i.credit_applied, i.amount_due, i.due_date, i.description, i.bill_to, i.seller, i.created_at, i.finalised_at, i.paid_at,
		i.kind, i.prepaid_applied, i.bonus_applied, i.paid_amount, i.credited, i.coupon_code, i.held_for, i.voided_at, i.void_reason`

const lineColumns = `l.id, l.invoice_id, l.position, l.kind, l.subscription_id, l.description, l.workspace_type, l.cost_per_hour, l.block_seconds, l.blocks, l.quantity,
		l.exact, l.discount, l.amount, l.tax_class, l.tax_name, l.tax_percent, l.tax_inclusive, l.currency, l.period_start, l.period_end`

// InvoicesQ reads a customer's invoices, newest first: up to limit of them that
// come after the one called before (an empty number: from the newest). The
// documents are only those that are finalised.
func InvoicesQ(dst *[]Invoice, userID uuid.UUID, before string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- billing.InvoicesQ
		select `+invoiceColumns+`
		from invoices i
		where i.user_id = $1 and i.status <> 'draft'
		  and ($2::text = '' or (i.created_at, i.id) < (select p.created_at, p.id from invoices p where p.user_id = $1 and p.number = $2))
		order by i.created_at desc, i.id desc
		limit $3`, userID, before, limit)
}

// LinesQ reads the lines of the invoices that InvoicesQ reads, in order.
func LinesQ(dst *[]Line, userID uuid.UUID, before string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- billing.LinesQ
		with page as (
			select i.id, i.created_at from invoices i
			where i.user_id = $1 and i.status <> 'draft'
			  and ($2::text = '' or (i.created_at, i.id) < (select p.created_at, p.id from invoices p where p.user_id = $1 and p.number = $2))
			order by i.created_at desc, i.id desc
			limit $3)
		select `+lineColumns+`
		from page join invoice_items l on l.invoice_id = page.id
		order by page.created_at desc, page.id desc, l.position`, userID, before, limit)
}

// InvoiceQ reads one invoice of a customer by its number, else fail.NotFound.
func InvoiceQ(dst *Invoice, userID uuid.UUID, number string) tenants.Query {
	return tenants.GetQ(dst, "invoice", `-- billing.InvoiceQ
		select `+invoiceColumns+`
		from invoices i where i.user_id = $1 and i.number = $2 and i.status <> 'draft'`, userID, number)
}

// DetailQs read an invoice with its lines and their statement in one round
// trip; fail.NotFound when the customer has no such invoice.
func DetailQs(dst *Detail, userID uuid.UUID, number string) []tenants.Query {
	return []tenants.Query{
		InvoiceQ(&dst.Invoice, userID, number),
		tenants.ListQ(&dst.Lines, `-- billing.DetailQs, lines
			select `+lineColumns+`
			from invoices i join invoice_items l on l.invoice_id = i.id
			where i.user_id = $1 and i.number = $2 and i.status <> 'draft'
			order by l.position`, userID, number),
		tenants.ListQ(&dst.Entries, `-- billing.DetailQs, statement
			select l.id as item_id, s.id as session_id, s.plan_name, s.started_at, count(*) as blocks, sum(b.seconds)::bigint as seconds,
				case l.kind when 'included' then 0 else b.rate end as rate, b.currency,
				s.stopped_at, s.started_by, coalesce(s.ended_by, '') as ended_by, s.plan_version
			from invoices i
			join invoice_items l on l.invoice_id = i.id
			join usage_blocks b on b.invoice_item_id = l.id
			join kasm_usage_sessions s on s.id = b.session_id
			where i.user_id = $1 and i.number = $2 and i.status <> 'draft'
			group by l.id, s.id, b.currency, case l.kind when 'included' then 0 else b.rate end
			order by l.position, s.started_at, s.id`, userID, number),
	}
}

// NumbersQ reads on which invoices each of the sessions was billed.
func NumbersQ(dst *[]SessionInvoice, sessionIDs []uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- billing.NumbersQ
		select distinct b.session_id, i.number
		from usage_blocks b
		join invoice_items l on l.id = b.invoice_item_id
		join invoices i on i.id = l.invoice_id
		where b.session_id = any($1) and i.status <> 'draft'
		order by b.session_id, i.number`, sessionIDs)
}

// SessionInvoice says that a session was billed on an invoice.
type SessionInvoice struct {
	SessionID uuid.UUID `db:"session_id"`
	Number    string    `db:"number"`
}

func billedUntil(ctx context.Context, tx tenants.Tx, at time.Time) ([]billedRow, error) {
	return tenants.List[billedRow](ctx, tx, `-- billing.billedUntil
		select i.id, i.number, i.bill_to ->> 'email' as customer, i.total, i.currency
		from invoices i
		where i.cycle_start is not null and i.period_end <= $1 and i.status <> 'draft'
		order by i.period_start, i.number`, at)
}

// recomputeQs read an invoice and every session of its customer that could have
// a block in one of its months.
func recomputeQs(inv *Invoice, lines *[]Line, runs *[]Run, prepaid *decimal.Decimal, number string) []tenants.Query {
	return []tenants.Query{
		tenants.GetQ(inv, "invoice", `-- billing.recompute, invoice
			select `+invoiceColumns+` from invoices i where i.number = $1 and i.status <> 'draft'`, number),
		tenants.ListQ(lines, `-- billing.recompute, lines
			select `+lineColumns+` from invoices i join invoice_items l on l.invoice_id = i.id where i.number = $1 order by l.position`, number),
		tenants.ListQ(runs, `-- billing.recompute, sessions
			with i as (
				select i.id, i.user_id, i.currency, min(l.period_start) as since, max(l.period_end) as until
				from invoices i join invoice_items l on l.invoice_id = i.id
				where i.number = $1 and l.kind in ('usage', 'included')
				group by i.id)
			select s.id, s.service_type, s.tax_class, s.plan_name, s.cost_per_hour as rate, s.block_seconds, s.currency, s.started_at, s.stopped_at, s.last_proof_at, s.free_blocks,
				coalesce((select max(b.block_no) + 1 from usage_blocks b join overbilled o on o.session_id = b.session_id where b.session_id = s.id), 0) as charged,
				array(select b.block_no from usage_blocks b left join invoice_items l on l.id = b.invoice_item_id
					where b.session_id = s.id and l.invoice_id is distinct from i.id) as except
			from i join kasm_usage_sessions s on s.user_id = i.user_id and s.currency = i.currency
			where s.started_at < i.until and (s.stopped_at is null or s.stopped_at > i.since or exists (select from overbilled o where o.session_id = s.id))
			order by s.started_at, s.id`, number),
		tenants.GetQ(prepaid, "invoice", `-- billing.recompute, prepaid
			select coalesce(sum(b.prepaid), 0) from invoices i join invoice_items l on l.invoice_id = i.id join usage_blocks b on b.invoice_item_id = l.id
			where i.number = $1`, number),
	}
}

// SoldQ reads what began in [from, to), by plan and rates, for Margins.
func SoldQ(dst *[]Sold, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- billing.SoldQ
		with runs as (
			select session_id, rate, wholesale_rate, currency, count(*) as blocks, sum(seconds) as seconds
			from usage_blocks where starts_at >= $1 and starts_at < $2
			group by session_id, rate, wholesale_rate, currency)
		select s.service_type, (array_agg(s.plan_name order by s.started_at desc, s.id))[1] as plan_name, r.rate, r.wholesale_rate, r.currency,
			sum(r.blocks)::bigint as blocks, sum(r.seconds)::bigint as seconds
		from runs r join kasm_usage_sessions s on s.id = r.session_id
		group by s.service_type, r.rate, r.wholesale_rate, r.currency`, from, to)
}
