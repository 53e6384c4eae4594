package billing

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

// The kinds of account. A customer has credit that was paid for or given, and
// bonus credit; revenue and grants are the shop's own and keep no balance (R13).
const (
	kindCredit  = "credit"
	kindBonus   = "bonus"
	kindRevenue = "revenue"
	kindGrants  = "grants"
)

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

// LedgerEntry is one movement on a customer's credit account; Balance is what
// it came to.
type LedgerEntry struct {
	ID          int64           `db:"id"`
	At          time.Time       `db:"created_at"`
	Cause       string          `db:"cause"`
	Description string          `db:"description"`
	Amount      decimal.Decimal `db:"amount"`
	Balance     decimal.Decimal `db:"balance"`
	Currency    string          `db:"currency"`
}

// entry is a side of a posting. The sides of one cause add up to zero.
type entry struct {
	Cause       string          `json:"cause"`
	AccountID   uuid.UUID       `json:"account_id"`
	Amount      decimal.Decimal `json:"amount"`
	Description string          `json:"description"`
	Actor       string          `json:"actor"`
}

// post writes entries in the caller's transaction, and moves the balances in the
// same statement. A balance below its floor is fail.PaymentRequired; a cause
// posted before is fail.Conflict.
func post(ctx context.Context, tx tenants.Tx, entries []entry) error {
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
func balanced(entries []entry) error {
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
	wallet, err := walletOf(ctx, tx, userID, currency)
	if err != nil {
		return err
	}
	if before, found, err := entryOf(ctx, tx, cause, wallet); err != nil || found {
		if err == nil && !before.Equal(amount) {
			err = fail.New(fail.Conflict, "This credit has been given already, with another amount.")
		}
		return err
	}
	grants, err := accountOf(ctx, tx, kindGrants, currency)
	if err != nil {
		return err
	}
	err = post(ctx, tx, []entry{
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

// MayStart says whether a customer may order or start a desktop (R16): nil, or
// fail.PaymentRequired with the code payment_required.
func (s *Service) MayStart(ctx context.Context, tx tenants.Tx, userID uuid.UUID) error {
	text, err := setting(ctx, tx, "minimum_credit", defaultMinimum)
	if err != nil {
		return err
	}
	minimum, err := decimal.NewFromString(text)
	if err != nil {
		return fmt.Errorf("the setting minimum_credit is no amount: %w", err)
	}
	b, err := s.Balance(ctx, tx, userID)
	if err != nil {
		return err
	}
	if b.Credit.Sub(b.Held).LessThan(minimum) {
		return fail.Coded(fail.PaymentRequired, "payment_required", "Add credits or a payment method first.")
	}
	return nil
}

// wallet is a customer's account from which an invoice can be paid.
type wallet struct {
	ID       uuid.UUID       `db:"id"`
	UserID   uuid.UUID       `db:"user_id"`
	Kind     string          `db:"kind"`
	Currency string          `db:"currency"`
	Free     decimal.Decimal `db:"free"`
}

// take is what one account pays.
type take struct {
	account uuid.UUID
	amount  decimal.Decimal
}

// takeFrom pays a total from a customer's credit, bonus first: at most what is
// there and never more than is owed (R11).
func takeFrom(own []wallet, currency string, total decimal.Decimal) []take {
	var takes []take
	for _, kind := range []string{kindBonus, kindCredit} {
		for _, w := range own {
			part := decimal.Min(w.Free.RoundFloor(money.Exponent(currency)), total)
			if w.Kind == kind && w.Currency == currency && part.IsPositive() {
				takes, total = append(takes, take{w.ID, part}), total.Sub(part)
			}
		}
	}
	return takes
}

// payment is an invoice and what credit paid of it.
type payment struct {
	invoice Invoice
	takes   []take
}

// postCredit books what credit paid of the invoices; the cause of each posting
// is its invoice (R11, R13).
func postCredit(ctx context.Context, tx tenants.Tx, paid []payment) error {
	revenue := map[string]uuid.UUID{}
	var entries []entry
	for _, p := range paid {
		if len(p.takes) == 0 {
			continue
		}
		currency := p.invoice.Currency
		if _, known := revenue[currency]; !known {
			id, err := accountOf(ctx, tx, kindRevenue, currency)
			if err != nil {
				return err
			}
			revenue[currency] = id
		}
		cause, text := "invoice:"+p.invoice.ID.String(), "Invoice "+p.invoice.Number
		entries = append(entries, entry{cause, revenue[currency], p.invoice.CreditApplied, text, "billing"})
		for _, t := range p.takes {
			entries = append(entries, entry{cause, t.account, t.amount.Neg(), text, "billing"})
		}
	}
	return post(ctx, tx, entries)
}
