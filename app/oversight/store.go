package oversight

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

func orNil(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// LogQ lists the provider's log, the newest first.
func LogQ(dst *[]Entry, f LogFilter, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- oversight.LogQ
		select id, at, actor, tenant_id, action, subject, detail
		from central.audit_log
		where ($1 = '' or strpos(lower(actor), lower($1)) > 0)
		  and ($2 = '' or starts_with(action, $2))
		  and ($3::uuid is null or tenant_id = $3)
		  and ($4::timestamptz is null or at >= $4)
		  and ($5::timestamptz is null or at < $5)
		  and ($6::bigint = 0 or id < $6)
		order by id desc
		limit $7`, f.Actor, f.Action, orNil(f.Tenant), f.From, f.Until, f.Before, limit)
}

const settingsSQL = `select
		coalesce((select (value #>> '{}')::int from central.settings where key = 'trial_days'), 0) as trial_days,
		coalesce((select value #>> '{}' from central.settings where key = 'trial_end'), 'suspend') as trial_end,
		coalesce((select value #>> '{}' from central.settings where key = 'default_tier'), 'basic') as default_tier,
		coalesce((select (value #>> '{}')::int from central.settings where key = 'minimum_customers'), 0) as min_customers,
		coalesce((select value #>> '{}' from central.settings where key = 'support_by'), 'reseller') as support,
		coalesce((select value #>> '{}' from central.settings where key = 'support_email'), '') as support_email,
		coalesce((select (value #>> '{}')::int from central.settings where key = 'domain_grace_days'), 7) as domain_grace,
		coalesce((select (value #>> '{}')::int from central.settings where key = 'wholesale_term_days'), 14) as term_days,
		coalesce((select (value #>> '{}')::int from central.settings where key = 'wholesale_suspend_days'), 90) as suspend_days`

// SettingsQ reads the settings, with what holds where nothing was chosen.
func SettingsQ(dst *Settings) tenants.Query {
	return tenants.GetQ(dst, "settings", `-- oversight.SettingsQ
		`+settingsSQL)
}

// settingsForUpdate lets one change at a time compare itself with what holds.
func settingsForUpdate(ctx context.Context, tx tenants.CentralTx) (Settings, error) {
	if _, err := tx.Exec(ctx, `-- oversight.lockSettings
		select pg_advisory_xact_lock(hashtextextended('settings', 0))`); err != nil {
		return Settings{}, err
	}
	return tenants.Get[Settings](ctx, tx, "settings", `-- oversight.settings
		`+settingsSQL)
}

func tierExists(ctx context.Context, tx tenants.CentralTx, id string) (bool, error) {
	return tenants.Get[bool](ctx, tx, "answer", `-- oversight.tierExists
		select exists (select from central.reseller_tiers where id = $1)`, id)
}

func saveSetting(ctx context.Context, tx tenants.CentralTx, key, value string) error {
	_, err := tx.Exec(ctx, `-- oversight.saveSetting
		insert into central.settings (key, value, updated_at) values ($1, to_jsonb($2::text), $3)
		on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`, key, value, tx.Now())
	return err
}

func record(ctx context.Context, tx tenants.CentralTx, actor, action, subject string, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, `-- oversight.record
		insert into central.audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, action, subject, detail)
	return err
}

// mattersSQL gathers what needs somebody; $1 is the business time. A certificate
// matters when its order failed or when it ends within ten days, which is after it
// should have been renewed; a trial in the week before its end.
const mattersSQL = `
		select kind, id::text as id, tenant_id, created_at as at, summary, detail
		from central.attention where settled_at is null
		union all
		select 'dead_letter', id::text, tenant_id, created_at, consumer || ' gave up on ' || subject || ': ' || reason, '{}'::jsonb
		from central.dead_letters where retried_at is null
		union all
		select 'certificate', id::text, tenant_id, coalesce(ssl_error_at, ssl_expires_at - interval '10 days', created_at),
		       domain || case when ssl_status = 'failed' then ' has no certificate: ' || coalesce(ssl_error, 'the authority gave none') else ' has a certificate that ends on ' || to_char(ssl_expires_at at time zone 'UTC', 'YYYY-MM-DD') end,
		       '{}'::jsonb
		from central.tenant_domains
		where verified_at is not null and (ssl_status = 'failed' or ssl_expires_at < $1::timestamptz + interval '10 days')
		union all
		select 'domain', id::text, tenant_id, lapsed_at,
		       domain || ' no longer points here' || coalesce(' and is given up on ' || to_char(release_at at time zone 'UTC', 'YYYY-MM-DD'), ''), '{}'::jsonb
		from central.tenant_domains where lapsed_at is not null
		union all
		select 'trial', id::text, id, greatest(created_at, trial_ends_at - interval '7 days'),
		       'The trial of ' || name || ' ends on ' || to_char(trial_ends_at at time zone 'UTC', 'YYYY-MM-DD'), '{}'::jsonb
		from central.tenants where status = 'trial' and trial_ends_at < $1::timestamptz + interval '7 days'
		union all
		select 'migration', id::text, id, created_at, name || ' could not be brought up to date: ' || migration_error, '{}'::jsonb
		from central.tenants where migration_error <> '' and status <> 'closed'`

// MattersQ lists what needs somebody at the time now, the newest first.
func MattersQ(dst *[]Matter, now time.Time, f MatterFilter, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- oversight.MattersQ
		select kind, id, tenant_id, at, summary, detail
		from (`+mattersSQL+`) m
		where ($2 = '' or kind = $2)
		  and ($3::uuid is null or tenant_id = $3)
		  and ($4::timestamptz is null or (at, id) < ($4, $5))
		order by at desc, id desc
		limit $6`, now, f.Kind, orNil(f.Tenant), f.At, f.ID, limit)
}

// KindCount is how many matters of a kind are open.
type KindCount struct {
	Kind string `db:"kind"`
	N    int    `db:"n"`
}

// MatterCountsQ counts what needs somebody by its kind.
func MatterCountsQ(dst *[]KindCount, now time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- oversight.MatterCountsQ
		select kind, count(*)::int as n from (`+mattersSQL+`) m group by kind order by kind`, now)
}

// Figures are what a shop's row shows of it.
type Figures struct {
	Customers int    `db:"customers"`
	Running   int    `db:"running"`
	Wholesale string `db:"wholesale"` // since the time asked for, exact, in the shop's currency
}

// FiguresQ counts a shop's customers and running desktops, and sums at wholesale
// prices the blocks that began since then. It is part of a read of the shop.
func FiguresQ(dst *Figures, since time.Time, currency string) tenants.Query {
	return tenants.GetQ(dst, "figures", `-- oversight.FiguresQ
		select (select count(*) from users where role = 'customer')::int as customers,
		       (select count(*) from kasm_workspaces where status = 'running')::int as running,
		       coalesce((select sum(wholesale_rate * seconds) / 3600 from usage_blocks where starts_at >= $1 and currency = $2), 0)::text as wholesale`, since, currency)
}
