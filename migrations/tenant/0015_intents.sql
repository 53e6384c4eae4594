-- +goose Up
-- What a call with a key creates gets this id, so that whoever takes over a dead
-- call creates nothing twice; a key that was given back begins a new intent.
alter table idempotency_keys add column intent uuid not null default gen_random_uuid();

-- +goose Down
alter table idempotency_keys drop column intent;
