package billing

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// PaymentTextSetting is the setting that holds a shop's words about bank transfers.
const PaymentTextSetting = "bank_transfer"

// DocumentQs read an invoice with everything on it and its whole statement, in one
// round trip; fail.NotFound when the customer has no such invoice.
func DocumentQs(dst *Document, userID uuid.UUID, number string) []tenants.Query {
	return append(DetailQs(&dst.Detail, userID, number), besideQs(dst, userID, number)...)
}

// SheetQs are DocumentQs with at most perLine entries under each line, for a page
// that must be as quick for a customer with a hundred thousand blocks.
func SheetQs(dst *Document, userID uuid.UUID, number string, perLine int) []tenants.Query {
	detail := DetailQs(&dst.Detail, userID, number)
	detail[2] = tenants.ListQ(&dst.Entries, `-- billing.SheetQs, statement
		with lines as (
			select l.id, l.position, l.kind
			from invoices i join invoice_items l on l.invoice_id = i.id
			where i.user_id = $1 and i.number = $2 and i.status <> 'draft'),
		runs as (
			select l.id as item_id, l.position, l.kind, b.session_id, b.rate, b.currency, count(*) as blocks, sum(b.seconds)::bigint as seconds,
				row_number() over (partition by l.id order by min(b.starts_at), b.session_id) as place
			from lines l join usage_blocks b on b.invoice_item_id = l.id
			group by l.id, l.position, l.kind, b.session_id, b.rate, b.currency)
		select r.item_id, r.session_id, s.plan_name, s.started_at, r.blocks, r.seconds, case r.kind when 'included' then 0 else r.rate end as rate, r.currency,
			s.stopped_at, s.started_by, coalesce(s.ended_by, '') as ended_by, s.plan_version
		from runs r join kasm_usage_sessions s on s.id = r.session_id
		where r.place <= $3
		order by r.position, s.started_at, s.id`, userID, number, perLine)
	return append(detail, besideQs(dst, userID, number)...)
}

func besideQs(dst *Document, userID uuid.UUID, number string) []tenants.Query {
	return []tenants.Query{
		tenants.ListQ(&dst.Credits, `-- billing.DocumentQs, credit notes
			select c.number, c.total, c.currency, c.reason, c.created_at
			from invoices i join credit_notes c on c.invoice_id = i.id
			where i.user_id = $1 and i.number = $2 and i.status <> 'draft'
			order by c.created_at, c.number`, userID, number),
		tenants.ListQ(&dst.Payments, `-- billing.DocumentQs, payments
			select p.amount, p.currency, p.method, p.reference, coalesce(m.brand, '') as brand, coalesce(m.last4, '') as last4,
				coalesce(p.succeeded_at, p.updated_at) as at
			from invoices i join payments p on p.invoice_id = i.id left join payment_methods m on m.id = p.payment_method_id
			where i.user_id = $1 and i.number = $2 and i.status <> 'draft' and p.status = 'succeeded'
			order by at, p.id`, userID, number),
		tenants.GetQ(&dst.HowToPay, "settings", `-- billing.DocumentQs, bank transfer
			select coalesce((select value #>> '{}' from settings where key = $1), '')`, PaymentTextSetting),
	}
}

