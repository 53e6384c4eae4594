-- +goose Up
-- The login of the pools has no rights of its own: every transaction takes on
-- one of the roles below. Roles belong to the whole cluster, so they may exist
-- already; a concurrent installation in a second database may be creating them.
-- +goose StatementBegin
do $$
declare r text;
begin
    foreach r in array array['ezscale_app', 'ezscale_central', 'ezscale_sessions', 'ezscale_tenant', 'ezscale_shared'] loop
        begin
            if not exists (select 1 from pg_roles where rolname = r) then
                execute format('create role %I nologin noinherit', r);
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
    alter role ezscale_app login;
    alter role ezscale_sessions login;
    alter role ezscale_shared inherit;
exception when insufficient_privilege then
    raise exception 'the database user may not manage roles: grant it CREATEROLE';
end $$;
-- +goose StatementEnd
grant ezscale_central, ezscale_sessions, ezscale_shared to ezscale_app;
grant ezscale_app, ezscale_central, ezscale_sessions, ezscale_shared to current_user;
grant ezscale_tenant to ezscale_shared;

create schema ext;
create extension btree_gist schema ext;
-- Referenced by exclusion constraints only; nobody needs to call into it.
grant usage on schema ext to ezscale_tenant;

-- An empty copy of a reseller's schema. It is the search path of a connection
-- that serves nobody: statements can be parsed there and never run.
create schema guard;
grant usage on schema guard to ezscale_app, ezscale_central, ezscale_sessions, ezscale_tenant;

grant usage on schema central to ezscale_central, ezscale_sessions, ezscale_tenant;
revoke all on schema public from public;

-- +goose Down
drop schema guard cascade;
drop extension btree_gist;
drop schema ext;
