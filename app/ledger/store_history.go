package ledger

import (
	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// Traced is a movement with what it was about, as far as that is one of the
// customer's own things: the desktop of the session whose block it paid, or the
// invoice.
type Traced struct {
	Movement
	WorkspaceID *uuid.UUID `db:"workspace_id"`
	PlanName    string     `db:"plan_name"`
	Invoice     string     `db:"invoice"` // its number, or ""
}

// HistoryQ is MovementsQ with what each movement was about.
func HistoryQ(dst *[]Traced, user uuid.UUID, currency string, before int64, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- ledger.HistoryQ
		with page as (
			select id, created_at, cause, description, kind, amount, balance, currency,
				case when split_part(cause, ':', 2) ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then split_part(cause, ':', 2)::uuid end as about
			from (
				select e.id, e.created_at, e.cause, e.description, a.kind, e.amount, sum(e.amount) over (order by e.id) as balance, a.currency
				from ledger_accounts a join ledger_entries e on e.account_id = a.id
				where a.user_id = $1 and a.kind in ('credit', 'bonus') and a.currency = $2) all_of_them
			where $3 = 0 or id < $3
			order by id desc
			limit $4)
		select p.id, p.created_at, p.cause, p.description, p.kind, p.amount, p.balance, p.currency, s.kasm_workspace_id as workspace_id,
			coalesce(s.plan_name, '') as plan_name, coalesce(i.number, j.number, '') as invoice
		from page p
		left join kasm_usage_sessions s on s.id = p.about and s.user_id = $1
		left join invoices i on i.id = p.about and i.user_id = $1
		left join payments y on y.id = p.about and y.user_id = $1
		left join invoices j on j.id = y.invoice_id
		order by p.id desc`, user, currency, before, limit)
}
