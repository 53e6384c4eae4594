-- +goose Up
-- The provider's own numbers, without gaps.
create table central.counters (
    name  text primary key,
    value bigint not null
);

-- What resellers are asked to pay; it outlives their own rows. The *_at columns are the steps taken when it is
-- not paid, each once; the checkout's and processor's are how it is collected.
create table central.wholesale_invoices (
    id                   uuid primary key,
    tenant_id            uuid not null,
    number               text,
    status               text not null check (status in ('draft', 'open', 'paid', 'void')),
    cycle_start          timestamptz not null,
    cycle_end            timestamptz not null check (cycle_end > cycle_start),
    mode                 text not null check (mode in ('wholesale', 'commission')),
    tier                 text not null,
    currency             text not null check (currency ~ '^[A-Z]{3}$'),
    platform_fee         numeric(20,6) not null,
    usage_charges        numeric(20,6) not null,
    subscription_charges numeric(20,6) not null,
    commission           numeric(20,6) not null,
    tax                  numeric(20,6) not null default 0,
    total                numeric(20,6) not null,
    amount_due           numeric(20,6) not null check (amount_due >= 0),
    due_date             date not null,
    description          text not null,
    bill_to              jsonb not null default '{}',
    seller               jsonb not null default '{}',
    created_at           timestamptz not null,
    finalised_at         timestamptz,
    paid_at              timestamptz,
    paid_by              text not null default '',
    reference            text not null default '',
    reminded_at          timestamptz,
    past_due_at          timestamptz,
    suspended_at         timestamptz,
    checkout_id          text,
    checkout_url         text,
    processor_id         text,
    payment_epoch        integer not null default 1,
    payment_failure      text not null default '',
    constraint wholesale_number unique (number),
    constraint wholesale_of_cycle unique (tenant_id, cycle_start, currency),
    constraint wholesale_total check (total = platform_fee + usage_charges + subscription_charges + commission + tax),
    constraint wholesale_numbered check (status = 'draft' or number is not null),
    constraint wholesale_paid check ((status = 'paid') = (paid_at is not null))
);
create index wholesale_invoices_newest on central.wholesale_invoices (created_at desc, number desc);
create index wholesale_invoices_open on central.wholesale_invoices (due_date) where status = 'open';

create table central.wholesale_invoice_items (
    id            uuid primary key,
    invoice_id    uuid not null references central.wholesale_invoices on delete cascade,
    position      integer not null,
    kind          text not null check (kind in ('usage', 'subscription', 'fee', 'commission')),
    description   text not null,
    service_type  text not null default '',
    plan_name     text not null default '',
    rate          numeric(20,6) not null default 0,
    block_seconds integer not null default 0,
    blocks        bigint not null default 0,
    seconds       bigint not null default 0,
    quantity      numeric(20,6) not null default 0,
    exact         numeric(30,12) not null,
    amount        numeric(20,6) not null,
    currency      text not null,
    period_start  timestamptz not null,
    period_end    timestamptz not null,
    constraint wholesale_item_position unique (invoice_id, position)
);

-- +goose StatementBegin
create function central.guard_wholesale_invoice() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception 'wholesale invoice % is finalised and cannot be removed', old.number using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if old.status <> 'draft' and (new.status = 'draft' or old.status = 'paid' and new.status <> 'paid' or
       (new.id, new.tenant_id, new.number, new.cycle_start, new.cycle_end, new.mode, new.tier, new.currency, new.platform_fee, new.usage_charges, new.subscription_charges, new.commission, new.tax, new.total, new.due_date, new.description, new.bill_to, new.seller, new.created_at, new.finalised_at)
       is distinct from
       (old.id, old.tenant_id, old.number, old.cycle_start, old.cycle_end, old.mode, old.tier, old.currency, old.platform_fee, old.usage_charges, old.subscription_charges, old.commission, old.tax, old.total, old.due_date, old.description, old.bill_to, old.seller, old.created_at, old.finalised_at))
    then
        raise exception 'wholesale invoice % is finalised and cannot be changed', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function central.guard_wholesale_item() returns trigger language plpgsql as $$
declare about uuid;
begin
    about := case tg_op when 'INSERT' then new.invoice_id else old.invoice_id end;
    if exists (select from central.wholesale_invoices i where i.id = about and i.status <> 'draft') then
        raise exception 'the lines of a finalised wholesale invoice cannot be changed' using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function central.guard_wholesale_document() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or old.number is not null then
        raise exception 'wholesale document % is drawn up and cannot be changed', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- +goose StatementEnd
create trigger wholesale_invoices_final before update or delete on central.wholesale_invoices for each row execute function central.guard_wholesale_invoice();
create trigger wholesale_items_final before insert or update or delete on central.wholesale_invoice_items for each row execute function central.guard_wholesale_item();

grant select, insert, update on central.counters, central.wholesale_invoices to ezscale_central;
grant select, insert on central.wholesale_invoice_items to ezscale_central;

-- +goose Down
drop table central.wholesale_invoice_items, central.wholesale_invoices, central.counters;
drop function central.guard_wholesale_document();
drop function central.guard_wholesale_item();
drop function central.guard_wholesale_invoice();
