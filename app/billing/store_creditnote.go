package billing

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const creditNoteColumns = `n.id, n.number, n.invoice_id, n.user_id, n.cause, n.reason, n.currency, n.net, n.tax, n.total, n.to_invoice, n.to_credit,
		n.to_payment, n.created_by`

func creditOfCause(ctx context.Context, tx tenants.Tx, cause string) (CreditNote, bool, error) {
	return tenants.Find[CreditNote](ctx, tx, `-- billing.creditOfCause
		select `+creditNoteColumns+` from credit_notes n where n.cause = $1`, cause)
}

const creditedSQL = `, coalesce(sum(x.amount), 0) as credited, coalesce(sum(x.tax), 0) as credited_tax
		from invoice_items l left join credit_note_items x on x.invoice_item_id = l.id`

// leftOf reads the lines of an invoice with what was given back of them.
func leftOf(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) ([]creditable, error) {
	return tenants.List[creditable](ctx, tx, `-- billing.leftOf
		select `+lineColumns+creditedSQL+`
		where l.invoice_id = $1 group by l.id order by l.position`, invoice)
}

// backTo is a payment of an invoice with what may be given back of it.
type backTo struct {
	ID   uuid.UUID       `db:"id"`
	Left decimal.Decimal `db:"rest"`
}

func refundable(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) ([]backTo, error) {
	return tenants.List[backTo](ctx, tx, `-- billing.refundable
		select p.id, p.amount - p.refunded as rest
		from payments p
		where p.invoice_id = $1 and p.status = 'succeeded' and p.method in ('card', 'checkout') and p.processor_id is not null and p.amount > p.refunded
		order by p.succeeded_at, p.id for update`, invoice)
}

func insertCredit(ctx context.Context, tx tenants.Tx, inv Invoice, n CreditNote, lines []CreditLine) error {
	_, err := tx.Exec(ctx, `-- billing.insertCredit
		insert into credit_notes (id, number, invoice_id, user_id, cause, reason, currency, net, tax, total, to_invoice, to_credit, to_payment,
			bill_to, seller, created_by, created_at)
		select $1, $2, i.id, i.user_id, $4, $5, i.currency, $6, $7, $8, $9, $10, $11, i.bill_to, i.seller, $12, $13 from invoices i where i.id = $3`,
		n.ID, n.Number, inv.ID, n.Cause, n.Reason, n.Net, n.Tax, n.Total, n.ToInvoice, n.ToCredit, n.ToPayment, n.CreatedBy, tx.Now())
	if err != nil {
		return err
	}
	type row struct {
		Position    int             `json:"position"`
		ItemID      uuid.UUID       `json:"invoice_item_id"`
		SessionID   *uuid.UUID      `json:"session_id"`
		Description string          `json:"description"`
		Blocks      int64           `json:"blocks"`
		Amount      decimal.Decimal `json:"amount"`
		Tax         decimal.Decimal `json:"tax"`
	}
	rows := make([]row, len(lines))
	for i, l := range lines {
		rows[i] = row{i + 1, l.ItemID, l.SessionID, l.Description, l.Blocks, l.Amount, l.Tax}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.insertCredit, lines
		insert into credit_note_items (credit_note_id, position, invoice_item_id, session_id, description, blocks, amount, tax)
		select $1, x.position, x.invoice_item_id, x.session_id, x.description, x.blocks, x.amount, x.tax
		from jsonb_to_recordset($2::jsonb) as x (position integer, invoice_item_id uuid, session_id uuid, description text, blocks bigint, amount numeric, tax numeric)`,
		n.ID, string(body))
	return err
}

func updateCredited(ctx context.Context, tx tenants.Tx, inv Invoice, total decimal.Decimal) error {
	_, err := tx.Exec(ctx, `-- billing.updateCredited
		update invoices set status = $2, amount_due = $3, paid_at = $4, credited = credited + $5 where id = $1`, inv.ID, inv.Status, inv.AmountDue, inv.PaidAt, total)
	return err
}
