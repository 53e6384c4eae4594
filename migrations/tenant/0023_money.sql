-- +goose Up
-- Who pays how, who they are to the tax office, and their own limits. monthly_cap is
-- in the shop's currency, null for none; warn_percent are the shares of it at which
-- they want a word; low_credit is the balance below which they want one. parked_for
-- holds the bound that was passed and its numbers.
alter table users
    add column pay_mode        text not null default 'prepaid' check (pay_mode in ('prepaid', 'postpaid')),
    add column pay_mode_chosen boolean not null default false,
    add column company         text not null default '',
    add column address         text not null default '',
    add column country         text not null default '' check (country ~ '^([A-Z]{2})?$'),
    add column vat_number      text not null default '',
    add column tax_exempt      boolean not null default false,
    add column monthly_cap     numeric(20,6) check (monthly_cap >= 0),
    add column warn_percent    integer[] not null default '{80}',
    add column low_credit      numeric(20,6) check (low_credit >= 0),
    add column parked_at       timestamptz,
    add column parked_for      jsonb,
    add column suspended_for   text not null default '';

-- What is reserved for a block before it begins. session_id is null while a start
-- waits for its desktop. price is with tax and is bonus + credit.
create table block_holds (
    workspace_id uuid not null references kasm_workspaces,
    run          integer not null,
    block_no     integer not null check (block_no >= 0),
    session_id   uuid references kasm_usage_sessions,
    user_id      uuid not null references users,
    starts_at    timestamptz,
    price        numeric(20,6) not null check (price >= 0),
    bonus        numeric(20,6) not null default 0 check (bonus >= 0),
    credit       numeric(20,6) not null default 0 check (credit >= 0),
    currency     text not null,
    created_at   timestamptz not null,
    primary key (workspace_id, run, block_no),
    constraint hold_parts check (bonus + credit = price)
);
create index block_holds_user on block_holds (user_id);

-- prepaid is what was taken from the customer's credit for the block, with tax.
alter table usage_blocks add column prepaid numeric(20,6) not null default 0 check (prepaid >= 0);

-- free_blocks counts the first blocks of a session that cost nothing because the
-- desktop was restarted inside a block that was paid.
alter table kasm_usage_sessions add column free_blocks integer not null default 0 check (free_blocks >= 0);
alter table kasm_usage_sessions drop constraint kasm_usage_sessions_ended_by_check;
alter table kasm_usage_sessions add constraint kasm_usage_sessions_ended_by_check
    check (ended_by in ('customer', 'staff', 'api', 'limit', 'idle', 'schedule', 'host', 'gone', 'system', 'credit', 'cap', 'parked', 'suspended'));

-- When the money for a run ends, and why: credit, cap, parked or suspended.
alter table kasm_workspaces
    add column funds_stop_at  timestamptz,
    add column funds_stop_by  text not null default '' check (funds_stop_by in ('', 'credit', 'cap', 'parked', 'suspended'));

-- Blocks that ran and that nobody pays (R6): they are in no usage_blocks row.
create table write_offs (
    session_id     uuid not null references kasm_usage_sessions,
    block_no       integer not null,
    user_id        uuid not null,
    cause          text not null check (cause in ('downtime')),
    starts_at      timestamptz not null,
    seconds        integer not null,
    rate           numeric(20,6) not null,
    wholesale_rate numeric(20,6) not null,
    currency       text not null,
    created_at     timestamptz not null,
    primary key (session_id, block_no)
);
create trigger write_offs_final before update or delete on write_offs for each row execute function central.guard_append_only();

alter table ledger_accounts drop constraint ledger_accounts_kind_check;
alter table ledger_accounts add constraint ledger_accounts_kind_check
    check (kind in ('credit', 'bonus', 'receivable', 'deferred', 'revenue', 'grants', 'rounding', 'cash', 'bank'));

-- A tax of a class in a country; the empty country is everywhere else.
alter table tax_rates add column country text not null default '' check (country ~ '^([A-Z]{2})?$');
alter table tax_rates drop constraint tax_rates_class;
create unique index tax_rates_class on tax_rates (country, tax_class) where status = 'active';

create table coupons (
    id         uuid primary key default gen_random_uuid(),
    code       text not null check (code = upper(code) and length(code) between 2 and 40),
    name       text not null,
    kind       text not null check (kind in ('percent', 'amount')),
    percent    numeric(7,4) check (percent > 0 and percent <= 100),
    amount     numeric(20,6) check (amount > 0),
    currency   text not null,
    months     integer check (months > 0),
    max_uses   integer check (max_uses > 0),
    used       integer not null default 0,
    expires_at timestamptz,
    status     text not null default 'active' check (status in ('active', 'retired')),
    created_at timestamptz not null,
    constraint coupons_code unique (code),
    constraint coupon_value check ((kind = 'percent') = (percent is not null) and (kind = 'amount') = (amount is not null))
);
-- A coupon that a customer uses; months_left is null for one without an end.
create table customer_coupons (
    user_id     uuid primary key references users,
    coupon_id   uuid not null references coupons,
    months_left integer check (months_left >= 0),
    applied_at  timestamptz not null
);

