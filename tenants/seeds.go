package tenants

import (
	"context"
	_ "embed"

	"github.com/jackc/pgx/v5"
)

// templatesJSON is what a new shop offers to make desktops from.
//
//go:embed seed/templates.json
var templatesJSON string

const seedPlansSQL = `-- seed plans
	insert into plans (service_type, catalog_plan_id, name, description, workspace_type, vcpu, ram_mb, price, price_per_hour, block_seconds, currency, sort_order,
	    driver, idle_stop_minutes, max_session_minutes, allow_clipboard, allow_upload, allow_download)
	select id, id, name, description, workspace_type, vcpu, ram_mb, price, price_per_hour, block_seconds, $1, sort_order,
	    driver, idle_stop_minutes, max_session_minutes, allow_clipboard, allow_upload, allow_download
	from central.catalog_plans
	where status = 'active' and in_new_shops`

const seedTemplatesSQL = `-- seed templates
	insert into kasm_workspace_templates (name, description, workspace_type, kasm_template_id, vcpu_default, ram_mb_default, preinstalled_apps, sort_order)
	select t.item->>'name', t.item->>'description', t.item->>'workspace_type', t.item->>'kasm_template_id',
	       (t.item->>'vcpu_default')::integer, (t.item->>'ram_mb_default')::integer, t.item->'preinstalled_apps', t.position
	from jsonb_array_elements($1::jsonb) with ordinality as t (item, position)`

const seedCountersSQL = `-- seed counters
	insert into counters (name, value) values ('invoice', 0)`

// seed fills a new shop: the catalogue's plans at the catalogue's prices, in the
// shop's currency, the templates, and the invoice counter. It runs as the owner
// of the schema, with the schema as its path.
func seed(ctx context.Context, tx pgx.Tx, currency string) error {
	var batch pgx.Batch
	batch.Queue(seedPlansSQL, currency)
	batch.Queue(seedTemplatesSQL, templatesJSON)
	batch.Queue(seedCountersSQL)
	return tx.SendBatch(ctx, &batch).Close()
}
