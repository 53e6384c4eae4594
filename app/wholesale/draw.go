package wholesale

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// charge is what of one session is on no wholesale line yet, in one cycle: the
// blocks First to Last, without a gap. The cycle is counted from one.
type charge struct {
	SessionID    uuid.UUID       `db:"session_id" json:"session_id"`
	StartedAt    time.Time       `db:"started_at" json:"-"`
	ServiceType  string          `db:"service_type" json:"-"`
	PlanName     string          `db:"plan_name" json:"-"`
	Rate         decimal.Decimal `db:"rate" json:"-"`
	Currency     string          `db:"currency" json:"-"`
	BlockSeconds int             `db:"block_seconds" json:"-"`
	Period       int             `db:"period" json:"-"`
	First        int             `db:"first" json:"first"`
	Last         int             `db:"last" json:"last"`
	Blocks       int64           `db:"blocks" json:"-"`
	Seconds      int64           `db:"seconds" json:"-"`
}

// monthly is a customer's line for a monthly price that has no wholesale line yet.
type monthly struct {
	ItemID      uuid.UUID       `db:"item_id"`
	ServiceType string          `db:"service_type"`
	PlanName    string          `db:"plan_name"`
	Price       decimal.Decimal `db:"price"` // wholesale, a month
	Currency    string          `db:"currency"`
	PeriodStart time.Time       `db:"period_start"`
	PeriodEnd   time.Time       `db:"period_end"`

	month     time.Time // the first day
	days, all int       // of the month, and how many it has
}

// receipt is money of a customer that came in, or below zero went back.
type receipt struct {
	Kind     string          `db:"kind" json:"kind"` // payment, refund
	SourceID uuid.UUID       `db:"source_id" json:"source_id"`
	At       time.Time       `db:"at" json:"at"`
	Gross    decimal.Decimal `db:"gross" json:"gross"`
	Net      decimal.Decimal `db:"net" json:"net"` // without tax, 12 places
	Currency string          `db:"currency" json:"currency"`
}

// supply is all that a cycle is drawn from.
type supply struct {
	cycle    Cycle
	periods  []Cycle // those that blocks may belong to, the cycle itself last
	charges  []charge
	monthly  []monthly
	receipts []receipt
}

// draw makes the lines of a cycle, in the order of the document.
func draw(t Terms, zone *time.Location, s supply) []*Item {
	items := append(usageItems(s, t.Mode), monthlyItems(zone, s, t.Mode)...)
	if t.Mode == ModeCommission {
		items = append(items, commissionItems(t, s)...)
	}
	if fee := feeItem(t, s.cycle); fee != nil {
		items = append(items, fee)
	}
	return items
}

// usageItems gathers blocks into one line a plan, rate and cycle (R9). A plan that
// was renamed in between stands under its latest name.
func usageItems(s supply, mode string) []*Item {
	type key struct {
		currency, service, rate string
		period                  int
	}
	slices.SortFunc(s.charges, func(a, b charge) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.SessionID.String(), b.SessionID.String()), cmp.Compare(a.First, b.First))
	})
	at := map[key]*Item{}
	var items []*Item
	for _, c := range s.charges {
		k := key{c.Currency, c.ServiceType, c.Rate.String(), max(1, c.Period)}
		i := at[k]
		if i == nil {
			period := s.periods[k.period-1]
			i = &Item{ID: uuid.New(), Kind: KindUsage, ServiceType: c.ServiceType, Rate: c.Rate, Currency: c.Currency, PeriodStart: period.Start, PeriodEnd: period.End}
			at[k], items = i, append(items, i)
		}
		i.PlanName, i.BlockSeconds = c.PlanName, c.BlockSeconds
		i.Blocks, i.Seconds = i.Blocks+c.Blocks, i.Seconds+c.Seconds
		i.drawn.charges = append(i.drawn.charges, c)
	}
	slices.SortStableFunc(items, func(a, b *Item) int {
		return cmp.Or(a.PeriodStart.Compare(b.PeriodStart), cmp.Compare(a.PlanName, b.PlanName), cmp.Compare(a.ServiceType, b.ServiceType), a.Rate.Cmp(b.Rate))
	})
	for _, i := range items {
		exact := money.Usage(i.Rate, i.Seconds, i.Currency)
		i.Quantity = decimal.NewFromInt(i.Seconds).DivRound(decimal.NewFromInt(3600), 6)
		i.Exact, i.Amount = exact.Places(12), exact.Round().D
		i.Description = fmt.Sprintf("%s at %s/hour", i.PlanName, money.Rate(i.Rate, i.Currency))
		if mode == ModeCommission {
			i.cover()
		}
	}
	return items
}

