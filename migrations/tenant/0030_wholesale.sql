-- +goose Up
-- The reseller's own months with the provider, as they were closed, with the terms
-- that counted. A cycle closes once; the documents drawn up in it are given their
-- numbers by the provider afterwards.
create table wholesale_cycles (
    cycle_start        timestamptz primary key,
    cycle_end          timestamptz not null check (cycle_end > cycle_start),
    mode               text not null check (mode in ('wholesale', 'commission')),
    tier               text not null,
    currency           text not null,
    monthly_fee        numeric(20,6) not null,
    discount_percent   numeric(7,4) not null,
    commission_percent numeric(7,4) not null,
    closed_at          timestamptz not null
);

create table wholesale_documents (
    id                   uuid primary key,
    cycle_start          timestamptz not null references wholesale_cycles,
    cycle_end            timestamptz not null,
    currency             text not null,
    mode                 text not null,
    tier                 text not null,
    platform_fee         numeric(20,6) not null,
    usage_charges        numeric(20,6) not null,
    subscription_charges numeric(20,6) not null,
    commission           numeric(20,6) not null,
    total                numeric(20,6) not null check (total >= 0),
    due_date             date not null,
    description          text not null,
    created_at           timestamptz not null,
    number               text,
    issued_at            timestamptz,
    constraint wholesale_document_of_cycle unique (cycle_start, currency),
    constraint wholesale_document_issued check ((number is null) = (issued_at is null))
);
create index wholesale_documents_waiting on wholesale_documents (created_at) where number is null;

-- What a wholesale line is about. A line of the kind covered stands on no document:
-- its blocks and subscriptions are paid for by a commission.
create table wholesale_items (
    id            uuid primary key,
    cycle_start   timestamptz not null references wholesale_cycles,
    document_id   uuid references wholesale_documents,
    position      integer not null,
    kind          text not null check (kind in ('usage', 'subscription', 'fee', 'commission', 'covered')),
    description   text not null,
    service_type  text not null default '',
    plan_name     text not null default '',
    rate          numeric(20,6) not null default 0,
    block_seconds integer not null default 0,
    blocks        bigint not null default 0,
    seconds       bigint not null default 0,
    quantity      numeric(20,6) not null default 0,
    exact         numeric(30,12) not null,
    amount        numeric(20,6) not null,
    currency      text not null,
    period_start  timestamptz not null,
    period_end    timestamptz not null,
    constraint wholesale_item_covered check ((kind = 'covered') = (document_id is null))
);
create index wholesale_items_document on wholesale_items (document_id);

-- Which blocks of a session are on which wholesale line: first to last, both
-- included. No block is on two lines.
create table wholesale_runs (
    session_id uuid not null references kasm_usage_sessions,
    first      integer not null check (first >= 0),
    last       integer not null,
    item_id    uuid not null references wholesale_items,
    primary key (session_id, first),
    constraint wholesale_run_order check (last >= first),
    constraint wholesale_block_once exclude using gist (session_id ext.gist_uuid_ops with =, int4range(first, last, '[]') with &&)
);
create index wholesale_runs_item on wholesale_runs (item_id);

-- A customer's line for a monthly price, and its reseller's line for the same days.
create table wholesale_subscriptions (
    invoice_item_id uuid primary key references invoice_items,
    item_id         uuid not null references wholesale_items,
    days            integer not null,
    cycle_days      integer not null check (cycle_days > 0)
);
create index wholesale_subscriptions_item on wholesale_subscriptions (item_id);

-- Money of customers that a commission was worked out on; a refund counts below zero.
create table wholesale_receipts (
    kind      text not null check (kind in ('payment', 'refund')),
    source_id uuid not null,
    item_id   uuid not null references wholesale_items,
    at        timestamptz not null,
    gross     numeric(20,6) not null,
    net       numeric(30,12) not null,
    currency  text not null,
    primary key (kind, source_id)
);
create index wholesale_receipts_item on wholesale_receipts (item_id);

create trigger wholesale_cycles_final before update or delete on wholesale_cycles for each row execute function central.guard_append_only();
create trigger wholesale_items_final before update or delete on wholesale_items for each row execute function central.guard_append_only();
create trigger wholesale_runs_final before update or delete on wholesale_runs for each row execute function central.guard_append_only();
create trigger wholesale_subscriptions_final before update or delete on wholesale_subscriptions for each row execute function central.guard_append_only();
create trigger wholesale_receipts_final before update or delete on wholesale_receipts for each row execute function central.guard_append_only();
create trigger wholesale_documents_final before update or delete on wholesale_documents for each row execute function central.guard_wholesale_document();

grant select, insert on wholesale_cycles, wholesale_documents, wholesale_items, wholesale_runs, wholesale_subscriptions, wholesale_receipts to ezscale_tenant;
grant update (number, issued_at) on wholesale_documents to ezscale_tenant;

-- +goose Down
drop table wholesale_receipts, wholesale_subscriptions, wholesale_runs, wholesale_items, wholesale_documents, wholesale_cycles;
