-- +goose Up
-- A person who asked to be forgotten: from erase_asked_at on the account is closed, at
-- erased_at nothing in the shop says who it was, but for documents the law keeps.
alter table users
    add column erase_asked_at   timestamptz,
    add column erase_waits_for  text not null default '',
    add column erased_at        timestamptz;
-- The log is added to only; of its details alone a name may be taken out.
grant update (detail) on audit_log to ezscale_tenant;

-- +goose Down
revoke update (detail) on audit_log from ezscale_tenant;
alter table users drop column erased_at, drop column erase_waits_for, drop column erase_asked_at;
