package wholesale

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const documentColumns = `id, cycle_start, cycle_end, currency, mode, tier, platform_fee, usage_charges, subscription_charges, commission, total, due_date,
		description, created_at, number`

const itemColumns = `id, document_id, position, kind, description, service_type, plan_name, rate, block_seconds, blocks, seconds, quantity, exact, amount,
		currency, period_start, period_end`

// waitingQ reads the documents that have no number yet: oldest first, and the
// reseller's own currency before others.
func waitingQ(dst *[]Document) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.waiting
		select `+documentColumns+` from wholesale_documents d where number is null
		order by cycle_start, currency <> (select c.currency from wholesale_cycles c where c.cycle_start = d.cycle_start), currency`)
}

func itemsQ(dst *[]Item, document uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.items
		select `+itemColumns+` from wholesale_items where document_id = $1 order by position`, document)
}

// mark writes on the document which one it became; false when that was done.
func mark(ctx context.Context, tx tenants.Tx, document uuid.UUID, number string) (bool, error) {
	n, err := tx.Exec(ctx, `-- wholesale.mark
		update wholesale_documents set number = $2, issued_at = $3 where id = $1 and number is null`, document, number, tx.Now())
	return n == 1, err
}

// post writes a document among the provider's and answers with its number. One
// that is there keeps the number it has (R18).
func post(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, d Document, items []Item, billTo, seller Party) (string, error) {
	if _, err := tx.Exec(ctx, `-- wholesale.counter
		insert into central.counters (name, value) values ('wholesale', 0) on conflict (name) do nothing`); err != nil {
		return "", err
	}
	last, err := tenants.Get[int64](ctx, tx, "counter", `-- wholesale.lockCounter
		select value from central.counters where name = 'wholesale' for update`)
	if err != nil {
		return "", err
	}
	number, found, err := tenants.Find[string](ctx, tx, `-- wholesale.posted
		select number from central.wholesale_invoices where tenant_id = $1 and cycle_start = $2 and currency = $3`, t.ID, d.CycleStart, d.Currency)
	if err != nil || found {
		return number, err
	}
	if err := insertDraft(ctx, tx, t.ID, d, items, billTo, seller); err != nil {
		return "", err
	}
	number = fmt.Sprintf("WS-%d-%06d", d.CreatedAt.Year(), last+1)
	if _, err := tx.Exec(ctx, `-- wholesale.finalise
		update central.wholesale_invoices
		set number = $2, finalised_at = created_at, status = case when total > 0 then 'open' else 'paid' end, paid_at = case when total > 0 then null else created_at end
		where id = $1`, d.ID, number); err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `-- wholesale.count
		update central.counters set value = $1 where name = 'wholesale'`, last+1)
	return number, err
}

func insertDraft(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, d Document, items []Item, billTo, seller Party) error {
	if _, err := tx.Exec(ctx, `-- wholesale.insertDraft
		insert into central.wholesale_invoices (id, tenant_id, status, cycle_start, cycle_end, mode, tier, currency, platform_fee, usage_charges,
			subscription_charges, commission, total, amount_due, due_date, description, bill_to, seller, created_at)
		values ($1, $2, 'draft', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15, $16, $17)`,
		d.ID, tenant, d.CycleStart, d.CycleEnd, d.Mode, d.Tier, d.Currency, d.PlatformFee, d.UsageCharges, d.SubscriptionCharges, d.Commission, d.Total,
		d.DueDate, d.Description, billTo, seller, d.CreatedAt); err != nil {
		return err
	}
	body, err := json.Marshal(items)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- wholesale.insertLines
		insert into central.wholesale_invoice_items (id, invoice_id, position, kind, description, service_type, plan_name, rate, block_seconds,
			blocks, seconds, quantity, exact, amount, currency, period_start, period_end)
		select x.id, x.document_id, x.position, x.kind, x.description, x.service_type, x.plan_name, x.rate, x.block_seconds,
			x.blocks, x.seconds, x.quantity, x.exact, x.amount, x.currency, x.period_start, x.period_end
		from jsonb_to_recordset($1::jsonb) as `+itemRecord, string(body))
	return err
}

// saveNext keeps the date of the reseller's next bill, which never goes back.
func saveNext(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, date time.Time) error {
	_, err := tx.Exec(ctx, `-- wholesale.saveNext
		update central.tenant_billing set next_billing_date = $2 where tenant_id = $1 and next_billing_date is distinct from $2`, tenant, date)
	return err
}
