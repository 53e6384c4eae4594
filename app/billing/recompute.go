package billing

import (
	"bytes"
	"cmp"
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
	FreeBlocks   int             `db:"free_blocks"` // the first so many cost nothing
	Charged      int             `db:"charged"`     // blocks, of one that is known to be charged beyond its end; else 0
	Except       []int32         `db:"except"`
}

// end is when the run ended, or until when it is proved; of one that was charged beyond
// its end, the end of the last block: credit notes give those blocks back, the invoice
// keeps them (R19).
func (r Run) end() time.Time {
	ran, charged := r.ran(), r.StartedAt.Add(time.Duration(r.Charged)*time.Duration(r.BlockSeconds)*time.Second)
	if charged.After(ran) {
		return charged
	}
	return ran
}

// ran is until when the run went on. An open session has its first block from the
// first observation on.
func (r Run) ran() time.Time {
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
	first, end := r.span(month)
	return r.count(first, end)
}

// span are the numbers of the run's blocks that begin in a month: from the first up to
// but not the end.
func (r Run) span(month Cycle) (first, end int64) {
	until := r.end()
	if until.After(month.End) {
		until = month.End
	}
	first = r.begun(month.Start)
	return first, max(first, r.begun(until))
}

// count is how many of the blocks from first up to end belong to the invoice.
func (r Run) count(first, end int64) int64 {
	count := max(0, end-first)
	for _, no := range r.Except {
		if int64(no) >= first && int64(no) < end {
			count--
		}
	}
	return count
}

// paidFrom is the number of the first block in a span that has a price.
func (r Run) paidFrom(first, end int64) int64 { return min(end, max(first, int64(r.FreeBlocks))) }

// Derived is a line worked out from sessions.
type Derived struct {
	Kind        LineKind
	ServiceType string
	Rate        decimal.Decimal
	Month       time.Time
	Blocks      int64
	Exact       decimal.Decimal
	Amount      decimal.Decimal
}

// Cover is how much time a month of a plan has that is included: as the invoice says,
// like its tax rates and its discount.
type Cover struct {
	ServiceType string
	Month       time.Time
	Seconds     int64
}

// Derive works out the lines of an invoice from sessions alone (R21): the blocks
// are counted from when a session ran, not from the rows that were charged.
func Derive(runs []Run, months []Cycle, covers []Cover) []Derived {
	d := derivation{lines: map[derivedKey]*Derived{}, exact: map[derivedKey]money.Exact{}}
	for _, m := range months {
		free := includedOf(runs, m, covers)
		for i, r := range runs {
			first, end := r.span(m)
			paid := r.paidFrom(first, end)
			d.add(UsageLine, r, m, decimal.Zero, r.count(first, paid))
			d.add(IncludedLine, r, m, decimal.Zero, free[i])
			d.add(UsageLine, r, m, r.Rate, r.count(paid, end)-free[i])
		}
	}
	var all []Derived
	for _, l := range d.lines {
		all = append(all, *l)
	}
	return all
}

type derivedKey struct {
	kind                           LineKind
	service, class, rate, currency string
	month                          time.Time
}

type derivation struct {
	lines map[derivedKey]*Derived
	exact map[derivedKey]money.Exact
}

func (d derivation) add(kind LineKind, r Run, m Cycle, rate decimal.Decimal, blocks int64) {
	if blocks == 0 {
		return
	}
	k := derivedKey{kind, r.ServiceType, r.TaxClass, rate.String(), r.Currency, m.Start}
	if d.lines[k] == nil {
		d.lines[k] = &Derived{Kind: kind, ServiceType: r.ServiceType, Rate: rate, Month: m.Start}
		d.exact[k] = money.Nothing(r.Currency)
	}
	d.exact[k] = d.exact[k].Add(money.Usage(rate, blocks*int64(r.BlockSeconds), r.Currency))
	l := d.lines[k]
	l.Blocks, l.Exact, l.Amount = l.Blocks+blocks, d.exact[k].Places(12), d.exact[k].Round().D
}

// includedOf is how many blocks of each run included time pays for in a month: those
// that begin first, across all desktops of a plan (R25).
func includedOf(runs []Run, m Cycle, covers []Cover) map[int]int64 {
	free := map[int]int64{}
	for _, c := range covers {
		if !c.Month.Equal(m.Start) {
			continue
		}
		left := c.Seconds
		for _, b := range pricedBlocks(runs, m, c.ServiceType) {
			if left -= int64(runs[b.run].BlockSeconds); left < 0 {
				break
			}
			free[b.run]++
		}
	}
	return free
}

