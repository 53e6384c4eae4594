package lifecycle

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// ownerOf finds who is written to: the person who signs in with the owner's address.
func ownerOf(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant) (uuid.UUID, error) {
	owner, _, err := tenants.Find[uuid.UUID](ctx, tx, `-- lifecycle.owner
		select l.user_id
		from central.reseller_logins l
		join central.tenants t on t.id = l.tenant_id
		where l.tenant_id = $1
		order by l.email = t.owner_email desc, l.email
		limit 1`, t.ID)
	return owner, err
}

// restate gives a suspension another cause and reason.
func restate(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, c tenants.StatusChange) error {
	if _, err := tx.Exec(ctx, `-- lifecycle.restate
		update central.tenants set suspended_for = $2, suspended_reason = $3 where id = $1`, id, c.Cause, c.Reason); err != nil {
		return err
	}
	return audit(ctx, tx, c.Actor, id, "tenant.suspended", map[string]string{"was": "suspended", "reason": c.Reason})
}

func setTrialEnd(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, actor string, until time.Time) error {
	if _, err := tx.Exec(ctx, `-- lifecycle.setTrialEnd
		update central.tenants set trial_ends_at = $2 where id = $1`, id, until); err != nil {
		return err
	}
	return audit(ctx, tx, actor, id, "tenant.trial_set", map[string]string{"until": until.UTC().Format(time.RFC3339)})
}

func setPaysByInvoice(ctx context.Context, tx tenants.CentralTx, id uuid.UUID, agreed bool) error {
	_, err := tx.Exec(ctx, `-- lifecycle.setPaysByInvoice
		update central.tenant_billing set pays_by_invoice = $2 where tenant_id = $1`, id, agreed)
	return err
}

// PaysByInvoiceQ reads whether it is agreed that a reseller pays by bank transfer.
func PaysByInvoiceQ(dst *bool, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "shop", `-- lifecycle.paysByInvoice
		select exists (select from central.tenant_billing where tenant_id = $1 and pays_by_invoice)`, id)
}

// paysProvider says that a reseller can pay: by a card that is kept, by invoice as
// agreed, or because it has paid before; or that the provider wants every trial to
// end in a sale (the setting trial_end is "active").
func paysProvider(ctx context.Context, tx tenants.CentralTx, id uuid.UUID) (bool, error) {
	return tenants.Get[bool](ctx, tx, "answer", `-- lifecycle.paysProvider
		select coalesce((select value #>> '{}' from central.settings where key = 'trial_end'), '') = 'active'
		    or exists (select from central.tenant_billing where tenant_id = $1 and pays_by_invoice)
		    or exists (select from central.reseller_cards where tenant_id = $1 and method_id <> '')
		    or exists (select from central.wholesale_invoices where tenant_id = $1 and status = 'paid')`, id)
}

// giveUpNames takes all names from a shop and notes when.
func giveUpNames(ctx context.Context, tx tenants.CentralTx, id uuid.UUID) ([]string, error) {
	names, err := tenants.List[string](ctx, tx, `-- lifecycle.giveUpNames
		delete from central.tenant_domains where tenant_id = $1 returning domain`, id)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `-- lifecycle.released
		update central.tenants set released_at = $2 where id = $1`, id, tx.Now())
	return names, err
}

// withoutDueQ finds the shops that wait for something that nothing is due for.
func withoutDueQ(dst *[]uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- lifecycle.withoutDue
		select t.id
		from central.tenants t
		where (t.status = 'trial' and t.trial_ends_at is not null
		       and not exists (select from central.due d where d.schema_name = t.schema_name and d.kind = 'lifecycle' and d.key = 'trial_end'))
		   or (t.status = 'closed' and t.closed_at is not null and t.dropped_at is null
		       and not exists (select from central.due d where d.schema_name = t.schema_name and d.kind = 'lifecycle' and d.key = 'remove'))`)
}

// endSessions makes every sign-in of a shop's customers worthless.
func endSessions(ctx context.Context, tx tenants.Tx) error {
	_, err := tx.Exec(ctx, `-- lifecycle.endSessions
		update users set session_epoch = session_epoch + 1 where role = 'customer'`)
	return err
}

// unsettled is what keeps the data of a closed shop: runs that nobody saw end, and
// blocks that are on no customer's invoice yet.
type unsettled struct {
	Sessions int
	Blocks   int
}

func (u unsettled) any() bool { return u.Sessions > 0 || u.Blocks > 0 }

func unsettledQ(dst *unsettled) tenants.Query {
	return tenants.GetQ(dst, "shop", `-- lifecycle.unsettled
		select (select count(*) from kasm_usage_sessions where stopped_at is null) as sessions,
		       (select count(*) from usage_blocks where invoice_item_id is null and rate > 0) as blocks`)
}

func audit(ctx context.Context, tx tenants.CentralTx, actor string, id uuid.UUID, action string, detail map[string]string) error {
	_, err := tx.Exec(ctx, `-- lifecycle.audit
		insert into central.audit_log (at, actor, tenant_id, action, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, id, action, detail)
	return err
}
