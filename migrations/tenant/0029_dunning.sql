-- +goose Up
-- What was done about an unpaid invoice, each step once. A step whose day passed
-- unseen because a later one took its place is skipped.
create table dunning_steps (
    invoice_id uuid not null references invoices,
    step       text not null check (step ~ '^[a-z_]+:[0-9]+$'),
    taken_at   timestamptz not null,
    outcome    text not null check (outcome in ('sent', 'skipped', 'done', 'paid', 'pending', 'no_method', 'needs_customer', 'declined')),
    detail     text not null default '',
    primary key (invoice_id, step)
);
grant select, insert on dunning_steps to ezscale_tenant;

-- Until when a customer whom the bank wants to see keeps the desktops.
alter table invoices add column dunning_grace_until timestamptz;

-- From when on a customer's figures count towards the bounds: their last release.
alter table users add column bounds_from timestamptz;
create index users_parked on users (parked_at) where parked_at is not null;

-- +goose Down
drop index users_parked;
alter table users drop column bounds_from;
alter table invoices drop column dunning_grace_until;
drop table dunning_steps;
