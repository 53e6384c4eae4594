package billing

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// ShopMonth is what a shop's customers used in a time: what they pay, and what
// the shop itself pays for it (R4: both rates are those of the session's start).
type ShopMonth struct {
	Retail    decimal.Decimal `db:"retail"`
	Wholesale decimal.Decimal `db:"wholesale"`
	Seconds   int64           `db:"seconds"`   // of all blocks
	Customers int             `db:"customers"` // who used anything
	Running   int             `db:"running"`   // desktops at this moment
	Currency  string          `db:"currency"`
}

// Margin is what is left to the shop: the difference of the two figures as people
// read them, so that it is what they get when they subtract.
func (m ShopMonth) Margin() decimal.Decimal {
	return money.Round(m.Retail, m.Currency).Sub(money.Round(m.Wholesale, m.Currency))
}

// Percent is the margin in whole percent of what customers pay, 0 without usage.
func (m ShopMonth) Percent() int {
	if m.Retail.IsZero() {
		return 0
	}
	return int(m.Margin().Mul(decimal.NewFromInt(100)).Div(m.Retail).Round(0).IntPart())
}

// Money writes one of the month's figures for people.
func (m ShopMonth) Money(d decimal.Decimal) string { return money.Of(d, m.Currency).Format() }

// ShopMonthQ sums the blocks that began in [from, to), by their start, whenever
// they are invoiced, in one currency.
func ShopMonthQ(dst *ShopMonth, from, to time.Time, currency string) tenants.Query {
	return tenants.GetQ(dst, "month", `-- billing.ShopMonthQ
		select coalesce(sum(rate * seconds) / 3600, 0) as retail, coalesce(sum(wholesale_rate * seconds) / 3600, 0) as wholesale,
			coalesce(sum(seconds), 0)::bigint as seconds, count(distinct user_id)::int as customers,
			(select count(*) from kasm_usage_sessions where stopped_at is null)::int as running, $3::text as currency
		from usage_blocks where starts_at >= $1 and starts_at < $2 and currency = $3`, from, to, currency)
}
