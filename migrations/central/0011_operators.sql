-- +goose Up
-- As for the people of a shop: counts up whenever all sign-ins must end.
alter table central.operators add column session_epoch integer not null default 0;

-- +goose Down
alter table central.operators drop column session_epoch;
