-- +goose Up
-- A key of the shop's people acts for its customers; one that a customer made never
-- does, whatever becomes of the customer. scope is what it may do at all.
alter table api_keys
    add column staff boolean not null default false,
    add column scope text not null default 'operate' check (scope in ('read', 'operate'));
update api_keys set staff = true where user_id in (select id from users where role in ('owner', 'staff'));
create index api_keys_staff on api_keys (created_at) where staff and revoked_at is null;

-- Where a shop's own systems are told what happens. The secrets are sealed; the one
-- before signs beside the new one until its time is over. busy_until, on the machine's
-- clock, keeps two from sending to one endpoint at once.
create table webhook_endpoints (
    id            uuid primary key default gen_random_uuid(),
    url           text not null check (length(url) between 1 and 500),
    description   text not null default '' check (length(description) <= 80),
    events        text[] not null check (cardinality(events) between 1 and 50),
    secret        bytea not null,
    old_secret    bytea,
    old_until     timestamptz,
    status        text not null default 'active' check (status in ('active', 'paused', 'failing')),
    failing_since timestamptz,
    last_ms       integer not null default 0,
    busy_until    timestamptz,
    created_at    timestamptz not null,
    changed_at    timestamptz not null
);

-- One message to one endpoint, made once for its cause. It is tried again under the
-- same id until it was taken or given up.
create table webhook_deliveries (
    id          uuid primary key,
    endpoint_id uuid not null references webhook_endpoints on delete cascade,
    cause       text not null,
    event       text not null,
    body        text not null,
    status      text not null default 'waiting' check (status in ('waiting', 'sent', 'failed')),
    tries       integer not null default 0,
    made_at     timestamptz not null,
    next_at     timestamptz,
    tried_at    timestamptz,
    answer      integer,
    took_ms     integer,
    said        text not null default '',
    unique (endpoint_id, cause),
    check ((status = 'waiting') = (next_at is not null))
);
create index webhook_deliveries_newest on webhook_deliveries (endpoint_id, made_at desc, id desc);
create index webhook_deliveries_waiting on webhook_deliveries (endpoint_id, next_at) where status = 'waiting';

grant select, insert, update, delete on webhook_endpoints, webhook_deliveries to ezscale_tenant;

-- +goose Down
drop table webhook_deliveries;
drop table webhook_endpoints;
drop index api_keys_staff;
alter table api_keys drop column scope, drop column staff;
