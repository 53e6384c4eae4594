package erasure

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// StandingQ reads how far somebody's erasure has come.
func StandingQ(dst *Standing, user uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "customer", `-- erasure.StandingQ
		select id, email, name, role, erase_asked_at, erase_waits_for, erased_at from users where id = $1`, user)
}

func lock(ctx context.Context, tx tenants.Tx, user uuid.UUID) (Standing, error) {
	return tenants.Get[Standing](ctx, tx, "customer", `-- erasure.lock
		select id, email, name, role, erase_asked_at, erase_waits_for, erased_at from users where id = $1 for no key update`, user)
}

// funds are what stands between a person and being forgotten.
type funds struct {
	Owed   int  `db:"owed"` // open invoices
	Credit bool `db:"credit"`
}

func moneyOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) (funds, error) {
	return tenants.Get[funds](ctx, tx, "customer", `-- erasure.moneyOf
		select (select count(*) from invoices where user_id = $1 and status = 'open' and amount_due > 0)::int as owed,
		       exists (select from ledger_accounts where user_id = $1 and kind = 'credit' and balance > 0) as credit`, user)
}

// closeAccount lets nobody in under the account any more: no session, link or key.
func closeAccount(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	for _, sql := range []string{
		`-- erasure.closeAccount
		update users set status = 'closed', session_epoch = session_epoch + 1, erase_asked_at = $2 where id = $1`,
		`-- erasure.endKeys
		update api_keys set revoked_at = $2 where user_id = $1 and revoked_at is null`,
	} {
		if _, err := tx.Exec(ctx, sql, user, tx.Now()); err != nil {
			return err
		}
	}
	for _, sql := range []string{
		`-- erasure.endLinks
		delete from user_tokens where user_id = $1`,
		`-- erasure.endTopUps
		delete from auto_topups where user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, sql, user); err != nil {
			return err
		}
	}
	return nil
}

func cardsOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- erasure.cardsOf
		select id from payment_methods where user_id = $1 and status = 'active' order by id`, user)
}

func leftOf(ctx context.Context, tx tenants.Tx, user uuid.UUID) (left, error) {
	return tenants.Get[left](ctx, tx, "customer", `-- erasure.leftOf
		select (select count(*) from kasm_workspaces where user_id = $1 and (desired_state <> 'terminated' or observed_state not in ('none', 'gone')))::int as desktops,
		       (select count(*) from usage_blocks where user_id = $1 and invoice_item_id is null)::int as unbilled,
		       (select count(*) from subscriptions where user_id = $1 and status <> 'ended')::int as monthly,
		       (select count(*) from invoices where user_id = $1 and (status = 'draft' or status = 'open' and amount_due > 0))::int as invoices,
		       (select count(*) from payments where user_id = $1 and status in ('pending', 'processing', 'requires_action'))::int
		       + (select count(*) from refunds r join payments p on p.id = r.payment_id where p.user_id = $1 and r.status = 'pending')::int as moving`, user)
}

func waitFor(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error {
	_, err := tx.Exec(ctx, `-- erasure.waitFor
		update users set erase_waits_for = $2 where id = $1`, user, why)
	return err
}

// forget puts a pseudonym in the place of the person. Documents that were issued, the
// ledger and the blocks are left: they name a person by id, or by law.
func forget(ctx context.Context, tx tenants.Tx, p Standing) error {
	alias := "erased-" + p.ID.String() + "@erased.invalid"
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`-- erasure.forgetAccount
		update users set email = $2, status = 'closed', name = 'Erased customer', password_hash = '!', company = '', address = '', country = '', vat_number = '',
		       parked_for = null, suspended_for = '', erase_waits_for = '', erased_at = $3 where id = $1`, []any{p.ID, alias, tx.Now()}},
		{`-- erasure.forgetLinks
		delete from user_tokens where user_id = $1`, []any{p.ID}},
		{`-- erasure.forgetAnswers
		delete from idempotency_keys where user_id = $1`, []any{p.ID}},
		{`-- erasure.forgetKeys
		update api_keys set name = 'erased', secret_hash = '' where user_id = $1`, []any{p.ID}},
		{`-- erasure.forgetLetters
		update sent_mails set recipient = $2, subject = 'erased' where recipient = $1`, []any{p.Email, alias}},
		{`-- erasure.forgetPages
		update payments set checkout_url = null where user_id = $1 and checkout_url is not null`, []any{p.ID}},
		{`-- erasure.forgetSetups
		update card_setups set checkout_url = '' where user_id = $1`, []any{p.ID}},
		{`-- erasure.forgetCalls
		delete from webhook_deliveries where strpos(lower(body), $1) > 0`, []any{p.Email}},
		{`-- erasure.forgetInLog
		update audit_log set detail = '{"erased": true}' where (subject = $1 or actor = 'user:' || $1) and detail <> '{}' or strpos(lower(detail::text), $2) > 0
		       or length($3) >= 6 and strpos(lower(detail::text), lower($3)) > 0
		       or exists (select from jsonb_each_text(detail) said where said.value = $3)`, []any{p.ID.String(), p.Email, p.Name}},
	} {
		if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// forgetActing takes the name out of what the provider noted about log in as.
func forgetActing(ctx context.Context, tx tenants.CentralTx, shop, user uuid.UUID) error {
	if _, err := tx.Exec(ctx, `-- erasure.forgetInProvidersLog
		update central.audit_log l set detail = '{"erased": true}'
		where l.tenant_id = $1 and exists (select from central.acting a where a.tenant_id = $1 and a.user_id = $2 and strpos(l.detail::text, a.as_name) > 0)`, shop, user); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- erasure.forgetActing
		update central.acting set as_name = 'Erased customer', ended_at = coalesce(ended_at, $3) where tenant_id = $1 and user_id = $2`, shop, user, tx.Now())
	return err
}

func record(ctx context.Context, tx tenants.Tx, actor, action string, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- erasure.record
		insert into audit_log (at, actor, action, subject) values ($1, $2, $3, $4)`, tx.Now(), actor, action, user.String())
	return err
}