-- A monthly price beside the blocks (R25). billed_until is the end of what was billed
-- in advance; the terms are those of the order.
create table subscriptions (
    id             uuid primary key default gen_random_uuid(),
    user_id        uuid not null references users,
    plan_id        uuid not null references plans,
    service_id     uuid not null references services,
    service_type   text not null,
    plan_name      text not null,
    status         text not null check (status in ('trial', 'active', 'cancelling', 'ended')),
    price          numeric(20,6) not null check (price >= 0),
    wholesale_price numeric(20,6) not null default 0 check (wholesale_price >= 0),
    currency       text not null,
    tax_class      text not null default 'standard',
    included_hours integer not null default 0 check (included_hours >= 0),
    started_at     timestamptz not null,
    trial_ends_at  timestamptz,
    billed_until   timestamptz,
    ends_at        timestamptz,
    ended_at       timestamptz,
    constraint subscription_of_service unique (service_id)
);
create index subscriptions_user on subscriptions (user_id);
create index subscriptions_live on subscriptions (plan_id) where ended_at is null;
alter table plans add column trial_days integer not null default 0 check (trial_days between 0 and 365);

-- kind: what the document is about. prepaid_applied is what blocks had taken from
-- credit before; paid_amount came in for the invoice; credited was taken back by
-- credit notes.
alter table invoices
    add column kind            text not null default 'cycle' check (kind in ('cycle', 'subscription', 'manual')),
    add column prepaid_applied numeric(20,6) not null default 0,
    add column bonus_applied   numeric(20,6) not null default 0,
    add column paid_amount     numeric(20,6) not null default 0,
    add column credited        numeric(20,6) not null default 0,
    add column coupon_code     text not null default '',
    add column voided_at       timestamptz,
    add column void_reason     text not null default '',
    add column dunning_step    integer not null default 0,
    add column held_for        text not null default '';
create index invoices_open on invoices (due_date) where status = 'open';

-- Usage that included time pays for stands on a line of its own, for nothing.
alter table invoice_items drop constraint invoice_items_kind_check;
alter table invoice_items add constraint invoice_items_kind_check check (kind in ('usage', 'included', 'subscription', 'manual'));
alter table invoice_items
    add column subscription_id uuid references subscriptions,
    add column tax_class       text not null default 'standard';

create table credit_notes (
    id          uuid primary key default gen_random_uuid(),
    number      text not null,
    invoice_id  uuid not null references invoices,
    user_id     uuid not null references users,
    cause       text not null,
    reason      text not null,
    currency    text not null,
    net         numeric(20,6) not null,
    tax         numeric(20,6) not null,
    total       numeric(20,6) not null check (total > 0),
    to_invoice  numeric(20,6) not null default 0,
    to_credit   numeric(20,6) not null default 0,
    to_payment  numeric(20,6) not null default 0,
    bill_to     jsonb not null default '{}',
    seller      jsonb not null default '{}',
    created_by  text not null default '',
    created_at  timestamptz not null,
    constraint credit_note_number unique (number),
    constraint credit_note_cause unique (cause),
    constraint credit_note_goes_somewhere check (to_invoice + to_credit + to_payment = total)
);
create index credit_notes_user on credit_notes (user_id, created_at desc);
create index credit_notes_invoice on credit_notes (invoice_id);
create table credit_note_items (
    credit_note_id  uuid not null references credit_notes,
    position        integer not null,
    invoice_item_id uuid references invoice_items,
    session_id      uuid,
    description     text not null,
    blocks          bigint not null default 0,
    amount          numeric(20,6) not null,
    tax             numeric(20,6) not null default 0,
    primary key (credit_note_id, position)
);
create trigger credit_notes_final before update or delete on credit_notes for each row execute function central.guard_credit_note();
create trigger credit_note_items_final before update or delete on credit_note_items for each row execute function central.guard_append_only();

-- A card or account that a customer saved with the payment processor.
create table payment_methods (
    id                 uuid primary key default gen_random_uuid(),
    user_id            uuid not null references users,
    processor_customer text not null,
    processor_id       text not null,
    brand              text not null default '',
    last4              text not null default '',
    exp_month          integer,
    exp_year           integer,
    status             text not null default 'active' check (status in ('active', 'removed')),
    is_default         boolean not null default false,
    created_at         timestamptz not null,
    constraint payment_method_once unique (processor_id)
);
create index payment_methods_user on payment_methods (user_id) where status = 'active';
create unique index payment_methods_default on payment_methods (user_id) where is_default and status = 'active';

