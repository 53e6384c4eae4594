package billing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// allowance is how much included time is left to a customer for a plan in a month,
// which is counted from one among the months of a closing (R25).
type allowance struct {
	UserID      uuid.UUID `db:"user_id"`
	ServiceType string    `db:"service_type"`
	Month       int       `db:"month"`
	Seconds     int64     `db:"seconds"`
}

// allowances are those of everybody who has usage to bill. A month's is whole even
// when the subscription began in its middle; what earlier invoices took of it for
// late usage is gone.
func allowances(ctx context.Context, tx tenants.Tx, edge time.Time, months []Cycle) ([]allowance, error) {
	if any, err := includesTime(ctx, tx); err != nil || !any {
		return nil, err
	}
	return leftToBill(ctx, tx, edge, months)
}

func columnsOf(left []allowance) (users []uuid.UUID, services []string, months []int32, seconds []int64) {
	for _, a := range left {
		users, services, months, seconds = append(users, a.UserID), append(services, a.ServiceType), append(months, int32(a.Month)), append(seconds, a.Seconds)
	}
	return users, services, months, seconds
}

// IncludedLeft is how much included time a customer has left for a plan in the month
// that holds a time: its whole allowance, less the blocks of the month that began and
// those that are held. A block that begins at that time and is not longer than this
// costs nothing; a prepaid customer's is held for nothing. Zero when there is none.
func IncludedLeft(ctx context.Context, tx tenants.Tx, user, plan uuid.UUID, at time.Time) (time.Duration, error) {
	c := CycleOf(tx.Tenant().Zone, at)
	seconds, err := includedLeft(ctx, tx, user, plan, c)
	return time.Duration(max(0, seconds)) * time.Second, err
}
