package payments

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const topUpSQL = `
	select enabled, threshold, step, daily_ceiling, in_flight, failures, retry_at, refused_on from auto_topups where user_id = $1`

// AutoTopUpQ reads a customer's rule; found is false when they never made one.
func AutoTopUpQ(dst *AutoTopUp, found *bool, user uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- payments.AutoTopUpQ`+topUpSQL, user)
}

func lockTopUp(ctx context.Context, tx tenants.Tx, user uuid.UUID) (AutoTopUp, bool, error) {
	return tenants.Find[AutoTopUp](ctx, tx, `-- payments.lockTopUp`+topUpSQL+` for update`, user)
}

func upsertTopUp(ctx context.Context, tx tenants.Tx, user uuid.UUID, rule AutoTopUp) error {
	_, err := tx.Exec(ctx, `-- payments.upsertTopUp
		insert into auto_topups (user_id, enabled, threshold, step, daily_ceiling, updated_at) values ($1, true, $2, $3, $4, $5)
		on conflict (user_id) do update set enabled = true, threshold = excluded.threshold, step = excluded.step, daily_ceiling = excluded.daily_ceiling,
			failures = 0, retry_at = null, updated_at = excluded.updated_at`, user, rule.Threshold, rule.Step, rule.DailyCeiling, tx.Now())
	return err
}

func switchOffTopUp(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- payments.switchOffTopUp
		update auto_topups set enabled = false, updated_at = $2 where user_id = $1`, user, tx.Now())
	return err
}

func claimTopUp(ctx context.Context, tx tenants.Tx, user, payment uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- payments.claimTopUp
		update auto_topups set in_flight = $2, updated_at = $3 where user_id = $1`, user, payment, tx.Now())
	return err
}

// releaseTopUp ends the charge under way if it is this one. Money that came in any
// other way ends the declines, too.
func releaseTopUp(ctx context.Context, tx tenants.Tx, p payment, failures int, retry *time.Time) error {
	_, err := tx.Exec(ctx, `-- payments.releaseTopUp
		update auto_topups set in_flight = nullif(in_flight, $2), failures = $3, retry_at = $4, updated_at = $5 where user_id = $1`, p.UserID, p.ID, failures, retry, tx.Now())
	return err
}

func noteRefused(ctx context.Context, tx tenants.Tx, user uuid.UUID, day string) error {
	_, err := tx.Exec(ctx, `-- payments.noteRefused
		update auto_topups set refused_on = $2::text::date where user_id = $1`, user, day)
	return err
}

// boughtSince is what was bought by itself since a moment, and what is on its way.
func boughtSince(ctx context.Context, tx tenants.Tx, user uuid.UUID, since time.Time) (decimal.Decimal, error) {
	return tenants.Get[decimal.Decimal](ctx, tx, "payment", `-- payments.boughtSince
		select coalesce(sum(amount), 0) from payments
		where user_id = $1 and kind = 'topup' and automatic and created_at >= $2 and status in ('pending', 'processing', 'succeeded')`, user, since)
}

// freeCredit is what a customer may still use, paid and bonus.
func freeCredit(ctx context.Context, tx tenants.Tx, user uuid.UUID) (decimal.Decimal, error) {
	return tenants.Get[decimal.Decimal](ctx, tx, "balance", `-- payments.freeCredit
		select coalesce(sum(balance - held), 0) from ledger_accounts where user_id = $1 and kind in ('credit', 'bonus') and currency = $2`, user, tx.Tenant().Currency)
}
