-- +goose Up
-- The months that were closed, by their first day. A month closes once; what
-- comes in for it later goes on the next invoice.
create table billing_cycles (
    month     date primary key check (extract(day from month) = 1),
    starts_at timestamptz not null,
    ends_at   timestamptz not null check (ends_at > starts_at),
    closed_at timestamptz not null
);
create trigger cycles_final before update or delete on billing_cycles for each row execute function central.guard_append_only();
grant select, insert on billing_cycles to ezscale_tenant;

-- A session keeps the currency it began with, so a month in which the shop
-- changed its currency ends in two invoices.
alter table invoices drop constraint invoice_of_cycle;
alter table invoices add constraint invoice_of_cycle unique (user_id, cycle_start, currency);

-- For a shop's month on both sides of its blocks.
create index blocks_by_time on usage_blocks using brin (starts_at);

create trigger items_added after insert on invoice_items referencing new table as added for each statement execute function central.guard_added_items();
create trigger items_final before update or delete on invoice_items for each row execute function central.guard_item();

-- +goose Down
drop trigger items_final on invoice_items;
drop trigger items_added on invoice_items;
drop index blocks_by_time;
alter table invoices drop constraint invoice_of_cycle;
alter table invoices add constraint invoice_of_cycle unique (user_id, cycle_start);
drop table billing_cycles;
