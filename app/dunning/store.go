package dunning

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// unpaid is what users.suspended_for says of those who have not paid.
const unpaid = "unpaid"

// invoice is a document with what its steps depend on.
type invoice struct {
	row
	Case
}

type row struct {
	ID           uuid.UUID       `db:"id"`
	UserID       uuid.UUID       `db:"user_id"`
	Number       string          `db:"number"`
	Status       string          `db:"status"`
	AmountDue    decimal.Decimal `db:"amount_due"`
	DueDate      time.Time       `db:"due_date"`
	HeldFor      string          `db:"held_for"`
	Grace        *time.Time      `db:"dunning_grace_until"`
	Parked       bool            `db:"parked"`
	SuspendedFor string          `db:"suspended_for"`
	Collecting   bool            `db:"collecting"`
}

// open says that something is left to pay.
func (i invoice) open() bool { return i.Status == "open" && i.AmountDue.IsPositive() }

// waits says that nothing happens for now: a person is looking at the customer or at
// the invoice, or the money is on its way.
func (i invoice) waits() bool { return i.Parked || i.HeldFor != "" || i.Collecting }

// lockInvoice reads a finalised invoice and keeps it until the transaction ends.
func lockInvoice(ctx context.Context, tx tenants.Tx, id uuid.UUID) (invoice, error) {
	r, err := tenants.Get[row](ctx, tx, "invoice", `-- dunning.lockInvoice
		select i.id, i.user_id, i.number, i.status, i.amount_due, i.due_date, i.held_for, i.dunning_grace_until, u.parked_at is not null as parked, u.suspended_for,
			exists (select from payments p where p.invoice_id = i.id and p.status = 'processing') as collecting
		from invoices i join users u on u.id = i.user_id
		where i.id = $1 and i.status <> 'draft' for update of i`, id)
	if err != nil {
		return invoice{}, err
	}
	taken, err := tenants.List[Taken](ctx, tx, takenSQL, id)
	return invoice{r, Case{Due: r.DueDate, GraceUntil: r.Grace, Taken: taken}}, err
}

const takenSQL = `-- dunning.taken
	select step, taken_at, outcome, detail from dunning_steps where invoice_id = $1 order by taken_at, step`

// TakenQ reads what was done about an invoice, for its page.
func TakenQ(dst *[]Taken, invoice uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, takenSQL, invoice)
}

func settingOf(ctx context.Context, tx tenants.Tx) (string, error) {
	text, _, err := tenants.Find[string](ctx, tx, `-- dunning.settingOf
		select coalesce(value #>> '{}', '') from settings where key = 'dunning'`)
	return text, err
}

// take writes down that a step was taken. The table's key makes it happen once.
func take(ctx context.Context, tx tenants.Tx, inv *invoice, s Step, outcome, detail string) error {
	_, err := tx.Exec(ctx, `-- dunning.take
		with taken as (
			insert into dunning_steps (invoice_id, step, taken_at, outcome, detail) values ($1, $2, $3, $4, $5))
		update invoices set dunning_step = dunning_step + 1 where id = $1`, inv.ID, s.Name(), tx.Now(), outcome, detail)
	inv.Taken = append(inv.Taken, Taken{s.Name(), tx.Now(), outcome, detail})
	return err
}

func setGrace(ctx context.Context, tx tenants.Tx, id uuid.UUID, until time.Time) error {
	_, err := tx.Exec(ctx, `-- dunning.setGrace
		update invoices set dunning_grace_until = $2 where id = $1`, id, until)
	return err
}

// markSuspended is false for a customer who is suspended already.
func markSuspended(ctx context.Context, tx tenants.Tx, user uuid.UUID) (bool, error) {
	n, err := tx.Exec(ctx, `-- dunning.markSuspended
		update users set suspended_for = $2 where id = $1 and suspended_for = ''`, user, unpaid)
	return n == 1, err
}

// markResumed is false for a customer who is not suspended, or still owes something
// whose day has passed. What is held by a person does not count.
func markResumed(ctx context.Context, tx tenants.Tx, user uuid.UUID, today time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `-- dunning.markResumed
		update users u set suspended_for = ''
		where u.id = $1 and u.suspended_for = $2
		  and not exists (select from invoices i where i.user_id = u.id and i.status = 'open' and i.amount_due > 0 and i.due_date < $3::date and i.held_for = '')`,
		user, unpaid, today)
	return n == 1, err
}

// endSubscriptions lets nothing more be billed in advance to somebody whose desktops
// are gone (R25).
func endSubscriptions(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- dunning.endSubscriptions
		update subscriptions set status = 'ended', ends_at = $2, ended_at = $2 where user_id = $1 and ended_at is null`, user, tx.Now())
	return err
}

func openInvoicesQ(dst *[]uuid.UUID, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- dunning.openInvoicesQ
		select id from invoices where user_id = $1 and status = 'open' and amount_due > 0 and held_for = '' order by due_date, id`, user)
}

func audit(ctx context.Context, tx tenants.Tx, action string, inv *invoice) error {
	_, err := tx.Exec(ctx, `-- dunning.audit
		insert into audit_log (at, actor, action, subject, detail)
		values ($1, 'dunning', $2, $3::text, jsonb_build_object('invoice', $4::text))`, tx.Now(), action, inv.UserID.String(), inv.Number)
	return err
}
