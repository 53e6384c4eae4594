-- +goose Up
-- Who a customer is at the processor, in each account that the shop has used there.
create table processor_customers (
    user_id     uuid not null references users,
    account     text not null,
    customer_id text not null,
    created_at  timestamptz not null,
    primary key (user_id, account)
);

-- A customer on the way to save a card on the processor's page.
create table card_setups (
    id          uuid primary key,
    user_id     uuid not null references users,
    status      text not null check (status in ('open', 'done', 'expired')),
    checkout_id text,
    checkout_url text not null default '',
    created_at  timestamptz not null,
    done_at     timestamptz,
    constraint card_setup_checkout unique (checkout_id)
);
create index card_setups_user on card_setups (user_id);

-- customer is the customer at the processor, description what is paid. asked_at is
-- the wall time of the first call: an idempotency key that is older than a day may
-- have been forgotten over there, and must not be used again.
alter table payments
    add column customer    text not null default '',
    add column description text not null default '',
    add column asked_at    timestamptz;

-- One payment of an invoice is under way at a time (R22).
create unique index payments_one_under_way on payments (invoice_id) where status in ('pending', 'processing');

-- Small invoices that are collected together with the one of the payment, because
-- each alone is less than a card can be charged.
create table payment_carries (
    payment_id uuid not null references payments,
    invoice_id uuid not null references invoices,
    amount     numeric(20,6) not null check (amount > 0),
    primary key (payment_id, invoice_id)
);

-- refused_on is the last day on which the customer was told of a top-up that the
-- day's ceiling did not allow.
alter table auto_topups add column refused_on date;

grant select, insert, update on processor_customers, card_setups to ezscale_tenant;
grant select, insert on payment_carries to ezscale_tenant;

-- +goose Down
alter table auto_topups drop column refused_on;
drop table payment_carries;
drop index payments_one_under_way;
alter table payments drop column customer, drop column description, drop column asked_at;
drop table card_setups, processor_customers;
