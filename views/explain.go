package views

import (
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

// LineProps explain one line of an invoice by the sessions behind it.
type LineProps struct {
	When
	billing.LineDetail
	First string // the page's beginning, when this is another one
	Later string // the next page, when there is one
}

func (p LineProps) title() string {
	return "Line " + strconv.Itoa(p.Line.Position) + " of " + p.Invoice.Number
}

// how is the line as a sum that anybody can check.
func (p LineProps) how() []Item {
	l := p.Line
	list := []Item{{Term: "Blocks", Text: many(l.Blocks, "block") + " of " + every(l.BlockSeconds)},
		{Term: "Hours", Text: l.Quantity.StringFixed(2)}, {Term: "An hour", Text: l.Rate()},
		{Term: "Exactly", Text: money.Rate(l.Exact, l.Currency)}, {Term: "Rounded once", Text: l.Money()}}
	if l.Discount.IsPositive() {
		term := strings.TrimSpace("Its part of the discount " + p.Invoice.CouponCode)
		list = append(list, Item{Term: term, Text: money.Of(l.Discount.Neg(), l.Currency).Format()})
	}
	if l.TaxPercent.IsPositive() {
		list = append(list, Item{Term: "Tax", Text: billing.TaxLine{Name: l.TaxName, Percent: l.TaxPercent, Inclusive: l.TaxInclusive}.Term()})
	}
	return append(list, Item{Term: "Period", Text: p.period(l.PeriodStart, l.PeriodEnd)})
}

func lineSessionColumns() []Column {
	return []Column{{Label: "Session"}, {Label: "Started by"}, {Label: "Ended"}, {Label: "Blocks", End: true}, {Label: "Exact", End: true}, {Label: "Prepaid", End: true}}
}

func prepaidOf(s billing.LineSession) string {
	if s.Prepaid.IsZero() {
		return "–"
	}
	return money.Rate(s.Prepaid, s.Currency)
}

// startedBy words who began a session, as it is stored.
func startedBy(stored string) string {
	if text, ok := map[string]string{"customer": "you", "staff": "the shop", "api": "a program with your key", "schedule": "its schedule", "system": "the product"}[stored]; ok {
		return text
	}
	return "not written down"
}

func endOf(w When, stopped *time.Time, by string) string {
	if stopped == nil {
		return "running"
	}
	return endedBy(by)
}

// ProofProps are what is known of one session, with a page of its blocks.
type ProofProps struct {
	When
	billing.SessionProof
	First string
	Later string
}

func (p ProofProps) title() string {
	return p.Evidence.PlanName + ", " + p.Evidence.StartedAt.In(p.Zone).Format("Jan 02, 2006")
}

// exactly is a time to the millisecond, since blocks are cut that finely.
func (w When) exactly(t time.Time) string {
	return t.In(w.Zone).Format("Jan 2, 2006, 15:04:05.000 MST")
}

func (p ProofProps) facts() []Item {
	e := p.Evidence
	list := []Item{{Term: "Started", Text: p.exactly(e.StartedAt) + ", by " + p.starter()}}
	if e.StoppedAt == nil {
		list = append(list, Item{Term: "Ended", Text: "It runs."})
	} else {
		list = append(list, Item{Term: "Ended", Text: p.exactly(*e.StoppedAt) + ": " + endedBy(e.EndedBy)})
	}
	list = append(list, Item{Term: "Last proof that it ran", Text: p.exactly(e.LastProofAt)},
		Item{Term: "Price", Text: money.Rate(e.Rate, e.Currency) + " an hour, version " + strconv.Itoa(e.PlanVersion) + " of the plan, kept from its start"},
		Item{Term: "Charged", Text: many(e.Blocks, "block") + " of " + every(e.BlockLength) + ", exactly " + e.Exact().Format()})
	if e.FreeBlocks > 0 {
		list = append(list, Item{Term: "Free", Text: many(int64(e.FreeBlocks), "block") + ": restarted inside a block that was paid"})
	}
	if e.Prepaid.IsPositive() {
		list = append(list, Item{Term: "Prepaid from credit, with tax", Text: money.Rate(e.Prepaid, e.Currency)})
	}
	if e.WrittenOff > 0 {
		list = append(list, Item{Term: "Not charged", Text: many(e.WrittenOff, "block") + " that ran while we could not reserve them"})
	}
	for _, c := range p.Credits {
		list = append(list, Item{Term: "Given back", Text: c.Number + ", " + c.Money() + ": " + c.Reason})
	}
	return list
}

func (p ProofProps) starter() string {
	keys := p.Evidence.Keys
	switch {
	case len(keys) == 1:
		return "a program with your key " + keys[0]
	case len(keys) > 1:
		return "a program with one of your keys (" + strings.Join(keys, ", ") + ")"
	}
	return startedBy(p.Evidence.StartedBy)
}

func blockColumns() []Column {
	return []Column{{Label: "Block"}, {Label: "Begins"}, {Label: "Proven to run"}, {Label: "Exact", End: true}, {Label: "Prepaid", End: true}, {Label: "Invoice", End: true}}
}

func blockPrepaid(b billing.BlockProof) string {
	if b.Prepaid.IsZero() {
		return "–"
	}
	return money.Rate(b.Prepaid, b.Currency)
}

func blockHref(b billing.BlockProof) string {
	return "/invoices/" + b.Number + "/lines/" + strconv.Itoa(b.Position)
}

// prices is the plan's history of prices, newest first, as far as it is stored.
func (p ProofProps) prices() []Item {
	var list []Item
	for _, change := range p.Prices {
		version, hour, ok := change.Version()
		if !ok {
			continue
		}
		text := money.Rate(hour, p.Evidence.Currency) + " an hour since " + p.exactly(change.At)
		if version == p.Evidence.PlanVersion {
			text += ", the price of this session"
		}
		list = append(list, Item{Term: "Version " + strconv.Itoa(version), Text: text})
	}
	return list
}

// CreditNoteProps is a credit note as a document.
type CreditNoteProps struct {
	When
	Note  billing.CreditDocument
	Items []billing.CreditItem
}

func creditColumns() []Column {
	return []Column{{Label: "What"}, {Label: "Blocks", End: true}, {Label: "Tax", End: true}, {Label: "Amount", End: true}}
}

func (p CreditNoteProps) sums() []Item {
	n := p.Note
	list := []Item{{Term: "Net", Text: n.Money(n.Net)}}
	if !n.Tax.IsZero() {
		list = append(list, Item{Term: "Tax", Text: n.Money(n.Tax)})
	}
	return append(append(list, Item{Term: "Total given back", Text: n.Money(n.Total), Total: true}), items(n.Went())...)
}

func creditBlocks(i billing.CreditItem) string {
	if i.Blocks == 0 {
		return "–"
	}
	return strconv.FormatInt(i.Blocks, 10)
}
