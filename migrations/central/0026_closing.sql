-- +goose Up
-- What a document is about and how it was paid when it was made is as final as its
-- figures. Credit of a customer who was parked is taken after their release only.
-- +goose StatementBegin
create or replace function central.guard_invoice() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception 'invoice % is finalised and cannot be removed', old.number using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if old.status <> 'draft' and (new.status = 'draft' or
       (new.id, new.user_id, new.number, new.cycle_start, new.period_start, new.period_end, new.currency, new.subtotal, new.discount, new.tax, new.total, new.due_date, new.created_at, new.finalised_at, new.description, new.bill_to, new.seller,
        new.kind, new.prepaid_applied, new.coupon_code)
       is distinct from
       (old.id, old.user_id, old.number, old.cycle_start, old.period_start, old.period_end, old.currency, old.subtotal, old.discount, old.tax, old.total, old.due_date, old.created_at, old.finalised_at, old.description, old.bill_to, old.seller,
        old.kind, old.prepaid_applied, old.coupon_code)
       or (new.bonus_applied is distinct from old.bonus_applied and old.held_for = ''))
    then
        raise exception 'invoice % is finalised and cannot be changed', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- +goose StatementEnd

-- A block's place on an invoice is looked after for a whole statement at once: a
-- month of a busy shop is one statement over all its blocks.
-- +goose StatementBegin
create function central.guard_marked_blocks() returns trigger language plpgsql as $$
declare stray boolean;
begin
    execute format('select exists (select from (select distinct invoice_item_id from marked) m
        where m.invoice_item_id is not null and not exists (select from %I.invoice_items i where i.id = m.invoice_item_id))', tg_table_schema) into stray;
    if stray then
        raise exception 'a block belongs to a line that is there' using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function central.guard_added_block() returns trigger language plpgsql as $$
begin
    raise exception 'a block is charged before it is billed' using errcode = 'restrict_violation';
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function central.guard_item() returns trigger language plpgsql as $$
declare final boolean;
begin
    execute format('select exists (select from %1$I.invoices i where i.id = $1 and i.status <> ''draft'')', tg_table_schema) into final using old.invoice_id;
    if final then
        raise exception 'a line of a finalised invoice cannot be changed' using errcode = 'restrict_violation';
    end if;
    execute format('select exists (select from %1$I.usage_blocks b where b.invoice_item_id = $1)', tg_table_schema) into final using old.id;
    if final then
        raise exception 'a line that blocks are billed on cannot be changed' using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function central.guard_item() returns trigger language plpgsql as $$
declare final boolean;
begin
    execute format('select exists (select from %I.invoices i where i.id = $1 and i.status <> ''draft'')', tg_table_schema) into final using old.invoice_id;
    if final then
        raise exception 'a line of a finalised invoice cannot be changed' using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
-- +goose StatementEnd
drop function central.guard_added_block();
drop function central.guard_marked_blocks();
-- +goose StatementBegin
create or replace function central.guard_invoice() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception 'invoice % is finalised and cannot be removed', old.number using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if old.status <> 'draft' and (new.status = 'draft' or
       (new.id, new.user_id, new.number, new.cycle_start, new.period_start, new.period_end, new.currency, new.subtotal, new.discount, new.tax, new.total, new.due_date, new.created_at, new.finalised_at, new.description, new.bill_to, new.seller)
       is distinct from
       (old.id, old.user_id, old.number, old.cycle_start, old.period_start, old.period_end, old.currency, old.subtotal, old.discount, old.tax, old.total, old.due_date, old.created_at, old.finalised_at, old.description, old.bill_to, old.seller))
    then
        raise exception 'invoice % is finalised and cannot be changed', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- +goose StatementEnd
