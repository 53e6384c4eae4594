package bus

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// TimerKindsQ sums up all due times by kind, the busiest first.
func TimerKindsQ(dst *[]TimerKind, now time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- bus.TimerKindsQ
		select kind, count(*)::int as n, count(*) filter (where due_at < $1)::int as overdue,
		       count(*) filter (where failures > 0)::int as failing, min(due_at) as next
		from central.due group by kind order by n desc, kind`, now.Add(-time.Minute))
}

// TimersQ lists due times, the earliest first, of one kind or of all.
func TimersQ(dst *[]Timer, kind string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- bus.TimersQ
		select tenant_id, kind, key, due_at, failures
		from central.due where ($1 = '' or kind = $1)
		order by due_at, schema_name, kind, key limit $2`, kind, limit)
}

func discardDead(ctx context.Context, tx tenants.CentralTx, d DeadLetter, by string) error {
	if _, err := tx.Exec(ctx, `-- discardDead
		update central.dead_letters set retried_at = now(), discarded_at = now(), discarded_by = $2 where id = $1`, d.ID, by); err != nil {
		return err
	}
	return recordAct(ctx, tx, by, d.TenantID, "dead_letter.discarded", strconv.FormatInt(d.ID, 10), map[string]string{"consumer": d.Consumer, "event": d.Name, "reason": d.Reason})
}

func hurryDue(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, kind, key, by string, now time.Time) error {
	n, err := tx.Exec(ctx, `-- hurryDue
		update central.due set due_at = least(due_at, $4) where schema_name = $1 and kind = $2 and key = $3`, t.Schema(), kind, key, now)
	if err != nil {
		return err
	}
	if n == 0 {
		return fail.Missing("timer")
	}
	return recordAct(ctx, tx, by, t.ID, "timer.hurried", kind, map[string]string{"key": key})
}

func recordAct(ctx context.Context, tx tenants.CentralTx, actor string, tenant uuid.UUID, action, subject string, detail map[string]string) error {
	_, err := tx.Exec(ctx, `-- recordAct
		insert into central.audit_log (at, actor, tenant_id, action, subject, detail)
		values ($1, $2, nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), $4, $5, $6)`, tx.Now(), actor, tenant, action, subject, detail)
	return err
}
