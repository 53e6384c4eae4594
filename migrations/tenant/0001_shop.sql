-- +goose Up
-- Runs with the search path of one reseller's schema. Rights go to the group
-- ezscale_tenant; what keeps one reseller's role out of another's tables is that
-- it has USAGE on its own schema only. No sequences, types or functions here.
create table settings (
    key   text primary key,
    value jsonb not null
);

create table counters (
    name  text primary key,
    value bigint not null default 0
);

create table users (
    id                uuid primary key default gen_random_uuid(),
    email             text not null check (email = lower(email) and length(email) <= 254),
    name              text not null default '',
    password_hash     text not null,
    role              text not null default 'customer' check (role in ('owner', 'staff', 'customer')),
    status            text not null default 'active' check (status in ('active', 'suspended', 'closed')),
    email_verified_at timestamptz,
    created_at        timestamptz not null,
    constraint users_email unique (email)
);
create index users_created on users (created_at desc, id desc);

-- One-time links of mails. Only the hash of the secret is kept.
create table user_tokens (
    hash       bytea primary key,
    user_id    uuid not null references users on delete cascade,
    purpose    text not null check (purpose in ('verify', 'reset')),
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index user_tokens_user on user_tokens (user_id, purpose);

create table api_keys (
    id           uuid primary key default gen_random_uuid(),
    user_id      uuid not null references users on delete cascade,
    name         text not null check (length(name) between 1 and 80),
    key          text not null,
    secret_hash  bytea not null,
    created_at   timestamptz not null,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    constraint api_keys_key unique (key)
);
create index api_keys_user on api_keys (user_id);

create table idempotency_keys (
    user_id      uuid not null references users on delete cascade,
    key          text not null check (length(key) between 1 and 255),
    request_hash bytea not null,
    status       integer,
    body         bytea,
    created_at   timestamptz not null,
    primary key (user_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

create table audit_log (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    actor   text not null,
    action  text not null,
    subject text not null default '',
    detail  jsonb not null default '{}'
);

-- Mail that has gone out, so that the same letter never goes twice.
create table sent_mails (
    key       text primary key,
    recipient text not null,
    subject   text not null,
    sent_at   timestamptz not null
);

create table plans (
    id              uuid primary key default gen_random_uuid(),
    service_type    text not null,
    catalog_plan_id text not null,
    name            text not null,
    description     text not null default '',
    workspace_type  text not null check (workspace_type in ('developer', 'business')),
    vcpu            integer not null,
    ram_mb          integer not null,
    price           numeric(20,6) check (price >= 0),
    price_per_hour  numeric(20,6) not null check (price_per_hour >= 0),
    block_seconds   integer not null default 900 check (block_seconds in (60, 300, 600, 900, 1800, 3600)),
    included_hours  integer not null default 0 check (included_hours >= 0),
    currency        text not null,
    version         integer not null default 1,
    status          text not null default 'active' check (status in ('active', 'deprecated')),
    sort_order      integer not null default 0,
    constraint plans_service_type unique (service_type)
);

create table kasm_workspace_templates (
    id                uuid primary key default gen_random_uuid(),
    name              text not null,
    description       text not null default '',
    workspace_type    text not null check (workspace_type in ('developer', 'business')),
    kasm_template_id  text not null,
    icon_url          text not null default '',
    vcpu_default      integer not null,
    ram_mb_default    integer not null,
    preinstalled_apps jsonb not null default '[]',
    status            text not null default 'active' check (status in ('active', 'deprecated')),
    sort_order        integer not null default 0,
    constraint templates_name unique (name)
);

create table services (
    id             uuid primary key default gen_random_uuid(),
    user_id        uuid not null references users,
    plan_id        uuid not null references plans,
    service_type   text not null,
    status         text not null default 'provisioning' check (status in ('provisioning', 'active', 'failed', 'suspended', 'terminated')),
    created_at     timestamptz not null,
    provisioned_at timestamptz
);
create index services_user on services (user_id);

-- The customer's account on a desktop host, one for each host.
create table kasm_users (
    user_id            uuid not null references users,
    kasm_server_id     uuid not null,
    kasm_user_id       text not null,
    username           text not null,
    password_encrypted bytea not null,
    created_at         timestamptz not null,
    primary key (user_id, kasm_server_id)
);

-- desired_state is what was asked for, observed_state what the desktop host last
-- reported; status follows from the two. run counts the starts: a start is one
-- intent, and one intent has at most one desktop.
create table kasm_workspaces (
    id                 uuid primary key default gen_random_uuid(),
    user_id            uuid not null references users,
    service_id         uuid not null references services,
    plan_id            uuid not null references plans,
    template_id        uuid not null references kasm_workspace_templates,
    workspace_type     text not null,
    template_name      text not null,
    vcpu               integer not null,
    ram_mb             integer not null,
    kasm_server_id     uuid,
    kasm_user_id       text,
    kasm_workspace_id  text,
    access_url         text not null default '',
    username           text not null default '',
    password_encrypted bytea,
    desired_state      text not null check (desired_state in ('running', 'stopped', 'terminated')),
    observed_state     text not null default 'none' check (observed_state in ('none', 'requested', 'starting', 'running', 'stopping', 'stopped', 'gone')),
    status             text not null check (status in ('provisioning', 'running', 'stopped', 'terminated', 'failed')),
    failure            text not null default '',
    run                integer not null default 1,
    started_by         text not null default '',
    changed_at         timestamptz not null,
    deadline_at        timestamptz,
    session_duration   integer check (session_duration > 0),
    created_at         timestamptz not null,
    provisioned_at     timestamptz,
    last_started_at    timestamptz,
    last_stopped_at    timestamptz,
    terminated_at      timestamptz,
    constraint workspaces_desktop unique (kasm_server_id, kasm_workspace_id)
);
create index workspaces_user on kasm_workspaces (user_id, created_at desc);
create index workspaces_live on kasm_workspaces (id) where status in ('provisioning', 'running') or observed_state in ('requested', 'starting', 'running', 'stopping');

create table kasm_usage_sessions (
    id                        uuid primary key default gen_random_uuid(),
    kasm_workspace_id         uuid not null references kasm_workspaces,
    user_id                   uuid not null references users,
    run                       integer not null,
    desktop_id                text not null,
    plan_id                   uuid not null references plans,
    plan_version              integer not null,
    plan_name                 text not null,
    service_type              text not null,
    cost_per_hour             numeric(20,6) not null check (cost_per_hour >= 0),
    wholesale_cost_per_hour   numeric(20,6) not null check (wholesale_cost_per_hour >= 0),
    block_seconds             integer not null check (block_seconds > 0),
    currency                  text not null,
    tax_class                 text not null default 'standard',
    started_by                text not null default '',
    ended_by                  text check (ended_by in ('customer', 'staff', 'api', 'limit', 'host', 'gone', 'system')),
    started_at                timestamptz not null,
    last_proof_at             timestamptz not null,
    stopped_at                timestamptz,
    duration_seconds          bigint,
    duration_billable_seconds bigint,
    total_cost                numeric(24,10),
    created_at                timestamptz not null,
    constraint session_span check (stopped_at >= started_at),
    constraint session_proof check (last_proof_at >= started_at),
    constraint session_of_run unique (kasm_workspace_id, run, started_at),
    constraint sessions_do_not_overlap exclude using gist (kasm_workspace_id ext.gist_uuid_ops with =, tstzrange(started_at, stopped_at) with &&)
);
create index sessions_user on kasm_usage_sessions (user_id, started_at desc, id desc);
create index sessions_workspace on kasm_usage_sessions (kasm_workspace_id, started_at desc);
create unique index sessions_open on kasm_usage_sessions (kasm_workspace_id) where stopped_at is null;

create table tax_rates (
    id         uuid primary key default gen_random_uuid(),
    name       text not null,
    tax_class  text not null default 'standard',
    percent    numeric(7,4) not null check (percent between 0 and 100),
    inclusive  boolean not null default false,
    status     text not null default 'active' check (status in ('active', 'retired')),
    constraint tax_rates_class unique (tax_class)
);

create table invoices (
    id             uuid primary key default gen_random_uuid(),
    user_id        uuid not null references users,
    number         text,
    status         text not null default 'draft' check (status in ('draft', 'open', 'paid', 'void')),
    cycle_start    timestamptz,
    period_start   timestamptz not null,
    period_end     timestamptz not null,
    currency       text not null,
    subtotal       numeric(20,6) not null default 0,
    discount       numeric(20,6) not null default 0 check (discount >= 0),
    tax            numeric(20,6) not null default 0,
    total          numeric(20,6) not null default 0,
    credit_applied numeric(20,6) not null default 0 check (credit_applied >= 0),
    amount_due     numeric(20,6) not null default 0 check (amount_due >= 0),
    due_date       date,
    description    text not null default '',
    bill_to        jsonb not null default '{}',
    seller         jsonb not null default '{}',
    created_at     timestamptz not null,
    finalised_at   timestamptz,
    paid_at        timestamptz,
    constraint invoice_number unique (number),
    constraint invoice_of_cycle unique (user_id, cycle_start),
    constraint finalised_has_number check (status = 'draft' or (number is not null and finalised_at is not null))
);
create index invoices_user on invoices (user_id, created_at desc, id desc);

-- quantity is hours. A line is one plan at one rate in one calendar month.
create table invoice_items (
    id             uuid primary key default gen_random_uuid(),
    invoice_id     uuid not null references invoices on delete cascade,
    position       integer not null,
    kind           text not null default 'usage' check (kind in ('usage')),
    description    text not null,
    workspace_type text not null,
    cost_per_hour  numeric(20,6) not null,
    block_seconds  integer not null,
    blocks         bigint not null check (blocks >= 0),
    quantity       numeric(20,6) not null,
    exact          numeric(28,12) not null,
    discount       numeric(20,6) not null default 0,
    amount         numeric(20,6) not null,
    tax_name       text not null default '',
    tax_percent    numeric(7,4) not null default 0,
    tax_inclusive  boolean not null default false,
    currency       text not null,
    period_start   timestamptz not null,
    period_end     timestamptz not null,
    constraint item_position unique (invoice_id, position)
);

-- Inserting a row is the charge. Block k of a session covers
-- [started_at + k * seconds, started_at + (k + 1) * seconds).
create table usage_blocks (
    session_id      uuid not null references kasm_usage_sessions,
    block_no        integer not null check (block_no >= 0),
    user_id         uuid not null,
    starts_at       timestamptz not null,
    seconds         integer not null check (seconds > 0),
    rate            numeric(20,6) not null,
    wholesale_rate  numeric(20,6) not null,
    currency        text not null,
    proof_at        timestamptz not null,
    charged_at      timestamptz not null,
    invoice_item_id uuid references invoice_items,
    primary key (session_id, block_no)
);
create index blocks_user on usage_blocks (user_id, starts_at);
create index blocks_unbilled on usage_blocks (starts_at) where invoice_item_id is null;
create index blocks_item on usage_blocks (invoice_item_id) where invoice_item_id is not null;

-- Double entry. A customer's credit account keeps its balance in the statement
-- that writes its entries; the shop's own accounts keep none.
create table ledger_accounts (
    id       uuid primary key default gen_random_uuid(),
    user_id  uuid references users,
    kind     text not null check (kind in ('credit', 'bonus', 'receivable', 'revenue', 'grants', 'rounding')),
    currency text not null,
    balance  numeric(20,6),
    held     numeric(20,6) not null default 0 check (held >= 0),
    floor    numeric(20,6) not null default 0,
    constraint ledger_account unique nulls not distinct (user_id, kind, currency),
    constraint wallet_floor check (balance is null or balance - held >= floor)
);

create table ledger_entries (
    id          bigint generated always as identity primary key,
    cause       text not null,
    account_id  uuid not null references ledger_accounts,
    amount      numeric(20,6) not null check (amount <> 0),
    description text not null default '',
    actor       text not null default '',
    created_at  timestamptz not null,
    constraint ledger_cause unique (cause, account_id)
);
create index ledger_entries_account on ledger_entries (account_id, id desc);

create trigger invoices_final before update or delete on invoices for each row execute function central.guard_invoice();
create trigger blocks_final before update or delete on usage_blocks for each row execute function central.guard_block();
create trigger ledger_final before update or delete on ledger_entries for each row execute function central.guard_append_only();

grant select, insert, update, delete on settings, counters, user_tokens, idempotency_keys, sent_mails, tax_rates to ezscale_tenant;
grant select, insert, update on users, api_keys, plans, kasm_workspace_templates, services, kasm_users, kasm_workspaces, kasm_usage_sessions, ledger_accounts to ezscale_tenant;
grant select, insert, update, delete on invoices to ezscale_tenant;
grant select, insert, delete on invoice_items to ezscale_tenant;
grant select, insert, update (invoice_item_id) on usage_blocks to ezscale_tenant;
grant select, insert on ledger_entries, audit_log to ezscale_tenant;

-- +goose Down
drop table ledger_entries, ledger_accounts, usage_blocks, invoice_items, invoices, tax_rates, kasm_usage_sessions, kasm_workspaces, kasm_users, services,
    kasm_workspace_templates, plans, sent_mails, audit_log, idempotency_keys, api_keys, user_tokens, users, counters, settings;
