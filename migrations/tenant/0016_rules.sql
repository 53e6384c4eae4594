-- +goose Up
-- What a plan's desktops are made by and what is allowed on them. idle_stop_minutes
-- is after how long without anybody connected a desktop is stopped, 0 for never;
-- max_session_minutes is the host's own hard limit of a run, 0 for none.
alter table plans
    add column driver              text    not null default 'kasm' check (driver in ('kasm', 'docker')),
    add column idle_stop_minutes   integer not null default 0 check (idle_stop_minutes between 0 and 10080),
    add column max_session_minutes integer not null default 0 check (max_session_minutes between 0 and 527040),
    add column allow_clipboard     boolean not null default true,
    add column allow_upload        boolean not null default true,
    add column allow_download      boolean not null default true;

-- idle_stop_minutes is the customer's own choice, null for the plan's; last_used_at
-- is when somebody was last seen connected, or when the run began; extended_until
-- is what an extension asked for; idle_warned_at is when the warning of the present
-- idleness was sent. run_limit (seconds) and run_budget are the limit of the present
-- run alone, as its customer chose it.
alter table kasm_workspaces
    add column idle_stop_minutes integer check (idle_stop_minutes between 0 and 10080),
    add column last_used_at      timestamptz,
    add column idle_warned_at    timestamptz,
    add column extended_until    timestamptz,
    add column run_limit         integer check (run_limit > 0),
    add column run_budget        numeric(20,6) check (run_budget > 0);

alter table kasm_usage_sessions drop constraint kasm_usage_sessions_ended_by_check;
alter table kasm_usage_sessions add constraint kasm_usage_sessions_ended_by_check
    check (ended_by in ('customer', 'staff', 'api', 'limit', 'idle', 'schedule', 'host', 'gone', 'system'));

-- When a desktop is started and stopped by the clock on the wall: minutes after
-- midnight in the customer's zone, on the weekdays of the mask (Monday is 1,
-- Tuesday 2, Wednesday 4 … Sunday 64).
create table workspace_schedules (
    workspace_id uuid primary key references kasm_workspaces on delete cascade,
    start_minute smallint check (start_minute between 0 and 1439),
    stop_minute  smallint check (stop_minute between 0 and 1439),
    weekdays     smallint not null check (weekdays between 1 and 127),
    time_zone    text not null,
    changed_at   timestamptz not null,
    constraint schedule_does_something check (start_minute is not null or stop_minute is not null)
);
grant select, insert, update, delete on workspace_schedules to ezscale_tenant;

-- +goose Down
drop table workspace_schedules;
update kasm_usage_sessions set ended_by = 'limit' where ended_by in ('idle', 'schedule');
alter table kasm_usage_sessions drop constraint kasm_usage_sessions_ended_by_check;
alter table kasm_usage_sessions add constraint kasm_usage_sessions_ended_by_check
    check (ended_by in ('customer', 'staff', 'api', 'limit', 'host', 'gone', 'system'));
alter table kasm_workspaces drop column idle_stop_minutes, drop column last_used_at, drop column idle_warned_at, drop column extended_until,
    drop column run_limit, drop column run_budget;
alter table plans drop column driver, drop column idle_stop_minutes, drop column max_session_minutes, drop column allow_clipboard,
    drop column allow_upload, drop column allow_download;
