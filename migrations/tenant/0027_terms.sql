-- +goose Up
-- Who has used which coupon: each customer uses one once, whatever comes after it.
create table coupon_redemptions (
    coupon_id   uuid not null references coupons,
    user_id     uuid not null references users,
    redeemed_at timestamptz not null,
    redeemed_by text not null default '',
    primary key (coupon_id, user_id)
);

-- Sessions that were charged for blocks that did not run, from first_block on. The
-- blocks stay; a credit note follows each invoice that has one of them.
create table overbilled (
    session_id  uuid primary key references kasm_usage_sessions,
    user_id     uuid not null references users,
    first_block integer not null check (first_block >= 0),
    reason      text not null,
    found_at    timestamptz not null
);
create index overbilled_user on overbilled (user_id);

grant select, insert on coupon_redemptions to ezscale_tenant;
grant select, insert, update on overbilled to ezscale_tenant;

-- +goose Down
drop table overbilled, coupon_redemptions;
