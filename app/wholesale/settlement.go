package wholesale

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Settled is what the blocks of one plan at one pair of rates came to in a calendar
// month, and where they stand on both sides (R24). All of it is counted from the
// same rows, in seconds; the amounts follow.
type Settled struct {
	ServiceType   string          `db:"service_type"`
	PlanName      string          `db:"plan_name"`
	Currency      string          `db:"currency"`
	Rate          decimal.Decimal `db:"rate"`
	WholesaleRate decimal.Decimal `db:"wholesale_rate"`
	Blocks        int64           `db:"blocks"`
	Seconds       int64           `db:"seconds"`

	RetailInvoiced    int64 `db:"retail_invoiced"`
	RetailIncluded    int64 `db:"retail_included"` // on an invoice, paid for by a monthly price
	RetailOpen        int64 `db:"retail_open"`     // on no invoice yet
	WholesaleInvoiced int64 `db:"wholesale_invoiced"`
	WholesaleCovered  int64 `db:"wholesale_covered"` // paid for by a commission
	WholesaleOpen     int64 `db:"wholesale_open"`
}

// Side is one side of a month in one currency. Total is what the blocks come to,
// and the other three are its parts.
type Side struct {
	Total    money.Exact
	Invoiced money.Exact
	Included money.Exact // included time on the retail side, a commission's on the other
	Open     money.Exact
}

// Proved says that the parts are the whole, exactly.
func (s Side) Proved() bool { return s.Invoiced.Add(s.Included).Add(s.Open).Cmp(s.Total) == 0 }

// Lines is what the lines came to that the month's blocks stand on: what was
// rounded, before it was, and the blocks of these lines added up anew.
type Lines struct {
	Currency string          `db:"currency"`
	Count    int             `db:"count"`
	Amount   decimal.Decimal `db:"amount"`
	Exact    decimal.Decimal `db:"exact"`
	Wrong    int             `db:"wrong"` // lines that are not the sum of their blocks
}

// Rounding is what rounding each line once added or took.
func (l Lines) Rounding() decimal.Decimal { return l.Amount.Sub(l.Exact) }

// Named are the differences between blocks and money that have a name.
type Named struct {
	Currency           string          `db:"currency"`
	Discounts          decimal.Decimal `db:"discounts"` // coupons, on the lines of the month's blocks
	Credited           decimal.Decimal `db:"credited"`  // by credit notes on those invoices
	WrittenOff         decimal.Decimal `db:"written_off"`
	WrittenOffSupplier decimal.Decimal `db:"written_off_supplier"`
}

// Settlement is both sides of the same blocks in one calendar month of a shop's
// zone, in one currency.
type Settlement struct {
	Currency  string
	Rows      []Settled
	Retail    Side
	Wholesale Side
	RetailDoc Lines
	WholeDoc  Lines
	Named     Named
}

// Margin is what stays with the reseller: the difference of the two figures as
// people read them.
func (s Settlement) Margin() money.Amount {
	return money.Of(s.Retail.Total.Round().D.Sub(s.Wholesale.Total.Round().D), s.Currency)
}

// Proved says that both sides are the sum of their parts and every line is the sum
// of its blocks.
func (s Settlement) Proved() bool {
	return s.Retail.Proved() && s.Wholesale.Proved() && s.RetailDoc.Wrong == 0 && s.WholeDoc.Wrong == 0
}

// Margin is that of one plan and pair of rates, of the two rounded sides.
func (r Settled) Margin() money.Amount {
	return money.Of(r.Retail().Round().D.Sub(r.Wholesale().Round().D), r.Currency)
}

// Retail and Wholesale are what the blocks come to on either side.
func (r Settled) Retail() money.Exact { return money.Usage(r.Rate, r.Seconds, r.Currency) }

// Wholesale is the reseller's side of the same blocks.
func (r Settled) Wholesale() money.Exact {
	return money.Usage(r.WholesaleRate, r.Seconds, r.Currency)
}

