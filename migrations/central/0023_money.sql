-- +goose Up
-- What a person of the provider should look at, from whichever shop: usage written
-- off, an invoice that cannot be worked out again, a parked account, a disputed
-- payment, a failed collection. A subject stands here once until it is settled.
create table central.attention (
    id          uuid primary key default gen_random_uuid(),
    schema_name text not null,
    tenant_id   uuid not null,
    kind        text not null check (kind ~ '^[a-z_]+$'),
    subject     text not null,
    summary     text not null,
    detail      jsonb not null default '{}',
    created_at  timestamptz not null,
    settled_at  timestamptz,
    settled_by  text not null default ''
);
create unique index attention_open on central.attention (tenant_id, kind, subject) where settled_at is null;
create index attention_newest on central.attention (created_at desc) where settled_at is null;

alter table central.attention enable row level security;
create policy own on central.attention to ezscale_tenant using (schema_name = current_user) with check (schema_name = current_user);
create policy shared on central.attention to ezscale_shared using (true) with check (true);
create policy provider on central.attention to ezscale_central using (true) with check (true);
grant select, insert, update on central.attention to ezscale_tenant;
grant select, insert, update, delete on central.attention to ezscale_central;

-- A finalised invoice may still be paid, credited, voided and reminded of.
-- +goose StatementBegin
create function central.guard_credit_note() returns trigger language plpgsql as $$
begin
    raise exception 'credit note % is finalised and cannot be changed', old.number using errcode = 'restrict_violation';
end $$;
-- +goose StatementEnd

-- +goose Down
drop function central.guard_credit_note();
drop table central.attention;
