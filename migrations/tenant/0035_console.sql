-- +goose Up
-- For the list of all desktops of a shop, the newest first.
create index workspaces_created on kasm_workspaces (created_at desc, id desc);

-- +goose Down
drop index workspaces_created;
