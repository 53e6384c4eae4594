package wholesale

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const invoiceColumns = `id, tenant_id, number, status, cycle_start, cycle_end, mode, tier, currency, platform_fee, usage_charges, subscription_charges, commission,
		tax, total, amount_due, due_date, description, bill_to, seller, created_at, paid_at, paid_by, reference, reminded_at, past_due_at, suspended_at,
		checkout_url, payment_failure`

// invoicesUntilQ reads a reseller's invoices of the cycles that ended by then.
func invoicesUntilQ(dst *[]Invoice, tenant uuid.UUID, end time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.invoicesUntil
		select `+invoiceColumns+` from central.wholesale_invoices
		where tenant_id = $1 and cycle_end <= $2 and status <> 'draft' order by cycle_start, number`, tenant, end)
}

// InvoicesQ lists the wholesale invoices of a reseller, or of all with uuid.Nil,
// newest first.
func InvoicesQ(dst *[]Invoice, tenant uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.invoices
		select `+invoiceColumns+` from central.wholesale_invoices
		where ($1 = '00000000-0000-0000-0000-000000000000'::uuid or tenant_id = $1) and status <> 'draft'
		order by created_at desc, number desc limit $2`, tenant, limit)
}

// InvoiceQ reads one of a reseller's invoices by its number, or with uuid.Nil
// anybody's; fail.NotFound for another one's.
func InvoiceQ(dst *Invoice, tenant uuid.UUID, number string) tenants.Query {
	return tenants.GetQ(dst, "wholesale invoice", `-- wholesale.invoice
		select `+invoiceColumns+` from central.wholesale_invoices
		where number = $2 and ($1 = '00000000-0000-0000-0000-000000000000'::uuid or tenant_id = $1) and status <> 'draft'`, tenant, number)
}

// ItemsQ reads the lines of an invoice from the provider's books.
func ItemsQ(dst *[]Item, number string) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.invoiceItems
		select l.id, l.invoice_id as document_id, l.position, l.kind, l.description, l.service_type, l.plan_name, l.rate, l.block_seconds, l.blocks, l.seconds,
			l.quantity, l.exact, l.amount, l.currency, l.period_start, l.period_end
		from central.wholesale_invoice_items l join central.wholesale_invoices i on i.id = l.invoice_id
		where i.number = $1 order by l.position`, number)
}

// lockInvoice reads an invoice for a step or a payment.
func lockInvoice(ctx context.Context, tx tenants.CentralTx, id uuid.UUID) (Invoice, error) {
	return tenants.Get[Invoice](ctx, tx, "wholesale invoice", `-- wholesale.lockInvoice
		select `+invoiceColumns+` from central.wholesale_invoices where id = $1 and status <> 'draft' for update`, id)
}

func lockNumber(ctx context.Context, tx tenants.CentralTx, number string) (Invoice, error) {
	return tenants.Get[Invoice](ctx, tx, "wholesale invoice", `-- wholesale.lockNumber
		select `+invoiceColumns+` from central.wholesale_invoices where number = $1 and status <> 'draft' for update`, number)
}

// saveSteps writes which steps were taken.
func saveSteps(ctx context.Context, tx tenants.CentralTx, inv Invoice) error {
	_, err := tx.Exec(ctx, `-- wholesale.saveSteps
		update central.wholesale_invoices set reminded_at = $2, past_due_at = $3, suspended_at = $4 where id = $1`,
		inv.ID, inv.RemindedAt, inv.PastDueAt, inv.SuspendedAt)
	return err
}

func savePaid(ctx context.Context, tx tenants.CentralTx, inv Invoice) error {
	_, err := tx.Exec(ctx, `-- wholesale.savePaid
		update central.wholesale_invoices set status = 'paid', amount_due = 0, paid_at = $2, paid_by = $3, reference = $4 where id = $1`,
		inv.ID, inv.PaidAt, inv.PaidBy, inv.Reference)
	return err
}

// setBilling writes how a reseller stands with the provider; false when it stood
// so before.
func setBilling(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, status string) (bool, error) {
	n, err := tx.Exec(ctx, `-- wholesale.setBilling
		update central.tenant_billing set status = $2 where tenant_id = $1 and status <> $2`, tenant, status)
	return n == 1, err
}

// late counts what of a reseller's invoices is past due, and what it was suspended
// for.
type late struct {
	PastDue   int `db:"past_due"`
	Suspended int `db:"suspended"`
}

func lateOf(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID) (late, error) {
	return tenants.Get[late](ctx, tx, "count", `-- wholesale.late
		select count(*) filter (where past_due_at is not null)::int as past_due, count(*) filter (where suspended_at is not null)::int as suspended
		from central.wholesale_invoices where tenant_id = $1 and status = 'open'`, tenant)
}

// ownerOf finds whom the provider writes to.
func ownerOf(ctx context.Context, tx tenants.Tx) (uuid.UUID, bool, error) {
	return tenants.Find[uuid.UUID](ctx, tx, `-- wholesale.owner
		select id from users where role = 'owner' order by created_at, id limit 1`)
}

// withoutDue are the resellers whose next cycle nobody waits for.
func withoutDueQ(dst *[]uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.withoutDue
		select t.id from central.tenants t join central.tenant_billing b on b.tenant_id = t.id
		where not t.house and t.status <> 'closed'
		  and not exists (select from central.due d where d.schema_name = t.schema_name and d.kind = 'wholesale' and d.key = 'cycle')`)
}
