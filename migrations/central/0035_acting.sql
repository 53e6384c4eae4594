-- +goose Up
-- Who works in another person's name, where, why and how long. The ticket leads over
-- to the shop's host once; the token is what the browser holds there. Of both only a
-- hash is kept. door is the sign-in that it was begun from and ends with.
create table central.acting (
    id         uuid primary key default gen_random_uuid(),
    tenant_id  uuid not null references central.tenants on delete cascade,
    user_id    uuid not null,
    as_name    text not null,
    by_kind    text not null check (by_kind in ('user', 'operator')),
    by_id      uuid not null,
    by_name    text not null,
    by_epoch   integer not null,
    door       text not null,
    reason     text not null check (length(reason) between 1 and 200),
    ticket     bytea not null unique,
    token      bytea unique,
    began_at   timestamptz not null,
    ticket_until timestamptz not null,
    expires_at timestamptz not null,
    ended_at   timestamptz
);
create index acting_door on central.acting (door) where ended_at is null;
grant select, insert, update on central.acting to ezscale_central;

-- +goose Down
drop table central.acting;
