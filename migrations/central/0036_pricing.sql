-- +goose Up
-- What the provider allows resellers to do with a shape: the least price of an hour and
-- the least mark-up on its wholesale price (null: what the settings say for all), the
-- shortest block, the tiers that may sell it (none: all), and whether new shops begin
-- with it.
alter table central.catalog_plans
    add column floor_price_per_hour   numeric(20,6) check (floor_price_per_hour >= 0),
    add column minimum_markup_percent numeric(9,4) check (minimum_markup_percent between 0 and 10000),
    add column minimum_block_seconds  integer not null default 60 check (minimum_block_seconds in (60, 300, 600, 900, 1800, 3600)),
    add column in_new_shops           boolean not null default true,
    add column tiers                  text[] not null default '{}';

-- A tier's discount is in what every shop's wholesale prices are made of.
create trigger tiers_changed after insert or update or delete on central.reseller_tiers for each statement execute function central.notify_tenants();

create index audit_log_of_tenant on central.audit_log (tenant_id, at desc, id desc) where tenant_id is not null;

-- +goose Down
drop index central.audit_log_of_tenant;
drop trigger tiers_changed on central.reseller_tiers;
alter table central.catalog_plans drop column floor_price_per_hour, drop column minimum_markup_percent, drop column minimum_block_seconds,
    drop column in_new_shops, drop column tiers;
