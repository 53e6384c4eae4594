// Package ledger keeps a shop's books: double entry, append-only, each transaction
// coming to zero under a cause that happens once (R13). A customer has paid and
// bonus credit, and holds on it for blocks that have not begun (R14). Every write
// takes the caller's transaction; there is no other way to write.
//
// It is the ground that billing and payments stand on and knows neither invoices
// nor cards.
package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// The kinds of account. A customer's keep a balance; the rest are the shop's own
// and keep none, so that they are no hot rows (R13).
const (
	Credit   = "credit"   // of a customer: paid for, or given
	Bonus    = "bonus"    // of a customer: given, and may expire
	Deferred = "deferred" // taken for blocks that are on no invoice yet
	Revenue  = "revenue"
	Grants   = "grants"
	Rounding = "rounding" // what rounding an invoice leaves of its blocks
	Cash     = "cash"     // at the payment processor
	Bank     = "bank"     // by transfer, or taken over the counter
)

// Service keeps the books of all shops in the database.
type Service struct {
	db *tenants.DB
}

// New is the ledger of all shops in the database.
func New(db *tenants.DB) *Service { return &Service{db: db} }

// defaultMinimum is the least credit to order or start with (R16), in the
// shop's currency.
const defaultMinimum = "5.00"

// Balance is a customer's credit in the shop's currency. Held is what is
// reserved for blocks that have not begun.
type Balance struct {
	Credit   decimal.Decimal `db:"credit"`
	Bonus    decimal.Decimal `db:"bonus"`
	Held     decimal.Decimal `db:"held"`
	Currency string          `db:"currency"`
}

// Money writes one of the balance's figures for people.
func (b Balance) Money(d decimal.Decimal) string { return money.Of(d, b.Currency).Format() }

// Movement is one movement on a customer's credit accounts; Balance is what
// it came to.
type Movement struct {
	ID          int64           `db:"id"`
	Kind        string          `db:"kind"` // Credit or Bonus
	At          time.Time       `db:"created_at"`
	Cause       string          `db:"cause"`
	Description string          `db:"description"`
	Amount      decimal.Decimal `db:"amount"`
	Balance     decimal.Decimal `db:"balance"`
	Currency    string          `db:"currency"`
}

// Entry is a side of a posting. The sides of one cause add up to zero.
type Entry struct {
	Cause       string          `json:"cause"`
	AccountID   uuid.UUID       `json:"account_id"`
	Amount      decimal.Decimal `json:"amount"`
	Description string          `json:"description"`
	Actor       string          `json:"actor"`
}

// Post writes entries in the caller's transaction, and moves the balances in the
// same statement. A balance below its floor is fail.PaymentRequired; a cause
// posted before is fail.Conflict.
func Post(ctx context.Context, tx tenants.Tx, entries []Entry) error {
	if err := balanced(entries); err != nil || len(entries) == 0 {
		return err
	}
	err := insertEntries(ctx, tx, entries)
	switch {
	case tenants.IsCheck(err, "wallet_floor"):
		return fail.Wrap(err, fail.PaymentRequired, "There is not enough credit for this.")
	case tenants.IsUnique(err, "ledger_cause"):
		return fail.Wrap(err, fail.Conflict, "This has been booked already.")
	}
	return err
}

// balanced refuses a cause whose entries do not add up to zero (R13).
func balanced(entries []Entry) error {
	sums := map[string]decimal.Decimal{}
	for _, e := range entries {
		sums[e.Cause] = sums[e.Cause].Add(e.Amount)
	}
	for cause, sum := range sums {
		if !sum.IsZero() {
			return fmt.Errorf("the entries of %s come to %s, not to zero", cause, sum)
		}
	}
	return nil
}

// Grant is GrantIn in a transaction of its own.
func (s *Service) Grant(ctx context.Context, t tenants.Tenant, actor string, userID uuid.UUID, amount decimal.Decimal, reason, cause string) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		return s.GrantIn(ctx, tx, actor, userID, amount, reason, cause)
	})
}

