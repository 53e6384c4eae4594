-- +goose Up
-- The history of a name decides when it may be ordered again, also for names that are no shop's own.
alter table central.certificate_orders add column renewal boolean not null default false;
create index certificate_orders_by_domain on central.certificate_orders (domain, id desc);

-- Every node hears at once of a certificate that another one obtained, replaced or deleted.
-- +goose StatementBegin
create function central.tell_certificate() returns trigger language plpgsql as $$
begin
    perform pg_notify('ezscale_certificates', coalesce(new.key, old.key));
    return null;
end $$;
-- +goose StatementEnd
create trigger certificates_told after insert or update or delete on central.certificates
    for each row execute function central.tell_certificate();

-- +goose Down
drop trigger certificates_told on central.certificates;
drop function central.tell_certificate();
drop index central.certificate_orders_by_domain;
alter table central.certificate_orders drop column renewal;
