package billing

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const couponColumns = `c.id, c.code, c.name, c.kind, c.percent, c.amount, c.currency, c.months, c.max_uses, c.used, c.expires_at, c.status, c.created_at`

const customerCouponColumns = `u.user_id, u.coupon_id, c.code, c.name, c.percent, c.amount, c.currency, u.months_left`

// CouponsQ reads the shop's coupons, those that may be used first.
func CouponsQ(dst *[]Coupon) tenants.Query {
	return tenants.ListQ(dst, `-- billing.CouponsQ
		select `+couponColumns+` from coupons c order by c.status, c.created_at desc, c.code`)
}

// CustomerCouponQ reads the coupon that a customer uses and that still counts.
func CustomerCouponQ(dst *CustomerCoupon, found *bool, user uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- billing.CustomerCouponQ
		select `+customerCouponColumns+` from customer_coupons u join coupons c on c.id = u.coupon_id
		where u.user_id = $1 and (u.months_left is null or u.months_left > 0)`, user)
}

func insertCoupon(ctx context.Context, tx tenants.Tx, n NewCoupon) (Coupon, error) {
	kind := PercentCoupon
	if n.Amount != nil {
		kind = AmountCoupon
	}
	return tenants.Get[Coupon](ctx, tx, "coupon", `-- billing.insertCoupon
		insert into coupons as c (code, name, kind, percent, amount, currency, months, max_uses, expires_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		returning `+couponColumns, n.Code, n.Name, kind, n.Percent, n.Amount, tx.Tenant().Currency, n.Months, n.MaxUses, n.ExpiresAt, tx.Now())
}

func lockCoupon(ctx context.Context, tx tenants.Tx, code string) (Coupon, error) {
	return tenants.Get[Coupon](ctx, tx, "coupon", `-- billing.lockCoupon
		select `+couponColumns+` from coupons c where c.code = $1 for update`, strings.ToUpper(strings.TrimSpace(code)))
}

func retireCoupon(ctx context.Context, tx tenants.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- billing.retireCoupon
		update coupons set status = 'retired' where id = $1`, id)
	return err
}

// lockCustomer lets one thing happen to a customer's terms at a time.
func lockCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) (uuid.UUID, error) {
	return tenants.Get[uuid.UUID](ctx, tx, "customer", `-- billing.lockCustomer
		select id from users where id = $1 for no key update`, user)
}

func couponOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) (CustomerCoupon, bool, error) {
	return tenants.Find[CustomerCoupon](ctx, tx, `-- billing.couponOf
		select `+customerCouponColumns+` from customer_coupons u join coupons c on c.id = u.coupon_id where u.user_id = $1`, user)
}

func insertRedemption(ctx context.Context, tx tenants.Tx, coupon, user uuid.UUID, actor string) (bool, error) {
	n, err := tx.Exec(ctx, `-- billing.insertRedemption
		insert into coupon_redemptions (coupon_id, user_id, redeemed_at, redeemed_by) values ($1, $2, $3, $4) on conflict do nothing`, coupon, user, tx.Now(), actor)
	return n == 1, err
}

func useCoupon(ctx context.Context, tx tenants.Tx, c Coupon, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- billing.useCoupon
		with counted as (update coupons set used = used + 1 where id = $1)
		insert into customer_coupons (user_id, coupon_id, months_left, applied_at) values ($2, $1, $3, $4)
		on conflict (user_id) do update set coupon_id = excluded.coupon_id, months_left = excluded.months_left, applied_at = excluded.applied_at`,
		c.ID, user, c.Months, tx.Now())
	return err
}

// lockCouponsOf reads the coupons that still count for customers, locked until the
// documents that use them are made.
func lockCouponsOf(ctx context.Context, tx tenants.Tx, users []uuid.UUID) ([]CustomerCoupon, error) {
	return tenants.List[CustomerCoupon](ctx, tx, `-- billing.lockCouponsOf
		select `+customerCouponColumns+` from customer_coupons u join coupons c on c.id = u.coupon_id
		where u.user_id = any($1) and (u.months_left is null or u.months_left > 0)
		order by u.user_id for update of u`, users)
}

// spendCoupons uses a month of the customers' coupons up for each time that they are
// named.
func spendCoupons(ctx context.Context, tx tenants.Tx, users []uuid.UUID) error {
	if len(users) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `-- billing.spendCoupons
		update customer_coupons u set months_left = greatest(u.months_left - x.times, 0)
		from (select id, count(*)::integer as times from unnest($1::uuid[]) id group by id) x
		where u.user_id = x.id and u.months_left is not null`, users)
	return err
}
