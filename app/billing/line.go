package billing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// charge is what of one session is on no invoice yet, in one month: the blocks
// First to Last. The month is counted from one among the months of a closing.
type charge struct {
	SessionID    uuid.UUID       `db:"session_id"`
	StartedAt    time.Time       `db:"started_at"`
	UserID       uuid.UUID       `db:"user_id"`
	Currency     string          `db:"currency"`
	ServiceType  string          `db:"service_type"`
	PlanName     string          `db:"plan_name"`
	TaxClass     string          `db:"tax_class"`
	Rate         decimal.Decimal `db:"rate"`
	BlockSeconds int             `db:"block_seconds"`
	Month        int             `db:"month"`
	First        int             `db:"first"`
	Last         int             `db:"last"`
	Blocks       int64           `db:"blocks"`
	Seconds      int64           `db:"seconds"`
}

// usage is what the charges of one customer, plan, rate and month add up to: all
// that a line needs.
type usage struct {
	UserID       uuid.UUID
	Currency     string
	ServiceType  string
	PlanName     string
	TaxClass     string
	Rate         decimal.Decimal
	BlockSeconds int
	Month        int
	Blocks       int64
	Seconds      int64
	charges      []charge
}

// addUp gathers charges into what becomes lines. A plan renamed in between is
// billed under its latest name.
func addUp(charges []charge) []usage {
	type key struct {
		user                           uuid.UUID
		currency, service, class, rate string
		month                          int
	}
	slices.SortFunc(charges, func(a, b charge) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.SessionID.String(), b.SessionID.String()), cmp.Compare(a.First, b.First))
	})
	at := map[key]int{}
	var all []usage
	for _, c := range charges {
		k := key{c.UserID, c.Currency, c.ServiceType, c.TaxClass, c.Rate.String(), c.Month}
		i, known := at[k]
		if !known {
			i = len(all)
			at[k] = i
			all = append(all, usage{UserID: c.UserID, Currency: c.Currency, ServiceType: c.ServiceType, TaxClass: c.TaxClass, Rate: c.Rate, Month: c.Month})
		}
		u := &all[i]
		u.PlanName, u.BlockSeconds = c.PlanName, c.BlockSeconds
		u.Blocks, u.Seconds, u.charges = u.Blocks+c.Blocks, u.Seconds+c.Seconds, append(u.charges, c)
	}
	return all
}

// Line is one workspace type at one rate in one calendar month of the shop's
// zone (R9). Late usage has a line of its own month on a later invoice (R19).
type Line struct {
	ID            uuid.UUID       `db:"id" json:"id"`
	InvoiceID     uuid.UUID       `db:"invoice_id" json:"invoice_id"`
	Position      int             `db:"position" json:"position"`
	Description   string          `db:"description" json:"description"`
	WorkspaceType string          `db:"workspace_type" json:"workspace_type"`
	CostPerHour   decimal.Decimal `db:"cost_per_hour" json:"cost_per_hour"`
	BlockSeconds  int             `db:"block_seconds" json:"block_seconds"`
	Blocks        int64           `db:"blocks" json:"blocks"`
	Quantity      decimal.Decimal `db:"quantity" json:"quantity"` // hours
	Exact         decimal.Decimal `db:"exact" json:"exact"`       // before rounding, 12 places
	Discount      decimal.Decimal `db:"discount" json:"discount"`
	Amount        decimal.Decimal `db:"amount" json:"amount"` // rounded once, before discount and tax
	TaxName       string          `db:"tax_name" json:"tax_name"`
	TaxPercent    decimal.Decimal `db:"tax_percent" json:"tax_percent"`
	TaxInclusive  bool            `db:"tax_inclusive" json:"tax_inclusive"`
	Currency      string          `db:"currency" json:"currency"`
	PeriodStart   time.Time       `db:"period_start" json:"period_start"`
	PeriodEnd     time.Time       `db:"period_end" json:"period_end"`
}

// lineOf prices usage: the exact sum of its blocks, rounded once (R8, R9).
func lineOf(u usage, month Cycle, tax TaxRate) Line {
	exact := money.Usage(u.Rate, u.Seconds, u.Currency)
	return Line{
		Description:   fmt.Sprintf("%s at %s/hour, %s", u.PlanName, money.Rate(u.Rate, u.Currency), month.Name()),
		WorkspaceType: u.ServiceType,
		CostPerHour:   u.Rate,
		BlockSeconds:  u.BlockSeconds,
		Blocks:        u.Blocks,
		Quantity:      decimal.NewFromInt(u.Seconds).DivRound(decimal.NewFromInt(3600), 6),
		Exact:         exact.Places(12),
		Amount:        exact.Round().D,
		TaxName:       tax.Name,
		TaxPercent:    tax.Percent,
		TaxInclusive:  tax.Inclusive,
		Currency:      u.Currency,
		PeriodStart:   month.Start,
		PeriodEnd:     month.End,
	}
}

// document is an invoice being drawn up: one customer in one currency.
type document struct {
	userID   uuid.UUID
	currency string
	usage    []usage // of each line, in the same order
	lines    []Line
	totals   Totals
}

// draw turns the usage of any number of customers into documents, one for each
// customer and currency: oldest month first, then by plan and rate.
func draw(all []usage, months []Cycle, taxes []TaxRate) []document {
	slices.SortFunc(all, func(a, b usage) int {
		return cmp.Or(cmp.Compare(a.UserID.String(), b.UserID.String()), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Month, b.Month),
			cmp.Compare(a.PlanName, b.PlanName), cmp.Compare(a.ServiceType, b.ServiceType), a.Rate.Cmp(b.Rate), cmp.Compare(a.TaxClass, b.TaxClass))
	})
	var docs []document
	for _, u := range all {
		last := len(docs) - 1
		if last < 0 || docs[last].userID != u.UserID || docs[last].currency != u.Currency {
			docs = append(docs, document{userID: u.UserID, currency: u.Currency})
			last++
		}
		line := lineOf(u, months[u.Month-1], rateFor(taxes, u.TaxClass))
		line.Position = len(docs[last].lines) + 1
		docs[last].lines, docs[last].usage = append(docs[last].lines, line), append(docs[last].usage, u)
	}
	for i := range docs {
		docs[i].totals = Sum(docs[i].lines, decimal.Zero, docs[i].currency)
	}
	return docs
}
