-- +goose Up
-- Who billed whom, as it was when the document was made, is as final as its
-- figures.
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
-- Lines come and go with a draft only.
-- +goose StatementBegin
create function central.guard_added_items() returns trigger language plpgsql as $$
declare final boolean;
begin
    execute format('select exists (select from added a join %I.invoices i on i.id = a.invoice_id where i.status <> ''draft'')', tg_table_schema) into final;
    if final then
        raise exception 'a finalised invoice takes no more lines' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function central.guard_item() returns trigger language plpgsql as $$
declare final boolean;
begin
    execute format('select exists (select from %I.invoices i where i.id = $1 and i.status <> ''draft'')', tg_table_schema) into final using old.invoice_id;
    if final then
        raise exception 'a line of a finalised invoice cannot be changed' using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
-- +goose StatementEnd

-- +goose Down
drop function central.guard_item();
drop function central.guard_added_items();
-- +goose StatementBegin
create or replace function central.guard_invoice() returns trigger language plpgsql as $$
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
