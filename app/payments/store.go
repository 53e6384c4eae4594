package payments

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const columns = `p.id, p.user_id, p.kind, p.invoice_id, p.amount, p.currency, p.method, p.automatic, p.status, coalesce(p.processor_id, '') as processor_id,
	coalesce(p.checkout_id, '') as checkout_id, coalesce(p.checkout_url, '') as checkout_url, p.idempotency_key, p.epoch, p.payment_method_id, p.failure_code, p.failure,
	p.refunded, p.disputed_at, p.customer, p.description, p.created_at, p.asked_at, p.processor_at, p.succeeded_at`

func findPayment(ctx context.Context, tx tenants.Tx, id uuid.UUID) (payment, error) {
	return tenants.Get[payment](ctx, tx, "payment", `-- payments.findPayment
		select `+columns+` from payments p where p.id = $1`, id)
}

func lockPayment(ctx context.Context, tx tenants.Tx, id uuid.UUID) (payment, bool, error) {
	return tenants.Find[payment](ctx, tx, `-- payments.lockPayment
		select `+columns+` from payments p where p.id = $1 for update`, id)
}

// paymentOfIntent finds the payment that an object of the processor belongs to: by
// what we remembered of it, or by our id in it.
func paymentOfIntent(ctx context.Context, q tenants.Querier, intent string, id uuid.UUID) (payment, bool, error) {
	return tenants.Find[payment](ctx, q, `-- payments.paymentOfIntent
		select `+columns+` from payments p where p.processor_id = $1 or p.id = $2 and p.processor_id is null`, intent, id)
}

func paymentOfCheckout(ctx context.Context, q tenants.Querier, checkout string) (payment, bool, error) {
	return tenants.Find[payment](ctx, q, `-- payments.paymentOfCheckout
		select `+columns+` from payments p where p.checkout_id = $1`, checkout)
}

// underWay is the payment of an invoice that is not decided yet.
func underWay(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) (payment, bool, error) {
	return tenants.Find[payment](ctx, tx, `-- payments.underWay
		select `+columns+` from payments p where p.invoice_id = $1 and p.status in ('pending', 'processing')`, invoice)
}

func lastEpoch(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) (int, error) {
	return tenants.Get[int](ctx, tx, "payment", `-- payments.lastEpoch
		select coalesce(max(epoch), 0) from payments where invoice_id = $1`, invoice)
}

func insertPayment(ctx context.Context, tx tenants.Tx, p payment, by string) (inserted bool, err error) {
	n, err := tx.Exec(ctx, `-- payments.insertPayment
		insert into payments (id, user_id, kind, invoice_id, amount, currency, method, automatic, status, idempotency_key, epoch, payment_method_id, customer, description,
			created_by, created_at, updated_at, asked_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10, $11, $12, $13, $14, $15, $15, $16)
		on conflict do nothing`,
		p.ID, p.UserID, p.Kind, p.InvoiceID, p.Amount, p.Currency, p.Method, p.Automatic, p.IdempotencyKey, p.Epoch, p.PaymentMethodID, p.Customer, p.Description,
		by, tx.Now(), p.AskedAt)
	return n == 1, err
}

// updateApplied writes down what the processor says about a payment.
func updateApplied(ctx context.Context, tx tenants.Tx, p payment) error {
	_, err := tx.Exec(ctx, `-- payments.updateApplied
		update payments set status = $2, processor_id = nullif($3, ''), failure_code = $4, failure = $5, processor_at = $6, succeeded_at = $7, updated_at = $8 where id = $1`,
		p.ID, p.Status, p.ProcessorID, p.FailureCode, p.Failure, p.ProcessorAt, p.SucceededAt, tx.Now())
	return err
}

func updateCheckout(ctx context.Context, tx tenants.Tx, id uuid.UUID, checkout, url string) error {
	_, err := tx.Exec(ctx, `-- payments.updateCheckout
		update payments set checkout_id = $2, checkout_url = $3, updated_at = $4 where id = $1`, id, checkout, url, tx.Now())
	return err
}

// bill is an invoice as far as collecting it goes.
type bill struct {
	ID        uuid.UUID
	UserID    uuid.UUID
	Number    string
	Currency  string
	Status    string
	AmountDue decimal.Decimal
	Held      bool // for a person to look at it, or its customer is parked
}

const billColumns = `i.id, i.user_id, coalesce(i.number, '') as number, i.currency, i.status, i.amount_due, i.held_for <> '' or u.parked_at is not null as held`

