-- +goose Up
create table central.settings (
    key        text primary key,
    value      jsonb not null,
    updated_at timestamptz not null default now()
);

-- What a reseller pays the provider, unless its own row says otherwise.
create table central.reseller_tiers (
    id                         text primary key,
    name                       text not null,
    monthly_fee                numeric(20,6) not null default 0 check (monthly_fee >= 0),
    wholesale_discount_percent numeric(7,4)  not null default 0 check (wholesale_discount_percent between 0 and 100),
    commission_percent         numeric(7,4)  not null default 0 check (commission_percent between 0 and 100)
);
insert into central.reseller_tiers (id, name, monthly_fee, wholesale_discount_percent, commission_percent) values
    ('basic', 'Basic', 0, 0, 20), ('pro', 'Pro', 49, 10, 15), ('enterprise', 'Enterprise', 199, 20, 10);

-- The provider's price list. Resellers sell these shapes at prices of their own.
create table central.catalog_plans (
    id                       text primary key check (id ~ '^[a-z][a-z0-9_]{1,38}$'),
    name                     text not null,
    description              text not null default '',
    workspace_type           text not null check (workspace_type in ('developer', 'business')),
    vcpu                     integer not null check (vcpu > 0),
    ram_mb                   integer not null check (ram_mb > 0),
    price_per_hour           numeric(20,6) not null check (price_per_hour >= 0),
    wholesale_price_per_hour numeric(20,6) not null check (wholesale_price_per_hour >= 0),
    price                    numeric(20,6) check (price >= 0),
    wholesale_price          numeric(20,6) check (wholesale_price >= 0),
    block_seconds            integer not null default 900 check (block_seconds in (60, 300, 600, 900, 1800, 3600)),
    currency                 text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
    sort_order               integer not null default 0,
    status                   text not null default 'active' check (status in ('active', 'deprecated'))
);
insert into central.catalog_plans (id, name, description, workspace_type, vcpu, ram_mb, price_per_hour, wholesale_price_per_hour, sort_order) values
    ('developer_basic',      'Developer Basic',      'For scripts, small services and learning.',            'developer', 2,  4096, 0.15, 0.09, 1),
    ('developer_pro',        'Developer Pro',        'For everyday development with containers.',            'developer', 4,  8192, 0.30, 0.18, 2),
    ('developer_enterprise', 'Developer Enterprise', 'For large builds, data work and many services at once.', 'developer', 8, 16384, 0.60, 0.36, 3),
    ('business_basic',       'Business Basic',       'For mail, documents and the web.',                      'business', 2,  4096, 0.20, 0.12, 4),
    ('business_pro',         'Business Pro',         'For spreadsheets, meetings and many open windows.',     'business', 4,  8192, 0.40, 0.24, 5),
    ('business_enterprise',  'Business Enterprise',  'For heavy office work and media.',                      'business', 8, 16384, 0.80, 0.48, 6);

