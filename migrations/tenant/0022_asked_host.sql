-- +goose Up
-- The host that was asked for the desktop of the present start and has not clearly
-- refused: it may have made one, so no other host is asked before it says.
alter table kasm_workspaces add column asked_server_id uuid;

-- +goose Down
alter table kasm_workspaces drop column asked_server_id;
