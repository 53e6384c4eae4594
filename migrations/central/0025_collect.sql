-- +goose Up
-- Who a reseller is in the provider's own account at the processor, with the card
-- that it saved when it last paid there.
create table central.reseller_cards (
    tenant_id   uuid not null,
    account     text not null,
    customer_id text not null,
    method_id   text not null default '',
    updated_at  timestamptz not null,
    primary key (tenant_id, account)
);
grant select, insert, update on central.reseller_cards to ezscale_central;

-- +goose Down
drop table central.reseller_cards;
