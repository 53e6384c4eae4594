-- +goose Up
-- Several shops may ask for a name that nobody has proven; one that is proven has one
-- owner. What the last look at a name found is kept with it, step by step.
alter table central.tenant_domains
    drop constraint tenant_domains_domain_key,
    add constraint tenant_domains_claim unique (tenant_id, domain),
    add column steps jsonb not null default '[]';
create unique index tenant_domains_proven on central.tenant_domains (domain) where verified_at is not null;
create index tenant_domains_by_domain on central.tenant_domains (domain, id);
update central.tenant_domains set proof = 'operator' where verified_at is not null and proof is null;

-- What counts as changed for those who keep the shops in memory is where a shop
-- answers, not when its names were last looked at.
drop trigger domains_changed on central.tenant_domains;
create trigger domains_came_or_went after insert or delete on central.tenant_domains for each statement execute function central.notify_tenants();
create trigger domains_changed after update of domain, type, verified_at, ssl_status on central.tenant_domains for each statement execute function central.notify_tenants();

-- +goose Down
drop trigger domains_came_or_went on central.tenant_domains;
drop trigger domains_changed on central.tenant_domains;
create trigger domains_changed after insert or update or delete on central.tenant_domains for each statement execute function central.notify_tenants();
drop index central.tenant_domains_by_domain, central.tenant_domains_proven;
alter table central.tenant_domains drop column steps, drop constraint tenant_domains_claim, add constraint tenant_domains_domain_key unique (domain);
