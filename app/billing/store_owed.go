package billing

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// Owed is what a customer still has to pay of finalised invoices in one currency.
// Number and Due are those of the earliest due.
type Owed struct {
	Count  int             `db:"count"`
	Amount decimal.Decimal `db:"amount"`
	Number string          `db:"number"`
	Due    time.Time       `db:"due"` // a date: midnight UTC
}

// Overdue says that the earliest is past its last day, which ends in the shop's zone.
func (o Owed) Overdue(now time.Time, zone *time.Location) bool {
	return now.In(zone).Format(keyLayout) > o.Due.Format(keyLayout)
}

// OwedQ reads what a customer has to pay. Invoices that are held back from payment
// are not among it.
func OwedQ(dst *Owed, user uuid.UUID, currency string) tenants.Query {
	return tenants.GetQ(dst, "customer", `-- billing.OwedQ
		select count(*)::int as count, coalesce(sum(amount_due), 0) as amount, coalesce((array_agg(number order by due_date, number))[1], '') as number,
			coalesce(min(due_date), '2000-01-01') as due
		from invoices where user_id = $1 and currency = $2 and status = 'open' and amount_due > 0 and held_for = ''`, user, currency)
}
