package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

const columns = `id, name, driver, url, api_key, auth, insecure, simulator, status, zone, capacity, options, checks, checked_at, last_ok_at, last_error, last_error_at, created_at`

// row is a host with its sealed secret.
type row struct {
	Host
	Secret []byte `db:"api_key_secret"`
}

// same says that a driver made for one row serves the other as well.
func (r row) same(o row) bool {
	return r.Kind == o.Kind && r.URL == o.URL && r.Key == o.Key && bytes.Equal(r.Secret, o.Secret) && r.Auth == o.Auth && r.Insecure == o.Insecure &&
		r.Options == o.Options && r.Name == o.Name
}

func hostsQ(dst *[]Host) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.hostsQ
select `+columns+` from central.kasm_servers order by status = 'retired', created_at, name`)
}

func hostQ(dst *Host, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "desktop host", `-- hosts.hostQ
select `+columns+` from central.kasm_servers where id = $1`, id)
}

func fleetQ(dst *[]row) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.fleetQ
select `+columns+`, api_key_secret from central.kasm_servers where status <> 'retired' order by status = 'active' desc, created_at, name`)
}

func rowQ(dst *row, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "desktop host", `-- hosts.rowQ
select `+columns+`, api_key_secret from central.kasm_servers where id = $1`, id)
}

func lock(ctx context.Context, tx tenants.CentralTx, id uuid.UUID) (row, error) {
	return tenants.Get[row](ctx, tx, "desktop host", `-- hosts.lock
select `+columns+`, api_key_secret from central.kasm_servers where id = $1 for update`, id)
}

func ensure(ctx context.Context, tx tenants.CentralTx, e Entry, secret []byte) (uuid.UUID, error) {
	return tenants.Get[uuid.UUID](ctx, tx, "desktop host", `-- hosts.ensure
insert into central.kasm_servers (name, driver, url, api_key, api_key_secret, auth, insecure, simulator) values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (name) do update set driver = excluded.driver, url = excluded.url, api_key = excluded.api_key, api_key_secret = excluded.api_key_secret,
    auth = excluded.auth, insecure = excluded.insecure, simulator = excluded.simulator
returning id`, e.Name, e.Kind, e.URL, e.Key, secret, e.Auth, e.Insecure, e.Simulator)
}

func insert(ctx context.Context, tx tenants.CentralTx, e Entry, secret []byte) (uuid.UUID, error) {
	return tenants.Get[uuid.UUID](ctx, tx, "desktop host", `-- hosts.insert
insert into central.kasm_servers (name, driver, url, api_key, api_key_secret, auth, insecure, simulator, zone, capacity, options)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id`,
		e.Name, e.Kind, e.URL, e.Key, secret, e.Auth, e.Insecure, e.Simulator, e.Zone, e.Capacity, e.Options)
}

func update(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, e Entry, secret []byte) error {
	_, err := tx.Exec(ctx, `-- hosts.update
update central.kasm_servers set url = $2, api_key = $3, api_key_secret = $4, auth = $5, insecure = $6, zone = $7, capacity = $8, options = $9 where id = $1`,
		id, e.URL, e.Key, secret, e.Auth, e.Insecure, e.Zone, e.Capacity, e.Options)
	return err
}

func setStatus(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, status string) error {
	_, err := tx.Exec(ctx, `-- hosts.setStatus
update central.kasm_servers set status = $2, last_error = case when $2 = 'retired' then null else last_error end,
    last_error_at = case when $2 = 'retired' then null else last_error_at end where id = $1`, id, status)
	return err
}

func setChecks(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, checks []workspaces.HostCheck, at time.Time) error {
	_, err := tx.Exec(ctx, `-- hosts.setChecks
update central.kasm_servers set checks = $2, checked_at = $3 where id = $1`, id, checks, at)
	return err
}

