-- +goose Up
-- How a shop makes its prices from what it pays the provider: a mark-up for all plans,
-- for the plans of a type, or for one plan, on the price of an hour or of a month. The
-- most specific one counts. round_to is the step that prices are rounded up to, 0 for
-- exact ones.
create table markup_rules (
    id         uuid primary key default gen_random_uuid(),
    scope      text not null check (scope in ('all', 'type', 'plan')),
    target     text not null default '',
    price_of   text not null default 'hour' check (price_of in ('hour', 'month')),
    kind       text not null check (kind in ('percent', 'amount')),
    value      numeric(20,6) not null check (value >= 0),
    round_to   numeric(20,6) not null default 0 check (round_to >= 0),
    updated_at timestamptz not null,
    constraint markup_rules_once unique (scope, target, price_of),
    constraint markup_rules_about check ((scope = 'all') = (target = ''))
);
create index audit_log_newest on audit_log (at desc, id desc);

grant select, insert, update, delete on markup_rules to ezscale_tenant;

-- +goose Down
drop index audit_log_newest;
drop table markup_rules;
