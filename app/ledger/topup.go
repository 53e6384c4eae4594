package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Money is a sum that came in for a customer's credit, or goes back out of it.
type Money struct {
	UserID      uuid.UUID
	Amount      decimal.Decimal // above zero
	Currency    string
	Place       string // Cash or Bank: where it came to or leaves from
	Cause       string // names the movement, such as payment:<id>; it is booked once
	Description string
	Actor       string
}

// TopUp adds money that came in to a customer's paid credit. Booked is false when
// the cause was booked before. It announces credit.added.
func TopUp(ctx context.Context, tx tenants.Tx, m Money) (booked bool, err error) {
	booked, err = between(ctx, tx, m, m.Amount)
	if err != nil || !booked {
		return booked, err
	}
	return true, bus.Append(ctx, tx, "credit.added", Credited{m.UserID, money.API(m.Amount, m.Currency), m.Currency})
}

// PayBack takes a sum out of a customer's paid credit because it was returned to
// them. Errors: PaymentRequired when so much is not free.
func PayBack(ctx context.Context, tx tenants.Tx, m Money) (booked bool, err error) {
	return between(ctx, tx, m, m.Amount.Neg())
}

func between(ctx context.Context, tx tenants.Tx, m Money, amount decimal.Decimal) (bool, error) {
	wallet, err := Wallet(ctx, tx, m.UserID, Credit, m.Currency)
	if err != nil {
		return false, err
	}
	if _, found, err := entryOf(ctx, tx, m.Cause, wallet); err != nil || found {
		return false, err
	}
	place, err := Shop(ctx, tx, m.Place, m.Currency)
	if err != nil {
		return false, err
	}
	err = Post(ctx, tx, []Entry{{m.Cause, wallet, amount, m.Description, m.Actor}, {m.Cause, place, amount.Neg(), m.Description, m.Actor}})
	if fail.Is(err, fail.Conflict) { // booked by somebody else meanwhile
		return false, err
	}
	return err == nil, err
}