// Settlement works out a calendar month of a shop from its blocks, whenever they
// are invoiced, one settlement a currency. Read in one snapshot, so that the parts
// are those of one moment.
func (s *Service) Settlement(ctx context.Context, t tenants.Tenant, month time.Time) ([]Settlement, error) {
	c := billing.CycleOf(t.Zone, month)
	var rows []Settled
	var retail, supplier []Lines
	var named []Named
	err := s.DB.Read(ctx, t, settledQ(&rows, c.Start, c.End), retailLinesQ(&retail, c.Start, c.End), wholesaleLinesQ(&supplier, c.Start, c.End), namedQ(&named, c.Start, c.End))
	if err != nil {
		return nil, err
	}
	return settle(rows, retail, supplier, named), nil
}

func settle(rows []Settled, retail, supplier []Lines, named []Named) (all []Settlement) {
	for _, r := range rows {
		at := slices.IndexFunc(all, func(s Settlement) bool { return s.Currency == r.Currency })
		if at < 0 {
			none := money.Nothing(r.Currency)
			at, all = len(all), append(all, Settlement{Currency: r.Currency, Retail: Side{none, none, none, none}, Wholesale: Side{none, none, none, none}})
		}
		s := &all[at]
		s.Rows = append(s.Rows, r)
		s.Retail.add(r.Rate, r.Currency, r.Seconds, r.RetailInvoiced, r.RetailIncluded, r.RetailOpen)
		s.Wholesale.add(r.WholesaleRate, r.Currency, r.Seconds, r.WholesaleInvoiced, r.WholesaleCovered, r.WholesaleOpen)
	}
	for i := range all {
		s := &all[i]
		s.RetailDoc, s.WholeDoc = linesOf(retail, s.Currency), linesOf(supplier, s.Currency)
		for _, n := range named {
			if n.Currency == s.Currency {
				s.Named = n
			}
		}
	}
	return all
}

func (s *Side) add(rate decimal.Decimal, currency string, all, invoiced, included, open int64) {
	s.Total = s.Total.Add(money.Usage(rate, all, currency))
	s.Invoiced = s.Invoiced.Add(money.Usage(rate, invoiced, currency))
	s.Included = s.Included.Add(money.Usage(rate, included, currency))
	s.Open = s.Open.Add(money.Usage(rate, open, currency))
}

func linesOf(all []Lines, currency string) Lines {
	for _, l := range all {
		if l.Currency == currency {
			return l
		}
	}
	return Lines{Currency: currency}
}

// Mirror is one line of the other side of the same blocks; without a number the
// blocks are on no invoice of that side yet.
type Mirror struct {
	ItemID      *uuid.UUID      `db:"item_id"`
	Number      string          `db:"number"`
	Who         string          `db:"who"` // the customer's e-mail address, on the retail side
	Description string          `db:"description"`
	Rate        decimal.Decimal `db:"rate"`
	Currency    string          `db:"currency"`
	Blocks      int64           `db:"blocks"`
	Seconds     int64           `db:"seconds"`
}

// Amount is what these blocks come to on that side, before rounding.
func (m Mirror) Amount() money.Exact { return money.Usage(m.Rate, m.Seconds, m.Currency) }

// Stretch is what one session has on a wholesale line.
type Stretch struct {
	SessionID uuid.UUID       `db:"session_id"`
	Who       string          `db:"who"`
	StartedAt time.Time       `db:"started_at"`
	StoppedAt *time.Time      `db:"stopped_at"`
	StartedBy string          `db:"started_by"`
	EndedBy   string          `db:"ended_by"`
	First     int             `db:"first"`
	Last      int             `db:"last"`
	Seconds   int64           `db:"seconds"`
	Rate      decimal.Decimal `db:"rate"`
	Currency  string          `db:"currency"`
}

// Amount is what the stretch comes to, before rounding.
func (s Stretch) Amount() money.Exact { return money.Usage(s.Rate, s.Seconds, s.Currency) }