func lockBill(ctx context.Context, tx tenants.Tx, invoice uuid.UUID) (bill, error) {
	return tenants.Get[bill](ctx, tx, "invoice", `-- payments.lockBill
		select `+billColumns+` from invoices i join users u on u.id = i.user_id where i.id = $1 and i.status <> 'draft' for update of i`, invoice)
}

func lockBillOf(ctx context.Context, tx tenants.Tx, user uuid.UUID, number string) (bill, error) {
	return tenants.Get[bill](ctx, tx, "invoice", `-- payments.lockBillOf
		select `+billColumns+` from invoices i join users u on u.id = i.user_id where i.number = $2 and i.user_id = $1 and i.status <> 'draft' for update of i`, user, number)
}

// smallBills are a customer's other open invoices of a currency, each under the
// least that can be charged, the oldest first, with no payment of their own under way.
func smallBills(ctx context.Context, tx tenants.Tx, b bill, below decimal.Decimal) ([]bill, error) {
	return tenants.List[bill](ctx, tx, `-- payments.smallBills
		select `+billColumns+`
		from invoices i join users u on u.id = i.user_id
		where i.user_id = $1 and i.id <> $2 and i.currency = $3 and i.status = 'open' and i.amount_due > 0 and i.amount_due < $4 and i.held_for = ''
			and not exists (select from payments p where p.invoice_id = i.id and p.status in ('pending', 'processing'))
			and not exists (select from payment_carries c join payments p on p.id = c.payment_id where c.invoice_id = i.id and p.status in ('pending', 'processing'))
		order by i.finalised_at, i.id
		for update of i`, b.UserID, b.ID, b.Currency, below)
}

// carry is a small invoice that a payment collects with another.
type carry struct {
	InvoiceID uuid.UUID
	Amount    decimal.Decimal
}

func insertCarries(ctx context.Context, tx tenants.Tx, id uuid.UUID, small []bill) error {
	for _, b := range small {
		if _, err := tx.Exec(ctx, `-- payments.insertCarries
			insert into payment_carries (payment_id, invoice_id, amount) values ($1, $2, $3)`, id, b.ID, b.AmountDue); err != nil {
			return err
		}
	}
	return nil
}

func carriesOf(ctx context.Context, tx tenants.Tx, id uuid.UUID) ([]carry, error) {
	return tenants.List[carry](ctx, tx, `-- payments.carriesOf
		select c.invoice_id, c.amount from payment_carries c join invoices i on i.id = c.invoice_id where c.payment_id = $1 order by i.finalised_at, i.id`, id)
}

// payer is who pays.
type payer struct {
	ID     uuid.UUID
	Email  string
	Name   string
	Parked bool
}

func findPayer(ctx context.Context, q tenants.Querier, user uuid.UUID) (payer, error) {
	return tenants.Get[payer](ctx, q, "customer", `-- payments.findPayer
		select id, email, name, parked_at is not null as parked from users where id = $1`, user)
}

func customerAt(ctx context.Context, q tenants.Querier, user uuid.UUID, account string) (string, bool, error) {
	return tenants.Find[string](ctx, q, `-- payments.customerAt
		select customer_id from processor_customers where user_id = $1 and account = $2`, user, account)
}

func insertCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, account, customer string) error {
	_, err := tx.Exec(ctx, `-- payments.insertCustomer
		insert into processor_customers (user_id, account, customer_id, created_at) values ($1, $2, $3, $4)
		on conflict (user_id, account) do update set customer_id = excluded.customer_id`, user, account, customer, tx.Now())
	return err
}

// PaymentsQ reads the newest payments of the shop with who paid, for its people.
func PaymentsQ(dst *[]Row, at time.Time, id uuid.UUID, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- payments.PaymentsQ
		select `+columns+`, u.name as payer, u.email as payer_email, coalesce(i.number, '') as invoice_number
		from payments p join users u on u.id = p.user_id left join invoices i on i.id = p.invoice_id
		where (p.created_at, p.id) < ($1, $2)
		order by p.created_at desc, p.id desc
		limit $3`, at, id, limit)
}

// PaymentQ reads one payment of a customer's.
func PaymentQ(dst *Row, user, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "payment", `-- payments.PaymentQ
		select `+columns+`, u.name as payer, u.email as payer_email, coalesce(i.number, '') as invoice_number
		from payments p join users u on u.id = p.user_id left join invoices i on i.id = p.invoice_id
		where p.id = $2 and p.user_id = $1`, user, id)
}