// begunBlock is a block of one of several runs.
type begunBlock struct {
	at  time.Time
	run int
	no  int64
}

// pricedBlocks are the blocks of a plan's runs in a month that have a price and belong
// to the invoice, in the order in which they begin.
func pricedBlocks(runs []Run, m Cycle, service string) []begunBlock {
	var all []begunBlock
	for i, r := range runs {
		first, end := r.span(m)
		for no := r.paidFrom(first, end); no < end && r.ServiceType == service && r.Rate.IsPositive(); no++ {
			if !slices.Contains(r.Except, int32(no)) {
				all = append(all, begunBlock{r.StartedAt.Add(time.Duration(no) * time.Duration(r.BlockSeconds) * time.Second), i, no})
			}
		}
	}
	slices.SortFunc(all, func(a, b begunBlock) int {
		return cmp.Or(a.at.Compare(b.at), bytes.Compare(runs[a.run].ID[:], runs[b.run].ID[:]), cmp.Compare(a.no, b.no))
	})
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
		inv     Invoice
		lines   []Line
		runs    []Run
		prepaid decimal.Decimal
	)
	if err := s.db.Read(ctx, t, recomputeQs(&inv, &lines, &runs, &prepaid, number)...); err != nil {
		return Check{}, err
	}
	var months []Cycle
	var covers []Cover
	for _, l := range lines {
		if l.Kind == IncludedLine {
			covers = append(covers, Cover{l.WorkspaceType, l.PeriodStart, l.Quantity.Mul(decimal.NewFromInt(3600)).Round(0).IntPart()})
		}
		m := Cycle{Start: l.PeriodStart, End: l.PeriodEnd}
		if l.isUsage() && !slices.ContainsFunc(months, func(o Cycle) bool { return o.Start.Equal(m.Start) }) {
			months = append(months, m)
		}
	}
	return compare(inv, lines, Derive(runs, months, covers), prepaid), nil
}

// isUsage says that sessions stand under the line.
func (l Line) isUsage() bool { return l.Kind == UsageLine || l.Kind == IncludedLine }

// compare holds derived lines against the stored ones and the totals against
// those of the derived lines, with the discount, the tax rates and the included time
// as stored. Credit notes come after an invoice and change nothing of it.
func compare(inv Invoice, stored []Line, derived []Derived, prepaid decimal.Decimal) Check {
	c := Check{Number: inv.Number, Stored: inv.Totals}
	again, blocks := make([]Line, 0, len(stored)), int64(0)
	for _, l := range stored {
		if l.isUsage() {
			var found Derived
			if at := match(derived, l); at >= 0 {
				found = derived[at]
				derived = slices.Delete(derived, at, at+1)
			}
			if found.Blocks != l.Blocks || !found.Amount.Equal(l.Amount) {
				c.differ("line %d says %d blocks for %s, the sessions say %d for %s", l.Position, l.Blocks, l.API(), found.Blocks, money.API(found.Amount, l.Currency))
			}
			l.Amount, l.Exact = found.Amount, found.Exact
			blocks += found.Blocks
		}
		again = append(again, l)
	}
	for _, d := range derived {
		c.differ("the sessions have %d blocks of %s at %s that the invoice has not", d.Blocks, d.ServiceType, d.Rate)
	}
	c.Derived = Sum(again, inv.Discount, inv.Currency)
	if !c.Derived.Equal(c.Stored) {
		c.differ("the total is %s, the sessions come to %s", inv.API(inv.Total), inv.API(c.Derived.Total))
	}
	if paid := settlePrepaid(again, c.Derived.Total, prepaid, blocks, inv.Currency).applied; !paid.Equal(inv.PrepaidApplied) {
		c.differ("%s of it was prepaid, the blocks paid %s", inv.API(inv.PrepaidApplied), inv.API(paid))
	}
	return c
}

// match finds the derived line of a stored one, -1 when there is none. Two lines
// that differ in their tax only are told apart by what they come to.
func match(derived []Derived, l Line) int {
	same := func(d Derived) bool {
		return d.Kind == l.Kind && d.ServiceType == l.WorkspaceType && d.Rate.Equal(l.CostPerHour) && d.Month.Equal(l.PeriodStart)
	}
	if at := slices.IndexFunc(derived, func(d Derived) bool { return same(d) && d.Blocks == l.Blocks }); at >= 0 {
		return at
	}
	return slices.IndexFunc(derived, same)
}

func (c *Check) differ(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}
