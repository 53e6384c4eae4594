-- +goose Up
-- extended_at is when somebody last asked for one block more, in wall time, so that
-- two taps on the same button extend once. scheduled_stop_at is when the schedule
-- next stops the workspace; a run that began later is not what it means.
alter table kasm_workspaces
    add column extended_at       timestamptz,
    add column scheduled_stop_at timestamptz;

-- +goose Down
alter table kasm_workspaces drop column extended_at, drop column scheduled_stop_at;
