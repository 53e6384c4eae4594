package ledger

import (
	"context"

	"github.com/ezscale/ezscale/tenants"
)

// AuditPrepaid proves what Audit cannot see: what is held of every account is what
// its holds come to (R14), and what was taken in advance is what the blocks took that
// are on no invoice yet. It names what does not; nothing is as it should be.
func (s *Service) AuditPrepaid(ctx context.Context, t tenants.Tenant) ([]string, error) {
	var off []drift
	err := s.db.Read(ctx, t, tenants.ListQ(&off, `-- ledger.AuditPrepaid
		with holds as (
			select user_id, currency, 'credit' as kind, sum(credit) as held from block_holds group by user_id, currency
			union all
			select user_id, currency, 'bonus', sum(bonus) from block_holds group by user_id, currency),
		accounts as (
			select user_id, currency, kind, held from ledger_accounts where kind in ('credit', 'bonus') and user_id is not null)
		select 'held on ' || coalesce(a.kind, h.kind) || ' of ' || coalesce(a.user_id, h.user_id) as what, coalesce(a.held, 0) - coalesce(h.held, 0) as off
		from accounts a full join holds h on h.user_id = a.user_id and h.currency = a.currency and h.kind = a.kind
		where coalesce(a.held, 0) <> coalesce(h.held, 0)
		union all
		select 'deferred ' || coalesce(d.currency, b.currency), coalesce(d.sum, 0) - coalesce(b.sum, 0)
		from (select a.currency, sum(e.amount) as sum from ledger_accounts a join ledger_entries e on e.account_id = a.id where a.kind = 'deferred' group by a.currency) d
		full join (select currency, sum(prepaid) as sum from usage_blocks where invoice_item_id is null and prepaid <> 0 group by currency) b on b.currency = d.currency
		where coalesce(d.sum, 0) <> coalesce(b.sum, 0)
		order by what`))
	var names []string
	for _, d := range off {
		names = append(names, d.What+" is "+d.Off.String()+" off")
	}
	return names, err
}
