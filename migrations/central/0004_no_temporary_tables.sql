-- +goose Up
-- Anybody may make temporary tables unless told otherwise, and a temporary table
-- can stand in front of a real one.
-- +goose StatementBegin
do $$ begin
    execute format('revoke temporary on database %I from public', current_database());
end $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
do $$ begin
    execute format('grant temporary on database %I to public', current_database());
end $$;
-- +goose StatementEnd