create table central.tenants (
    id               uuid primary key default gen_random_uuid(),
    slug             text not null unique check (slug ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$' and slug !~ '--'),
    name             text not null check (length(name) between 1 and 120),
    schema_name      text not null unique check (schema_name ~ '^tenant_[a-z0-9_]{1,50}$'),
    status           text not null default 'active' check (status in ('trial', 'active', 'suspended', 'closed')),
    house            boolean not null default false,
    owner_email      text not null,
    owner_name       text not null default '',
    time_zone        text not null default 'UTC',
    currency         text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
    schema_version   bigint not null default 0,
    migration_error  text,
    created_at       timestamptz not null default now(),
    trial_ends_at    timestamptz,
    suspended_at     timestamptz,
    suspended_reason text,
    closed_at        timestamptz
);
create unique index tenants_one_house on central.tenants (house) where house;

create table central.tenant_domains (
    id          uuid primary key default gen_random_uuid(),
    tenant_id   uuid not null references central.tenants on delete cascade,
    domain      text not null unique check (domain = lower(domain)),
    type        text not null default 'primary' check (type in ('primary', 'alias')),
    ssl_status  text not null default 'pending' check (ssl_status in ('pending', 'active', 'failed')),
    token       text not null default replace(gen_random_uuid()::text, '-', ''),
    verified_at timestamptz,
    created_at  timestamptz not null default now()
);
create index on central.tenant_domains (tenant_id);

create table central.tenant_billing (
    tenant_id                  uuid primary key references central.tenants on delete cascade,
    plan_id                    text not null default 'basic' references central.reseller_tiers,
    mode                       text not null default 'wholesale' check (mode in ('wholesale', 'commission')),
    currency                   text not null default 'USD',
    wholesale_discount_percent numeric(7,4) check (wholesale_discount_percent between 0 and 100),
    monthly_fee                numeric(20,6) check (monthly_fee >= 0),
    commission_percent         numeric(7,4) check (commission_percent between 0 and 100),
    billing_cycle_day          integer not null default 1 check (billing_cycle_day between 1 and 28),
    next_billing_date          date,
    status                     text not null default 'active' check (status in ('active', 'past_due', 'cancelled'))
);

create table central.tenant_branding (
    tenant_id       uuid primary key references central.tenants on delete cascade,
    logo_url        text not null default '',
    favicon_url     text not null default '',
    primary_color   text not null default '#3B82F6' check (primary_color ~ '^#[0-9A-Fa-f]{6}$'),
    secondary_color text not null default '#64748B' check (secondary_color ~ '^#[0-9A-Fa-f]{6}$'),
    company_name    text not null default '',
    support_email   text not null default '',
    support_phone   text not null default '',
    from_email      text not null default '',
    from_name       text not null default '',
    custom_css      text not null default '',
    updated_at      timestamptz not null default now()
);

-- People of the provider.
create table central.operators (
    id            uuid primary key default gen_random_uuid(),
    email         text not null unique check (email = lower(email)),
    name          text not null default '',
    password_hash text not null,
    created_at    timestamptz not null default now()
);

-- Finds the shop of an owner or staff member who signs in on the central host.
create table central.reseller_logins (
    email     text not null check (email = lower(email)),
    tenant_id uuid not null references central.tenants on delete cascade,
    user_id   uuid not null,
    primary key (email, tenant_id)
);

create table central.sessions (
    token  text primary key,
    data   bytea not null,
    expiry timestamptz not null
);
create index on central.sessions (expiry);

-- Sign-in attempts and other things that a stranger can repeat.
create table central.attempts (
    bucket     text primary key,
    count      integer not null,
    expires_at timestamptz not null
);
create index on central.attempts (expires_at);

create table central.kasm_servers (
    id             uuid primary key default gen_random_uuid(),
    name           text not null unique,
    url            text not null,
    api_key        text not null,
    api_key_secret bytea not null,
    auth           text not null default 'body' check (auth in ('body', 'basic')),
    insecure       boolean not null default false,
    simulator      boolean not null default false,
    status         text not null default 'active' check (status in ('active', 'draining')),
    last_ok_at     timestamptz,
    last_error     text,
    last_error_at  timestamptz,
    created_at     timestamptz not null default now()
);

create table central.audit_log (
    id        bigint generated always as identity primary key,
    at        timestamptz not null default now(),
    actor     text not null,
    tenant_id uuid,
    action    text not null,
    subject   text not null default '',
    detail    jsonb not null default '{}'
);

-- +goose StatementBegin
create function central.notify_tenants() returns trigger language plpgsql as $$
begin
    perform pg_notify('ezscale_tenants', '');
    return null;
end $$;
-- +goose StatementEnd
create trigger tenants_changed  after insert or update or delete on central.tenants         for each statement execute function central.notify_tenants();
create trigger domains_changed  after insert or update or delete on central.tenant_domains  for each statement execute function central.notify_tenants();
create trigger branding_changed after insert or update or delete on central.tenant_branding for each statement execute function central.notify_tenants();
create trigger billing_changed  after insert or update or delete on central.tenant_billing  for each statement execute function central.notify_tenants();
create trigger catalog_changed  after insert or update or delete on central.catalog_plans   for each statement execute function central.notify_tenants();

grant select, insert, update, delete on central.settings, central.reseller_tiers, central.catalog_plans, central.tenants, central.tenant_domains,
    central.tenant_billing, central.tenant_branding, central.operators, central.reseller_logins, central.attempts, central.kasm_servers to ezscale_central;
grant select, insert on central.audit_log to ezscale_central;
grant select, insert, update, delete on central.sessions to ezscale_sessions;

-- +goose Down
drop table central.audit_log, central.kasm_servers, central.attempts, central.sessions, central.reseller_logins, central.operators, central.tenant_branding,
    central.tenant_billing, central.tenant_domains, central.tenants, central.catalog_plans, central.reseller_tiers, central.settings;
drop function central.notify_tenants();
