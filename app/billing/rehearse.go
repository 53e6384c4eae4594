package billing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Rehearsed is an invoice as it would be made.
type Rehearsed struct {
	UserID     uuid.UUID
	Name       string
	Email      string
	Period     string // "October 2026"
	Currency   string
	Total      decimal.Decimal
	Due        decimal.Decimal  // after what is prepaid and after credit
	Last       *decimal.Decimal // the customer's invoice before; nil for a first one
	LastNumber string
	Odd        []string // why somebody should look at it, in words; none when all is as usual
}

// Rehearsal is what closing would do now.
type Rehearsal struct {
	Tenant string // the slug
	Period string // "October 2026", or the first and the last month
	Ended  bool   // the months are over, and what was rehearsed can be issued
	Rows   []Rehearsed
	Token  string // stands for the figures; Issue takes it
}

// Odd is how many invoices somebody should look at.
func (r Rehearsal) Odd() int {
	n := 0
	for _, row := range r.Rows {
		if len(row.Odd) > 0 {
			n++
		}
	}
	return n
}

// errRehearsed rolls a rehearsal back.
var errRehearsed = errors.New("this was a rehearsal")

// Rehearse works out every invoice that closing would make now, in one transaction
// that is rolled back, and holds each against the customer's invoice before. When no
// month has ended it shows what the running one comes to so far. The odd ones stand
// first, then the dearest. asOf stands for the present (zero: it is).
func (s *Service) Rehearse(ctx context.Context, t tenants.Tenant, asOf time.Time) (Rehearsal, error) {
	var r Rehearsal
	err := s.settle(ctx, t, func(tx tenants.Tx) error {
		made, cycles, err := closeAll(ctx, tx, asOf)
		if err != nil {
			return err
		}
		ended := len(cycles) > 0
		if !ended {
			c, err := firstOpen(ctx, tx)
			if err != nil {
				return err
			}
			if made, err = closeCycle(ctx, tx, c); err != nil {
				return err
			}
			cycles = []Cycle{c}
		}
		if r, err = rehearsalOf(ctx, tx, made, cycles); err != nil {
			return err
		}
		r.Ended = ended
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		err = nil
	}
	return r, err
}

// Issue makes exactly the invoices that were rehearsed: if anything has changed since
// it makes none and is fail.Conflict. It closes what has ended up to asOf (zero: now).
func (s *Service) Issue(ctx context.Context, t tenants.Tenant, asOf time.Time, token, actor string) ([]Invoice, error) {
	var made []Invoice
	err := s.settle(ctx, t, func(tx tenants.Tx) error {
		all, cycles, err := closeAll(ctx, tx, asOf)
		if err != nil {
			return err
		}
		if len(cycles) == 0 {
			return fail.New(fail.Conflict, "No month is waiting to be closed: the invoices have been made already, or the month has not ended.")
		}
		if tokenOf(all, cycles) != token {
			return fail.New(fail.Conflict, "Something has changed since the rehearsal, so nothing was issued. Look at the figures again.")
		}
		made = all
		return audit(ctx, tx, actor, "invoices.issued", cycles[len(cycles)-1].Name(), map[string]int{"invoices": len(all)})
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// closeAll closes every month that has ended, in the caller's transaction.
func closeAll(ctx context.Context, tx tenants.Tx, asOf time.Time) (made []Invoice, cycles []Cycle, err error) {
	for {
		if err := lock(ctx, tx); err != nil {
			return nil, nil, err
		}
		c, err := firstOpen(ctx, tx)
		if err != nil {
			return nil, nil, err
		}
		closed, more, err := closeNext(ctx, tx, asOf)
		if err != nil || !more {
			return made, cycles, err
		}
		made, cycles = append(made, closed...), append(cycles, c)
	}
}

func rehearsalOf(ctx context.Context, tx tenants.Tx, made []Invoice, cycles []Cycle) (Rehearsal, error) {
	r := Rehearsal{Tenant: tx.Tenant().Slug, Token: tokenOf(made, cycles), Period: cycles[0].Name()}
	if last := cycles[len(cycles)-1]; last.Month != cycles[0].Month {
		r.Period += " to " + last.Name()
	}
	users := make([]uuid.UUID, len(made))
	for i, inv := range made {
		users[i] = inv.UserID
	}
	people, err := payers(ctx, tx, users)
	if err != nil {
		return Rehearsal{}, err
	}
	before, err := earlierInvoices(ctx, tx, users, cycles[0].Start)
	if err != nil {
		return Rehearsal{}, err
	}
	for _, inv := range made {
		p := people[inv.UserID]
		row := Rehearsed{UserID: inv.UserID, Name: p.Name, Email: p.Email, Period: CycleOf(tx.Tenant().Zone, inv.PeriodStart).Name(),
			Currency: inv.Currency, Total: inv.Total, Due: inv.AmountDue}
		if last, known := before[purse{inv.UserID, inv.Currency}]; known {
			row.Last, row.LastNumber = &last.Total, last.Number
		}
		row.Odd = oddities(row, inv, p)
		r.Rows = append(r.Rows, row)
	}
	slices.SortStableFunc(r.Rows, func(a, b Rehearsed) int {
		return cmp.Or(cmp.Compare(len(b.Odd), len(a.Odd)), b.Total.Cmp(a.Total), cmp.Compare(a.Email, b.Email))
	})
	return r, nil
}

// oddTimes is how often the invoice before fits into one that is worth a look.
var oddTimes = decimal.NewFromInt(3)

// oddities are the reasons to look at an invoice before it goes out.
func oddities(r Rehearsed, inv Invoice, p payer) []string {
	var why []string
	say := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	switch {
	case r.Total.IsNegative() || r.Due.IsNegative():
		say("it is negative")
	case r.Total.IsZero():
		say("it comes to nothing")
	case r.Last != nil && r.Last.IsPositive() && r.Total.GreaterThan(r.Last.Mul(oddTimes)):
		say("over three times the last one, which was %s", inv.Money(*r.Last))
	}
	if p.Parked || inv.HeldFor != "" {
		say("the customer is parked, so it will not be collected")
	}
	if p.VATNumber == "" && p.TaxExempt {
		say("tax exempt, but without a tax id")
	} else if p.VATNumber == "" && p.Company != "" && inv.Tax.IsPositive() {
		say("a company without a tax id")
	}
	if r.Due.IsPositive() && !p.Method {
		say("no payment method, and not enough credit")
	}
	return why
}

// tokenOf stands for the months and the figures of all documents, whatever their ids.
func tokenOf(made []Invoice, cycles []Cycle) string {
	var lines []string
	for _, inv := range made {
		lines = append(lines, fmt.Sprint(inv.UserID, inv.Currency, inv.PeriodStart.Unix(), inv.PeriodEnd.Unix(), inv.Subtotal, inv.Discount, inv.Tax, inv.Total,
			inv.PrepaidApplied, inv.BonusApplied, inv.CreditApplied, inv.AmountDue, inv.HeldFor))
	}
	slices.Sort(lines)
	sum := sha256.New()
	for _, c := range cycles {
		fmt.Fprintln(sum, c.Key())
	}
	for _, l := range lines {
		fmt.Fprintln(sum, l)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
