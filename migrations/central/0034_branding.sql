-- +goose Up
-- Whether a shop's letters may go from its own address: '' where the provider set the address and vouches for it,
-- 'ready' when the name system says so, 'waiting' until then, when they go from the installation's address in its name.
alter table central.tenant_branding
    add column mail_state      text not null default '' check (mail_state in ('', 'ready', 'waiting')),
    add column mail_checked_at timestamptz,
    add column dkim_selector   text not null default '';

-- +goose Down
alter table central.tenant_branding drop column mail_state, drop column mail_checked_at, drop column dkim_selector;
