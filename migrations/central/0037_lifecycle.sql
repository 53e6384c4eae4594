-- +goose Up
-- Why a shop is suspended decides what opens it again: an operator's word, a payment, or the end of its trial.
-- A closed shop gives its names up, and later its data; both are written down when they happened.
alter table central.tenants
    add column suspended_for text check (suspended_for in ('operator', 'unpaid', 'trial')),
    add column released_at   timestamptz,
    add column dropped_at    timestamptz;
update central.tenants
set suspended_for = case when suspended_reason like 'Wholesale invoice %' then 'unpaid' else 'operator' end
where status = 'suspended';
alter table central.tenants add constraint tenants_end check (status = 'closed' or (released_at is null and dropped_at is null));

-- An operator may agree with a reseller that it pays its invoices by bank transfer.
alter table central.tenant_billing add column pays_by_invoice boolean not null default false;

-- +goose Down
alter table central.tenant_billing drop column pays_by_invoice;
alter table central.tenants drop constraint tenants_end, drop column dropped_at, drop column released_at, drop column suspended_for;
