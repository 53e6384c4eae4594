package billing

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// usage is what blocks of one customer, plan, rate and month add up to: all that a
// line needs, and which blocks they are. The month is counted from one among the
// months of a closing.
type usage struct {
	Kind         LineKind        `db:"kind"` // UsageLine or IncludedLine
	UserID       uuid.UUID       `db:"user_id"`
	Currency     string          `db:"currency"`
	ServiceType  string          `db:"service_type"`
	PlanName     string          `db:"plan_name"`
	TaxClass     string          `db:"tax_class"`
	Rate         decimal.Decimal `db:"rate"`
	BlockSeconds int             `db:"block_seconds"`
	Latest       time.Time       `db:"latest"` // when the latest session began
	Month        int             `db:"month"`
	Blocks       int64           `db:"blocks"`
	Seconds      int64           `db:"seconds"`
	Prepaid      decimal.Decimal `db:"prepaid"` // taken from credit for them, with tax
	// Of each session, its blocks from one number to another.
	Sessions []uuid.UUID `db:"sessions"`
	Firsts   []int32     `db:"firsts"`
	Lasts    []int32     `db:"lasts"`
}

// merged brings usage together that belongs on one line. A plan that was renamed, or
// sold in other blocks, goes by what its latest session says.
func merged(all []usage) []usage {
	type key struct {
		kind                           LineKind
		user                           uuid.UUID
		currency, service, class, rate string
		month                          int
	}
	at := map[key]int{}
	var lines []usage
	for _, u := range all {
		k := key{u.Kind, u.UserID, u.Currency, u.ServiceType, u.TaxClass, u.Rate.String(), u.Month}
		i, known := at[k]
		if !known {
			at[k] = len(lines)
			lines = append(lines, u)
			continue
		}
		l := &lines[i]
		if later := cmp.Or(u.Latest.Compare(l.Latest), cmp.Compare(u.PlanName, l.PlanName), cmp.Compare(u.BlockSeconds, l.BlockSeconds)); later > 0 {
			l.PlanName, l.BlockSeconds, l.Latest = u.PlanName, u.BlockSeconds, u.Latest
		}
		l.Blocks, l.Seconds, l.Prepaid = l.Blocks+u.Blocks, l.Seconds+u.Seconds, l.Prepaid.Add(u.Prepaid)
		l.Sessions, l.Firsts, l.Lasts = append(l.Sessions, u.Sessions...), append(l.Firsts, u.Firsts...), append(l.Lasts, u.Lasts...)
	}
	return lines
}

// Line is one workspace type at one rate in one calendar month of the shop's
// zone (R9), or a price that is no usage. Late usage has a line of its own month on
// a later invoice (R19).
type Line struct {
	ID            uuid.UUID       `db:"id" json:"id"`
	InvoiceID     uuid.UUID       `db:"invoice_id" json:"invoice_id"`
	Position      int             `db:"position" json:"position"`
	Kind          LineKind        `db:"kind" json:"kind"`
	Description   string          `db:"description" json:"description"`
	WorkspaceType string          `db:"workspace_type" json:"workspace_type"`
	CostPerHour   decimal.Decimal `db:"cost_per_hour" json:"cost_per_hour"`
	BlockSeconds  int             `db:"block_seconds" json:"block_seconds"`
	Blocks        int64           `db:"blocks" json:"blocks"`
	Quantity      decimal.Decimal `db:"quantity" json:"quantity"` // hours
	Exact         decimal.Decimal `db:"exact" json:"exact"`       // before rounding, 12 places
	Discount      decimal.Decimal `db:"discount" json:"discount"`
	Amount        decimal.Decimal `db:"amount" json:"amount"` // rounded once, before discount and tax
	TaxClass      string          `db:"tax_class" json:"tax_class"`
	TaxName       string          `db:"tax_name" json:"tax_name"`
	TaxPercent    decimal.Decimal `db:"tax_percent" json:"tax_percent"`
	TaxInclusive  bool            `db:"tax_inclusive" json:"tax_inclusive"`
	Currency      string          `db:"currency" json:"currency"`
	PeriodStart   time.Time       `db:"period_start" json:"period_start"`
	PeriodEnd     time.Time       `db:"period_end" json:"period_end"`

	SubscriptionID *uuid.UUID `db:"subscription_id" json:"subscription_id"` // of a monthly price (R25)
}

// LineKind is what a line is about.
type LineKind string

// The kinds of a line. Usage that included time pays for stands on a line of its own.
const (
	UsageLine        LineKind = "usage"
	IncludedLine     LineKind = "included"
	SubscriptionLine LineKind = "subscription"
	ManualLine       LineKind = "manual"
)

// lineOf prices usage: the exact sum of its blocks, rounded once (R8, R9). Included
// time costs nothing; its rate is zero already.
func lineOf(u usage, month Cycle) Line {
	exact := money.Usage(u.Rate, u.Seconds, u.Currency)
	text := fmt.Sprintf("%s at %s/hour, %s", u.PlanName, money.Rate(u.Rate, u.Currency), month.Name())
	if u.Kind == IncludedLine {
		text = fmt.Sprintf("%s, included time, %s", u.PlanName, month.Name())
	}
	return Line{
		Kind:          u.Kind,
		Description:   text,
		WorkspaceType: u.ServiceType,
		CostPerHour:   u.Rate,
		BlockSeconds:  u.BlockSeconds,
		Blocks:        u.Blocks,
		Quantity:      decimal.NewFromInt(u.Seconds).DivRound(decimal.NewFromInt(3600), 6),
		Exact:         exact.Places(12),
		Amount:        exact.Round().D,
		TaxClass:      u.TaxClass,
		Currency:      u.Currency,
		PeriodStart:   month.Start,
		PeriodEnd:     month.End,
	}
}

// document is an invoice being drawn up: one customer in one currency.
type document struct {
	userID   uuid.UUID
	currency string
	usage    []usage // of the first lines, in the same order
	lines    []Line
	coupon   string
	totals   Totals
	settled  settlement
}

// draw turns the usage of any number of customers into documents, one for each
// customer and currency: oldest month first, then by plan and rate, then what is no
// usage.
func draw(all []usage, months []Cycle, others []advance) []document {
	slices.SortFunc(all, func(a, b usage) int {
		return cmp.Or(bytes.Compare(a.UserID[:], b.UserID[:]), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Month, b.Month),
			cmp.Compare(a.PlanName, b.PlanName), cmp.Compare(a.ServiceType, b.ServiceType), a.Rate.Cmp(b.Rate), cmp.Compare(a.TaxClass, b.TaxClass),
			cmp.Compare(a.Kind, b.Kind))
	})
	at := map[owner]int{}
	var docs []document
	of := func(user uuid.UUID, currency string) *document {
		i, known := at[owner{user, currency}]
		if !known {
			i = len(docs)
			at[owner{user, currency}] = i
			docs = append(docs, document{userID: user, currency: currency})
		}
		return &docs[i]
	}
	for _, u := range all {
		doc := of(u.UserID, u.Currency)
		doc.lines, doc.usage = append(doc.lines, lineOf(u, months[u.Month-1])), append(doc.usage, u)
	}
	for _, a := range others {
		doc := of(a.userID, a.line.Currency)
		doc.lines = append(doc.lines, a.line)
	}
	return docs
}

// prepaid is what was taken from credit for the document's blocks, and how many
// blocks there are.
func (d document) prepaid() (taken decimal.Decimal, blocks int64) {
	for _, u := range d.usage {
		taken, blocks = taken.Add(u.Prepaid), blocks+u.Blocks
	}
	return taken, blocks
}