-- Money on its way in. idempotency_key is what the processor is given; epoch grows
-- when a declined charge is tried anew. processor_at is when the processor's object
-- that was applied last was made, so that an older one is not applied after it.
create table payments (
    id              uuid primary key default gen_random_uuid(),
    user_id         uuid not null references users,
    kind            text not null check (kind in ('invoice', 'topup')),
    invoice_id      uuid references invoices,
    amount          numeric(20,6) not null check (amount > 0),
    currency        text not null,
    method          text not null check (method in ('card', 'checkout', 'bank', 'cash')),
    automatic       boolean not null default false,
    status          text not null check (status in ('pending', 'processing', 'requires_action', 'succeeded', 'failed', 'cancelled')),
    processor_id    text,
    checkout_id     text,
    checkout_url    text,
    idempotency_key text not null,
    epoch           integer not null default 1,
    payment_method_id uuid references payment_methods,
    failure_code    text not null default '',
    failure         text not null default '',
    refunded        numeric(20,6) not null default 0 check (refunded >= 0 and refunded <= amount),
    disputed_at     timestamptz,
    reference       text not null default '',
    created_by      text not null default '',
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    processor_at    timestamptz,
    succeeded_at    timestamptz,
    constraint payment_key unique (idempotency_key),
    constraint payment_processor unique (processor_id),
    constraint payment_checkout unique (checkout_id),
    constraint payment_is_for check ((kind = 'invoice') = (invoice_id is not null))
);
create index payments_user on payments (user_id, created_at desc);
create index payments_invoice on payments (invoice_id);
create index payments_open on payments (created_at) where status in ('pending', 'processing', 'requires_action');

create table refunds (
    id              uuid primary key default gen_random_uuid(),
    payment_id      uuid not null references payments,
    credit_note_id  uuid references credit_notes,
    amount          numeric(20,6) not null check (amount > 0),
    currency        text not null,
    status          text not null check (status in ('pending', 'succeeded', 'failed')),
    processor_id    text,
    idempotency_key text not null,
    reason          text not null default '',
    failure         text not null default '',
    created_by      text not null default '',
    created_at      timestamptz not null,
    succeeded_at    timestamptz,
    constraint refund_key unique (idempotency_key),
    constraint refund_processor unique (processor_id)
);

-- What the processor announced. An event is a hint and is applied once (R22).
create table processor_events (
    processor   text not null default 'stripe',
    event_id    text not null,
    type        text not null,
    object_id   text not null default '',
    received_at timestamptz not null,
    applied_at  timestamptz,
    primary key (processor, event_id)
);

-- A customer's wish to have credit bought when it runs low (R17). in_flight is the
-- charge under way; retry_at is when a decline may be tried again.
create table auto_topups (
    user_id       uuid primary key references users,
    enabled       boolean not null default true,
    threshold     numeric(20,6) not null check (threshold >= 0),
    step          numeric(20,6) not null check (step > 0),
    daily_ceiling numeric(20,6) not null check (daily_ceiling >= step),
    in_flight     uuid references payments,
    failures      integer not null default 0,
    retry_at      timestamptz,
    updated_at    timestamptz not null
);

grant select, insert, delete on block_holds to ezscale_tenant;
grant update (session_id, starts_at) on block_holds to ezscale_tenant;
grant select, insert on write_offs, credit_notes, credit_note_items to ezscale_tenant;
grant select, insert, update on coupons, subscriptions, payment_methods, payments, refunds, processor_events to ezscale_tenant;
grant select, insert, update, delete on customer_coupons, auto_topups to ezscale_tenant;

-- +goose Down
drop table auto_topups, processor_events, refunds, payments, payment_methods, credit_note_items, credit_notes;
alter table invoice_items drop column subscription_id, drop column tax_class;
delete from invoice_items where kind <> 'usage';
alter table invoice_items drop constraint invoice_items_kind_check;
alter table invoice_items add constraint invoice_items_kind_check check (kind in ('usage'));
drop index invoices_open;
alter table invoices drop column kind, drop column prepaid_applied, drop column bonus_applied, drop column paid_amount, drop column credited,
    drop column coupon_code, drop column voided_at, drop column void_reason, drop column dunning_step, drop column held_for;
alter table plans drop column trial_days;
drop table subscriptions, customer_coupons, coupons;
drop index tax_rates_class;
alter table tax_rates drop column country;
alter table tax_rates add constraint tax_rates_class unique (tax_class);
alter table ledger_accounts drop constraint ledger_accounts_kind_check;
alter table ledger_accounts add constraint ledger_accounts_kind_check check (kind in ('credit', 'bonus', 'receivable', 'revenue', 'grants', 'rounding'));
drop table write_offs;
alter table kasm_workspaces drop column funds_stop_at, drop column funds_stop_by;
update kasm_usage_sessions set ended_by = 'limit' where ended_by in ('credit', 'cap', 'parked', 'suspended');
alter table kasm_usage_sessions drop constraint kasm_usage_sessions_ended_by_check;
alter table kasm_usage_sessions add constraint kasm_usage_sessions_ended_by_check
    check (ended_by in ('customer', 'staff', 'api', 'limit', 'idle', 'schedule', 'host', 'gone', 'system'));
alter table kasm_usage_sessions drop column free_blocks;
alter table usage_blocks drop column prepaid;
drop table block_holds;
alter table users drop column pay_mode, drop column pay_mode_chosen, drop column company, drop column address, drop column country, drop column vat_number,
    drop column tax_exempt, drop column monthly_cap, drop column warn_percent, drop column low_credit, drop column parked_at, drop column parked_for, drop column suspended_for;
