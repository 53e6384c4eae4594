package ledger

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// taxPercent is what tax adds to a customer's blocks of a class, in SQL: the rate of
// their country, else the one for everywhere else; nothing for the exempt, and
// nothing where it is inside the price. It reads users as u.
func taxPercent(class string) string {
	return `case when u.tax_exempt then 0 else coalesce((
		select case when r.inclusive then 0 else r.percent end from tax_rates r
		where r.status = 'active' and r.tax_class = ` + class + ` and r.country in (u.country, '')
		order by r.country = '' limit 1), 0) end`
}

// FundsQ reads where a customer stands at a business time. Errors: NotFound.
func FundsQ(dst *Funds, t tenants.Tenant, user uuid.UUID, now time.Time) tenants.Query {
	from, to := MonthOf(now, t.Zone)
	return tenants.GetQ(dst, "customer", `-- ledger.FundsQ
		with own as (
			select u.id, u.pay_mode, u.monthly_cap, u.warn_percent, u.low_credit, u.parked_at is not null as parked, u.suspended_for <> '' as suspended,
				`+taxPercent(`'standard'`)+` as tax_percent,
				exists (select from payment_methods m where m.user_id = u.id and m.status = 'active') as has_method
			from users u where u.id = $1)
		select coalesce(a.credit, 0) as credit, coalesce(a.bonus, 0) as bonus, coalesce(a.held, 0) as held, $2::text as currency,
			o.pay_mode, o.monthly_cap, round(coalesce(b.used, 0) + coalesce(h.held, 0), 6) as cap_used, o.warn_percent, o.low_credit, o.tax_percent, o.parked, o.suspended, o.has_method
		from own o
		left join lateral (select sum(balance) filter (where kind = 'credit') as credit, sum(balance) filter (where kind = 'bonus') as bonus, sum(held) as held
			from ledger_accounts where user_id = o.id and kind in ('credit', 'bonus') and currency = $2) a on true
		left join lateral (select sum(case when prepaid > 0 then prepaid else rate * seconds * (100 + o.tax_percent) / 360000 end) as used
			from usage_blocks where user_id = o.id and starts_at >= $3 and starts_at < $4) b on true
		left join lateral (select sum(worth) as held from block_holds where user_id = o.id and coalesce(starts_at, $5) >= $3 and coalesce(starts_at, $5) < $4) h on true`,
		user, t.Currency, from, to, now)
}

// MovementsQ reads a page of the movements of a customer's credit, paid and bonus,
// the newest first: those before an entry's id, 0 for the first page. Balance is what
// both together came to.
func MovementsQ(dst *[]Movement, user uuid.UUID, currency string, before int64, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- ledger.MovementsQ
		select id, created_at, cause, description, kind, amount, balance, currency
		from (
			select e.id, e.created_at, e.cause, e.description, a.kind, e.amount, sum(e.amount) over (order by e.id) as balance, a.currency
			from ledger_accounts a join ledger_entries e on e.account_id = a.id
			where a.user_id = $1 and a.kind in ('credit', 'bonus') and a.currency = $2) all_of_them
		where $3 = 0 or id < $3
		order by id desc
		limit $4`, user, currency, before, limit)
}
