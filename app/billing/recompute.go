package billing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Run is a session as an invoice is worked out from it again. Except are the
// numbers of its blocks that belong to other invoices or to none yet.
type Run struct {
	ID           uuid.UUID       `db:"id"`
	ServiceType  string          `db:"service_type"`
	TaxClass     string          `db:"tax_class"`
	PlanName     string          `db:"plan_name"`
	Rate         decimal.Decimal `db:"rate"`
	BlockSeconds int             `db:"block_seconds"`
	Currency     string          `db:"currency"`
	StartedAt    time.Time       `db:"started_at"`
	StoppedAt    *time.Time      `db:"stopped_at"`
	LastProofAt  time.Time       `db:"last_proof_at"`
	Except       []int32         `db:"except"`
}

// end is when the run ended, or until when it is proved. An open session has
// its first block from the first observation on.
func (r Run) end() time.Time {
	if r.StoppedAt != nil {
		return *r.StoppedAt
	}
	if r.LastProofAt.After(r.StartedAt) {
		return r.LastProofAt
	}
	return r.StartedAt.Add(time.Microsecond)
}

// begun is how many blocks begin before a time: ceil(length ÷ block), and none
// for a span that is empty or negative (R2, R7).
func (r Run) begun(before time.Time) int64 {
	if length := before.Sub(r.StartedAt); length > 0 {
		block := time.Duration(r.BlockSeconds) * time.Second
		return int64((length + block - 1) / block)
	}
	return 0
}

// blocksIn is how many of the run's blocks begin in a month (R3) and belong to
// the invoice.
func (r Run) blocksIn(month Cycle) int64 {
	until := r.end()
	if until.After(month.End) {
		until = month.End
	}
	first, end := r.begun(month.Start), r.begun(until)
	count := max(0, end-first)
	for _, no := range r.Except {
		if int64(no) >= first && int64(no) < end {
			count--
		}
	}
	return count
}

// Derived is a line worked out from sessions.
type Derived struct {
	ServiceType string
	Rate        decimal.Decimal
	Month       time.Time
	Blocks      int64
	Amount      decimal.Decimal
}

// Derive works out the lines of an invoice from sessions alone (R21): the blocks
// are counted from when a session ran, not from the rows that were charged.
func Derive(runs []Run, months []Cycle) []Derived {
	type key struct {
		service, class, rate, currency string
		month                          time.Time
	}
	lines, exact := map[key]*Derived{}, map[key]money.Exact{}
	for _, r := range runs {
		for _, m := range months {
			blocks := r.blocksIn(m)
			if blocks == 0 {
				continue
			}
			k := key{r.ServiceType, r.TaxClass, r.Rate.String(), r.Currency, m.Start}
			if lines[k] == nil {
				lines[k], exact[k] = &Derived{ServiceType: r.ServiceType, Rate: r.Rate, Month: m.Start}, money.Nothing(r.Currency)
			}
			exact[k] = exact[k].Add(money.Usage(r.Rate, blocks*int64(r.BlockSeconds), r.Currency))
			lines[k].Blocks += blocks
			lines[k].Amount = exact[k].Round().D
		}
	}
	var all []Derived
	for _, l := range lines {
		all = append(all, *l)
	}
	return all
}

// Check is what working an invoice out again came to.
type Check struct {
	Number      string
	Stored      Totals
	Derived     Totals
	Differences []string // in words; none when the invoice is right
}

// Right says that nothing differs.
func (c Check) Right() bool { return len(c.Differences) == 0 }

// Recompute works the invoice out again from its customer's sessions and says
// how it differs from what is stored: any difference is an alarm (R21). An
// unknown number is fail.NotFound. It writes nothing.
func (s *Service) Recompute(ctx context.Context, t tenants.Tenant, number string) (Check, error) {
	var (
		inv   Invoice
		lines []Line
		runs  []Run
	)
	if err := s.db.Read(ctx, t, recomputeQs(&inv, &lines, &runs, number)...); err != nil {
		return Check{}, err
	}
	var months []Cycle
	for _, l := range lines {
		m := Cycle{Start: l.PeriodStart, End: l.PeriodEnd}
		if !slices.ContainsFunc(months, func(o Cycle) bool { return o.Start.Equal(m.Start) }) {
			months = append(months, m)
		}
	}
	return compare(inv, lines, Derive(runs, months)), nil
}

// compare holds derived lines against the stored ones and the totals against
// those of the derived lines, with the discount and the tax rates as stored.
func compare(inv Invoice, stored []Line, derived []Derived) Check {
	c := Check{Number: inv.Number, Stored: inv.Totals}
	again := make([]Line, 0, len(stored))
	for _, l := range stored {
		var found Derived
		if at := match(derived, l); at >= 0 {
			found = derived[at]
			derived = slices.Delete(derived, at, at+1)
		}
		if found.Blocks != l.Blocks || !found.Amount.Equal(l.Amount) {
			c.differ("line %d says %d blocks for %s, the sessions say %d for %s", l.Position, l.Blocks, l.API(), found.Blocks, money.API(found.Amount, l.Currency))
		}
		l.Amount = found.Amount
		again = append(again, l)
	}
	for _, d := range derived {
		c.differ("the sessions have %d blocks of %s at %s that the invoice has not", d.Blocks, d.ServiceType, d.Rate)
	}
	c.Derived = Sum(again, inv.Discount, inv.Currency)
	if !c.Derived.Equal(c.Stored) {
		c.differ("the total is %s, the sessions come to %s", inv.API(inv.Total), inv.API(c.Derived.Total))
	}
	return c
}

// match finds the derived line of a stored one, -1 when there is none. Two lines
// that differ in their tax only are told apart by what they come to.
func match(derived []Derived, l Line) int {
	same := func(d Derived) bool {
		return d.ServiceType == l.WorkspaceType && d.Rate.Equal(l.CostPerHour) && d.Month.Equal(l.PeriodStart)
	}
	if at := slices.IndexFunc(derived, func(d Derived) bool { return same(d) && d.Blocks == l.Blocks }); at >= 0 {
		return at
	}
	return slices.IndexFunc(derived, same)
}

func (c *Check) differ(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}
