package payments

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

const methodColumns = `id, processor_customer, processor_id, brand, last4, exp_month, exp_year, is_default, created_at`

// MethodsQ reads a customer's saved cards, the default first.
func MethodsQ(dst *[]Method, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- payments.MethodsQ
		select `+methodColumns+` from payment_methods where user_id = $1 and status = 'active' order by is_default desc, created_at desc, id`, user)
}

// defaultMethod is the card that is charged.
func defaultMethod(ctx context.Context, q tenants.Querier, user uuid.UUID) (Method, bool, error) {
	return tenants.Find[Method](ctx, q, `-- payments.defaultMethod
		select `+methodColumns+` from payment_methods where user_id = $1 and status = 'active' order by is_default desc, created_at desc, id limit 1`, user)
}

// methodOf is a card that was charged; it may have been removed since.
func methodOf(ctx context.Context, q tenants.Querier, id uuid.UUID) (Method, error) {
	return tenants.Get[Method](ctx, q, "card", `-- payments.methodOf
		select `+methodColumns+` from payment_methods where id = $1`, id)
}

func lockMethod(ctx context.Context, tx tenants.Tx, user, id uuid.UUID) (Method, error) {
	return tenants.Get[Method](ctx, tx, "card", `-- payments.lockMethod
		select `+methodColumns+` from payment_methods where id = $2 and user_id = $1 and status = 'active' for update`, user, id)
}

func removeMethod(ctx context.Context, tx tenants.Tx, user, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- payments.removeMethod
		update payment_methods set status = 'removed', is_default = false where id = $2 and user_id = $1`, user, id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- payments.removeMethod, the next default
		update payment_methods set is_default = true
		where id = (select id from payment_methods where user_id = $1 and status = 'active' order by is_default desc, created_at desc, id limit 1)`, user)
	return err
}

func makeDefault(ctx context.Context, tx tenants.Tx, user, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- payments.makeDefault, the old one
		update payment_methods set is_default = false where user_id = $1 and is_default and id <> $2`, user, id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- payments.makeDefault
		update payment_methods set is_default = true where user_id = $1 and id = $2`, user, id)
	return err
}

// insertMethod keeps a card, which becomes the default; first says that there was
// none before. A card that is kept already stays as it is.
func insertMethod(ctx context.Context, tx tenants.Tx, user uuid.UUID, c card) (first bool, err error) {
	_, had, err := defaultMethod(ctx, tx, user)
	if err != nil {
		return false, err
	}
	id := uuid.New()
	n, err := tx.Exec(ctx, `-- payments.insertMethod
		insert into payment_methods (id, user_id, processor_customer, processor_id, brand, last4, exp_month, exp_year, status, created_at)
		values ($1, $2, $3, $4, $5, $6, nullif($7::bigint, 0), nullif($8::bigint, 0), 'active', $9) on conflict (processor_id) do nothing`,
		id, user, c.Customer, c.ID, c.Brand, c.Last4, c.Month, c.Year, tx.Now())
	if err != nil || n == 0 {
		return false, err
	}
	return !had, makeDefault(ctx, tx, user, id)
}

// payAfterwards announces funds.changed: desktops that were to stop for want of credit
// go on.
func payAfterwards(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	n, err := tx.Exec(ctx, `-- payments.payAfterwards
		update users set pay_mode = 'postpaid' where id = $1 and not pay_mode_chosen and pay_mode = 'prepaid'`, user)
	if err != nil || n == 0 {
		return err
	}
	return bus.Append(ctx, tx, "funds.changed", map[string]uuid.UUID{"user_id": user})
}

// payBefore announces funds.changed: what runs needs credit from its next block on.
func payBefore(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	n, err := tx.Exec(ctx, `-- payments.payBefore
		update users set pay_mode = 'prepaid' where id = $1 and pay_mode = 'postpaid'`, user)
	if err != nil || n == 0 {
		return err
	}
	return bus.Append(ctx, tx, "funds.changed", map[string]uuid.UUID{"user_id": user})
}

const setupColumns = `id, user_id, status, coalesce(checkout_id, '') as checkout_id, checkout_url, created_at`

func insertSetup(ctx context.Context, tx tenants.Tx, id, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- payments.insertSetup
		insert into card_setups (id, user_id, status, created_at) values ($1, $2, 'open', $3) on conflict (id) do nothing`, id, user, tx.Now())
	return err
}

func updateSetup(ctx context.Context, tx tenants.Tx, id uuid.UUID, opened session) error {
	_, err := tx.Exec(ctx, `-- payments.updateSetup
		update card_setups set checkout_id = $2, checkout_url = $3 where id = $1`, id, opened.ID, opened.URL)
	return err
}

func endSetup(ctx context.Context, tx tenants.Tx, id uuid.UUID, status string) error {
	_, err := tx.Exec(ctx, `-- payments.endSetup
		update card_setups set status = $2, done_at = $3 where id = $1 and status = 'open'`, id, status, tx.Now())
	return err
}

func findSetup(ctx context.Context, q tenants.Querier, id uuid.UUID) (setup, error) {
	return tenants.Get[setup](ctx, q, "card", `-- payments.findSetup
		select `+setupColumns+` from card_setups where id = $1`, id)
}

func setupOfCheckout(ctx context.Context, q tenants.Querier, checkout string) (setup, bool, error) {
	return tenants.Find[setup](ctx, q, `-- payments.setupOfCheckout
		select `+setupColumns+` from card_setups where checkout_id = $1`, checkout)
}