// monthlyItems gathers the monthly prices of one plan in one month: the same days
// as on the customers' lines (R25).
func monthlyItems(zone *time.Location, s supply, mode string) []*Item {
	type key struct {
		currency, service, price string
		month                    time.Time
	}
	at := map[key]*Item{}
	var items []*Item
	for _, m := range s.monthly {
		m.span(zone)
		k := key{m.Currency, m.ServiceType, m.Price.String(), m.month}
		i := at[k]
		if i == nil {
			i = &Item{ID: uuid.New(), Kind: KindSubscription, ServiceType: m.ServiceType, PlanName: m.PlanName, Rate: m.Price, Currency: m.Currency,
				PeriodStart: begins(zone, m.month), PeriodEnd: begins(zone, m.month.AddDate(0, 1, 0))}
			at[k], items = i, append(items, i)
		}
		i.drawn.subs = append(i.drawn.subs, m)
	}
	slices.SortStableFunc(items, func(a, b *Item) int {
		return cmp.Or(a.PeriodStart.Compare(b.PeriodStart), cmp.Compare(a.PlanName, b.PlanName), a.Rate.Cmp(b.Rate))
	})
	for _, i := range items {
		days, all := 0, i.drawn.subs[0].all
		for _, m := range i.drawn.subs {
			days += m.days
		}
		i.prorate(i.Rate, days, all)
		i.Quantity = decimal.NewFromInt(int64(days)).DivRound(decimal.NewFromInt(int64(all)), 6)
		i.Description = fmt.Sprintf("%s, %s a month, %d of %d days in %s", i.PlanName, i.Money(i.Rate), days, all*len(i.drawn.subs), i.drawn.subs[0].month.Format("January 2006"))
		if mode == ModeCommission {
			i.cover()
		}
	}
	return items
}

// span works out how many days of which month the customer's line is about.
func (m *monthly) span(zone *time.Location) {
	from, to := civil(zone, m.PeriodStart), civil(zone, m.PeriodEnd)
	m.month = time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)
	m.days, m.all = daysBetween(from, to), daysBetween(m.month, m.month.AddDate(0, 1, 0))
}

// cover takes a line off the document: a commission pays for it.
func (i *Item) cover() {
	i.Kind, i.Amount = KindCovered, decimal.Zero
	i.Description += ", covered by the commission"
}

// prorate is price × days ÷ all, rounded once.
func (i *Item) prorate(price decimal.Decimal, days, all int) {
	part, whole := price.Mul(decimal.NewFromInt(int64(days))), decimal.NewFromInt(int64(all))
	i.Exact, i.Amount = part.DivRound(whole, 12), part.DivRound(whole, money.Exponent(i.Currency))
}

// commissionItems is the share of what customers paid, one line a currency. While
// more went back than came in, nothing is drawn: it counts in the next cycle.
func commissionItems(t Terms, s supply) (items []*Item) {
	by := map[string][]receipt{}
	for _, r := range s.receipts {
		by[r.Currency] = append(by[r.Currency], r)
	}
	hundred := decimal.NewFromInt(100)
	for currency, list := range by {
		net := decimal.Zero
		for _, r := range list {
			net = net.Add(r.Net)
		}
		if net.IsNegative() {
			continue
		}
		share := net.Mul(t.Commission)
		i := &Item{ID: uuid.New(), Kind: KindCommission, Rate: t.Commission, Currency: currency, PeriodStart: s.cycle.Start, PeriodEnd: s.cycle.End,
			Quantity: net.Round(6), Exact: share.DivRound(hundred, 12), Amount: share.DivRound(hundred, money.Exponent(currency)), drawn: drawn{moneys: list}}
		i.Description = fmt.Sprintf("Commission of %s %% on %s that your customers paid, net of tax and refunds", t.Commission, money.Of(net, currency).Round())
		items = append(items, i)
	}
	slices.SortFunc(items, func(a, b *Item) int { return cmp.Compare(a.Currency, b.Currency) })
	return items
}

// feeItem is the platform fee for the days of the cycle that it is due for; nil
// when there is none (R24).
func feeItem(t Terms, c Cycle) *Item {
	days, whole := t.feeDays(c)
	if days == 0 || !t.Fee.IsPositive() {
		return nil
	}
	i := &Item{ID: uuid.New(), Kind: KindFee, Rate: t.Fee, Currency: t.Currency, PeriodStart: c.Start, PeriodEnd: c.End, Quantity: decimal.NewFromInt(int64(days))}
	i.prorate(t.Fee, days, whole)
	i.Description = "Platform fee"
	if days < whole {
		i.Description = fmt.Sprintf("Platform fee, %d of %d days", days, whole)
	}
	return i
}

// documents puts lines on one document a currency, the reseller's own first.
func documents(t Terms, c Cycle, at time.Time, items []*Item) []*Document {
	zone := t.Zone()
	by := map[string]*Document{}
	var docs []*Document
	for _, i := range items {
		if i.Kind == KindCovered {
			continue
		}
		d := by[i.Currency]
		if d == nil {
			d = &Document{ID: uuid.New(), CycleStart: c.Start, CycleEnd: c.End, Currency: i.Currency, Mode: t.Mode, Tier: t.Tier, CreatedAt: at,
				DueDate: civil(zone, at).AddDate(0, 0, t.TermDays), Description: "Wholesale, " + c.Name(zone)}
			by[i.Currency], docs = d, append(docs, d)
		}
		d.add(i)
	}
	slices.SortStableFunc(docs, func(a, b *Document) int {
		return cmp.Or(cmp.Compare(boolInt(b.Currency == t.Currency), boolInt(a.Currency == t.Currency)), cmp.Compare(a.Currency, b.Currency))
	})
	next := map[string]int{}
	for _, i := range items {
		place := i.Currency
		if i.Kind == KindCovered {
			place = KindCovered
		}
		next[place]++
		i.Position = next[place]
	}
	return docs
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
