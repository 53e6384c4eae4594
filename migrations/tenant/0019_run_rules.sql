-- +goose Up
-- extended_at and extended_wall are when somebody last asked for one block more, in
-- business and in wall time, so that two taps of one finger extend once.
-- scheduled_stop_at is when the schedule next stops the workspace; a run that began
-- later is not what it means.
alter table kasm_workspaces
    add column extended_at       timestamptz,
    add column extended_wall     timestamptz,
    add column scheduled_stop_at timestamptz;

-- +goose Down
alter table kasm_workspaces drop column extended_at, drop column extended_wall, drop column scheduled_stop_at;
