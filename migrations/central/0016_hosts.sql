-- +goose Up
-- A desktop host is a Kasm server or a Docker engine. zone is the operator's word
-- for where it stands; capacity is the most desktops at once, 0 for as many as
-- the host itself allows; options are the driver's own (for Docker the tag of the
-- images); checks is what the last test of it found.
alter table central.kasm_servers
    add column driver     text    not null default 'kasm' check (driver in ('kasm', 'docker')),
    add column zone       text    not null default '',
    add column capacity   integer not null default 0 check (capacity >= 0),
    add column options    jsonb   not null default '{}',
    add column checks     jsonb   not null default '[]',
    add column checked_at timestamptz;
alter table central.kasm_servers drop constraint kasm_servers_status_check;
alter table central.kasm_servers add constraint kasm_servers_status_check check (status in ('active', 'draining', 'retired'));

-- What each host can make desktops from, as it last told.
create table central.host_images (
    server_id     uuid    not null references central.kasm_servers on delete cascade,
    image_id      text    not null,
    name          text    not null,
    friendly_name text    not null default '',
    vcpu          integer not null default 0,
    ram_mb        integer not null default 0,
    enabled       boolean not null default true,
    available     boolean not null default true,
    keeps_profile boolean not null default false,
    seen_at       timestamptz not null,
    primary key (server_id, image_id)
);

-- What a new shop's plans begin with; each shop's own plans hold what is in force.
alter table central.catalog_plans
    add column driver              text    not null default 'kasm' check (driver in ('kasm', 'docker')),
    add column idle_stop_minutes   integer not null default 0 check (idle_stop_minutes between 0 and 10080),
    add column max_session_minutes integer not null default 0 check (max_session_minutes between 0 and 527040),
    add column allow_clipboard     boolean not null default true,
    add column allow_upload        boolean not null default true,
    add column allow_download      boolean not null default true;

grant select, insert, update, delete on central.host_images to ezscale_central;

-- +goose Down
alter table central.catalog_plans drop column driver, drop column idle_stop_minutes, drop column max_session_minutes, drop column allow_clipboard,
    drop column allow_upload, drop column allow_download;
drop table central.host_images;
alter table central.kasm_servers drop constraint kasm_servers_status_check;
alter table central.kasm_servers add constraint kasm_servers_status_check check (status in ('active', 'draining'));
alter table central.kasm_servers drop column driver, drop column zone, drop column capacity, drop column options, drop column checks, drop column checked_at;