// CreditRefsQ reads the credit notes of the invoices that InvoicesQ reads, by the
// numbers of their invoices.
func CreditRefsQ(dst *[]InvoiceCredit, userID uuid.UUID, before string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- billing.CreditRefsQ
		with page as (
			select i.id, i.number from invoices i
			where i.user_id = $1 and i.status <> 'draft'
			  and ($2::text = '' or (i.created_at, i.id) < (select p.created_at, p.id from invoices p where p.user_id = $1 and p.number = $2))
			order by i.created_at desc, i.id desc
			limit $3)
		select page.number as invoice_number, c.number, c.total, c.currency, c.reason, c.created_at
		from page join credit_notes c on c.invoice_id = page.id
		order by c.created_at, c.number`, userID, before, limit)
}

// InvoiceCredit is a credit note with the number of the invoice that it belongs to.
type InvoiceCredit struct {
	InvoiceNumber string `db:"invoice_number"`
	CreditRef
}

// CreditDocumentQs read one credit note of a customer by its number, with its
// lines; fail.NotFound when the customer has none.
func CreditDocumentQs(dst *CreditDocument, items *[]CreditItem, userID uuid.UUID, number string) []tenants.Query {
	return []tenants.Query{
		tenants.GetQ(dst, "credit note", `-- billing.CreditDocumentQs
			select c.id, c.number, i.number as invoice_number, c.user_id, c.cause, c.reason, c.currency, c.net, c.tax, c.total,
				c.to_invoice, c.to_credit, c.to_payment, c.bill_to, c.seller, c.created_at
			from credit_notes c join invoices i on i.id = c.invoice_id
			where c.user_id = $1 and c.number = $2`, userID, number),
		tenants.ListQ(items, `-- billing.CreditDocumentQs, lines
			select n.description, n.blocks, n.amount, n.tax, coalesce(l.position, 0) as line
			from credit_notes c join credit_note_items n on n.credit_note_id = c.id left join invoice_items l on l.id = n.invoice_item_id
			where c.user_id = $1 and c.number = $2
			order by n.position`, userID, number),
	}
}

// InvoicesOfQ reads a customer's invoices that were made in [from, to), oldest first.
func InvoicesOfQ(dst *[]Invoice, userID uuid.UUID, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- billing.InvoicesOfQ
		select `+invoiceColumns+`
		from invoices i
		where i.user_id = $1 and i.status <> 'draft' and i.created_at >= $2 and i.created_at < $3
		order by i.created_at, i.id
		limit 10000`, userID, from, to)
}

// LinesOfQ reads the lines of the invoices that InvoicesOfQ reads.
func LinesOfQ(dst *[]Line, userID uuid.UUID, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- billing.LinesOfQ
		select `+lineColumns+`
		from invoices i join invoice_items l on l.invoice_id = i.id
		where i.user_id = $1 and i.status <> 'draft' and i.created_at >= $2 and i.created_at < $3
		order by i.created_at, i.id, l.position`, userID, from, to)
}

// CreditsOfQ reads the credit notes of the invoices that InvoicesOfQ reads.
func CreditsOfQ(dst *[]InvoiceCredit, userID uuid.UUID, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- billing.CreditsOfQ
		select i.number as invoice_number, c.number, c.total, c.currency, c.reason, c.created_at
		from invoices i join credit_notes c on c.invoice_id = i.id
		where i.user_id = $1 and i.status <> 'draft' and i.created_at >= $2 and i.created_at < $3
		order by c.created_at, c.number`, userID, from, to)
}

// ShopInvoicesQ reads the shop's invoices that were made in [from, to), oldest first.
func ShopInvoicesQ(dst *[]Invoice, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- billing.ShopInvoicesQ
		select `+invoiceColumns+`
		from invoices i
		where i.status <> 'draft' and i.created_at >= $1 and i.created_at < $2
		order by i.created_at, i.number
		limit 100000`, from, to)
}

// MonthEntriesQ reads a customer's sessions of [from, to) with their blocks that
// began in it, oldest first, as a statement words them.
func MonthEntriesQ(dst *[]Entry, userID uuid.UUID, from, to time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- billing.MonthEntriesQ
		with runs as (
			select b.session_id, b.rate, b.currency, count(*) as blocks, sum(b.seconds)::bigint as seconds
			from usage_blocks b where b.user_id = $1 and b.starts_at >= $2 and b.starts_at < $3
			group by b.session_id, b.rate, b.currency)
		select $1::uuid as item_id, r.session_id, s.plan_name, s.started_at, r.blocks, r.seconds, r.rate, r.currency,
			s.stopped_at, s.started_by, coalesce(s.ended_by, '') as ended_by, s.plan_version
		from runs r join kasm_usage_sessions s on s.id = r.session_id
		order by s.started_at, s.id, r.rate`, userID, from, to)
}
