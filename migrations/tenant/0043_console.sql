-- +goose Up
-- For the console's lists of everything in a shop, the newest first. What invoices are
-- looked for by is in the index, so that a search reads nothing else.
create index invoices_newest on invoices (created_at desc, id desc) include (user_id, number, status, due_date) where status <> 'draft';
create index payments_newest on payments (created_at desc, id desc);

-- What was used on days that are over, summed up once, so that a year of a large shop
-- is drawn without reading each of its blocks. Everything here can be made again from
-- usage_blocks, and is when a shop's time zone changes. A block is in these sums when
-- it began and was charged before usage_rolled.until, a midnight in the shop's zone;
-- all others are read as they are. Sums are of rate * seconds: divide by 3600.
create table usage_rolled (
    one       boolean primary key default true check (one),
    time_zone text not null,
    until     timestamptz not null
);
create table usage_days (
    day       date not null,
    currency  text not null,
    plan_id   uuid not null,
    plan_name text not null,
    retail    numeric not null,
    wholesale numeric not null,
    seconds   bigint not null,
    primary key (day, currency, plan_id, plan_name)
);
create table usage_buyers (
    day       date not null,
    currency  text not null,
    user_id   uuid not null,
    retail    numeric not null,
    wholesale numeric not null,
    seconds   bigint not null,
    primary key (day, currency, user_id)
);

-- Blocks that were charged late are found by when they were charged. Both indexes take
-- new pages in as they fill up, for what is not yet taken in is read as a whole.
create index blocks_by_charge on usage_blocks using brin (charged_at) with (autosummarize = on);
alter index blocks_by_time set (autosummarize = on);

grant select, insert, update, delete on usage_rolled, usage_days, usage_buyers to ezscale_tenant;

-- +goose Down
alter index blocks_by_time reset (autosummarize);
drop index blocks_by_charge;
drop table usage_buyers;
drop table usage_days;
drop table usage_rolled;
drop index payments_newest;
drop index invoices_newest;
