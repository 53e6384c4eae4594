-- +goose Up
-- failure_code is the machine's word beside the sentence in failure; tries counts
-- what was asked of the desktop host for this run; lease_until is wall time, so
-- that one worker at a time acts for a workspace; revision grows with each change
-- of the row, so that what was seen before a change is not applied after it;
-- desktop_used says that the desktop ran and its disk is worth keeping.
alter table kasm_workspaces
    add column failure_code text not null default '',
    add column tries integer not null default 0,
    add column lease_until timestamptz,
    add column revision bigint not null default 0,
    add column desktop_used boolean not null default false;
create index workspaces_reconcile on kasm_workspaces (kasm_server_id) where kasm_workspace_id is not null;

-- Desktops that the host was asked to destroy. It may list them for a while; they
-- are never taken into use again.
create table discarded_desktops (
    kasm_server_id    uuid not null,
    kasm_workspace_id text not null,
    discarded_at      timestamptz not null,
    primary key (kasm_server_id, kasm_workspace_id)
);
grant select, insert, delete on discarded_desktops to ezscale_tenant;

-- +goose Down
drop table discarded_desktops;
drop index workspaces_reconcile;
alter table kasm_workspaces drop column failure_code, drop column tries, drop column lease_until, drop column revision, drop column desktop_used;
