-- +goose Up
-- Counts up whenever all of a person's sign-ins must end: after a new password,
-- or when the shop closes the account. A sign-in remembers the number it began with.
alter table users add column session_epoch integer not null default 0;

-- +goose Down
alter table users drop column session_epoch;