// announce tells every running program that the hosts have changed.
func announce(ctx context.Context, tx tenants.CentralTx) error {
	_, err := tx.Exec(ctx, `-- hosts.announce
select pg_notify('`+channel+`', '')`)
	return err
}

// record writes what an operator did with a host into the provider's audit log.
func record(ctx context.Context, tx tenants.CentralTx, operator, action, host string, detail map[string]any) error {
	raw, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- hosts.record
insert into central.audit_log (actor, action, subject, detail) values ($1, $2, $3, $4::jsonb)`, operator, action, host, string(raw))
	return err
}

func straysQ(dst *[]Stray, host string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.straysQ
select at, subject, coalesce(detail->>'user', '') as host_user, coalesce(detail->>'state', '') as state
from central.audit_log where action = 'desktop.stray_destroyed' and detail->>'host' = $1 order by id desc limit $2`, host, limit)
}

// presentQ counts a shop's desktops on each host: those that may run, and those
// that are stopped and hold their customer's files.
func presentQ(dst *[]held) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.presentQ
select kasm_server_id, count(*)::int as desktops from kasm_workspaces
where kasm_server_id is not null and kasm_workspace_id is not null and observed_state not in ('none', 'gone') group by kasm_server_id`)
}

type held struct {
	Host     uuid.UUID `db:"kasm_server_id"`
	Desktops int       `db:"desktops"`
}

func imagesQ(dst *[]workspaces.HostImage, host uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.imagesQ
select image_id, name, friendly_name, vcpu, ram_mb, enabled, available, keeps_profile from central.host_images where server_id = $1 order by name, vcpu, image_id`, host)
}

// replaceImages writes down what a host makes desktops from now; what it no longer
// tells goes.
func replaceImages(ctx context.Context, tx tenants.CentralTx, host uuid.UUID, images []workspaces.HostImage, at time.Time) error {
	raw, err := json.Marshal(images)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `-- hosts.replaceImages
insert into central.host_images (server_id, image_id, name, friendly_name, vcpu, ram_mb, enabled, available, keeps_profile, seen_at)
select $1, i.id, i.name, i.friendly_name, i.vcpu, i.ram_mb, i.enabled, i.available, i.keeps_profile, $3
from jsonb_to_recordset($2::jsonb) as i(id text, name text, friendly_name text, vcpu integer, ram_mb integer, enabled boolean, available boolean, keeps_profile boolean)
on conflict (server_id, image_id) do update set name = excluded.name, friendly_name = excluded.friendly_name, vcpu = excluded.vcpu, ram_mb = excluded.ram_mb,
    enabled = excluded.enabled, available = excluded.available, keeps_profile = excluded.keeps_profile, seen_at = excluded.seen_at`, host, string(raw), at); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- hosts.dropImages
delete from central.host_images where server_id = $1 and image_id not in (select i.id from jsonb_to_recordset($2::jsonb) as i(id text))`, host, string(raw))
	return err
}

// soldQ reads which sizes of which templates a shop sells on hosts of a kind.
func soldQ(dst *[]sold, kind string) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.soldQ
select t.kasm_template_id, t.name as template, p.name as plan, p.vcpu, p.ram_mb
from plans p join kasm_workspace_templates t on t.workspace_type = p.workspace_type
where p.status = 'active' and t.status = 'active' and p.driver = $1 order by t.sort_order, t.name, p.sort_order, p.name`, kind)
}

// catalogueQ reads which sizes the provider's catalogue names for hosts of a kind.
func catalogueQ(dst *[]offered, kind string) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.catalogueQ
select name, workspace_type, vcpu, ram_mb from central.catalog_plans where status = 'active' and driver = $1 order by sort_order, name`, kind)
}

func templatesQ(dst *[]made) tenants.Query {
	return tenants.ListQ(dst, `-- hosts.templatesQ
select name, workspace_type, kasm_template_id from kasm_workspace_templates where status = 'active' order by sort_order, name`)
}
