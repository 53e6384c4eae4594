-- +goose Up
-- Finds what was done in somebody's name, when that person is to be forgotten.
create index acting_user on central.acting (tenant_id, user_id);

-- +goose Down
drop index central.acting_user;
