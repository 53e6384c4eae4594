-- +goose Up
-- A shop's own names: how each was proven, when it was last looked at, what is wrong with it, and its certificate.
-- lapsed_at is set while a name points elsewhere, release_at when it will be given up for that.
alter table central.tenant_domains
    add column proof         text check (proof in ('cname', 'txt', 'operator')),
    add column checked_at    timestamptz,
    add column check_error   text,
    add column lapsed_at     timestamptz,
    add column release_at    timestamptz,
    add column ssl_issued_at  timestamptz,
    add column ssl_expires_at timestamptz,
    add column ssl_renewals   integer not null default 0 check (ssl_renewals >= 0),
    add column ssl_failures   integer not null default 0 check (ssl_failures >= 0), -- in a row
    add column ssl_error      text,
    add column ssl_error_at   timestamptz;
create unique index tenant_domains_one_primary on central.tenant_domains (tenant_id) where type = 'primary';

-- What the certificate library keeps, private keys sealed before they come here.
create table central.certificates (
    key         text primary key,
    value       bytea not null,
    modified_at timestamptz not null default clock_timestamp()
);

-- One order at a time for a name, whichever node asks: a lease that its holder renews, by the database's clock.
create table central.certificate_locks (
    name       text primary key,
    holder     uuid not null,
    expires_at timestamptz not null
);

-- Every order that went to the authority, for the limits of a tenant and of the installation.
create table central.certificate_orders (
    id        bigint generated always as identity primary key,
    tenant_id uuid,
    domain    text not null,
    at        timestamptz not null default clock_timestamp(),
    ok        boolean,
    error     text
);
create index certificate_orders_by_time on central.certificate_orders (at);
create index certificate_orders_by_tenant on central.certificate_orders (tenant_id, at);

grant select, insert, update, delete on central.certificates, central.certificate_locks, central.certificate_orders to ezscale_central;

-- +goose Down
drop table central.certificate_orders, central.certificate_locks, central.certificates;
drop index central.tenant_domains_one_primary;
alter table central.tenant_domains drop column proof, drop column checked_at, drop column check_error, drop column lapsed_at, drop column release_at,
    drop column ssl_issued_at, drop column ssl_expires_at, drop column ssl_renewals, drop column ssl_failures, drop column ssl_error, drop column ssl_error_at;
