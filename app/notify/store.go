package notify

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// findPerson is false for accounts that are closed or gone: they get no mail.
func findPerson(ctx context.Context, tx tenants.Tx, id uuid.UUID) (person, bool, error) {
	return tenants.Find[person](ctx, tx, `-- person to write to
		select id, email, name, email_verified_at from users where id = $1 and status <> 'closed'`, id)
}

// noteSent is false when the letter went before. Another transaction that is
// about to send it is waited for.
func noteSent(ctx context.Context, tx tenants.Tx, key, recipient, subject string) (bool, error) {
	n, err := tx.Exec(ctx, `-- note a sent mail
		insert into sent_mails (key, recipient, subject, sent_at) values ($1, $2, $3, $4) on conflict (key) do nothing`,
		key, recipient, subject, tx.Now())
	return n == 1, err
}

type desktop struct {
	ServiceID         uuid.UUID
	PlanName          string
	TemplateName      string
	Username          string
	PasswordEncrypted []byte
	BlockSeconds      int
	Warned            bool   // of an idle stop that still stands
	TimeZone          string // of its schedule; "" without one
}

func findDesktop(ctx context.Context, tx tenants.Tx, workspace uuid.UUID) (desktop, error) {
	return tenants.Get[desktop](ctx, tx, "workspace", `-- desktop to write about
		select w.service_id, p.name as plan_name, w.template_name, w.username, w.password_encrypted, p.block_seconds,
		       w.status = 'running' and w.idle_warned_at is not null as warned, coalesce(c.time_zone, '') as time_zone
		from kasm_workspaces w join plans p on p.id = w.plan_id left join workspace_schedules c on c.workspace_id = w.id where w.id = $1`, workspace)
}

type invoice struct {
	ID          uuid.UUID
	Number      string
	PeriodStart time.Time
	PeriodEnd   time.Time
	Currency    string
	Total       decimal.Decimal
	AmountDue   decimal.Decimal
	DueDate     *time.Time
}

func findInvoice(ctx context.Context, tx tenants.Tx, id uuid.UUID) (invoice, error) {
	return tenants.Get[invoice](ctx, tx, "invoice", `-- invoice to write about
		select id, number, period_start, period_end, currency, total, amount_due, due_date from invoices where id = $1 and number is not null`, id)
}
