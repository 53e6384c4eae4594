-- +goose Up
-- Events, written in the transaction that causes them. published_at says when
-- the stream took the row; done_at when every durable consumer of its subject
-- has left a receipt. A row that is not done some minutes later is sent again.
create table central.outbox (
    id           bigint generated always as identity primary key,
    schema_name  text not null,
    tenant_id    uuid not null,
    subject      text not null,
    payload      jsonb not null default '{}',
    created_at   timestamptz not null default now(),
    published_at timestamptz,
    sends        integer not null default 0,
    done_at      timestamptz
);
create index outbox_unpublished on central.outbox (id) where published_at is null;
create index outbox_undone on central.outbox (published_at) where done_at is null and published_at is not null;

create table central.outbox_receipts (
    outbox_id   bigint not null,
    consumer    text not null,
    schema_name text not null,
    created_at  timestamptz not null default now(),
    primary key (outbox_id, consumer)
);

-- What has to happen at a time. due_at is business time, leased_until is wall
-- time. A row goes away only in the transaction of its effect.
create table central.due (
    schema_name  text not null,
    tenant_id    uuid not null,
    kind         text not null,
    key          text not null,
    due_at       timestamptz not null,
    payload      jsonb not null default '{}',
    leased_until timestamptz,
    attempts     integer not null default 0,
    primary key (schema_name, kind, key)
);
create index due_at on central.due (due_at);

create table central.dead_letters (
    id          bigint generated always as identity primary key,
    schema_name text not null,
    tenant_id   uuid not null,
    consumer    text not null,
    subject     text not null,
    outbox_id   bigint,
    payload     jsonb not null default '{}',
    reason      text not null,
    created_at  timestamptz not null default now(),
    retried_at  timestamptz
);

-- +goose StatementBegin
create function central.notify_outbox() returns trigger language plpgsql as $$
begin
    perform pg_notify('ezscale_outbox', '');
    return null;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function central.notify_due() returns trigger language plpgsql as $$
begin
    perform pg_notify('ezscale_due', '');
    return null;
end $$;
-- +goose StatementEnd
create trigger outbox_filled after insert on central.outbox for each statement execute function central.notify_outbox();
create trigger due_filled after insert or update of due_at on central.due for each statement execute function central.notify_due();

alter table central.outbox enable row level security;
alter table central.outbox_receipts enable row level security;
alter table central.due enable row level security;
alter table central.dead_letters enable row level security;

create policy own on central.outbox to ezscale_tenant using (schema_name = current_user) with check (schema_name = current_user);
create policy own on central.outbox_receipts to ezscale_tenant using (schema_name = current_user) with check (schema_name = current_user);
create policy own on central.due to ezscale_tenant using (schema_name = current_user) with check (schema_name = current_user);
create policy own on central.dead_letters to ezscale_tenant using (schema_name = current_user) with check (schema_name = current_user);
-- Without a role per tenant (an option for very many tenants) this wall is the search path alone.
create policy shared on central.outbox to ezscale_shared using (true) with check (true);
create policy shared on central.outbox_receipts to ezscale_shared using (true) with check (true);
create policy shared on central.due to ezscale_shared using (true) with check (true);
create policy shared on central.dead_letters to ezscale_shared using (true) with check (true);
create policy provider on central.outbox to ezscale_central using (true) with check (true);
create policy provider on central.outbox_receipts to ezscale_central using (true) with check (true);
create policy provider on central.due to ezscale_central using (true) with check (true);
create policy provider on central.dead_letters to ezscale_central using (true) with check (true);

grant select, insert, delete on central.outbox, central.outbox_receipts, central.dead_letters to ezscale_tenant;
-- Moving a due time is part of many effects, so it may be updated too.
grant select, insert, update, delete on central.due to ezscale_tenant;
grant select, insert, update, delete on central.outbox, central.outbox_receipts, central.due, central.dead_letters to ezscale_central;

-- Refuses to change or remove a document once it is finalised. Moving it on to
-- paid, with the payment's own columns, is the one thing that still happens.
-- +goose StatementBegin
create function central.guard_invoice() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception 'invoice % is finalised and cannot be removed', old.number using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if old.status <> 'draft' and
       (new.user_id, new.number, new.cycle_start, new.period_start, new.period_end, new.currency, new.subtotal, new.discount, new.tax, new.total, new.due_date, new.finalised_at, new.description)
       is distinct from
       (old.user_id, old.number, old.cycle_start, old.period_start, old.period_end, old.currency, old.subtotal, old.discount, old.tax, old.total, old.due_date, old.finalised_at, old.description)
    then
        raise exception 'invoice % is finalised and cannot be changed', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function central.guard_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
-- +goose StatementEnd
-- A charged block keeps its facts for ever; only its place on an invoice is
-- filled in, once.
-- +goose StatementBegin
create function central.guard_block() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'a charged block is never removed' using errcode = 'restrict_violation';
    end if;
    if old.invoice_item_id is not null or
       (new.session_id, new.block_no, new.user_id, new.starts_at, new.seconds, new.rate, new.wholesale_rate, new.currency)
       is distinct from (old.session_id, old.block_no, old.user_id, old.starts_at, old.seconds, old.rate, old.wholesale_rate, old.currency)
    then
        raise exception 'a charged block cannot be changed' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- +goose StatementEnd

-- +goose Down
drop function central.guard_block();
drop function central.guard_append_only();
drop function central.guard_invoice();
drop table central.dead_letters, central.due, central.outbox_receipts, central.outbox;
drop function central.notify_due();
drop function central.notify_outbox();