// GrantIn gives a customer credit in the shop's currency. The cause names the
// gift, so that asking twice gives once; an empty one makes it a gift of its
// own. Wrong amounts are fail.Invalid (amount), an unknown customer is
// fail.NotFound, a cause used for another amount fail.Conflict.
func (s *Service) GrantIn(ctx context.Context, tx tenants.Tx, actor string, userID uuid.UUID, amount decimal.Decimal, reason, cause string) error {
	currency := tx.Tenant().Currency
	if err := mayGrant(amount, currency); err != nil {
		return err
	}
	if cause == "" {
		cause = uuid.NewString()
	}
	cause = "grant:" + cause
	wallet, err := Wallet(ctx, tx, userID, Credit, currency)
	if err != nil {
		return err
	}
	if before, found, err := entryOf(ctx, tx, cause, wallet); err != nil || found {
		if err == nil && !before.Equal(amount) {
			err = fail.New(fail.Conflict, "This credit has been given already, with another amount.")
		}
		return err
	}
	grants, err := Shop(ctx, tx, Grants, currency)
	if err != nil {
		return err
	}
	err = Post(ctx, tx, []Entry{
		{cause, wallet, amount, reason, actor},
		{cause, grants, amount.Neg(), reason, actor},
	})
	if err != nil {
		return err
	}
	if err := auditGrant(ctx, tx, actor, userID, amount, currency, reason); err != nil {
		return err
	}
	return bus.Append(ctx, tx, "credit.granted", Credited{userID, money.API(amount, currency), currency})
}

func mayGrant(amount decimal.Decimal, currency string) error {
	fields := fail.Fields{}
	switch {
	case !amount.IsPositive():
		fields.Add("amount", "Enter an amount above zero.")
	case !amount.Equal(money.Round(amount, currency)):
		fields.Add("amount", "The smallest amount in %s is %s.", currency, money.API(money.Unit(currency), currency))
	case amount.GreaterThan(decimal.NewFromInt(1_000_000)):
		fields.Add("amount", "Enter at most %s.", money.Of(decimal.NewFromInt(1_000_000), currency).Format())
	}
	return fields.Err()
}

// MayStart says whether a customer may order or start a desktop (R16): nil,
// fail.Forbidden for one who is parked or suspended, or fail.PaymentRequired with the
// code payment_required for one with neither the shop's least credit nor a payment
// method.
func (s *Service) MayStart(ctx context.Context, tx tenants.Tx, userID uuid.UUID) error {
	text, err := Setting(ctx, tx, "minimum_credit", defaultMinimum)
	if err != nil {
		return err
	}
	minimum, err := decimal.NewFromString(text)
	if err != nil {
		return fmt.Errorf("the setting minimum_credit is no amount: %w", err)
	}
	b, err := starterOf(ctx, tx, userID)
	switch {
	case err != nil:
		return err
	case b.Parked:
		return fail.Coded(fail.Forbidden, "account_parked", "This account waits for the shop to look at it, and nothing is charged meanwhile; please contact the shop.")
	case b.Suspended:
		return fail.Coded(fail.Forbidden, "account_suspended", "Desktops of this account are stopped until its open invoices are paid.")
	case !b.HasMethod && !b.Enough(minimum):
		return fail.Coded(fail.PaymentRequired, "payment_required", "Add credits or a payment method first.")
	}
	return nil
}

// starter is a customer who wants to order or start.
type starter struct {
	Balance
	Parked    bool `db:"parked"`
	Suspended bool `db:"suspended"`
	HasMethod bool `db:"has_method"`
}

// Purse is a customer's account with what is free in it.
type Purse struct {
	ID       uuid.UUID       `db:"id"`
	UserID   uuid.UUID       `db:"user_id"`
	Kind     string          `db:"kind"`
	Currency string          `db:"currency"`
	Free     decimal.Decimal `db:"free"`
}

// Take is what one account pays.
type Take struct {
	Account uuid.UUID
	Kind    string
	Amount  decimal.Decimal
}

// TakeFrom pays a total from a customer's credit, bonus first: at most what is
// there and never more than is owed (R11).
func TakeFrom(own []Purse, currency string, total decimal.Decimal) []Take {
	var takes []Take
	for _, kind := range []string{Bonus, Credit} {
		for _, w := range own {
			part := decimal.Min(w.Free.RoundFloor(money.Exponent(currency)), total)
			if w.Kind == kind && w.Currency == currency && part.IsPositive() {
				takes, total = append(takes, Take{w.ID, w.Kind, part}), total.Sub(part)
			}
		}
	}
	return takes
}

// Credited is the payload of credit.granted.
type Credited struct {
	UserID   uuid.UUID `json:"user_id"`
	Amount   string    `json:"amount"`
	Currency string    `json:"currency"`
}
