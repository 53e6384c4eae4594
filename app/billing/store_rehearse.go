package billing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

func boundsSetting(ctx context.Context, tx tenants.Tx) (string, error) {
	text, _, err := tenants.Find[string](ctx, tx, `-- billing.boundsSetting
		select coalesce(value #>> '{}', '') from settings where key = 'bounds'`)
	return text, err
}

// usualTotals is the mean of up to three months' invoices before a cycle, by customer
// and currency.
func usualTotals(ctx context.Context, tx tenants.Tx, users []uuid.UUID, before time.Time) (map[purse]decimal.Decimal, error) {
	type row struct {
		UserID   uuid.UUID       `db:"user_id"`
		Currency string          `db:"currency"`
		Usual    decimal.Decimal `db:"usual"`
	}
	rows, err := tenants.List[row](ctx, tx, `-- billing.usualTotals
		select l.user_id, l.currency, avg(l.total) as usual from (
			select i.user_id, i.currency, i.total, row_number() over (partition by i.user_id, i.currency order by i.cycle_start desc) as age
			from invoices i where i.user_id = any($1) and i.kind = 'cycle' and i.status in ('open', 'paid') and i.cycle_start < $2) l
		where l.age <= 3
		group by l.user_id, l.currency`, users, before)
	usual := make(map[purse]decimal.Decimal, len(rows))
	for _, r := range rows {
		usual[purse{r.UserID, r.Currency}] = r.Usual
	}
	return usual, err
}

// earlier is the newest invoice of a month before, by customer and currency.
type earlier struct {
	UserID   uuid.UUID       `db:"user_id"`
	Currency string          `db:"currency"`
	Number   string          `db:"number"`
	Total    decimal.Decimal `db:"total"`
}

func earlierInvoices(ctx context.Context, tx tenants.Tx, users []uuid.UUID, before time.Time) (map[purse]earlier, error) {
	rows, err := tenants.List[earlier](ctx, tx, `-- billing.earlierInvoices
		select distinct on (i.user_id, i.currency) i.user_id, i.currency, i.number, i.total
		from invoices i where i.user_id = any($1) and i.kind = 'cycle' and i.status in ('open', 'paid') and i.cycle_start < $2
		order by i.user_id, i.currency, i.cycle_start desc`, users, before)
	last := make(map[purse]earlier, len(rows))
	for _, r := range rows {
		last[purse{r.UserID, r.Currency}] = r
	}
	return last, err
}

// payer is what decides whether an invoice can be collected.
type payer struct {
	ID        uuid.UUID `db:"id"`
	Name      string    `db:"name"`
	Email     string    `db:"email"`
	Company   string    `db:"company"`
	VATNumber string    `db:"vat_number"`
	TaxExempt bool      `db:"tax_exempt"`
	Parked    bool      `db:"parked"`
	Method    bool      `db:"method"`
}

func payers(ctx context.Context, tx tenants.Tx, users []uuid.UUID) (map[uuid.UUID]payer, error) {
	rows, err := tenants.List[payer](ctx, tx, `-- billing.payers
		select u.id, u.name, u.email, u.company, u.vat_number, u.tax_exempt, u.parked_at is not null as parked,
			exists (select from payment_methods p where p.user_id = u.id and p.status = 'active') as method
		from users u where u.id = any($1)`, users)
	byID := make(map[uuid.UUID]payer, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, err
}

// closedNumbers are the invoices of the last two closed months, a page at a time.
func closedNumbers(ctx context.Context, tx tenants.Tx, after string, limit int) ([]string, error) {
	return tenants.List[string](ctx, tx, `-- billing.closedNumbers
		select i.number from invoices i
		where i.status <> 'draft' and i.number > $1
		  and (i.cycle_start in (select starts_at from billing_cycles order by month desc limit 2)
		       or i.kind <> 'cycle' and i.created_at >= (select min(starts_at) from (select starts_at from billing_cycles order by month desc limit 2) c))
		order by i.number limit $2`, after, limit)
}
