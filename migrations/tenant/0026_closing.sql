-- +goose Up
-- The guards of a charged block look at a row only when a statement touches what is
-- final of it, so that billing a month's blocks costs no call for each of them. What
-- they refuse is what they refused before.
drop trigger blocks_final on usage_blocks;
create trigger blocks_stay before delete on usage_blocks for each row execute function central.guard_block();
create trigger blocks_final after update of session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency on usage_blocks
    for each row when ((new.session_id, new.block_no, new.user_id, new.starts_at, new.seconds, new.rate, new.wholesale_rate, new.currency)
        is distinct from (old.session_id, old.block_no, old.user_id, old.starts_at, old.seconds, old.rate, old.wholesale_rate, old.currency))
    execute function central.guard_block();
create trigger blocks_billed_once after update on usage_blocks
    for each row when (old.invoice_item_id is not null) execute function central.guard_block();

-- That the line exists is asked once for a statement, not once for a block.
alter table usage_blocks drop constraint usage_blocks_invoice_item_id_fkey;
create trigger blocks_marked after update on usage_blocks referencing new table as marked
    for each statement execute function central.guard_marked_blocks();
create trigger blocks_added after insert on usage_blocks
    for each row when (new.invoice_item_id is not null) execute function central.guard_added_block();

-- +goose Down
drop trigger blocks_added on usage_blocks;
drop trigger blocks_marked on usage_blocks;
alter table usage_blocks add constraint usage_blocks_invoice_item_id_fkey foreign key (invoice_item_id) references invoice_items;
drop trigger blocks_billed_once on usage_blocks;
drop trigger blocks_final on usage_blocks;
drop trigger blocks_stay on usage_blocks;
create trigger blocks_final before update or delete on usage_blocks for each row execute function central.guard_block();
