package branding

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// lock reads a shop's brand as it stands, so that two who change it do so one
// after the other.
func lock(ctx context.Context, tx tenants.CentralTx, shop uuid.UUID) (b tenants.Branding, err error) {
	if _, err = tx.Exec(ctx, `-- branding.ensure
insert into central.tenant_branding (tenant_id) values ($1) on conflict (tenant_id) do nothing`, shop); err != nil {
		return b, err
	}
	return tenants.Get[tenants.Branding](ctx, tx, "shop", `-- branding.lock
select logo_url, favicon_url, primary_color, secondary_color, company_name, support_email, support_phone, from_email, from_name, custom_css, mail_state, dkim_selector
from central.tenant_branding where tenant_id = $1 for update`, shop)
}

func save(ctx context.Context, tx tenants.CentralTx, shop uuid.UUID, b tenants.Branding) error {
	_, err := tx.Exec(ctx, `-- branding.save
update central.tenant_branding set logo_url = $2, favicon_url = $3, primary_color = $4, secondary_color = $5, company_name = $6, support_email = $7, support_phone = $8,
    from_email = $9, from_name = $10, custom_css = $11, mail_state = $12, dkim_selector = $13, mail_checked_at = $14, updated_at = $14
where tenant_id = $1`, shop, b.LogoURL, b.FaviconURL, b.PrimaryColor, b.SecondaryColor, b.CompanyName, b.SupportEmail, b.SupportPhone,
		b.FromEmail, b.FromName, b.CustomCSS, b.MailState, b.DKIMSelector, tx.Now())
	return err
}

// checked keeps what a look at the address found, unless the address, or who vouches
// for it, has changed since.
func checked(ctx context.Context, tx tenants.CentralTx, shop uuid.UUID, address, state string) error {
	_, err := tx.Exec(ctx, `-- branding.checked
update central.tenant_branding set mail_state = $3, mail_checked_at = $4
where tenant_id = $1 and from_email = $2 and (mail_state = '') = ($3 = '')`, shop, address, state, tx.Now())
	return err
}

func record(ctx context.Context, tx tenants.CentralTx, shop uuid.UUID, actor string, changed []string) error {
	_, err := tx.Exec(ctx, `-- branding.record
insert into central.audit_log (at, actor, tenant_id, action, detail) values ($1, $2, $3, 'branding.changed', $4)`, tx.Now(), actor, shop, map[string]any{"changed": changed})
	return err
}
