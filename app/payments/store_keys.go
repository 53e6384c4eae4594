package payments

import (
	"context"
	"encoding/json"

	"github.com/ezscale/ezscale/tenants"
)

func keysQ(dst *string, found *bool) tenants.Query {
	return tenants.FindQ(dst, found, `-- payments.keysQ
		select value::text from settings where key = 'stripe'`)
}

func saveKeys(ctx context.Context, tx tenants.Tx, k kept) error {
	body, err := json.Marshal(k)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- payments.saveKeys
		insert into settings (key, value) values ('stripe', $1::text::jsonb) on conflict (key) do update set value = excluded.value`, string(body))
	return err
}

func removeCardsElsewhere(ctx context.Context, tx tenants.Tx, account string) error {
	_, err := tx.Exec(ctx, `-- payments.removeCardsElsewhere
		update payment_methods m set status = 'removed', is_default = false
		where m.status = 'active' and not exists (select from processor_customers c where c.customer_id = m.processor_customer and c.account = $1)`, account)
	return err
}

func audit(ctx context.Context, tx tenants.Tx, actor, action, subject string, detail map[string]string) error {
	body, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- payments.audit
		insert into audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5::text::jsonb)`, tx.Now(), actor, action, subject, string(body))
	return err
}

// attend puts something on the provider's list of what to look at, once.
func attend(ctx context.Context, tx tenants.Tx, kind, subject, summary string, detail map[string]string) error {
	body, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- payments.attend
		insert into central.attention (schema_name, tenant_id, kind, subject, summary, detail, created_at) values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
		on conflict (tenant_id, kind, subject) where settled_at is null do nothing`,
		tx.Tenant().Schema(), tx.Tenant().ID, kind, subject, summary, string(body), tx.Now())
	return err
}
