-- +goose Up
-- An event that is tried again for one consumer alone names it here.
alter table central.outbox add column consumer text;
drop index central.outbox_undone;
create index outbox_open on central.outbox (id) where done_at is null;

-- How often a consumer has failed on an event. Kept here and not in the stream,
-- so that losing the stream neither forgives nor adds a failure.
create table central.outbox_failures (
    outbox_id  bigint not null,
    consumer   text not null,
    failures   integer not null default 0,
    reason     text not null default '',
    updated_at timestamptz not null default now(),
    primary key (outbox_id, consumer)
);
alter table central.outbox_failures enable row level security;
create policy provider on central.outbox_failures to ezscale_central using (true) with check (true);
grant select, insert, update, delete on central.outbox_failures to ezscale_central;

-- Every setting of a due time is another version of it: a message about an
-- earlier version finds nothing to do.
create sequence central.due_version;
grant usage on sequence central.due_version to ezscale_tenant, ezscale_central;
alter table central.due add column version bigint not null default 0,
    add column failures integer not null default 0;

-- +goose StatementBegin
create function central.stamp_due() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        -- Remembered until the transaction ends: an effect may move or remove its
        -- own due time before it says that it is done.
        perform set_config('ezscale.due_gone',
            coalesce(current_setting('ezscale.due_gone', true), '') || ',' || old.version || ',', true);
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    new.version := nextval('central.due_version');
    new.leased_until := null;
    new.failures := 0;
    return new;
end $$;
-- +goose StatementEnd
create trigger due_stamped before insert or update of due_at or delete on central.due
    for each row execute function central.stamp_due();

alter table central.dead_letters add column key text, add column due_at timestamptz,
    add column failures integer not null default 0;
create index dead_letters_open on central.dead_letters (id) where retried_at is null;

-- Rows here live for a day at most; a vacuum that waits for a fifth of the table
-- would let the queues swell.
alter table central.outbox set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
alter table central.outbox_receipts set (autovacuum_vacuum_scale_factor = 0.05);
alter table central.due set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- +goose Down
drop index central.dead_letters_open;
alter table central.dead_letters drop column failures, drop column due_at, drop column key;
drop trigger due_stamped on central.due;
drop function central.stamp_due();
alter table central.due drop column failures, drop column version;
drop sequence central.due_version;
drop table central.outbox_failures;
drop index central.outbox_open;
create index outbox_undone on central.outbox (published_at) where done_at is null and published_at is not null;
alter table central.outbox drop column consumer;
