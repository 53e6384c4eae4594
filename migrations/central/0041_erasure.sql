-- +goose Up
-- Finds what was done in somebody's name, when that person is to be forgotten.
create index acting_user on central.acting (tenant_id, user_id);
-- The log is added to only; of its details alone a name may be taken out.
grant update (detail) on central.audit_log to ezscale_central;

-- +goose Down
revoke update (detail) on central.audit_log from ezscale_central;
drop index central.acting_user;
