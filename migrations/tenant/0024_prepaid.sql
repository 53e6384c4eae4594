-- +goose Up
-- worth is what a held block counts for in the month's cap, with tax; price is what
-- is held for it of the customer's credit, which is nothing for one who pays later.
alter table block_holds add column worth numeric(20,6) not null default 0 check (worth >= 0);

-- Bonus credit as it was given. What is left of it when it expires follows from the
-- entries of the bonus account: what expires first is spent first.
create table bonus_grants (
    id         uuid primary key default gen_random_uuid(),
    user_id    uuid not null references users,
    amount     numeric(20,6) not null check (amount > 0),
    currency   text not null,
    cause      text not null,
    expires_at timestamptz,
    created_at timestamptz not null,
    constraint bonus_cause unique (cause)
);
create index bonus_grants_user on bonus_grants (user_id);
create trigger bonus_grants_final before update or delete on bonus_grants for each row execute function central.guard_append_only();

-- What a customer was warned of: each key once.
create table funds_warnings (
    user_id   uuid not null references users,
    key       text not null,
    warned_at timestamptz not null,
    primary key (user_id, key)
);

-- To find what a fund's end stops.
create index workspaces_funds_stop on kasm_workspaces (user_id) where funds_stop_at is not null;

grant select, insert on bonus_grants, funds_warnings to ezscale_tenant;

-- +goose Down
drop index workspaces_funds_stop;
drop table funds_warnings, bonus_grants;
alter table block_holds drop column worth;
