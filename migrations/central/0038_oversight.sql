-- +goose Up
-- Who put a failed piece of work aside without trying it again.
alter table central.dead_letters add column discarded_at timestamptz, add column discarded_by text;
alter table central.dead_letters add constraint dead_letters_discarded check (discarded_at is null or retried_at is not null);

create index audit_log_by_tenant on central.audit_log (tenant_id, id desc);
create index audit_log_by_actor on central.audit_log (actor, id desc);
create index due_by_kind on central.due (kind, due_at);

-- +goose Down
drop index central.due_by_kind;
drop index central.audit_log_by_actor;
drop index central.audit_log_by_tenant;
alter table central.dead_letters drop constraint dead_letters_discarded;
alter table central.dead_letters drop column discarded_by, drop column discarded_at;
