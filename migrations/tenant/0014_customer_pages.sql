-- +goose Up
-- A customer's running sessions, which every look at the dashboard asks for.
create index sessions_open_user on kasm_usage_sessions (user_id) where stopped_at is null;

-- +goose Down
drop index sessions_open_user;
